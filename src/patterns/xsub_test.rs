//! Unit tests of XSUB and SUB.
