//! Order-level joining: how long a late consumer takes, and what the writer of images costs the lane.
//!
//! ```sh
//! cargo bench --bench orders               # 8,000 instruments, 1.3 M orders
//! ```
//! The lane is paced open-loop: a datagram is due every 200 µs whatever the one before it took, and its latency counts from when it was due to
//! the end of its publishing. Runs with and without the writer of images (an image a second, from another core) take turns. Under
//! `cargo test` everything runs once, tiny, and only what must be equal is checked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tickwire::book::BooksCapacity;
use tickwire::channel::{Channel, ChannelConfig};
use tickwire::feed::arbiter::ArbiterConfig;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::journal::Journal;
use tickwire::record::{Schema, Sink};
use tickwire::shm::image::Kept;
use tickwire::shm::{ChannelSpec, ImageKeeper, ImageNews, OrderItem, Publication, PublicationSpec, Publisher, RingSpec};
use tickwire::sys::affinity;

/// Messages in a datagram, and the time between two: 175,000 messages a second.
const PER_DATAGRAM: usize = 35;
const PACE: Duration = Duration::from_micros(200);
const IMAGE_EVERY: Duration = Duration::from_secs(1);

struct Size {
    symbols: u16,
    orders: u64,
    /// Messages until so many rest.
    build: u64,
    paced: Duration,
    rounds: usize,
}

const WHOLE: Size = Size { symbols: 8_000, orders: 1_300_000, build: 4_000_000, paced: Duration::from_secs(6), rounds: 3 };
const TINY: Size = Size { symbols: 50, orders: 2_000, build: 20_000, paced: Duration::from_millis(20), rounds: 1 };

fn main() {
    let size = if std::env::args().any(|arg| arg == "--bench") { WHOLE } else { TINY };
    let paced_datagrams = (size.paced.as_nanos() / PACE.as_nanos()) as u64 + 1;
    let datagrams = datagrams(&size, size.build + paced_datagrams * PER_DATAGRAM as u64);
    let build = datagrams.len() - paced_datagrams as usize;
    let (before, after) = datagrams.split_at(build);

    let mut venue = Venue::open();
    let mut keeper = venue.keeper();
    let began = Instant::now();
    for datagram in before {
        venue.take(datagram);
        while keeper.read(1 << 20).expect("the ring is read") == Kept::More {}
    }
    let (records, live) = (keeper.records(), venue.channel.composer().books().live_orders());
    println!("{} symbols, {live} orders, {records} mbo records: published and followed in {:?}", size.symbols, began.elapsed());
    let began = Instant::now();
    let head = keeper.write(1).expect("an image");
    println!("image written in {:?}, {} MiB", began.elapsed(), ((head.orders + head.instruments) * 56) >> 20);
    assert_eq!(head.orders, live);
    // What came since: the ring behind the image is read as well, as much as an interval has of it.
    let since = after.len() / 6;
    after.iter().take(since).for_each(|datagram| venue.take(datagram));
    for _ in 0..3 {
        join(&venue);
    }
    drop(keeper);
    drop(venue);

    println!("lane, from due to published:      p50        p99      p99.9        max");
    let mut with_and_without = [[0, 0], [0, 0]];
    for _ in 0..size.rounds {
        for (images, best) in [false, true].into_iter().zip(&mut with_and_without) {
            let latency = paced(before, after, images);
            let [p50, p99, p99_9] = [0.5, 0.99, 0.999].map(|quantile| latency.value_at_quantile(quantile));
            let name = if images { "with images" } else { "without" };
            println!("{name:<26} {p50:>7} ns {p99:>7} ns {p99_9:>7} ns {:>7} ns", latency.max());
            best[0] += p50;
            best[1] += p99;
        }
    }
    let [without, with] = with_and_without;
    let hundredths = |at: usize| with[at] * 100 / without[at].max(1);
    let [p50, p99] = [hundredths(0), hundredths(1)];
    println!("ratio with to without, mean of the rounds: p50 {}.{:02}, p99 {}.{:02}", p50 / 100, p50 % 100, p99 / 100, p99 % 100);
}

/// From the name of the publication to every order there is.
fn join(venue: &Venue) {
    let target = venue.publisher.next_position(Schema::Mbo) - 1;
    let began = Instant::now();
    let publication = Publication::open(&venue.dir, "bench").expect("a publication");
    let opened = began.elapsed();
    let mut stream = publication.orders().expect("an image");
    let loaded = began.elapsed();
    let from = stream.position();
    while stream.position() < target {
        assert!(!matches!(stream.next().expect("the ring is read"), OrderItem::Rejoined { .. } | OrderItem::Waiting | OrderItem::End));
    }
    let current = began.elapsed();
    assert_eq!(stream.books().live_orders(), venue.channel.composer().books().live_orders());
    assert_eq!(stream.books().contradictions().total(), 0);
    println!("late consumer current after {current:?}: opened {opened:?}, image loaded {loaded:?}, then {} records", target - from);
}

fn paced(before: &[Vec<u8>], after: &[Vec<u8>], images: bool) -> Histogram<u64> {
    let mut venue = Venue::open();
    let cores = affinity::allowed_cores();
    let stop = AtomicBool::new(false);
    let up = AtomicBool::new(!images);
    let mut keeper = images.then(|| venue.keeper());
    for datagram in before {
        venue.take(datagram);
        if let Some(keeper) = &mut keeper {
            while keeper.read(1 << 20).expect("the ring is read") == Kept::More {}
        }
    }
    let mut latency = Histogram::<u64>::new(3).expect("a histogram");
    std::thread::scope(|scope| {
        if let Some(mut keeper) = keeper.take() {
            let (stop, up, core) = (&stop, &up, cores.last().copied());
            scope.spawn(move || {
                core.map(affinity::pin_to);
                let mut written = Instant::now();
                // The first of them right away.
                let mut due = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    up.store(true, Ordering::Relaxed);
                    if keeper.read(1 << 14).expect("the ring is read") != Kept::More {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    if written.elapsed() >= due && keeper.is_due() {
                        (written, due) = (Instant::now(), IMAGE_EVERY);
                        keeper.write(1).expect("an image");
                    }
                }
            });
        }
        // A thread of its own, so that what it is pinned to ends with it.
        let lane = scope.spawn(|| {
            cores.first().copied().map(affinity::pin_to);
            while !up.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            let start = Instant::now() + Duration::from_millis(1);
            for (datagram, number) in after.iter().zip(0..) {
                let due = start + PACE * number;
                while Instant::now() < due {
                    std::hint::spin_loop();
                }
                venue.take(datagram);
                let _ = latency.record(due.elapsed().as_nanos() as u64);
            }
            stop.store(true, Ordering::Relaxed);
        });
        lane.join().expect("the lane");
    });
    latency
}

/// A lane's pipeline into a publication.
struct Venue {
    channel: Channel,
    publisher: Publisher,
    dir: PathBuf,
    now_ns: u64,
    images: ImageNews,
    told: u64,
}

impl Venue {
    fn open() -> Self {
        // A disk behind the mapping would be measured too.
        let shm = std::path::Path::new("/dev/shm");
        let dir = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let dir = dir.join(format!("tickwire-bench-orders-{}", std::process::id()));
        let mut spec = PublicationSpec::new(&dir, "bench");
        spec.rings = [Schema::Mbo, Schema::Mbp1].map(|schema| RingSpec { schema, depth: 1 << 20 }).to_vec();
        spec.channels = vec![ChannelSpec { name: "bench".into(), publisher_id: 2 }];
        spec.instruments = 1 << 14;
        let config = ChannelConfig {
            feed: FeedName::NasdaqItch,
            index: 0,
            arbiter: ArbiterConfig::default(),
            capacity: BooksCapacity { instruments: 1 << 16, orders: 2_000_000, levels: 2_000_000 },
            midnight_ns: Some(0),
            bad_ts_recv: false,
        };
        let publisher = Publisher::create(&spec).expect("a publication in the temporary directory");
        let channel = Channel::new(&config, Journal::new(1));
        Self { channel, publisher, dir, now_ns: 1, images: ImageNews::default(), told: 0 }
    }

    fn keeper(&self) -> ImageKeeper {
        let publication = Publication::open(&self.dir, "bench").expect("a publication");
        ImageKeeper::start(&publication, false, self.images.clone()).expect("its beginning")
    }

    fn take(&mut self, datagram: &[u8]) {
        self.now_ns += 1_000;
        self.channel.on_datagram(0, self.now_ns, datagram, &mut self.publisher);
        if let Some(position) = self.images.take(&mut self.told, self.publisher.epoch()) {
            self.publisher.control(&ImageNews::control(position, self.now_ns));
        }
        self.publisher.commit();
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn datagrams(size: &Size, messages: u64) -> Vec<Vec<u8>> {
    // The last part of a day is thin: made longer by a tenth, it is not reached.
    let mut config = GenerateConfig::whole_day(1, messages * 11 / 10, size.symbols, 0);
    config.live_orders = Some(size.orders);
    let mut session = Session::new(&config).expect("a valid configuration");
    let mut datagrams = Vec::new();
    let mut sequence = 1_u64;
    while (datagrams.len() * PER_DATAGRAM) < messages as usize {
        let mut datagram = b"BENCH     ".to_vec();
        datagram.extend(sequence.to_be_bytes());
        datagram.extend((PER_DATAGRAM as u16).to_be_bytes());
        for _ in 0..PER_DATAGRAM {
            let message = session.next_message().expect("the day is longer");
            datagram.extend((message.bytes.len() as u16).to_be_bytes());
            datagram.extend(message.bytes);
        }
        sequence += PER_DATAGRAM as u64;
        datagrams.push(datagram);
    }
    datagrams
}
