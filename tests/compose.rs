//! From messages to records: what every message of ITCH and TOPS becomes in every schema, and when a record says that its book
//! may be wrong. All through the channel's own door: packets in, a recording sink behind.
#![cfg(feature = "service")]

#[path = "compose/definitions.rs"]
mod definitions;
#[path = "compose/doubt.rs"]
mod doubt;
#[path = "compose/hostile.rs"]
mod hostile;
#[path = "compose/itch.rs"]
mod itch;
#[path = "compose/notices.rs"]
mod notices;
#[path = "compose/sessions.rs"]
mod sessions;
#[path = "compose/tops.rs"]
mod tops;
mod venue;
#[path = "compose/watermark.rs"]
mod watermark;
#[path = "compose/whole_session.rs"]
mod whole_session;
