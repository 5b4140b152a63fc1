//! The consumer library for C and C++: handles, plain structs and codes over [`crate::shm`].
//!
//! `include/tickwire.h` is made from these files by cbindgen (`cbindgen.toml`) and begins with the contract, which is what every
//! proof of an `unsafe` block here leans on: pointers are null or good for what their type says, strings end with a zero, a handle came
//! from this library and was not closed, and a subscription is used by one thread at a time. Null, misaligned and unknown values are
//! answered with a code and a sentence ([`answer`]); what a publication's file holds is never trusted, as in Rust. No panic leaves a
//! function: one is caught and told as a code of its own.
#![allow(unsafe_code)]
// The promises of callers are the same everywhere, and stand at the top of the header.
#![allow(clippy::missing_safety_doc)]

pub mod answer;
pub mod book;
pub mod orders;
pub mod pointer;
pub mod publication;
pub mod reader;
pub mod subscription;
pub mod tables;
pub mod words;
