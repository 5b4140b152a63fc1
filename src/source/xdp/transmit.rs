//! Sending frames by AF_XDP: what plays a session onto a wire. Not part of the path; a generator's half.
//!
//! Every chunk of the UMEM is either free or on its way: pushed to the transmit ring, and back by the completion ring.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::interface::Interface;
use super::rings::{Consumer, Producer};
use super::socket::{Prepared, SocketConfig, Step, bind, explain};
use super::umem::Umem;
use crate::source::SourceError;

/// What one system call sends at most in copy mode; more wait for the next.
const KICK: u32 = 32;

/// A socket that sends frames on one queue of an interface.
pub struct XdpSender {
    // Field order is drop order: rings and socket before the memory they use.
    transmit: Producer<libc::xdp_desc>,
    completion: Consumer<u64>,
    fd: OwnedFd,
    umem: Umem,
    /// Chunks that are ours.
    free: Vec<u64>,
    /// Pushed since the last kick.
    pushed: u32,
    interface: String,
    zero_copy: bool,
}

impl XdpSender {
    /// Opens a sending socket. It needs no program on the interface.
    pub fn open(interface: &Interface, queue: u32, config: &SocketConfig) -> Result<Self, SourceError> {
        let what = format!("opening AF_XDP for sending on {} queue {queue}", interface.name);
        let Prepared { fd, umem, offsets } = Prepared::new(&what, interface, config, libc::XDP_TX_RING)?;
        let entries = umem.layout().chunks();
        let explain = |step| explain(&what, step, umem.layout().bytes());
        let transmit = Producer::map(fd.as_fd(), libc::XDP_PGOFF_TX_RING, offsets.tx, entries).map_err(explain(Step::Rings))?;
        let page_offset = libc::XDP_UMEM_PGOFF_COMPLETION_RING as i64;
        let completion = Consumer::map(fd.as_fd(), page_offset, offsets.cr, entries).map_err(explain(Step::Rings))?;
        let zero_copy = bind(&fd, interface, queue, config).map_err(explain(Step::Bind))?;
        let free = (0..u64::from(entries)).collect();
        Ok(Self { transmit, completion, fd, umem, free, pushed: 0, interface: interface.name.clone(), zero_copy })
    }

    /// Whether the NIC reads from the UMEM itself.
    pub fn zero_copy(&self) -> bool {
        self.zero_copy
    }

    /// Queues a frame; it goes out at the latest with the next [`flush`](Self::flush). `Ok(false)`: every chunk is on its way;
    /// flush and offer it again.
    pub fn send(&mut self, frame: &[u8]) -> Result<bool, SourceError> {
        self.send_parts(frame, &[])
    }

    /// The same for a frame in two parts: headers and what they carry.
    pub fn send_parts(&mut self, head: &[u8], body: &[u8]) -> Result<bool, SourceError> {
        let most = self.umem.layout().chunk_bytes();
        let bytes = head.len() + body.len();
        let Some(length) = u32::try_from(bytes).ok().filter(|&length| length <= most) else {
            return Err(
                self.failed(format!("a frame of {bytes} bytes, but a chunk has {most}"), "send shorter frames or use chunks of 4096 bytes")
            );
        };
        if self.free.is_empty() {
            self.collect();
        }
        let Some(chunk) = self.free.pop() else { return Ok(false) };
        // SAFETY: it was free, so it is ours until it is pushed.
        let chunk_bytes = unsafe { self.umem.chunk_mut(chunk) };
        let (first, rest) = chunk_bytes.split_at_mut(head.len());
        first.copy_from_slice(head);
        rest[..body.len()].copy_from_slice(body);
        let addr = chunk * u64::from(most);
        if !self.transmit.push(libc::xdp_desc { addr, len: length, options: 0 }) {
            self.free.push(chunk);
            return Ok(false);
        }
        self.pushed += 1;
        if self.pushed >= KICK {
            self.flush()?;
        }
        Ok(true)
    }

    /// Sends what is queued, as far as the device takes it, and takes sent chunks back.
    pub fn flush(&mut self) -> Result<(), SourceError> {
        self.transmit.publish();
        self.pushed = 0;
        if self.transmit.needs_wakeup() {
            // SAFETY: no buffer and no address.
            let done = unsafe { libc::sendto(self.fd.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0) };
            if done < 0 {
                let error = io::Error::last_os_error();
                // Busy or out of room for the moment: the frames stay in the ring for the next call.
                if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY | libc::ENOBUFS | libc::EINTR)) {
                    return Err(self.failed(error.to_string(), "see that the interface is up"));
                }
            }
        }
        self.collect();
        Ok(())
    }

    /// Frames that are queued and that the kernel has not taken: in copy mode what it takes is on the interface, with zero-copy it is
    /// the NIC's.
    pub fn waiting(&self) -> u32 {
        self.transmit.waiting()
    }

    /// Frames that are queued or on their way.
    pub fn in_flight(&self) -> usize {
        (self.umem.layout().chunks() as usize).saturating_sub(self.free.len())
    }

    /// Whether all that was queued has been sent.
    pub fn is_drained(&self) -> bool {
        self.in_flight() == 0
    }

    fn collect(&mut self) {
        let layout = self.umem.layout();
        loop {
            let done = self.completion.peek();
            if done == 0 {
                return;
            }
            for nth in 0..done {
                let address = self.completion.get(nth);
                if layout.holds(address) {
                    self.free.push(address / u64::from(layout.chunk_bytes()));
                }
            }
            self.completion.release(done);
        }
    }

    fn failed(&self, why: String, cure: &str) -> SourceError {
        SourceError { what: format!("sending on {}", self.interface), why, cure: cure.into() }
    }
}

impl std::fmt::Debug for XdpSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XdpSender").field("interface", &self.interface).finish_non_exhaustive()
    }
}
