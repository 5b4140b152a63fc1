//! Receiving by `recvmmsg`: a system call for each socket and poll, everywhere; and, if it is told to block, one more to wait in.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::buffers::Buffers;
use super::{BATCH, Batch};
use crate::source::LineIndex;
use crate::stats;

/// One batch's headers and buffers, shared by all sockets of the lane.
pub(super) struct Recvmmsg {
    // The headers point at `_vectors`, those at `buffers`: neither moves when this struct does.
    headers: Vec<libc::mmsghdr>,
    _vectors: Vec<libc::iovec>,
    buffers: Buffers,
    next: usize,
    /// All sockets, to wait for; empty: it never waits.
    waited_for: Vec<libc::pollfd>,
}

/// The longest wait, ms: the lane's timers and heartbeat go on in between.
const WAIT_MS: i32 = 1;

impl Recvmmsg {
    /// `waited_for`: the sockets, if it blocks when nothing is there.
    pub(super) fn open(buffer_bytes: usize, waited_for: &[OwnedFd]) -> io::Result<Self> {
        let buffers = Buffers::map(0, BATCH, buffer_bytes)?;
        let vector = |at| libc::iovec { iov_base: buffers.buffer(at).cast(), iov_len: buffer_bytes };
        let mut vectors: Vec<libc::iovec> = (0..BATCH).map(vector).collect();
        let base = vectors.as_mut_ptr();
        let header = |at| {
            // SAFETY: integers and pointers, for which zero is valid.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            // One past the end at most, inside the vector.
            header.msg_hdr.msg_iov = base.wrapping_add(at);
            header.msg_hdr.msg_iovlen = 1;
            header
        };
        let wait_for = |socket: &OwnedFd| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let waited_for = waited_for.iter().map(wait_for).collect();
        Ok(Self { headers: (0..BATCH).map(header).collect(), _vectors: vectors, buffers, next: 0, waited_for })
    }

    /// The socket polled last.
    pub(super) fn polled(&self) -> usize {
        self.next.saturating_sub(1)
    }

    /// Polls the sockets in turn; a batch is of one socket. Where it blocks and nothing is there, it waits once and looks again.
    pub(super) fn poll(&mut self, sockets: &[OwnedFd], batch: &mut Batch<'_, impl FnMut(LineIndex, u64, &[u8])>) -> io::Result<u32> {
        match self.take(sockets, batch)? {
            None if self.wait() => Ok(self.take(sockets, batch)?.unwrap_or(0)),
            taken => Ok(taken.unwrap_or(0)),
        }
    }

    /// Waits until a socket has something, at most [`WAIT_MS`]; false at once where it does not block.
    fn wait(&mut self) -> bool {
        if self.waited_for.is_empty() {
            return false;
        }
        // SAFETY: a live array of pollfds and its length. Their descriptors are the sockets', which outlive the receiver.
        unsafe { libc::poll(self.waited_for.as_mut_ptr(), self.waited_for.len() as libc::nfds_t, WAIT_MS) > 0 }
    }

    /// One datagram or more of the next socket that has any, delivered; `None`: no socket has.
    fn take(&mut self, sockets: &[OwnedFd], batch: &mut Batch<'_, impl FnMut(LineIndex, u64, &[u8])>) -> io::Result<Option<u32>> {
        for _ in 0..sockets.len() {
            let at = if self.next < sockets.len() { self.next } else { 0 };
            self.next = at + 1;
            let Some(socket) = sockets.get(at) else { break };
            // SAFETY: BATCH valid headers, each with one vector over a buffer of its own.
            let received = unsafe {
                libc::recvmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), BATCH as u32, libc::MSG_DONTWAIT as _, std::ptr::null_mut())
            };
            if received < 0 {
                let error = io::Error::last_os_error();
                match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                }
            }
            batch.found();
            let mut delivered = 0;
            for (index, header) in self.headers.iter().take(received as usize).enumerate() {
                if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
                    batch.drops.count(stats::Drop::Oversized);
                    continue;
                }
                // SAFETY: the kernel is done with it until the next call, which needs `&mut self`.
                if let Some(payload) = unsafe { self.buffers.received(index, header.msg_len as usize) } {
                    delivered += 1;
                    batch.deliver(at, payload);
                }
            }
            return Ok(Some(delivered));
        }
        Ok(None)
    }
}
