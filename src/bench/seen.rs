//! What a consumer has read, and when: positions of one ring by its own stamps.
//!
//! Positions begin again in each epoch of a publication, and numbers of epochs rise, so a place is an epoch and a position. A consumer reads
//! in order, so a mark (a place and a stamp) says that everything up to there had been read by then.

use std::collections::VecDeque;

/// Marks that are kept: samples are asked for within microseconds of theirs, or not at all.
const MARKS: usize = 1 << 16;

/// A place in a ring, over all its epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the epoch.
    pub epoch: u64,
    /// Position in it; 0: before the first.
    pub position: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    up_to: Place,
    /// `None`: the consumer was not there, or too slow.
    at_ns: Option<u64>,
}

/// When a place was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// At that time.
    At(u64),
    /// The consumer has not come so far.
    NotYet,
    /// It was passed over: lost, before the consumer's time, or so long ago that nobody knows.
    Never,
}

/// The marks of one consumer.
#[derive(Debug)]
pub struct SeenMarks {
    marks: VecDeque<Mark>,
    /// Nothing up to here is known any more.
    forgotten: Place,
}

impl SeenMarks {
    /// Of a consumer that begins behind that place.
    pub fn behind(place: Place) -> Self {
        Self { marks: VecDeque::with_capacity(MARKS), forgotten: place }
    }

    /// Everything up to there had been read by `at_ns`.
    pub fn read(&mut self, up_to: Place, at_ns: u64) {
        self.mark(Mark { up_to, at_ns: Some(at_ns) });
    }

    /// Everything up to there that has no mark yet was passed over.
    pub fn lost(&mut self, up_to: Place) {
        self.mark(Mark { up_to, at_ns: None });
    }

    fn mark(&mut self, mark: Mark) {
        if self.marks.back().map_or(self.forgotten, |last| last.up_to) >= mark.up_to {
            return;
        }
        if self.marks.len() == MARKS
            && let Some(oldest) = self.marks.pop_front()
        {
            self.forgotten = oldest.up_to;
        }
        self.marks.push_back(mark);
    }

    /// When that place was read.
    pub fn when(&self, place: Place) -> Seen {
        if place <= self.forgotten {
            return Seen::Never;
        }
        match self.marks.get(self.marks.partition_point(|mark| mark.up_to < place)) {
            None => Seen::NotYet,
            // A place behind the end of an epoch that is over will never be.
            Some(mark) if mark.up_to.epoch != place.epoch => Seen::Never,
            Some(mark) => mark.at_ns.map_or(Seen::Never, Seen::At),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(epoch: u64, position: u64) -> Place {
        Place { epoch, position }
    }

    #[test]
    fn a_place_was_read_with_the_first_mark_that_reaches_it() {
        let mut seen = SeenMarks::behind(place(7, 10));
        seen.read(place(7, 15), 100);
        seen.read(place(7, 20), 200);
        seen.lost(place(7, 30));
        seen.read(place(7, 31), 300);
        let at = |position| seen.when(place(7, position));
        assert_eq!((at(10), at(11), at(15), at(16), at(20)), (Seen::Never, Seen::At(100), Seen::At(100), Seen::At(200), Seen::At(200)));
        assert_eq!((at(21), at(30), at(31), at(32)), (Seen::Never, Seen::Never, Seen::At(300), Seen::NotYet));
    }

    #[test]
    fn positions_of_another_epoch_are_other_places() {
        let mut seen = SeenMarks::behind(place(7, 0));
        seen.read(place(7, 20), 100);
        assert_eq!(seen.when(place(8, 5)), Seen::NotYet);
        seen.read(place(8, 5), 200);
        assert_eq!((seen.when(place(7, 20)), seen.when(place(8, 5))), (Seen::At(100), Seen::At(200)));
        assert_eq!((seen.when(place(7, 21)), seen.when(place(8, 6))), (Seen::Never, Seen::NotYet));
    }

    #[test]
    fn what_is_too_long_ago_is_not_guessed() {
        let mut seen = SeenMarks::behind(Place::default());
        for n in 1..=MARKS as u64 + 1 {
            seen.read(place(1, 2 * n), n);
        }
        assert_eq!((seen.when(place(1, 1)), seen.when(place(1, 2)), seen.when(place(1, 3))), (Seen::Never, Seen::Never, Seen::At(2)));
    }
}
