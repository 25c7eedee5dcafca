//! (room context)
