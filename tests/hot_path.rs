//! Once a channel has begun, its path from the datagram to the rings makes no system call and meets no page fault. (That it allocates nothing
//! is in `path_alloc`; a lock that somebody else holds would be a system call.)
#![cfg(feature = "service")]

mod venue;

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use tickwire::book::BooksCapacity;
use tickwire::channel::Channel;
use tickwire::feed::name::FeedName;
use tickwire::generate::{GenerateConfig, Session};
use tickwire::record::{Schema, Sink};
use tickwire::shm::{ChannelSpec, PublicationSpec, Publisher, RingSpec};

/// A session of full datagrams, a channel with little room for orders, so that the young ones' slots move along, and its publication.
struct Began {
    datagrams: Vec<Vec<u8>>,
    channel: Channel,
    publisher: Publisher,
    // Behind the publisher, which removes its file from it.
    _room: tempfile::TempDir,
}

impl Began {
    fn new() -> Self {
        let mut session = Session::new(&GenerateConfig::whole_day(5, 60_000, 200, venue::MIDNIGHT_NS)).unwrap();
        let (mut datagrams, mut messages, mut next) = (Vec::new(), Vec::new(), 1);
        while let Some(message) = session.next_message() {
            messages.push(message.bytes.to_vec());
            if messages.len() == 35 {
                datagrams.push(venue::mold(b"SESSION001", next, &messages));
                next += messages.len() as u64;
                messages.clear();
            }
        }
        // Pages of a file on a disk are written back, and each is a fault again.
        let shm = Path::new("/dev/shm");
        let room = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let publisher = Publisher::create(&PublicationSpec {
            rings: [Schema::Mbo, Schema::Mbp1, Schema::Mbp10, Schema::Trades].map(|schema| RingSpec { schema, depth: 1 << 10 }).to_vec(),
            channels: vec![ChannelSpec { name: "nasdaq".into(), publisher_id: 2 }],
            instruments: 256,
            ..PublicationSpec::new(room.path(), "p")
        })
        .unwrap();
        let capacity = BooksCapacity { instruments: 1 << 10, orders: 1 << 13, levels: 1 << 17 };
        let channel = venue::channel_with(FeedName::NasdaqItch, capacity, 1);
        Self { datagrams, channel, publisher, _room: room }
    }

    fn run(&mut self, part: std::ops::Range<usize>) {
        for datagram in &self.datagrams[part] {
            self.channel.on_datagram(0, venue::RECV_NS, datagram, &mut self.publisher);
            self.publisher.commit();
        }
    }
}

/// One test at a time: what a process has written to is write-protected when it forks, and each page of it is a fault afterwards.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// Page faults of this thread so far.
fn faults() -> i64 {
    // SAFETY: `rusage` is integers; getrusage fills it in.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
        usage.ru_minflt + usage.ru_majflt
    }
}

#[test]
fn no_page_fault_after_the_first_datagrams() {
    let _turn = alone();
    let mut path = Began::new();
    let all = path.datagrams.len();
    // The code's own pages, and the stack's.
    path.run(0..all / 4);
    let before = faults();
    path.run(all / 4..all);
    assert_eq!(faults() - before, 0);
    assert!(path.publisher.records(Schema::Mbo) > 50_000 && path.channel.drops().iter().all(|(_, n)| n == 0), "{:?}", path.channel.drops());
    // And it would show.
    let before = faults();
    std::hint::black_box(vec![1_u8; 64 << 20]);
    assert!(faults() - before > 10);
}

/// Runs `work` in a child process that may read, write and end, and nothing else; whether it got to its end.
fn without_system_calls(work: impl FnOnce()) -> bool {
    // SAFETY: the child makes no call but prctl and exit; `work` must allocate nothing and take no lock, since another thread of the parent
    // may have held one. The parent waits for it.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "{}", std::io::Error::last_os_error());
        if child == 0 {
            if libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) != 0 {
                libc::syscall(libc::SYS_exit, 2);
            }
            work();
            libc::syscall(libc::SYS_exit, 0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        assert!(!libc::WIFEXITED(status) || libc::WEXITSTATUS(status) == 0, "seccomp is refused here");
        libc::WIFEXITED(status)
    }
}

#[test]
fn no_system_call_once_the_session_has_begun() {
    let _turn = alone();
    let mut path = Began::new();
    let all = path.datagrams.len();
    // A new session is a new file.
    path.run(0..1);
    assert!(without_system_calls(|| path.run(1..all)), "the path was killed for a system call");
    // And it would show.
    assert!(!without_system_calls(|| {
        path.run(1..all / 2);
        std::thread::yield_now();
    }));
}
