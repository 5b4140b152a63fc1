//! Bars and signals beside a live lane are those of a replay of the same capture, byte for byte, and the end of the service loses none.

use tickwire::record::{Ohlcv1D, Ohlcv1S, Record, Schema, Signal, Vwap};
use tickwire::shm::{From, Publication, Records};

use super::kernel::in_namespace;
use super::same_as_replay::{LINE_A, LINE_B, itch, lane, play, replayed_with_windows, two_veths};
use super::service::{By, Lane, Room, Service, counter};
use super::streams::drain;

/// Read while they are there, to be drained after their end.
struct Computed {
    seconds: Records<Ohlcv1S>,
    days: Records<Ohlcv1D>,
    vwap: Records<Vwap>,
    signals: Records<Signal>,
}

impl Computed {
    fn of(publication: &Publication) -> Self {
        fn open<R: Record>(publication: &Publication) -> Records<R> {
            publication.subscribe(From::Oldest).unwrap()
        }
        Self { seconds: open(publication), days: open(publication), vwap: open(publication), signals: open(publication) }
    }

    fn until_end(self) -> [Vec<Vec<u8>>; 4] {
        [drain(self.seconds, |_| ()), drain(self.days, |_| ()), drain(self.vwap, |_| ()), drain(self.signals, |signal| signal.ts_recv = 0)]
    }
}

#[test]
fn the_bars_and_signals_of_a_live_session_are_those_of_its_replay() {
    in_namespace(|namespace| {
        if !two_veths(namespace) {
            return;
        }
        let room = Room::new();
        let file = itch(&room);
        let lines = vec![("twb", LINE_A.0, LINE_A.1), ("tw2b", LINE_B.0, LINE_B.1)];
        let mut computed = "[[publication]]\nname = \"itch-windows\"\nof = \"itch\"\n".to_owned();
        for schema in Schema::COMPUTED {
            computed += &format!("[[publication.ring]]\nschema = \"{}\"\n", schema.name());
        }
        let channel = "gap_wait_us = 2000000\n[[publication.ring]]\nschema = \"venue\"\n";
        let lane = Lane { source: &computed, channel, ..lane("itch", "nasdaq-itch", By::Recvmmsg, lines) };
        let Some(mut service) = Service::start(&room, &[lane]) else { return };
        let (publication, windows) =
            (Publication::open(room.publications(), "itch").unwrap(), Publication::open(room.publications(), "itch-windows").unwrap());
        let live = Computed::of(&windows);
        let sent = play(&file, &[(LINE_A, "twa"), (LINE_B, "tw2a")]).sent;
        service.until_counted(&publication, "datagrams", sent);
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.log.contains("publication itch-windows: computed from itch"), "{}", ended.log);
        assert!(ended.log.contains("publication itch-windows: ohlcv-1s "), "what it came to is said at the end: {}", ended.log);
        let replayed = replayed_with_windows(&room, &file, &[LINE_A, LINE_B], |windows| Computed::of(windows).until_end());
        let live = live.until_end();
        for (at, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
            assert!(live.len() > 10, "ring {at}: {} records", live.len());
            assert!(live == replayed, "ring {at}: {} records live, {} replayed, not the same", live.len(), replayed.len());
        }
        assert_eq!((counter(&windows, "lapped_venue"), counter(&windows, "lapped_book"), counter(&windows, "late_1s")), (0, 0, 0));
        assert_eq!(room.published_files(), Vec::<String>::new());
    });
}
