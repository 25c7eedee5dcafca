//! (room timers)
