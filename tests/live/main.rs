//! `tickwire run` as an operator meets it: the real binary, the real kernel, real interfaces in namespaces of their own.
#![cfg(feature = "service")]

#[path = "../kernel/mod.rs"]
mod kernel;
#[path = "../packets/mod.rs"]
mod packets;
#[path = "../deep/session.rs"]
mod session;
#[path = "../venue/mod.rs"]
mod venue;

mod images;
mod launch;
mod lifecycle;
mod links;
mod losses;
mod measured;
mod recordings;
mod same_as_replay;
mod service;
mod streams;
mod windows;
