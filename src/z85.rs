//! (room z85)
