//! Empty on purpose: this package exists for its one dependency, see `tools/reference/build`.
