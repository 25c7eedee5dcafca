//! (room options)
