//! The machine in safe clothes (this room is being built).
pub mod mmap;
