//! What others have published for the same job, each used as its own documentation shows for the most speed, spinning with `pause`.

mod crossbeam;
mod disruptor;
mod iceoryx2;
mod rtrb;

pub use crossbeam::{array_queue, channel};
pub use disruptor::disruptor;
pub use iceoryx2::iceoryx2;
pub use rtrb::{rtrb, rtrb_in_chunks};
