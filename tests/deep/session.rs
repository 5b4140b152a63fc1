//! Made-up DEEP sessions from a seed: the same seed, the same bytes.
#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;

use crate::venue::*;

/// xorshift64: the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15_u64.rotate_left(seed as u32 % 64) ^ seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// A venue that keeps its own books, to delete only what is there.
pub struct Venue {
    pub random: Random,
    instruments: u64,
    /// (instrument, side letter) -> price in 1e-4 -> size.
    levels: BTreeMap<(u64, u8), BTreeMap<u64, u32>>,
}

pub fn name(instrument: u64) -> String {
    format!("ZX{instrument}")
}

impl Venue {
    pub fn new(seed: u64, instruments: u64) -> Self {
        Self { random: Random::new(seed), instruments, levels: BTreeMap::new() }
    }

    /// What a session begins with: the state of every instrument.
    pub fn opening(&mut self) -> Vec<Vec<u8>> {
        self.levels.clear();
        let mut messages = vec![iex_system(b'O'), iex_system(b'S')];
        for instrument in 0..self.instruments {
            let name = name(instrument);
            let state = if instrument % 7 == 0 { b'H' } else { b'T' };
            messages.extend([
                tops_directory(&name, 100),
                tops_status(&name, state),
                iex_retail(&name, b' '),
                tops_operational(&name, b'N'),
                tops_short_sale(&name, (instrument % 2) as u8),
            ]);
        }
        messages.push(iex_system(b'R'));
        messages
    }

    /// One atomic event: its trades and its level updates, of which the last is complete; or a message that moves no book.
    pub fn event(&mut self) -> Vec<Vec<u8>> {
        let instrument = self.random.below(self.instruments);
        let name = name(instrument);
        let middle = 100_000 + instrument * 1_000;
        match self.random.below(100) {
            0 => vec![deep_security_event(&name, b'O')],
            1 => vec![iex_auction(&name, b'C', 100, middle, (7, b'S'), 1_700_060_400)],
            2 => vec![iex_official(&name, b'Q', middle)],
            3 => vec![tops_break(&name)],
            4 => vec![iex_retail(&name, b'C')],
            5..30 => self.sweep(instrument, &name),
            30..40 => self.several(instrument, &name, middle),
            _ => {
                let update = self.update(instrument, middle);
                vec![deep_level(&name, update.0, update.1, update.2, true)]
            }
        }
    }

    /// One update of a level that is there, or comes.
    fn update(&mut self, instrument: u64, middle: u64) -> (u8, u64, u32) {
        let side = if self.random.below(2) == 0 { b'B' } else { b'S' };
        let away = 1 + self.random.below(40);
        let price = if side == b'B' { middle - away } else { middle + away };
        let levels = self.levels.entry((instrument, side)).or_default();
        let size = if levels.contains_key(&price) && self.random.below(5) < 2 { 0 } else { 1 + self.random.below(900) as u32 };
        if size == 0 {
            levels.remove(&price)
        } else {
            levels.insert(price, size)
        };
        (side, price, size)
    }

    fn several(&mut self, instrument: u64, name: &str, middle: u64) -> Vec<Vec<u8>> {
        let updates: Vec<_> = (0..2 + self.random.below(6)).map(|_| self.update(instrument, middle)).collect();
        let last = updates.len() - 1;
        updates.iter().enumerate().map(|(at, update)| deep_level(name, update.0, update.1, update.2, at == last)).collect()
    }

    /// Trades take the best levels away, the last in part.
    fn sweep(&mut self, instrument: u64, name: &str) -> Vec<Vec<u8>> {
        let side = if self.random.below(2) == 0 { b'B' } else { b'S' };
        let depth = 1 + self.random.below(4);
        let levels = self.levels.entry((instrument, side)).or_default();
        let mut taken = Vec::new();
        for _ in 0..depth {
            let best = if side == b'B' { levels.pop_last() } else { levels.pop_first() };
            taken.extend(best);
        }
        let (mut messages, last) = (Vec::new(), taken.len().wrapping_sub(1));
        for (at, (price, size)) in taken.into_iter().enumerate() {
            let left = if at == last { size / 2 } else { 0 };
            if left > 0 {
                levels.insert(price, left);
            }
            messages.push(tops_trade(name, price, size - left));
            messages.push(deep_level(name, side, price, left, at == last));
        }
        messages
    }

    /// Two events of two instruments, their messages mixed; each in its own order.
    pub fn mixed(&mut self) -> Vec<Vec<u8>> {
        let (mut one, mut other) = (self.event(), self.event());
        let symbol = |messages: &[Vec<u8>]| messages.first().map(|message| message[10..18].to_vec());
        if symbol(&one) == symbol(&other) {
            one.append(&mut other);
            return one;
        }
        let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
        let mut mixed = Vec::new();
        while one.peek().is_some() || other.peek().is_some() {
            mixed.extend(if self.random.below(2) == 0 { one.next() } else { other.next() });
        }
        mixed
    }

    /// The messages of a whole session.
    pub fn session(&mut self, messages: usize) -> Vec<Vec<u8>> {
        let mut all = self.opening();
        while all.len() < messages {
            let mut next = if self.random.below(4) == 0 { self.mixed() } else { self.event() };
            all.append(&mut next);
        }
        all.extend([iex_system(b'M'), iex_system(b'E'), iex_system(b'C')]);
        all
    }
}

/// Segments of one to nine messages, each with when it is sent; every twentieth is followed by a heartbeat.
pub fn segments(messages: &[Vec<u8>], mut now_ns: u64, random: &mut Random) -> Vec<(u64, Vec<u8>)> {
    let (mut rest, mut next, mut offset, mut segments) = (messages, 1, 0, Vec::new());
    while !rest.is_empty() {
        let (these, after) = rest.split_at(rest.len().min(1 + random.below(9) as usize));
        now_ns += 20_000;
        segments.push((now_ns, deep_segment(9, next, now_ns, offset, these)));
        next += these.len() as u64;
        offset += these.iter().map(|message| message.len() as u64 + 2).sum::<u64>();
        rest = after;
        if random.below(20) == 0 {
            now_ns += 20_000;
            segments.push((now_ns, deep_segment(9, next, now_ns, offset, &[])));
        }
    }
    segments
}
