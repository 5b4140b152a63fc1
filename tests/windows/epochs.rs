//! Epochs of the source: a new session, another publisher, a source that ends without a word.

use tickwire::record::{Sink, control};

use crate::rig::{Rig, SECOND_NS, TEN_NS, Told, book, controls, instrument, records, trade};

const DAY_NS: u64 = 86_400 * SECOND_NS;

#[test]
fn a_new_session_closes_what_is_open_and_begins_a_new_epoch_with_nothing_of_the_old() {
    let mut rig = Rig::new();
    let first = rig.computed().epoch();
    for day in 0..3 {
        if day > 0 {
            rig.source().new_epoch();
            // Other rows than yesterday.
            for row in [4, 3, 2, 1, 0] {
                rig.source().instrument(&instrument(row, 1)).unwrap();
            }
        }
        rig.control(control::SESSION_START, if day == 0 { control::cause::FIRST } else { control::cause::NEW_SESSION }, 0);
        // The same match numbers, and times that may be earlier: nothing is late.
        rig.publish(if day > 0 { 4 } else { 0 }, &trade(0, TEN_NS + day * DAY_NS, 1, 500 + day as i64, 100));
        let row = if day > 0 { 0 } else { 4 };
        rig.publish(row, &book(4, TEN_NS + day * DAY_NS, b'A', b'B', 1, 0x80, day as u32));
        if day == 1 {
            rig.look();
            assert!(rig.computed().epoch() > first);
        }
        // With two epochs to read at once, too: the second day is looked at only after the third began.
        rig.source().commit();
    }
    rig.look();
    let rows: Vec<u32> = rig.computed().instruments().map(|row| row.instrument_id).collect();
    assert_eq!(rows, [104, 103, 102, 101, 100]);
    let (rings, counters) = rig.end();
    let ids: Vec<_> = records(&rings.days).iter().map(|bar| (bar.hd.instrument_id, bar.open)).collect();
    assert_eq!(ids, [(100, 500), (100, 501), (100, 502)]);
    assert_eq!((counters.epochs, counters.late_1s, counters.windows_marked), (2, 0, 0));
    let places: Vec<_> = rings.days.iter().map(|told| matches!(told, Told::NewEpoch)).collect();
    assert_eq!(places, [false, false, true, false, false, true, false, false]);
    assert_eq!(records(&rings.signals).len(), 3);
    assert_eq!(controls(&rings.signals).len(), 3);
}

#[test]
fn a_restart_within_the_session_goes_on_and_marks_what_may_be_missing() {
    let mut rig = Rig::new();
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.control(control::SESSION_START, control::cause::RESTART, TEN_NS + 5);
    rig.trade(0, TEN_NS + 10, 2, 500, 100);
    rig.trade(0, TEN_NS + SECOND_NS, 3, 500, 100);
    rig.break_trade(0, TEN_NS + SECOND_NS + 1, 2);
    let (rings, counters) = rig.end();
    let marks: Vec<_> = records(&rings.vwap).iter().map(|vwap| (vwap.window, vwap.volume, vwap.flags)).collect();
    assert_eq!(marks, [(0, 200, 4), (0, 100, 0), (1, 200, 4), (2, 200, 4), (3, 200, 4)]);
    assert_eq!((counters.epochs, counters.break_late), (0, 1), "the same epoch, and trades are remembered");
}

#[test]
fn a_channel_joined_late_has_its_first_windows_marked() {
    let mut rig = Rig::new();
    let mut start = crate::rig::control_of(0, control::SESSION_START, control::cause::JOINED_LATE, 0);
    start.first_sequence = 4_711;
    rig.source().control(&start);
    rig.trade(0, TEN_NS, 1, 500, 100);
    rig.trade(0, TEN_NS + SECOND_NS, 2, 500, 100);
    let marks: Vec<_> = records(&rig.end().0.vwap).iter().map(|vwap| (vwap.window, vwap.flags)).collect();
    assert_eq!(marks, [(0, 4), (0, 0), (1, 4), (2, 4), (3, 4)]);
}
