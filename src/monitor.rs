//! (room monitor)
