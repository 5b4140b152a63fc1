//! Following orders from any moment: late, lapped, over a new epoch and a restarted writer, with images that are there, late, or missing.

mod shm_support;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use shm_support::*;
use tickwire::record::{Header, Mbo, Schema, Sink, action, control, flags, side};
use tickwire::shm::image::Kept;
use tickwire::shm::orders::{Order, Side};
use tickwire::shm::{
    ChannelSpec, Image, ImageKeeper, ImageNews, OrderItem, OrderStream, Publication, PublicationSpec, Publisher, RingSpec, ShmError,
    WriterState,
};

fn add(id: u64) -> Mbo {
    Mbo { price: 100 + (id % 7) as i64, size: 10, ..mbo_of(action::ADD, id) }
}

fn cancel(id: u64) -> Mbo {
    Mbo { price: 100 + (id % 7) as i64, size: 10, ..mbo_of(action::CANCEL, id) }
}

fn mbo_of(action: u8, id: u64) -> Mbo {
    Mbo { hd: Header::of::<Mbo>(2, 1, id), order_id: id, flags: flags::LAST, action, side: side::BID, ..mbo(id) }
}

/// After so many adds, each of which is followed by the cancel of the one 20 before it: what rests, as it will be served.
fn resting(adds: u64) -> Vec<Order> {
    let mut ids: Vec<u64> = (adds.saturating_sub(19).max(1)..=adds).collect();
    ids.sort_by_key(|id| (std::cmp::Reverse(id % 7), *id));
    ids.into_iter().map(|order_id| Order { order_id, price: 100 + (order_id % 7) as i64, size: 10 }).collect()
}

struct Venue {
    publisher: Publisher,
    adds: u64,
    told: u64,
}

impl Venue {
    fn open(room: &Room) -> Self {
        let mut publisher = Publisher::create(&room.spec("p", &[(Schema::Mbo, 256), (Schema::Trades, 16)])).unwrap();
        publisher.instrument(&instrument(1, "S")).unwrap();
        Self { publisher, adds: 0, told: 0 }
    }

    fn go_on(&mut self, adds: u64) {
        for _ in 0..adds {
            self.adds += 1;
            self.publisher.publish(0, &add(self.adds));
            if self.adds > 20 {
                self.publisher.publish(0, &cancel(self.adds - 20));
            }
        }
        self.publisher.commit();
    }

    fn tell(&mut self, news: &ImageNews) -> bool {
        let Some(position) = news.take(&mut self.told, self.publisher.epoch()) else { return false };
        self.publisher.control(&ImageNews::control(position, 5));
        self.publisher.commit();
        true
    }

    fn new_epoch(&mut self) {
        self.publisher.new_epoch();
        self.publisher.instrument(&instrument(1, "S")).unwrap();
        self.adds = 0;
    }
}

fn bids(stream: &OrderStream) -> Vec<Order> {
    stream.books().book(2, 1).map(|book| book.orders(Side::Bid).collect()).unwrap_or_default()
}

/// Reads until nothing is new; what came besides records and control records.
fn read(stream: &mut OrderStream) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        match stream.next().unwrap() {
            OrderItem::Record(_) | OrderItem::Control(_) => {}
            OrderItem::Idle => return told,
            other => {
                told.push(format!("{other:?}"));
                if other == OrderItem::End {
                    return told;
                }
            }
        }
    }
}

fn keep(keeper: &mut ImageKeeper) {
    while keeper.read(1_000).unwrap() == Kept::More {}
    assert!(keeper.is_due());
    keeper.write(7_000).unwrap();
}

#[test]
fn who_comes_late_starts_from_the_image_and_knows_every_order_in_its_place() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news.clone()).unwrap();
    assert!(keeper.is_first() && keeper.is_due(), "the first image is due before the first record");
    keep(&mut keeper);
    assert!(!keeper.is_first() && !keeper.is_due());
    for _ in 0..20 {
        venue.go_on(37);
        keep(&mut keeper);
        venue.go_on(11);
        let mut late = publication.orders().unwrap();
        assert_eq!(read(&mut late), [""; 0]);
        assert_eq!(bids(&late), resting(venue.adds));
        assert_eq!((late.position() + 1, late.lost()), (venue.publisher.next_position(Schema::Mbo), 0));
        assert_eq!(late.books().contradictions().total(), 0);
    }
    assert_eq!(news.counts(), [21, 0, 0]);
    let mode = std::fs::metadata(Image::path_of(publication.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn an_image_is_announced_once_in_every_ring_and_its_announcement_is_no_reason_for_another() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news.clone()).unwrap();
    assert!(!venue.tell(&news));
    venue.go_on(5);
    keep(&mut keeper);
    assert!(venue.tell(&news) && !venue.tell(&news));
    assert_eq!(keeper.read(10).unwrap(), Kept::Idle);
    assert!(!keeper.is_due());
    let mut trades = publication.subscribe::<tickwire::record::Trade>(tickwire::shm::From::Oldest).unwrap();
    let tickwire::shm::Item::Control(ready) = trades.next().unwrap() else { panic!("nothing in the other ring") };
    assert_eq!((ready.hd.rtype, ready.first_sequence), (control::IMAGE_READY, 5));
    // One of an epoch that is over is not announced in the next.
    venue.go_on(1);
    keep(&mut keeper);
    venue.new_epoch();
    assert!(!venue.tell(&news));
}

#[test]
fn who_is_lapped_goes_on_from_the_newest_image_and_says_how_much_it_did_not_see() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news).unwrap();
    let mut slow = publication.orders().unwrap();
    venue.go_on(20);
    assert_eq!(read(&mut slow), [""; 0]);
    for _ in 0..10 {
        venue.go_on(100);
        keep(&mut keeper);
    }
    venue.go_on(30);
    // The image is current to 20 + 2 × 1000 positions.
    assert_eq!(read(&mut slow), ["Rejoined { lost: 2000 }"]);
    assert_eq!((bids(&slow), slow.lost(), slow.is_whole()), (resting(venue.adds), 2_000, true));
}

#[test]
fn without_an_image_to_go_on_from_it_waits_with_empty_books_until_there_is_one() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news.clone()).unwrap();
    let mut slow = publication.orders().unwrap();
    venue.go_on(20);
    assert_eq!(read(&mut slow), [""; 0]);
    keep(&mut keeper);
    // The image is there and too old.
    for _ in 0..3 {
        venue.go_on(90);
        while keeper.read(1_000).unwrap() == Kept::More {}
    }
    assert_eq!(read(&mut slow), ["Waiting"]);
    assert!(!slow.is_whole() && slow.books().is_empty());
    venue.go_on(5);
    assert_eq!(read(&mut slow), [""; 0]);
    assert!(!slow.is_whole() && slow.books().is_empty(), "nothing is guessed meanwhile");
    keep(&mut keeper);
    venue.go_on(5);
    assert!(venue.tell(&news));
    venue.go_on(5);
    let told = read(&mut slow);
    assert!(matches!(told.as_slice(), [rejoined] if rejoined.starts_with("Rejoined")), "{told:?}");
    assert_eq!(bids(&slow), resting(venue.adds));
    // Found without having been announced, too.
    venue.go_on(200);
    while keeper.read(1_000).unwrap() == Kept::More {}
    assert!(!read(&mut slow).is_empty());
    let mut other = publication.orders_when_ready().unwrap();
    assert_eq!(other.next().unwrap(), OrderItem::Waiting);
    assert!(matches!(keeper.read(1_000), Ok(Kept::Lost | Kept::Idle)));
}

#[test]
fn an_image_that_nobody_announces_is_found_all_the_same() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news).unwrap();
    for _ in 0..4 {
        venue.go_on(100);
        while keeper.read(1_000).unwrap() == Kept::More {}
    }
    assert!(matches!(publication.orders(), Err(ShmError::NoImage { .. })));
    let mut late = publication.orders_when_ready().unwrap();
    assert_eq!(read(&mut late), ["Waiting"]);
    keep(&mut keeper);
    let began = Instant::now();
    while !late.is_whole() {
        assert!(began.elapsed() < Duration::from_secs(10), "never found");
        read(&mut late);
    }
    assert_eq!(bids(&late), resting(venue.adds));
}

#[test]
fn a_new_epoch_begins_empty_for_whole_and_waiting_readers_alike_and_its_image_is_its_own() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news).unwrap();
    let (mut whole, mut waiting) = (publication.orders().unwrap(), publication.orders().unwrap());
    venue.go_on(200);
    assert!(matches!(whole.next(), Ok(OrderItem::Waiting)), "it was lapped before it began");
    keep_lost(&mut keeper);
    venue.new_epoch();
    venue.go_on(50);
    for stream in [&mut whole, &mut waiting] {
        let told = until(stream, "NewEpoch");
        assert!(told.iter().all(|told| told == "Waiting" || told == "NewEpoch"), "{told:?}");
        assert_eq!(bids(stream), resting(50));
        assert_eq!(stream.publication().epoch(), venue.publisher.epoch());
    }
    // The writer of images, which was lost, is whole again.
    let began = Instant::now();
    while !keeper.is_due() || keeper.publication().epoch() != venue.publisher.epoch() {
        keeper.read(1_000).unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert!(keeper.is_first());
    keep(&mut keeper);
    assert_eq!(Image::head(&Image::path_of(publication.path())).unwrap().unwrap().epoch, venue.publisher.epoch());
    // An old handle leads to the epoch of now.
    let mut late = publication.orders().unwrap();
    assert_eq!((read(&mut late), bids(&late)), (vec![], resting(50)));
}

fn keep_lost(keeper: &mut ImageKeeper) {
    assert_eq!(keeper.read(10_000).unwrap(), Kept::Lost);
    assert!(!keeper.is_due(), "what is not known whole is not written down");
}

fn until(stream: &mut OrderStream, wanted: &str) -> Vec<String> {
    let began = Instant::now();
    let mut told = Vec::new();
    while !told.iter().any(|told| told == wanted) {
        told.extend(read(stream));
        assert!(began.elapsed() < Duration::from_secs(10), "{wanted} never came, only {told:?}");
    }
    told.extend(read(stream));
    told
}

#[test]
fn images_go_with_their_publication_unless_it_is_kept() {
    let room = Room::new();
    for kept in [false, true] {
        let mut venue = Venue::open(&room);
        let publication = Publication::open(room.path(), "p").unwrap();
        let mut keeper = ImageKeeper::start(&publication, false, ImageNews::default()).unwrap();
        venue.go_on(300);
        assert_eq!(keeper.read(10_000).unwrap(), Kept::Lost);
        drop(keeper);
        // One that is made of the whole, by somebody who was quick enough.
        let mut books = tickwire::shm::OrderBooks::new();
        for id in 281..=300 {
            books.apply(&add(id));
        }
        let at = (venue.publisher.epoch(), venue.publisher.next_position(Schema::Mbo) - 1);
        Image::write(&books, at, 7, &Image::path_of(publication.path()), &room.path().join(".p.tmp-1")).unwrap();
        venue.publisher.close(kept);
        if kept {
            assert_eq!(room.files(), ["p", "p.mbo.image"]);
            let mut late = Publication::open(room.path(), "p").unwrap().orders().unwrap();
            assert_eq!(until(&mut late, "End"), ["End", "End"]);
            assert_eq!(bids(&late), resting(300));
            // Who waited finds it at the end as well.
            let mut waited = publication.orders_when_ready().unwrap();
            assert_eq!(until(&mut waited, "End"), ["End", "End"]);
            assert_eq!(bids(&waited), resting(300));
        } else {
            assert_eq!(room.files(), [""; 0]);
        }
    }
}

#[test]
fn an_image_that_cannot_be_written_is_counted_and_leaves_the_older_one() {
    let room = Room::new();
    let (mut venue, news) = (Venue::open(&room), ImageNews::default());
    let publication = Publication::open(room.path(), "p").unwrap();
    let mut keeper = ImageKeeper::start(&publication, false, news.clone()).unwrap();
    venue.go_on(5);
    keep(&mut keeper);
    // A directory where the temporary file should be: it can be neither removed nor made.
    std::fs::create_dir_all(room.path().join(format!(".p.tmp-{}--/x", std::process::id()))).unwrap();
    venue.go_on(5);
    while keeper.read(1_000).unwrap() == Kept::More {}
    assert!(keeper.write(8_000).unwrap_err().to_string().contains("cannot write the image"));
    assert_eq!(news.counts(), [1, 1, 0]);
    assert!(keeper.is_due(), "it is tried again");
    assert_eq!(Image::head(&Image::path_of(publication.path())).unwrap().unwrap().position, 5);
}

// ── a writer that is killed, with the image it left ──

/// The writer with its images, in a process of its own that only a kill ends.
fn write_for_ever(dir: &str) {
    // By hand: a kill would leave a room's folder.
    let spec = PublicationSpec {
        rings: vec![RingSpec { schema: Schema::Mbo, depth: 256 }],
        channels: vec![ChannelSpec { name: "A".into(), publisher_id: 2 }],
        instruments: 64,
        ..PublicationSpec::new(dir, "p")
    };
    let mut publisher = Publisher::create(&spec).unwrap();
    publisher.instrument(&instrument(1, "S")).unwrap();
    let mut venue = Venue { publisher, adds: 0, told: 0 };
    let news = ImageNews::default();
    let mut keeper = ImageKeeper::start(&Publication::open(dir, "p").unwrap(), false, news.clone()).unwrap();
    let start = Instant::now();
    // Should the test die, so does this.
    while start.elapsed() < Duration::from_secs(20) {
        for _ in 0..7 {
            venue.go_on(3);
        }
        while keeper.read(1_000).unwrap() == Kept::More {}
        keeper.write(venue.adds).unwrap();
        venue.tell(&news);
    }
}

#[test]
fn case_45_orders_are_followed_however_often_the_writer_is_killed() {
    if let Some(dir) = Writer::dir() {
        return write_for_ever(&dir);
    }
    const KILLS: u64 = 40;
    let room = Room::new();
    let mut writer = Writer::start("case_45_orders_are_followed_however_often_the_writer_is_killed", &room);
    let publication = loop {
        match Publication::open(room.path(), "p") {
            Ok(publication) => break publication,
            Err(ShmError::NotFound { .. }) => std::thread::yield_now(),
            Err(e) => panic!("{e}"),
        }
    };
    let mut stream = publication.orders_when_ready().unwrap();
    let (mut last, mut late_joins) = (0, 0);
    // What rests follows from the last add: after any record the books can be checked whole.
    let agrees = |stream: &OrderStream, last: u64| {
        let there = bids(stream);
        let (before, after) = (resting(last), {
            let mut with_one_more = resting(last);
            // Between an add and its cancel there is one more.
            let id = last.saturating_sub(20);
            if id > 0 {
                with_one_more.push(Order { order_id: id, price: 100 + (id % 7) as i64, size: 10 });
                with_one_more.sort_by_key(|order| (std::cmp::Reverse(order.price), order.order_id));
            }
            with_one_more
        });
        assert!(there == before || there == after, "after add {last}: {there:?}");
    };
    for kill in 1..=KILLS {
        let deadline = Instant::now() + Duration::from_micros(2_000 + kill * 7919 % 6000);
        let mut killed = false;
        loop {
            match stream.next().unwrap() {
                OrderItem::Record(record) if record.action == action::ADD => {
                    last = record.order_id;
                    agrees(&stream, last);
                }
                OrderItem::Record(_) | OrderItem::Control(_) | OrderItem::Waiting => {}
                OrderItem::Rejoined { .. } => {
                    // The newest order is the largest id.
                    last = bids(&stream).iter().map(|order| order.order_id).max().unwrap_or(0);
                    agrees(&stream, last);
                }
                OrderItem::Idle => std::hint::spin_loop(),
                OrderItem::WriterDead => {
                    assert!(killed);
                    break;
                }
                other => panic!("{other:?}"),
            }
            if !killed && Instant::now() > deadline {
                writer.kill();
                killed = true;
            }
        }
        // Dead: who comes now still has the image and the ring, if the ring reaches back to it.
        let dead = stream.publication().clone();
        assert_eq!(dead.writer().unwrap(), WriterState::Dead);
        if let Ok(mut late) = dead.orders() {
            assert_eq!(until(&mut late, "WriterDead"), ["WriterDead"]);
            let newest = bids(&late).iter().map(|order| order.order_id).max().unwrap_or(0);
            agrees(&late, newest);
            late_joins += 1;
        }
        if kill < KILLS {
            writer = Writer::start("case_45_orders_are_followed_however_often_the_writer_is_killed", &room);
            loop {
                match stream.next().unwrap() {
                    OrderItem::NewEpoch => break,
                    OrderItem::Idle => std::thread::yield_now(),
                    OrderItem::Rejoined { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            assert!(stream.publication().epoch() > dead.epoch() && stream.books().is_empty());
            last = 0;
        }
    }
    assert!(late_joins > KILLS / 2 && last > 0, "{late_joins} late joins");
    drop(writer);
    drop(Publisher::create(&room.spec("p", &[(Schema::Mbo, 256)])).unwrap());
    assert_eq!(room.files(), [""; 0], "what the dead left is gone once a living one has come and ended");
}
