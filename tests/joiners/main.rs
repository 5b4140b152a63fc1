//! A generated day is published while readers join it at random moments, keep up or fall behind, and are compared with the
//! exchange's own truth at checkpoints. The writer runs in one thread, the readers by turns in two others: races and laps are real.
//!
//! `TICKWIRE_JOINERS_SEED=7 cargo test --test joiners` plays another day.
#![cfg(feature = "service")]

mod orders;
mod reader;
#[path = "../shm_support/mod.rs"]
mod shm_support;
mod stage;
mod tee;
mod writer;

use tickwire::generate::GenerateConfig;
use tickwire::record::{ChannelState, Mbo, Mbp1, Mbp10, Schema, Status, Trade};
use tickwire::shm::image::Kept;
use tickwire::shm::{BookState, ChannelSpec, From, ImageKeeper, ImageNews, Publication, PublicationSpec, Publisher, RingSpec};

use reader::{Life, Reader, best, join};
use shm_support::Room;
use stage::{Alarm, Checkpoint, Dice, Script, Stage};

const THREADS: usize = 2;
const JOINERS: u64 = 100;
const MIDNIGHT_NS: u64 = 1_717_387_200_000_000_000; // 2024-06-03 in New York
const OPEN_NS: u64 = MIDNIGHT_NS + 34_200_000_000_000;

/// How a reader reads.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// At every turn, until there is nothing more, or others must have a turn.
    Keen,
    /// So many steps a turn.
    Slow(u32),
    /// Not before that many messages more; then a hundred steps.
    Sleeper(u64),
}

/// When, where and how a reader comes.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// After that many messages; 0: before the first.
    at: u64,
    schema: Schema,
    from: From,
    pace: Pace,
    gated: bool,
    /// Order by order, from images; else record by record.
    orders: bool,
}

/// Those whose state the stage knows.
const FIRST_FIVE: [Schema; 5] = [Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades, Schema::Status];

fn plans(script: &Script, dice: &mut Dice) -> Vec<Plan> {
    let first = |schema, gated| Plan { at: 0, schema, from: From::Oldest, pace: Pace::Keen, gated, orders: false };
    // The gated one is never lapped: the writer waits for it. The others are as quick as they are.
    let mut plans = vec![first(Schema::Mbo, true)];
    plans.extend(FIRST_FIVE.map(|schema| first(schema, false)));
    let schemas = [Schema::Mbo, Schema::Mbp10, Schema::Mbp1, Schema::Mbo, Schema::Mbp10, Schema::Mbo, Schema::Mbp1, Schema::Mbo];
    for n in 0..JOINERS {
        let schema = if n % 25 == 24 { FIRST_FIVE[3 + n as usize / 25 % 2] } else { schemas[n as usize % schemas.len()] };
        plans.push(Plan {
            // The last must have joined before the last checkpoint.
            at: 1 + dice.below(script.messages() * 97 / 100),
            schema,
            from: [From::Board, From::Board, From::Now, From::Oldest][dice.below(4) as usize],
            pace: match dice.below(4) {
                0 => Pace::Slow(1 + dice.below(30) as u32),
                1 => Pace::Sleeper(2_000 + dice.below(6_000)),
                _ => Pace::Keen,
            },
            gated: false,
            // One in eight reads the records alone, and is told that it has levels only.
            orders: schema == Schema::Mbo && n % 8 != 7,
        });
    }
    plans
}

/// A reader from before it joined on.
struct Joiner {
    plan: Plan,
    name: String,
    reader: Option<Box<dyn Reader>>,
    wakes_at: u64,
}

impl Joiner {
    fn join(&mut self, room: &Room, stage: &Stage) {
        let publication = Publication::open(room.path(), "day").unwrap();
        let Plan { schema, from, gated, .. } = self.plan;
        let (name, written) = (self.name.clone(), || stage.written());
        if self.plan.orders {
            self.reader = Some(orders::join(name, &publication));
            return;
        }
        self.reader = Some(match schema {
            Schema::Mbo => join::<Mbo>(name, &publication, from, gated, written),
            Schema::Mbp1 => join::<Mbp1>(name, &publication, from, gated, written),
            Schema::Mbp10 => join::<Mbp10>(name, &publication, from, gated, written),
            Schema::Trades => join::<Trade>(name, &publication, from, gated, written),
            Schema::Status => join::<Status>(name, &publication, from, gated, written),
            other => panic!("no joiner of {}", other.name()),
        });
    }

    fn turn(&mut self, room: &Room, stage: &Stage) {
        let written = stage.written();
        if self.reader.is_none() && written >= self.plan.at {
            self.join(room, stage);
        }
        let Some(reader) = &mut self.reader else { return };
        let steps = match self.plan.pace {
            Pace::Keen => 1_000,
            Pace::Slow(steps) => steps,
            Pace::Sleeper(_) if written < self.wakes_at => 0,
            Pace::Sleeper(nap) => {
                self.wakes_at = written + nap;
                100
            }
        };
        for _ in 0..steps {
            if !reader.step() {
                break;
            }
        }
    }
}

/// One thread of readers: turns, checkpoints, the end.
fn read(script: &Script, stage: &Stage, room: &Room, mut joiners: Vec<Joiner>) -> Vec<Life> {
    let _alarm = Alarm(stage);
    let mut number = 0;
    while number < script.checkpoints.len() {
        stage.go_on();
        if let Some(checkpoint) = stage.checkpoint(number) {
            for reader in joiners.iter_mut().filter_map(|joiner| joiner.reader.as_mut()) {
                reader.compare(&checkpoint);
            }
            look_up(&checkpoint, room);
            number += 1;
            stage.pass();
        }
        for joiner in &mut joiners {
            joiner.turn(room, stage);
        }
    }
    joiners.iter_mut().filter_map(|joiner| joiner.reader.as_mut()).map(|reader| reader.finish()).collect()
}

/// What anybody can look up without reading a ring is the truth too.
fn look_up(checkpoint: &Checkpoint, room: &Room) {
    let publication = Publication::open(room.path(), "day").unwrap();
    assert_eq!(publication.epoch(), checkpoint.epoch);
    let (state, channel) = match checkpoint.gaps {
        0 => (BookState::Good, ChannelState::Good),
        _ => (BookState::MaybeBad, ChannelState::Stale),
    };
    assert_eq!(publication.channel_states()[0].state, channel);
    for truth in &checkpoint.books {
        let symbol = String::from_utf8_lossy(&truth.symbol);
        let Some(instrument) = publication.find(symbol.trim_end()) else {
            assert!(truth.bids.is_empty() && truth.asks.is_empty(), "{symbol} is not announced");
            continue;
        };
        assert_eq!(instrument.instrument_id, u32::from(truth.locate));
        let book = publication.book(symbol.trim_end()).unwrap();
        assert_eq!(book.levels, best(truth, 10), "{symbol} after {} messages", checkpoint.messages);
        assert_eq!((book.state, book.channel), (state, channel), "{symbol} after {} messages", checkpoint.messages);
    }
}

fn script(sessions: &[(u64, u16, &[u8; 10])], lost_at: &[u64], dice: &mut Dice) -> Script {
    let seed = dice.0;
    let mut configs = Vec::new();
    for &(messages, symbols, session) in sessions {
        // An hour apart: long enough for the channel to be silent in between.
        let (number, start_ns) = (configs.len() as u64, OPEN_NS + configs.len() as u64 * 3_600_000_000_000);
        let config = GenerateConfig::steady(seed + number, messages, symbols, MIDNIGHT_NS, start_ns, 2_000);
        configs.push(GenerateConfig { session: *session, ..config });
    }
    let mut script = Script { seed, sessions: configs, checkpoints: Vec::new(), lost: lost_at.to_vec() };
    let total = script.messages();
    // Anywhere, but one in each tenth, and not while a gap is being given up.
    for tenth in 0..9 {
        let at = total / 10 * tenth + dice.below(total / 10);
        script
            .checkpoints
            .push(at.max(100) + if lost_at.iter().any(|lost| (lost.saturating_sub(50)..lost + 300).contains(&at)) { 500 } else { 0 });
    }
    script.checkpoints.push(total);
    script
}

fn seed() -> u64 {
    let seed = std::env::var("TICKWIRE_JOINERS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_240_603);
    println!("again with TICKWIRE_JOINERS_SEED={seed}");
    seed
}

fn play(script: &Script, dice: &mut Dice) -> Vec<Life> {
    let room = Room::new();
    // Shallow, so that whoever is late is lapped.
    let rings = [(Schema::Mbo, 8_192), (Schema::Mbp1, 1_024), (Schema::Mbp10, 1_024), (Schema::Trades, 64), (Schema::Status, 64)];
    let spec = PublicationSpec {
        rings: rings.map(|(schema, depth)| RingSpec { schema, depth }).to_vec(),
        channels: vec![ChannelSpec { name: "generated".into(), publisher_id: 2 }],
        instruments: 256,
        gates: 2,
        ..PublicationSpec::new(room.path(), "day")
    };
    let publisher = Publisher::create(&spec).unwrap();
    let stage = Stage::default();
    let mut parts: [Vec<Joiner>; THREADS] = Default::default();
    for (n, plan) in plans(script, dice).into_iter().enumerate() {
        let name = format!("reader {n} from message {}, {:?}", plan.at, plan.pace);
        let mut joiner = Joiner { plan, name, reader: None, wakes_at: 0 };
        if plan.at == 0 {
            joiner.join(&room, &stage);
        }
        parts[n % THREADS].push(joiner);
    }
    let images = ImageNews::default();
    // Gated, as a replay's: how often there is an image is the test's choice, not the machine's.
    let keeper = ImageKeeper::start(&Publication::open(room.path(), "day").unwrap(), true, images.clone()).unwrap();
    let (stage, room) = (&stage, &room);
    std::thread::scope(|scope| {
        scope.spawn(|| keep_images(keeper, stage));
        let readers = parts.map(|joiners| scope.spawn(move || read(script, stage, room, joiners)));
        {
            let _alarm = Alarm(stage);
            writer::write(script, stage, publisher, images, THREADS);
        }
        readers.into_iter().flat_map(|thread| thread.join().expect("a reader failed, see there")).collect()
    })
}

/// Writes an image every few thousand records, and wherever the writer stands still.
fn keep_images(mut keeper: ImageKeeper, stage: &Stage) {
    let _alarm = Alarm(stage);
    let (mut written, mut idle) = (0, 0);
    loop {
        let kept = keeper.read(1_000).unwrap();
        idle = if kept == Kept::Idle { idle + 1 } else { 0 };
        // Of a ring of 8,192: now and then the newest image is too old, and its readers must wait for the next. Where the writer stands
        // still for a checkpoint they all want one.
        if keeper.is_due() && (keeper.is_first() || idle > 20 || keeper.records() - written >= 12_000) {
            written = keeper.records();
            keeper.write(1).unwrap();
        }
        match kept {
            Kept::More => {}
            Kept::Idle => std::thread::sleep(std::time::Duration::from_micros(500)),
            Kept::End => return,
            other => panic!("the gated writer of images: {other:?}"),
        }
        stage.go_on();
    }
}

/// One line for whoever looks with --nocapture, and what every play must have shown.
fn check(lives: &[Life]) {
    let sum = |what: fn(&Life) -> u64| lives.iter().map(what).sum::<u64>();
    let lapped = lives.iter().filter(|life| life.laps > 0).count();
    println!(
        "{} readers, {lapped} of them lapped {} times; {} records, {} from boards; levels only {} times; {} comparisons whole, {} in part",
        lives.len(),
        sum(|life| life.laps),
        sum(|life| life.records),
        sum(|life| life.board),
        sum(|life| life.levels_only),
        sum(|life| life.whole_at),
        sum(|life| life.part_at),
    );
    assert!(lives.len() as u64 > JOINERS);
    // Those of orders know all of them at every checkpoint, however often they were lapped.
    let of_orders: Vec<_> = lives.iter().filter(|life| life.name.ends_with(": orders")).collect();
    let sum_of = |what: fn(&Life) -> u64| of_orders.iter().map(|life| what(life)).sum::<u64>();
    println!(
        "of orders: {} readers, rejoined by images {} times, had to wait for one {} times; {} comparisons of every order",
        of_orders.len(),
        sum_of(|life| life.rejoined),
        sum_of(|life| life.waited),
        sum_of(|life| life.whole_at)
    );
    assert!(of_orders.len() > 30 && sum_of(|life| life.rejoined) > 20 && sum_of(|life| life.whole_at) > 100);
    // Sleepers sleep by messages, not by the clock: no machine is so fast that they are not lapped, nor so slow that the gated one is.
    assert!(lives.iter().filter(|life| life.laps >= 5).count() > 10, "hardly anybody was lapped: {lives:?}");
    assert!(sum(|life| life.levels_only) > 10);
    assert!(sum(|life| life.whole_at) > 300 && sum(|life| life.part_at) > 0);
    // The gated reader knows every order at every checkpoint.
    assert_eq!((lives[0].laps, lives[0].whole_at), (0, 10), "{:?}", lives[0]);
}

#[test]
fn readers_that_join_at_any_moment_or_are_lapped_know_the_exchanges_books() {
    let mut dice = Dice(seed());
    let script = script(&[(100_000, 200, b"TICKWIRE01")], &[], &mut dice);
    let lives = play(&script, &mut dice);
    check(&lives);
}

#[test]
fn after_a_loss_on_both_lines_every_reader_knows_that_books_may_be_wrong() {
    let mut dice = Dice(seed() + 1);
    let lost_at = [30_000, 60_000];
    let script = script(&[(80_000, 200, b"TICKWIRE01")], &lost_at, &mut dice);
    let lives = play(&script, &mut dice);
    check(&lives);
    assert!(lives.iter().any(|life| life.gaps_closed == 2), "nobody saw both gaps");
    assert!(lives.iter().any(|life| life.laps > 0 && life.gaps_closed < 2), "nobody was lapped over a gap");
}

#[test]
fn a_new_session_is_a_new_epoch_for_every_reader_and_what_was_lost_in_the_old_one_is_no_concern_of_it() {
    let mut dice = Dice(seed() + 2);
    let script = script(&[(40_000, 150, b"TICKWIRE01"), (60_000, 220, b"TICKWIRE02")], &[25_000], &mut dice);
    let lives = play(&script, &mut dice);
    check(&lives);
    assert!(lives.iter().filter(|life| life.epochs == 1).count() > 20, "hardly anybody saw the new epoch");
}
