//! (room poller)
