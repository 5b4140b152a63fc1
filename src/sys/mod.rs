//! The machine in safe clothes (this room is being built).

#[cfg(feature = "service")]
pub mod packet;
