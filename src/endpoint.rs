//! (room endpoint)
