//! (room transport)
