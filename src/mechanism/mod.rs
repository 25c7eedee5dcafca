//! (room mechanism)
