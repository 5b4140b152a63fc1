//! What the benchmark in process is measured against: the same datagrams through the same channel into the same kind of publication, with
//! nothing around it. No lane, no clock, no timers, no consumer.
//!
//! It stands in the library so that it is compiled like a lane: a copy in another crate is instantiated anew there, and may come out
//! otherwise.

use super::workload::Workload;
use crate::channel::Channel;
use crate::record::Sink;
use crate::shm::Publisher;

/// Datagrams between commits: what sources lend at once.
const BATCH: usize = 64;

/// Runs a workload of one line to its end; all of it is received at `recv_ns`.
#[inline(never)]
pub fn run(workload: &Workload, channel: &mut Channel, publisher: &mut Publisher, recv_ns: u64) {
    for batch in workload.packets.chunks(BATCH) {
        for packet in batch {
            channel.on_datagram(0, recv_ns, workload.payload(packet), publisher);
        }
        publisher.commit();
    }
}
