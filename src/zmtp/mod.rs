//! (room zmtp)
