//! Looking things up: books and whether they can be trusted, channel states, counters.

mod shm_support;

use shm_support::*;
use tickwire::record::{BidAsk, ChannelState, Instrument, Mbp1, Schema, Sink, control, flags};
use tickwire::shm::{BookState, From, Item, Publication, Publisher, ShmError, WriterState};

#[test]
fn a_book_shows_the_last_record_ten_levels_if_there_are_ten() {
    let room = Room::new();
    for (schema, depth) in [(Schema::Mbp1, 1), (Schema::Mbp10, 10)] {
        let mut publisher = Publisher::create(&room.spec("p", &[(schema, 16)])).unwrap();
        publisher.instrument(&instrument(7, "AAPL")).unwrap();
        let publication = Publication::open(room.path(), "p").unwrap();
        let book = publication.book("AAPL").unwrap();
        assert_eq!((book.levels, book.position), (vec![BidAsk::EMPTY; depth], 0), "nothing so far");
        for n in 1..=100 {
            publisher.publish(0, &mbp1(7, n));
            publisher.publish(0, &mbp10(7, n));
            let book = publication.book("AAPL").unwrap();
            assert_eq!(book.levels, mbp10(7, n).levels[..depth]);
            assert_eq!((book.state, book.position, book.ts_recv, u64::from(book.sequence)), (BookState::Good, n, n, n));
        }
        assert!(publication.book("AAPL ").is_ok(), "padding does not matter");
        assert!(matches!(publication.book("MSFT"), Err(ShmError::NoSymbol { .. })));
        assert!(publication.book_at(1).is_err());
    }
}

#[test]
fn a_gap_makes_every_older_book_of_its_channel_doubtful_and_no_other() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    let on = |channel, id, symbol: &str| tickwire::record::Instrument { channel, ..instrument(id, symbol) };
    for (channel, id, symbol) in [(0, 0, "OLD"), (0, 1, "NEW"), (0, 2, "FLAGGED"), (1, 3, "OTHER")] {
        publisher.instrument(&on(channel, id, symbol)).unwrap();
    }
    let publication = Publication::open(room.path(), "p").unwrap();
    let at = |ts_recv, flags| Mbp1 { ts_recv, flags, ..mbp1(0, 1) };
    publisher.channel_state(0, ChannelState::Good, 1000);
    publisher.publish(0, &at(256_000, 0));
    publisher.publish(3, &at(256_000, 0));
    publisher.publish(2, &at(600_000, flags::MAYBE_BAD_BOOK));
    let state = |symbol| publication.book(symbol).unwrap().state;
    assert_eq!((state("OLD"), state("FLAGGED")), (BookState::Good, BookState::MaybeBad));
    for doubtful in [ChannelState::GapOpen, ChannelState::Stale] {
        publisher.channel_state(0, doubtful, 512_000);
        publisher.publish(1, &at(512_256, 0));
        assert_eq!(state("OLD"), BookState::MaybeBad, "its own flag does not know yet");
        assert_eq!(state("NEW"), BookState::Good, "written since, and says that it is good");
        assert_eq!((state("FLAGGED"), state("OTHER")), (BookState::MaybeBad, BookState::Good));
        publisher.commit();
        let mut records = publication.subscribe::<Mbp1>(From::Board).unwrap();
        let mut bad = Vec::new();
        while let Item::Board { row, maybe_bad, .. } = records.next().unwrap() {
            bad.push((row, maybe_bad));
        }
        assert_eq!(bad, [(0, true), (1, false), (2, true), (3, false)]);
    }
    let book = publication.book("OLD").unwrap();
    assert_eq!((book.channel, book.since_ns), (ChannelState::Stale, 512_000));
    let states: Vec<_> = publication.channel_states().into_iter().map(|c| (c.name, c.publisher_id, c.state, c.since_ns)).collect();
    assert_eq!(states, [("A".into(), 2, ChannelState::Stale, 512_000), ("B".into(), 3, ChannelState::Idle, 0)]);
    publisher.channel_state(0, ChannelState::Good, 1_024_000);
    assert_eq!(state("OLD"), BookState::Good);
    publisher.channel_state(9, ChannelState::Good, 1);
}

#[test]
fn a_silent_channel_says_that_it_is_silent_and_that_its_books_were_in_doubt_before() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    publisher.instrument(&tickwire::record::Instrument { channel: 0, ..instrument(0, "OLD") }).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    publisher.publish(0, &Mbp1 { ts_recv: 256_000, ..mbp1(0, 1) });
    let row = || publication.channel_states().remove(0);
    let book = || publication.book("OLD").unwrap().state;
    publisher.channel_state(0, ChannelState::Silent, 400_128);
    assert_eq!((row().state, row().doubted, book()), (ChannelState::Silent, false, BookState::Good));
    publisher.channel_state(0, ChannelState::Stale, 512_000);
    for state in [ChannelState::Silent, ChannelState::Ended] {
        publisher.channel_state(0, state, 1_024_000);
        assert_eq!((row().state, row().doubted, row().since_ns), (state, true, 512_000), "the time is the doubt's");
        assert_eq!(book(), BookState::MaybeBad);
    }
    publisher.channel_state(0, ChannelState::Good, 2_048_000);
    assert_eq!((row().state, row().doubted, book()), (ChannelState::Good, false, BookState::Good));
}

#[test]
fn counters_are_read_by_name() {
    let room = Room::new();
    let mut spec = room.spec("p", &[(Schema::Mbp1, 16)]);
    spec.counters = vec!["frames".into(), "drops_bad_length".into()];
    let publisher = Publisher::create(&spec).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    publisher.set_counter(1, 7);
    publisher.set_counter(2, 9);
    publisher.set_counter(usize::MAX, 9);
    assert_eq!(publication.counters(), [("frames".to_owned(), 0), ("drops_bad_length".to_owned(), 7)]);
    publisher.heartbeat(123);
    assert_eq!(publication.heartbeat_ns(), 123);
    assert_eq!(publication.writer_pid(), u64::from(std::process::id()));
    assert_eq!(publication.writer().unwrap(), WriterState::Alive);
    drop(publisher);
    assert_eq!(publication.writer().unwrap(), WriterState::Closed);
}

#[test]
fn records_are_named_by_their_ids_even_when_the_instrument_came_after_the_reader() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    publisher.instrument(&instrument(7, "AAPL")).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut symbols = publication.symbols();
    assert_eq!(symbols.of(&mbp1(7, 1).hd), Some("AAPL"));
    assert_eq!(symbols.of(&mbp1(8, 1).hd), None);
    publisher.instrument(&instrument(8, "MSFT")).unwrap();
    assert_eq!(symbols.of(&mbp1(8, 1).hd), Some("MSFT"));
}

#[test]
fn a_directory_lists_its_publications_and_nothing_else() {
    let room = Room::new();
    let _publishers = ["b", "a"].map(|name| Publisher::create(&room.spec(name, &[(Schema::Mbp1, 16)])).unwrap());
    std::fs::write(room.path().join("notes"), "TICK").unwrap();
    assert_eq!(Publication::names(room.path()).unwrap(), ["a", "b"]);
    assert!(Publication::names(room.path().join("none")).is_err());
}

#[test]
fn an_id_that_the_venue_gives_to_another_symbol_is_that_symbols_from_then_on() {
    let room = Room::new();
    let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbp1, 16)])).unwrap();
    publisher.instrument(&instrument(7, "OLD")).unwrap();
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut symbols = publication.symbols();
    assert_eq!(symbols.of(&mbp1(7, 1).hd), Some("OLD"));
    publisher.instrument(&Instrument { channel: 1, ..instrument(7, "NEW") }).unwrap();
    let row = symbols.row_of(&mbp1(7, 2).hd).unwrap();
    assert_eq!((row.symbol.as_str(), row.row, row.channel), ("NEW", 1, 1));
    assert_eq!(symbols.of(&control_record(control::GAP_OPEN, 1).hd), None);
}
