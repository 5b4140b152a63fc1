//! Order-level images from the service itself: there from the start, announced, joined late, gone at the end; a killed one is followed.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tickwire::feed::venue_time::VenueDate;
use tickwire::generate::{self, CaptureConfig, GenerateConfig};
use tickwire::play::{self, PlayConfig, Route, Via};
use tickwire::record::{Mbo, Schema, control};
use tickwire::shm::orders::Side;
use tickwire::shm::{From, Image, Item, OrderBooks, OrderItem, Publication};
use tickwire::source::lines::LineKey;

use super::kernel::in_namespace;
use super::lifecycle::itch;
use super::service::{By, Lane, PATIENCE, Room, Service, counter};

const MESSAGES: u64 = 20_000;
const LINE_A: (&str, u16) = ("239.192.1.1", 26400);

/// Images ten times a second. The table stands behind the channel's keys: it is the last publication's all the same.
const IMAGES: &str = "[publication.image]\ninterval_ms = 100\npeak_records_per_s = 1000";

/// Everything that rests, by instrument and side, as it will be served.
fn all(books: &OrderBooks) -> Vec<(u32, Vec<(u64, i64, u32)>)> {
    let side = |book: &tickwire::shm::OrderBook<'_>, side| book.orders(side).map(|o| (o.order_id, o.price, o.size)).collect::<Vec<_>>();
    let mut all: Vec<_> =
        books.books().map(|book| (book.instrument_id(), [side(&book, Side::Bid), side(&book, Side::Ask)].concat())).collect();
    all.sort();
    all
}

/// Follows until so many records have been taken in.
fn up_to(publication: &Publication, position: u64) -> OrderBooks {
    let mut stream = publication.orders().unwrap();
    let began = Instant::now();
    while stream.position() < position {
        match stream.next().unwrap() {
            OrderItem::Record(_) | OrderItem::Control(_) => {}
            OrderItem::Idle => assert!(began.elapsed() < PATIENCE),
            other => panic!("{other:?}"),
        }
    }
    stream.books().clone()
}

fn position(publication: &Publication) -> u64 {
    publication.rings().iter().find(|ring| ring.schema == Schema::Mbo).unwrap().position
}

#[test]
fn the_service_writes_images_that_late_consumers_start_from_and_removes_them_at_the_end() {
    in_namespace(|namespace| {
        if !namespace.veth(1) {
            return;
        }
        namespace.without_source_check("twb");
        let room = Room::new();
        let lane = Lane { channel: IMAGES, by: By::Recvmmsg, lines: vec![("twb", LINE_A.0, LINE_A.1)], ..itch("orders") };
        let Some(mut service) = Service::start(&room, std::slice::from_ref(&lane)) else { return };
        let publication = Publication::open(room.publications(), "orders").unwrap();
        let path = Image::path_of(publication.path());
        service.until("there is an image before the first datagram", || path.exists());
        assert_eq!(Image::head(&path).unwrap().unwrap().epoch, publication.epoch());
        let mut from_the_first = publication.subscribe::<Mbo>(From::Oldest).unwrap();
        let file = made(&room);
        play(&file);
        service.until_counted(&publication, "messages", MESSAGES);
        service.until("the newest image tells everything", || {
            Image::head(&path).unwrap().is_some_and(|head| head.orders == counter(&publication, "live_orders"))
        });
        // Three ways to the same orders: every record, the image alone, and what a late consumer makes of image and ring.
        let (mut books, mut announced) = (OrderBooks::new(), 0);
        while from_the_first.next_position() <= position(&publication) {
            match from_the_first.next().unwrap() {
                Item::Record(record) => books.apply(record),
                Item::Control(record) if record.hd.rtype == control::IMAGE_READY => announced += 1,
                Item::Control(record) => books.apply_control(record),
                Item::Idle => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(announced > 0 && books.live_orders() > 100);
        assert_eq!(all(&Image::load(&path).unwrap().books), all(&books));
        assert_eq!(all(&up_to(&publication, position(&publication))), all(&books));
        service.until("its counters tell of the images", || counter(&publication, "images") >= announced);
        assert_eq!((counter(&publication, "images_failed"), counter(&publication, "images_lapped")), (0, 0));
        // Nothing changes any more, so there is no further image.
        let written = counter(&publication, "images");
        std::thread::sleep(std::time::Duration::from_millis(400));
        assert!(counter(&publication, "images") <= written + 1, "{written} and then {}", counter(&publication, "images"));

        // Killed: the image is still there, and is not believed when the next one has begun.
        let mut follower = publication.orders().unwrap();
        service.signal(libc::SIGKILL);
        service.wait();
        assert!(path.exists());
        assert_eq!(all(&up_to(&publication, position(&publication))), all(&books));
        let Some(mut service) = Service::start(&room, &[lane]) else { return };
        let began = Instant::now();
        while follower.publication().epoch() == publication.epoch() {
            let item = follower.next().unwrap();
            assert!(began.elapsed() < PATIENCE, "{item:?}");
        }
        assert!(follower.is_whole() && follower.books().is_empty());
        let ended = service.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(room.published_files(), Vec::<String>::new(), "nothing is left");
    });
}

/// A session of which line A loses nothing.
fn made(room: &Room) -> PathBuf {
    let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let midnight_ns = VenueDate::at(now_ns).unwrap().midnight_ns().unwrap();
    let config = GenerateConfig::steady(5, MESSAGES, 60, midnight_ns, midnight_ns + 34_200_000_000_000, 50_000);
    let path = room.path().join("itch.pcap");
    generate::capture(&config, &CaptureConfig::default(), std::fs::File::create(&path).unwrap(), &mut |_| ()).unwrap();
    path
}

fn play(file: &Path) {
    let line = LineKey { group: LINE_A.0.parse().unwrap(), port: LINE_A.1 };
    let config = PlayConfig {
        file: file.to_owned(),
        routes: vec![Route { line: Some(line), interface: "twa".to_owned(), loss: 0.0 }],
        via: Via::Frames,
        speed: play::Speed::Rate(5_000.0),
        limit: None,
        rewrite_checksums: true,
        seed: 0,
    };
    let report = play::run(&config, &AtomicBool::new(false), &mut |_, _| ()).unwrap();
    assert_eq!((report.errors, report.lost), (0, 0), "{report:?}");
}
