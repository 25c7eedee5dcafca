//! (room proxy)
