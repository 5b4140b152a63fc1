//! Order books (this room is being built).
#![forbid(unsafe_code)]
