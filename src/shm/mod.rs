//! Publications in shared memory: rings, boards, instruments, channel states and counters in one file.
//!
//! One lane writes a publication ([`Publisher`]), any number of processes read it ([`Publication`]). Readers map the file
//! read-only, register nowhere, and cannot slow or harm the writer; one that is too slow is told how much it lost and
//! gets the state from the board. `docs/ring.md` describes every byte for readers in other languages.
//!
//! ```no_run
//! use tickwire::record::Mbp1;
//! use tickwire::shm::{From, Item, Publication, ShmError};
//!
//! fn main() -> Result<(), ShmError> {
//!     let publication = Publication::open("/dev/shm/tickwire", "nasdaq")?;
//!     let mut records = publication.subscribe::<Mbp1>(From::Board)?;
//!     loop {
//!         match records.next()? {
//!             Item::Board { record, maybe_bad, .. } => println!("so far {} {maybe_bad}", record.levels[0].bid_px),
//!             Item::Record(record) => println!("now {}", record.levels[0].bid_px),
//!             Item::Control(control) => println!("{:#x} on channel {}", control.hd.rtype, control.channel),
//!             Item::Lost(n) => println!("{n} records lost; the board follows"),
//!             Item::NewEpoch => println!("new epoch {}", records.publication().epoch()),
//!             Item::WriterDead => println!("the writer died"),
//!             Item::Idle => std::hint::spin_loop(),
//!             Item::End => return Ok(()),
//!         }
//!     }
//! }
//! ```
//!
//! `examples/best_bid.rs` follows one symbol and runs as it is. [`Publication::orders`] gives books order by order instead of records, from
//! whatever moment on.
//!
//! From the bottom up: [`cell`] is the proof that what is read was written as one; [`ring`] puts cells into rings and
//! boards; [`layout`] says where they are in a file; `region` maps the file; then the two ends. Beside them [`orders`], what a consumer
//! makes of an `mbo` ring, and [`image`], how it gets there without having seen the beginning.

mod book;
pub mod cell;
mod channels;
mod consumer;
mod counters;
mod epoch;
mod error;
mod gate;
pub mod image;
mod instruments;
mod latest;
pub mod layout;
mod order_stream;
pub mod orders;
mod publisher;
mod records;
mod region;
pub mod ring;
mod spec;
mod symbols;
mod watch;

pub use book::{BookState, BookView};
pub use channels::ChannelRow;
pub use consumer::{Publication, RingInfo, WriterState};
pub use error::ShmError;
pub use gate::Gates;
pub use image::{Image, ImageHead, ImageKeeper, ImageNews};
pub use instruments::InstrumentRow;
pub use latest::{Latest, Update};
pub use order_stream::{OrderItem, OrderStream};
pub use orders::{OrderBook, OrderBooks};
pub use publisher::{Publisher, Spare};
pub use records::{From, Item, OnLost, Records};
pub use region::free_bytes;
pub use spec::{ChannelSpec, PublicationSpec, RingSpec};
pub use symbols::Symbols;
