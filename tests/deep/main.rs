//! IEX DEEP: price levels that move where an atomic event ends, through the channel's own door and through whole replays.
#![cfg(feature = "service")]

#[path = "../packets/mod.rs"]
mod packets;
#[path = "../venue/mod.rs"]
mod venue;

mod books;
mod decode;
mod events;
mod hostile;
mod model;
mod properties;
mod replay;
mod session;
