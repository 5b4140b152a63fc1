//! Channel states: one word each, so that marking a whole channel is one store however many books it has.
//!
//! The word is `state << 56 | since_ns >> 8`: the beginning in steps of 256 ns. It is stored before the first record
//! that follows from it. A look-up loads its board cell first and then the channel's word; a record that is not later
//! than the beginning of a gap may be wrong, even though it was right when it was written and says so. Silence and the end of
//! a session leave a word that says so as it is.

use std::sync::atomic::Ordering;

use super::cell::Word;
use super::layout::{NAME_BYTES, ROW_WORDS, pack_name, unpack_name};
use super::region::{ReadSpan, WriteSpan};
use super::ring::Words;
use super::spec::ChannelSpec;
use crate::record::ChannelState;

const PUBLISHER: usize = NAME_BYTES / 8;
const STATE: usize = PUBLISHER + 1;
/// Venue time up to which the channel's messages were taken in.
const WATERMARK: usize = STATE + 1;

/// A channel's state and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// Index of the channel.
    pub channel: u16,
    /// Its name.
    pub name: String,
    /// DBN publisher id.
    pub publisher_id: u16,
    /// Its state.
    pub state: ChannelState,
    /// Its books may be wrong until proven right again; also while it is silent, and after its end.
    pub doubted: bool,
    /// When the state began, or the doubt if there is one; ns since 1970 UTC, in steps of 256.
    pub since_ns: u64,
    /// Venue time up to which its messages were taken in, ns since 1970 UTC; 0: none yet.
    pub watermark_ns: u64,
}

/// In the state's byte: books may be wrong, though the state itself (silent, ended) does not say so.
const DOUBTED: u64 = 0x80;

/// A channel's word, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub state: ChannelState,
    /// Books may be wrong until proven right again.
    pub doubted: bool,
    /// When the state began, or the doubt if there is one.
    pub since_ns: u64,
}

impl Standing {
    fn of(word: u64) -> Self {
        let state = match word >> 56 & !DOUBTED {
            0 => ChannelState::Idle,
            1 => ChannelState::Good,
            2 => ChannelState::GapOpen,
            4 => ChannelState::Ended,
            5 => ChannelState::Silent,
            // 3, and whatever a damaged file says: the reader must not trust it.
            _ => ChannelState::Stale,
        };
        let doubted = word >> 56 & DOUBTED != 0 || matches!(state, ChannelState::GapOpen | ChannelState::Stale);
        Self { state, doubted, since_ns: word << 8 }
    }

    /// Whether a record of that receive time may be wrong because of its channel.
    pub fn doubts(&self, ts_recv: u64) -> bool {
        self.doubted && ts_recv >> 8 <= self.since_ns >> 8
    }
}

/// The writer's half.
#[derive(Debug)]
pub(crate) struct ChannelsWriter {
    span: WriteSpan,
}

impl ChannelsWriter {
    pub fn new(span: WriteSpan, channels: &[ChannelSpec]) -> Self {
        for (line, channel) in span.words().chunks_exact(ROW_WORDS).zip(channels) {
            let name = pack_name(channel.name.as_bytes(), 0);
            for (word, value) in line.iter().zip(name.into_iter().chain([u64::from(channel.publisher_id)])) {
                word.store(value, Ordering::Relaxed);
            }
        }
        Self { span }
    }

    #[inline]
    pub fn set(&self, channel: u16, state: ChannelState, since_ns: u64) {
        if let Some(word) = self.span.words().get(channel as usize * ROW_WORDS + STATE) {
            // Neither proves a book right, and the quiet ones have nothing but this word to say that they may be wrong.
            let proves_nothing = matches!(state, ChannelState::Silent | ChannelState::Ended);
            let before = Standing::of(word.load(Ordering::Relaxed));
            let (doubt, since_ns) = if proves_nothing && before.doubted { (DOUBTED, before.since_ns) } else { (0, since_ns) };
            word.store((state as u64 | doubt) << 56 | since_ns >> 8, Ordering::Release);
        }
    }

    /// After what follows from messages up to `venue_ns` has been published: who loads it and fences sees all of that in the rings.
    #[inline]
    pub fn set_watermark(&self, channel: u16, venue_ns: u64) {
        if let Some(word) = self.span.words().get(channel as usize * ROW_WORDS + WATERMARK) {
            word.store(venue_ns, Ordering::Release);
        }
    }

    /// Takes over the states of an earlier epoch.
    pub fn copy_states(&self, from: &Self) {
        for (to, from) in self.span.words().chunks_exact(ROW_WORDS).zip(from.span.words().chunks_exact(ROW_WORDS)) {
            if let (Some(to), Some(from)) = (to.get(STATE), from.get(STATE)) {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }
}

/// The reader's half.
#[derive(Clone, Debug)]
pub(crate) struct ChannelsReader {
    span: ReadSpan,
}

impl ChannelsReader {
    pub fn new(span: ReadSpan) -> Self {
        Self { span }
    }

    #[inline]
    pub fn standing(&self, channel: u16) -> Standing {
        let word = self.span.words().get(channel as usize * ROW_WORDS + STATE);
        // An instrument of a channel that does not exist: damaged, so not to be trusted.
        let damaged = Standing { state: ChannelState::Stale, doubted: true, since_ns: u64::MAX };
        word.map_or(damaged, |word| Standing::of(word.load(Ordering::Relaxed)))
    }

    /// See [`ChannelRow::watermark_ns`]; what it covers is visible from here on.
    pub fn watermark(&self, channel: u16) -> u64 {
        let word = self.span.words().get(channel as usize * ROW_WORDS + WATERMARK);
        let watermark = word.map_or(0, |word| word.load(Ordering::Relaxed));
        super::cell::acquire();
        watermark
    }

    pub fn rows(&self) -> Vec<ChannelRow> {
        (0..self.count()).filter_map(|channel| self.row(channel)).collect()
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        u16::try_from(self.span.words().len() / ROW_WORDS).unwrap_or(u16::MAX)
    }

    pub fn row(&self, channel: u16) -> Option<ChannelRow> {
        let mut words = [0; ROW_WORDS];
        for (value, word) in words.iter_mut().zip(self.span.words().chunks_exact(ROW_WORDS).nth(channel.into())?) {
            *value = word.load(Ordering::Relaxed);
        }
        let [n0, n1, n2, n3, publisher_id, state, watermark_ns, _] = words;
        let Standing { state, doubted, since_ns } = Standing::of(state);
        let (name, publisher_id) = (unpack_name([n0, n1, n2, n3]), publisher_id as u16);
        Some(ChannelRow { channel, name, publisher_id, state, doubted, since_ns, watermark_ns })
    }
}
