//! Where datagrams come from: AF_XDP, io_uring UDP, a capture file, a day file, memory.
//!
//! A source lends each datagram to a closure and recycles its memory when the closure returns; whatever must outlive the
//! call is copied there, on a cold path. A lane owns its sources; they are opened on the lane's pinned thread.

pub mod checksum;
pub mod dayfile;
pub mod fault;
pub mod file;
pub mod frame;
mod input;
pub mod lines;
pub mod memory;
pub mod pcap;
mod sniff;
pub mod multicast;
pub mod udp;
pub mod xdp;

pub use input::Progress;

/// Which line a datagram came by: an index into the lane's table of lines.
pub type LineIndex = u16;

/// One UDP payload, with its line and receive time. The currency of the path.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The line it came by.
    pub line: LineIndex,
    /// When it was received (captures: when it was captured), ns since 1970 UTC.
    pub recv_ns: u64,
    /// The UDP payload, as long as the UDP header says.
    pub payload: &'a [u8],
}

/// What one poll did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing was waiting.
    Idle,
    /// That many datagrams were lent.
    Delivered(u32),
    /// There will be no more (end of a file).
    End,
}

/// Why a source cannot go on; the lane stops or reopens it. Built on the cold path.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}; {cure}")]
pub struct SourceError {
    /// What was being done, with the file, interface or socket.
    pub what: String,
    /// Why it failed.
    pub why: String,
    /// What to do about it.
    pub cure: String,
}

/// How the `why` of an error begins whose cause is another owner: of a queue, a port, an interface's program.
pub const TAKEN: &str = "somebody else has it";

impl SourceError {
    /// Whether somebody else has what was asked for ([`TAKEN`]).
    pub fn is_taken(&self) -> bool {
        self.why.starts_with(TAKEN)
    }
}

/// What happened to a part of a source while the rest of it went on.
#[derive(Debug)]
pub struct Event {
    /// The part: a line, or an interface and queue.
    pub part: String,
    /// Why it receives no longer; `None`: it receives again.
    pub lost: Option<SourceError>,
}

/// A place datagrams come from.
pub trait Source {
    /// Lends what is waiting (at most one batch, about 64) to `deliver`, in order of arrival, and returns at once if nothing is
    /// (a source told to block first waits for it, a millisecond at most).
    /// The batch's receive time is stamped once, when it is found.
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError>;

    /// The same, as many at once as there are, so that the memory they need can be asked for before the first is looked at. A source that finds
    /// them one by one lends them so.
    fn poll_batches(&mut self, deliver: &mut impl FnMut(&[Datagram<'_>])) -> Result<Polled, SourceError> {
        self.poll(&mut |datagram| deliver(std::slice::from_ref(&datagram)))
    }

    /// What the last poll lent has been published, at `now_ns` of the lane's clock. Only a source that measures does anything with it.
    #[inline(always)]
    fn published(&mut self, _now_ns: u64) {}

    /// What is due now and then (about ten times a second) and may take a system call: statistics of the kernel, whether the interfaces
    /// are still there. A part that is lost is opened again here as soon as it can be; meanwhile the rest goes on.
    fn chores(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    /// What has happened to parts of it, oldest first. Asked after [`Source::chores`].
    fn take_event(&mut self) -> Option<Event> {
        None
    }

    /// Frames seen so far (0 where the source has no frames).
    fn frames(&self) -> u64;

    /// What was dropped on the way from frame to datagram, by reason.
    fn drops(&self) -> &crate::stats::Drops;
}
