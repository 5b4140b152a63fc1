//! Faults on purpose: loses, doubles and reorders another source's datagrams, the same way for the same seed.
//!
//! A reordered datagram is kept and lent after 1 to [`Faults::reorder_depth`] later ones; a second copy travels the same way.
//! What comes late carries the receive time of the datagram it follows, so time never runs backwards. At the end of the
//! source everything kept is lent: only `loss` loses.

use super::memory::OwnedDatagram;
use super::{Datagram, LineIndex, Polled, Source, SourceError};
use crate::stats::Drops;

/// How a line misbehaves. Probabilities from 0 to 1, each drawn on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Lost for good.
    pub loss: f64,
    /// Lent a second time.
    pub duplicate: f64,
    /// Lent later than its turn.
    pub reorder: f64,
    /// By how many datagrams of the source it is late at most; 0 counts as 1.
    pub reorder_depth: u32,
}

/// What was done to a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// Datagrams lost.
    pub lost: u64,
    /// Datagrams lent twice.
    pub duplicated: u64,
    /// Datagrams lent late.
    pub reordered: u64,
}

/// A generator of random numbers with 64 bits of state (SplitMix64): the same numbers for the same seed on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True with that probability. Draws in any case, so that one fault's probability doesn't move another's dice.
    pub fn falls(&mut self, probability: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        ((self.bits() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// From 1 to `sides`, evenly enough.
    pub fn roll(&mut self, sides: u32) -> u32 {
        1 + (((self.bits() >> 32) * u64::from(sides.max(1))) >> 32) as u32
    }
}

/// A datagram on its detour.
struct Kept {
    /// Lent once so many datagrams have come out of the source.
    due: u64,
    datagram: OwnedDatagram,
}

/// A source whose lines misbehave.
pub struct Fault<S> {
    inner: S,
    desk: Desk,
}

/// Everything but the inner source, so that its closure can borrow it.
struct Desk {
    lines: Vec<(Faults, Injected)>,
    dice: Dice,
    /// Datagrams come out of the source so far.
    seen: u64,
    kept: Vec<Kept>,
    now_ns: u64,
    lent: u32,
}

impl<S: Source> Fault<S> {
    /// Wraps `inner`; `lines[i]` is how line `i` misbehaves, lines beyond behave well.
    pub fn new(inner: S, seed: u64, lines: &[Faults]) -> Self {
        let lines = lines.iter().map(|&faults| (faults, Injected::default())).collect();
        Self { inner, desk: Desk { lines, dice: Dice::new(seed), seen: 0, kept: Vec::new(), now_ns: 0, lent: 0 } }
    }

    /// What was done to a line so far.
    pub fn injected(&self, line: LineIndex) -> Injected {
        self.desk.lines.get(usize::from(line)).map_or_else(Injected::default, |&(_, injected)| injected)
    }

    /// The source within.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl Desk {
    fn take(&mut self, datagram: Datagram<'_>, deliver: &mut impl FnMut(Datagram<'_>)) {
        self.now_ns = datagram.recv_ns;
        self.seen += 1;
        let mut copies = 1;
        if let Some((faults, injected)) = self.lines.get_mut(usize::from(datagram.line)) {
            let (lose, double, late) = (self.dice.falls(faults.loss), self.dice.falls(faults.duplicate), self.dice.falls(faults.reorder));
            let mut keep = || {
                let due = self.seen + u64::from(self.dice.roll(faults.reorder_depth));
                self.kept.push(Kept { due, datagram: OwnedDatagram::from(datagram) });
            };
            if lose {
                injected.lost += 1;
                copies = 0;
            } else {
                if double {
                    injected.duplicated += 1;
                    keep();
                }
                if late {
                    injected.reordered += 1;
                    keep();
                    copies = 0;
                }
            }
        }
        for _ in 0..copies {
            deliver(datagram);
            self.lent += 1;
        }
        self.release(self.seen, deliver);
    }

    /// Lends what is due, in the order in which it was kept.
    fn release(&mut self, seen: u64, deliver: &mut impl FnMut(Datagram<'_>)) {
        for Kept { datagram, .. } in self.kept.extract_if(.., |kept| kept.due <= seen) {
            deliver(Datagram { line: datagram.line, recv_ns: self.now_ns, payload: &datagram.payload });
            self.lent += 1;
        }
    }
}

impl<S: Source> Source for Fault<S> {
    fn poll(&mut self, deliver: &mut impl FnMut(Datagram<'_>)) -> Result<Polled, SourceError> {
        let desk = &mut self.desk;
        desk.lent = 0;
        let polled = self.inner.poll(&mut |datagram| desk.take(datagram, deliver))?;
        if polled == Polled::End {
            desk.release(u64::MAX, deliver);
        }
        Ok(match polled {
            Polled::End if desk.lent == 0 => Polled::End,
            Polled::Idle => Polled::Idle,
            _ => Polled::Delivered(desk.lent),
        })
    }

    fn frames(&self) -> u64 {
        self.inner.frames()
    }

    fn drops(&self) -> &Drops {
        self.inner.drops()
    }
}
