//! Unit tests of ROUTER and REP.
