//! The orderings of cells and rings, proven by trying every interleaving and every reordering the language allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --no-default-features --release --test loom --target-dir target/loom`
//!
//! The real code passes. Each mutant lacks one ordering and must be caught, or the proof proves nothing. Not among them, for
//! they are equivalent: a second look at a stamp that is acquire as well, and the order of slot and cell (a join does not
//! depend on it; who meets a cell whose writer died over it does, see `shm_kill.rs`).
#![cfg(loom)]

use std::sync::atomic::Ordering;

use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::thread;
use tickwire::shm::cell::{self, Orderings, Proven, Seen};
use tickwire::shm::ring::{JoinCell, Look, Parts, RingReader, RingWriter, Words};

struct NoWriterFence;
impl Orderings for NoWriterFence {
    const WRITER_FENCE: bool = false;
}
struct RelaxedFinalStamp;
impl Orderings for RelaxedFinalStamp {
    const FINAL_STAMP: Ordering = Ordering::Relaxed;
}
struct NoFenceAfterStamp;
impl Orderings for NoFenceAfterStamp {
    const FENCE_AFTER_STAMP: bool = false;
}
struct NoFenceBeforeCheck;
impl Orderings for NoFenceBeforeCheck {
    const FENCE_BEFORE_CHECK: bool = false;
}
struct CursorBeforeCell;
impl Orderings for CursorBeforeCell {
    const CURSOR_LAST: bool = false;
}

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn words(n: usize) -> Shared {
    Shared(Arc::new((0..n).map(|_| AtomicU64::new(0)).collect()))
}

#[derive(Clone)]
struct Shared(Arc<Vec<AtomicU64>>);

impl Words for Shared {
    type Word = AtomicU64;
    fn words(&self) -> &[AtomicU64] {
        &self.0
    }
}

/// One cell, two writes, one reader that looks once: what it accepts is whole.
fn cell_is_never_torn<O: Orderings>() {
    explore(|| {
        let shared = words(3);
        let writer = shared.clone();
        let writer = thread::spawn(move || {
            for position in 1..=2 {
                cell::write::<O, _>(writer.words(), position, [position; 2].into_iter());
            }
        });
        let mut record = [0; 2];
        if let Seen::Whole(position) = cell::read::<O, _>(shared.words(), &mut record) {
            assert_eq!(record, [position; 2], "torn");
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_cell_is_never_torn() {
    cell_is_never_torn::<Proven>();
}
#[test]
#[should_panic(expected = "torn")]
fn without_the_writers_fence_it_is() {
    cell_is_never_torn::<NoWriterFence>();
}
#[test]
#[should_panic(expected = "torn")]
fn without_the_release_stamp_it_is() {
    cell_is_never_torn::<RelaxedFinalStamp>();
}
#[test]
#[should_panic(expected = "torn")]
fn without_the_fence_after_the_stamp_it_is() {
    cell_is_never_torn::<NoFenceAfterStamp>();
}
#[test]
#[should_panic(expected = "torn")]
fn without_the_fence_before_the_check_it_is() {
    cell_is_never_torn::<NoFenceBeforeCheck>();
}

fn parts(depth: usize, rows: usize) -> Parts<Shared> {
    Parts { cursor: words(1), slots: words(2 * depth), cells: words(2 * rows), slot_words: 2 }
}

/// A ring of two, three records: a reader gets the record it asked for, or learns that it is gone.
fn ring_gives_the_position_asked_for<O: Orderings>() {
    explore(|| {
        let parts = parts(2, 0);
        let (reader, mut writer) = (RingReader::<_, O>::new(parts.clone()), RingWriter::<_, O>::new(parts));
        let writing = thread::spawn(move || {
            for position in 1..=3 {
                writer.publish(None, [position].into_iter());
            }
        });
        let mut next = 1;
        for _ in 0..2 {
            let mut record = [0];
            match reader.look(next, &mut record) {
                Look::Record => {
                    assert_eq!(record, [next], "torn");
                    next += 1;
                }
                Look::NotYet => {}
                Look::Gone => {
                    assert_eq!(next, 1, "gone, but only position 1 can be");
                    // Rejoining never goes back.
                    let cursor = reader.cursor();
                    if cursor >= next {
                        next = cursor + 1;
                    }
                }
            }
        }
        writing.join().unwrap();
    });
}

#[test]
fn a_ring_gives_the_position_asked_for() {
    ring_gives_the_position_asked_for::<Proven>();
}
#[test]
#[should_panic(expected = "torn")]
fn a_ring_without_the_writers_fence_does_not() {
    ring_gives_the_position_asked_for::<NoWriterFence>();
}

/// Two instruments, three records; a reader joins at any moment and must have the state of exactly the prefix it has read,
/// once it has read as far as it passed cells over.
fn join_is_the_state_of_a_prefix<O: Orderings>() {
    const ROWS: [u32; 3] = [0, 1, 0];
    explore(|| {
        let parts = parts(4, 2);
        let (reader, mut writer) = (RingReader::<_, O>::new(parts.clone()), RingWriter::<_, O>::new(parts));
        let writing = thread::spawn(move || {
            for (position, row) in (1..).zip(ROWS) {
                writer.publish(Some(row), [position].into_iter());
            }
            writer.commit();
        });
        let mut state = [0; 2];
        let mut passed_over = 0;
        let mut record = [0];
        let cursor = reader.cursor();
        for row in 0..2 {
            match reader.join_cell(row, cursor, &mut record) {
                JoinCell::Empty => {}
                JoinCell::Record(position) => {
                    assert_eq!(record, [position], "torn");
                    state[row as usize] = position;
                }
                JoinCell::Later(position) => passed_over = passed_over.max(position),
            }
        }
        let mut last = cursor;
        while last < 3 && reader.look(last + 1, &mut record) == Look::Record {
            last += 1;
            assert_eq!(record, [last], "torn");
            state[ROWS[last as usize - 1] as usize] = last;
        }
        let mut truth = [0; 2];
        for (position, row) in (1..=last).zip(ROWS) {
            truth[row as usize] = position;
        }
        if last >= passed_over {
            assert_eq!(state, truth, "joined wrong");
        }
        writing.join().unwrap();
    });
}

#[test]
fn a_join_is_the_state_of_a_prefix() {
    join_is_the_state_of_a_prefix::<Proven>();
}
#[test]
#[should_panic(expected = "joined wrong")]
fn with_the_cursor_before_the_cell_it_is_not() {
    join_is_the_state_of_a_prefix::<CursorBeforeCell>();
}

/// A look-up of one cell while it is written twice: whole, and never older than what was announced before.
#[test]
fn a_look_up_is_whole_and_not_older_than_the_cursor() {
    explore(|| {
        let parts = parts(4, 1);
        let (reader, mut writer) = (RingReader::<_>::new(parts.clone()), RingWriter::<_>::new(parts));
        let writing = thread::spawn(move || {
            for position in 1..=2 {
                writer.publish(Some(0), [position].into_iter());
            }
        });
        let mut record = [0];
        let cursor = RingReader::<_, Proven>::cursor(&reader);
        if let Ok(found) = RingReader::<_, Proven>::latest(&reader, 0, &mut record) {
            assert!(found.unwrap_or(0) >= cursor, "older than announced");
            assert_eq!(record, [found.unwrap_or(0)], "torn");
        }
        writing.join().unwrap();
    });
}
