//! Unit tests of XPUB and PUB.
