//! Receiving by io_uring: one multishot receive per socket, into buffers the kernel picks from a ring we provide.
//!
//! The ring is used by one thread (SINGLE_ISSUER) and its work is done only when we enter the kernel for it (DEFER_TASKRUN),
//! so that nothing interrupts the lane. The kernel raises a flag in shared memory when there is work (TASKRUN_FLAG): an idle
//! poll reads that flag and makes no system call. A receive ends when the buffers run out, or at an empty datagram; it is armed again at once, and what
//! came meanwhile waits in the socket's own buffer.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use io_uring::{IoUring, cqueue, opcode, types};

use super::buffers::Buffers;
use super::{BATCH, Batch};
use crate::source::LineIndex;
use crate::stats;

const GROUP: u16 = 0;
const IORING_ENTER_GETEVENTS: u32 = 1;
/// Buffers of a lane: the kernel moves datagrams into them only when we poll, so that they need to last for a few batches.
const BUFFERS: u16 = 512;

pub(super) struct Uring {
    // Dropped first: with the ring closed the kernel writes no more, for that happens only in our own system calls.
    ring: IoUring,
    buffers: Buffers,
    /// Next slot of the buffer ring that we fill.
    tail: u16,
    /// Sockets whose receive has to be armed again; has room for all.
    disarmed: Vec<usize>,
    rearmed: u64,
}

impl Uring {
    pub(super) fn open(sockets: &[OwnedFd], buffer_bytes: usize) -> io::Result<Self> {
        let entries = u32::try_from(sockets.len().max(8).next_power_of_two()).map_err(io::Error::other)?;
        let completions = (u32::from(BUFFERS) + entries).next_power_of_two();
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_submit_all().setup_cqsize(completions);
        let ring: IoUring = builder.build(entries)?;
        let buffers = Buffers::map(usize::from(BUFFERS) * size_of::<BufRingEntry>(), usize::from(BUFFERS), buffer_bytes)?;
        // SAFETY: the head is page-aligned, has room for BUFFERS entries and is unmapped after the ring is closed.
        unsafe { ring.submitter().register_buf_ring_with_flags(buffers.head() as u64, BUFFERS, GROUP, 0)? };
        let mut uring = Self { ring, buffers, tail: 0, disarmed: (0..sockets.len()).collect(), rearmed: 0 };
        for buffer in 0..BUFFERS {
            uring.provide(buffer);
        }
        uring.publish();
        uring.arm(sockets);
        uring.enter()?;
        Ok(uring)
    }

    /// How often a receive had to be armed again: the buffers ran out, or the kernel ended it.
    pub(super) fn rearmed(&self) -> u64 {
        self.rearmed
    }

    /// Hands one batch over, or finds nothing. `Err` names the line.
    pub(super) fn poll(
        &mut self,
        sockets: &[OwnedFd],
        batch: &mut Batch<'_, impl FnMut(LineIndex, u64, &[u8])>,
    ) -> Result<u32, (usize, io::Error)> {
        if self.ring.completion().is_empty() {
            let queue = self.ring.submission();
            let work = queue.taskrun() || queue.cq_overflow() || !queue.is_empty();
            drop(queue);
            if !work {
                return Ok(0);
            }
            self.enter().map_err(|error| (0, error))?;
        }
        let mut delivered = 0;
        let mut provided = false;
        for nth in 0..BATCH {
            let Some(completion) = self.ring.completion().next() else { break };
            if nth == 0 {
                batch.found();
            }
            let at = completion.user_data() as usize;
            if !cqueue::more(completion.flags()) && at < sockets.len() {
                // Each socket has one receive, so that it can end only once before it is armed again.
                self.disarmed.push(at);
            }
            let result = completion.result();
            if let Some(buffer) = cqueue::buffer_select(completion.flags()) {
                let length = usize::try_from(result).unwrap_or(0);
                // SAFETY: the completion gave the buffer to us; it goes back below, after the slice's last use.
                match unsafe { self.buffers.received(usize::from(buffer), length) } {
                    Some(payload) if result >= 0 => {
                        delivered += 1;
                        batch.deliver(at, payload);
                    }
                    // MSG_TRUNC makes the result the datagram's own length.
                    _ => batch.drops.count(stats::Drop::Oversized),
                }
                if buffer < BUFFERS {
                    self.provide(buffer);
                    provided = true;
                }
            } else if result == 0 {
                // An empty datagram takes no buffer, and ends the receive.
                delivered += 1;
                batch.deliver(at, &[]);
            } else if result < 0 && !matches!(-result, libc::ENOBUFS | libc::EAGAIN | libc::EINTR) {
                return Err((at, io::Error::from_raw_os_error(-result)));
            }
        }
        if provided {
            self.publish();
        }
        if !self.disarmed.is_empty() {
            self.rearmed += self.disarmed.len() as u64;
            self.arm(sockets);
        }
        Ok(delivered)
    }

    /// Queues a multishot receive for every disarmed socket; the next entry submits it.
    fn arm(&mut self, sockets: &[OwnedFd]) {
        let mut queue = self.ring.submission();
        while let Some(at) = self.disarmed.pop() {
            let Some(socket) = sockets.get(at) else { continue };
            let receive = opcode::RecvMulti::new(types::Fd(socket.as_raw_fd()), GROUP).flags(libc::MSG_TRUNC).build().user_data(at as u64);
            // SAFETY: the entry holds no pointer; the socket outlives the ring (see `UdpSource`).
            if unsafe { queue.push(&receive) }.is_err() {
                self.disarmed.push(at);
                break;
            }
        }
    }

    /// Submits what is queued and runs the kernel's deferred work, without waiting.
    fn enter(&mut self) -> io::Result<()> {
        let queued = self.ring.submission().len() as u32;
        // SAFETY: no argument is passed.
        match unsafe { self.ring.submitter().enter::<libc::sigset_t>(queued, 0, IORING_ENTER_GETEVENTS, None) } {
            Ok(_) => Ok(()),
            // Interrupted, or the completions must be taken first: the next poll enters again.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY | libc::EAGAIN)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The slots of the buffer ring.
    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // a mapping begins at a page
    fn entries(&self) -> *mut BufRingEntry {
        self.buffers.head().cast()
    }

    /// Writes a buffer into the next slot of the buffer ring.
    #[inline]
    fn provide(&mut self, buffer: u16) {
        let slot = usize::from(self.tail & (BUFFERS - 1));
        let (address, length) = (self.buffers.buffer(usize::from(buffer)) as u64, self.buffers.buffer_bytes() as u32);
        // SAFETY: one of BUFFERS slots in the head, aligned; the kernel reads slots below the published tail only.
        let entry = unsafe { &mut *self.entries().add(slot) };
        entry.set_addr(address);
        entry.set_len(length);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel the slots written.
    #[inline]
    fn publish(&self) {
        // SAFETY: the tail lies in the first slot's reserved word, in the head.
        let tail = unsafe { BufRingEntry::tail(self.entries()) };
        // SAFETY: aligned to 2, mapped, and accessed atomically by the kernel too.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Ordering::Release);
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // Closing the ring ends its receives some time later, and until then the sockets stay bound: end them now, so that the
        // next start finds the port free. Failing that (another thread drops it), it only takes longer.
        let _ = self.ring.submitter().register_sync_cancel(None, types::CancelBuilder::any());
        let _ = self.enter();
    }
}
