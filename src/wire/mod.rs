//! Bytes as the exchanges lay them out (this room is being built).
#![forbid(unsafe_code)]

pub mod net;
