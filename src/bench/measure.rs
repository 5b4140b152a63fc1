//! What is measured, and its histograms.

use hdrhistogram::Histogram;

/// The longest time told apart, ns: an hour. Longer ones are recorded as this.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Three significant digits: 0.1 %.
const DIGITS: u8 = 3;

macro_rules! measures {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $title:literal, $of:ident;)*) => {
        /// A time that is measured, in ns.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Measure { $($(#[doc = $doc])* $variant),* }

        impl Measure {
            /// All of them, in the order of the path.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in files and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Its name for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// What one value of it is of.
            pub const fn of(self) -> Of {
                match self { $(Self::$variant => Of::$of),* }
            }
        }
    };
}

/// What one value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A datagram.
    Datagram,
    /// A message.
    Message,
}

impl Of {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Datagram => "datagram",
            Self::Message => "message",
        }
    }
}

measures! {
    /// From due to handed to the kernel (on the wire), or to the lane (in process).
    SenderLateness = "sender-lateness", "sender's lateness", Datagram;
    /// From due to the lane's receive stamp.
    DueToReceived = "due-to-received", "due → received", Datagram;
    /// From due to published: the end of the batch in which it was.
    DueToPublished = "due-to-published", "due → published", Datagram;
    /// From due to the consumer having read its last record.
    DueToSeen = "due-to-seen", "due → seen by the consumer", Datagram;
    /// From the lane's receive stamp to published, of every datagram.
    ReceivedToPublished = "received-to-published", "received → published", Datagram;
    /// From published to the consumer having read its last record.
    PublishedToSeen = "published-to-seen", "published → seen", Datagram;
    /// Stage: waiting behind the others of its batch until its own turn.
    Receive = "receive", "receive", Datagram;
    /// Stage: session layer and order.
    Arbitrate = "arbitrate", "arbitrate", Datagram;
    /// Stage: bytes to events, all messages of a datagram.
    Decode = "decode", "decode", Datagram;
    /// Stage: book and records, all messages of a datagram.
    Book = "book", "book", Datagram;
    /// Stage: into rings and boards, all messages of a datagram.
    Publish = "publish", "publish", Datagram;
    /// What is left from received to published: waiting until the others of its batch are done, because a batch is published whole.
    BatchEnd = "batch-end", "rest of its batch", Datagram;
    /// Stage: bytes to an event.
    DecodeMessage = "decode-message", "decode, a message", Message;
    /// Stage: book and records.
    BookMessage = "book-message", "book, a message", Message;
    /// Stage: into rings and boards.
    PublishMessage = "publish-message", "publish, a message", Message;
}

impl Measure {
    /// The stages of a datagram, in order.
    pub const STAGES: [Self; 5] = [Self::Receive, Self::Arbitrate, Self::Decode, Self::Book, Self::Publish];

    /// What the time from received to published of a stamped datagram is made of, to the nanosecond.
    pub const PARTS: [Self; 6] = [Self::Receive, Self::Arbitrate, Self::Decode, Self::Book, Self::Publish, Self::BatchEnd];

    /// The measure of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|measure| measure.name() == name)
    }
}

/// A histogram for each measure; what was not measured is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures(Vec<Histogram<u64>>);

impl Measures {
    /// All empty, every count allocated: about 260 KiB each.
    pub fn new() -> Self {
        Self(Measure::ALL.iter().map(|_| histogram()).collect())
    }

    /// Records one value, ns.
    #[inline]
    pub fn record(&mut self, measure: Measure, ns: u64) {
        self.record_n(measure, ns, 1);
    }

    /// Records `count` equal values, ns.
    #[inline]
    pub fn record_n(&mut self, measure: Measure, ns: u64, count: u64) {
        if let Some(histogram) = self.0.get_mut(measure as usize) {
            histogram.saturating_record_n(ns.max(1), count);
        }
    }

    /// Its histogram.
    pub fn get(&self, measure: Measure) -> &Histogram<u64> {
        &self.0[measure as usize]
    }

    /// Its histogram, to add another to.
    pub fn get_mut(&mut self, measure: Measure) -> &mut Histogram<u64> {
        &mut self.0[measure as usize]
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            // The same bounds: adding cannot fail.
            let _ = mine.add(theirs);
        }
    }
}

impl Default for Measures {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a histogram has the benchmark's bounds: only such can be added to others.
pub fn has_bounds(lowest_ns: u64, longest_ns: u64, digits: u32) -> bool {
    (lowest_ns, longest_ns, digits) == (1, LONGEST_NS, u32::from(DIGITS))
}

/// An empty histogram of the benchmark's bounds.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("1 ns to an hour in three digits are valid bounds")
}
