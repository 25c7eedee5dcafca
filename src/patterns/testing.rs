//! What the tests of the patterns share.
