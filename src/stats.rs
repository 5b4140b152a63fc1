//! Counters by reason: nothing is lost in silence.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Why something that came in was not used. What is counted (a frame, a datagram, a message) is said with each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Drop { $($(#[$doc])* $variant),* }

        impl Drop {
            /// All reasons, in the order of the path.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in summaries and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

reasons! {
    // ── frames (counted in frames) ──
    /// The frame ends before its headers do.
    FrameCut = "frame_cut",
    /// Neither IPv4 nor anything we take: ARP, IPv6, PTP, …
    NotIpv4 = "not_ipv4",
    /// IPv4, but not UDP.
    NotUdp = "not_udp",
    /// The IPv4 header carries options.
    IpOptions = "ip_options",
    /// A fragment of an IPv4 packet.
    Fragment = "fragment",
    /// The IPv4 or UDP length does not fit the frame.
    BadLength = "bad_length",
    /// The UDP checksum is wrong and the policy is to drop.
    BadChecksum = "bad_checksum",
    /// A datagram for a group and port that is no line of ours.
    UnknownLine = "unknown_line",
    /// A descriptor points outside the UMEM.
    BadDescriptor = "bad_descriptor",
    /// A frame in several buffers (jumbo).
    ChainedDescriptor = "chained_descriptor",
    /// The kernel or driver dropped it before we saw it (XDP or socket statistics).
    ReceiveOverrun = "receive_overrun",
    /// A datagram longer than the buffer of a UDP source.
    Oversized = "oversized",
    // ── session layer (counted in datagrams) ──
    /// The datagram ends before the session layer's header does.
    HeaderCut = "header_cut",
    /// Another protocol, version or message protocol id.
    WrongProtocol = "wrong_protocol",
    /// The header promises more payload than the datagram has.
    WrongPayloadLength = "wrong_payload_length",
    /// A message block is longer than what is left, or the count is larger than the content; the rest of the packet is dropped, and not awaited.
    BlockPastEnd = "block_past_end",
    /// Bytes behind the last message block; ignored.
    TrailingBytes = "trailing_bytes",
    /// The stream offset is not where the segment before ended, though the numbers go on (IEX-TP); used all the same.
    OffsetMismatch = "offset_mismatch",
    // ── arbiter (counted in datagrams) ──
    /// Belongs to a session or generation that is over.
    OldSession = "old_session",
    /// Came after its gap had been given up.
    Late = "late",
    /// An absurd sequence number, another session, or a heartbeat of a restart that no second packet confirmed.
    Quarantined = "quarantined",
    /// The window for early packets had no room.
    WindowFull = "window_full",
    // ── decoder (counted in messages) ──
    /// A message type we do not know; skipped by its length.
    UnknownType = "unknown_type",
    /// A message of a known type that is too short.
    WrongLength = "wrong_length",
    /// A field has a value the specification does not allow (in a session layer's header: counted in datagrams).
    BadValue = "bad_value",
    /// The message names an instrument whose symbol is not known, or one past the limit.
    UnknownInstrument = "unknown_instrument",
    /// The venue's directory gave an instrument id that was in use to another symbol; applied, the old book cleared.
    SymbolChanged = "symbol_changed",
    /// The message names another symbol than its instrument id has; not applied, the book marked.
    SymbolMismatch = "symbol_mismatch",
    /// No room for a further instrument.
    InstrumentsFull = "instruments_full",
    // ── book (counted in messages) ──
    /// Delete, cancel, replace or execution of an order we do not hold.
    UnknownOrder = "unknown_order",
    /// Add of an order that is live already.
    DuplicateOrder = "duplicate_order",
    /// More was executed or cancelled than the order had.
    Overfill = "overfill",
    /// The message names another instrument than the order's.
    WrongInstrument = "wrong_instrument",
    /// An order of size 0 or a price out of range.
    BadOrder = "bad_order",
    /// The order table is full.
    OrdersFull = "orders_full",
    /// The price level store is full.
    LevelsFull = "levels_full",
    /// A level is deleted that is not there (DEEP); the book marked.
    UnknownLevel = "unknown_level",
    /// A level update of an atomic event whose end never came (DEEP): lost messages, a restart, the end of the input; not applied, the book marked.
    EventUnfinished = "event_unfinished",
    /// A level update of an atomic event that found no room to wait for its end (DEEP); the event is not applied, the book marked.
    EventTooLong = "event_too_long",
}

/// One counter for each [`Drop`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drops([u64; Drop::ALL.len()]);

impl Default for Drops {
    fn default() -> Self {
        Self([0; Drop::ALL.len()])
    }
}

impl Drops {
    /// One more.
    #[inline]
    pub fn count(&mut self, reason: Drop) {
        self.add(reason, 1);
    }

    /// `n` more.
    #[inline]
    pub fn add(&mut self, reason: Drop, n: u64) {
        let counter = &mut self.0[reason as usize];
        *counter = counter.wrapping_add(n);
    }

    /// How many so far.
    pub fn get(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// Adds all of `other`'s.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.wrapping_add(theirs);
        }
    }

    /// Reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Drop, u64)> + '_ {
        Drop::ALL.iter().map(|&reason| (reason, self.get(reason))).filter(|&(_, n)| n > 0)
    }
}
