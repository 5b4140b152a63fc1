//! Who works beside the handler: the sender, and the watcher on a core of its own or in what time the sender has left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as Told, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Wire;
use crate::bench::schedule::Schedule;
use crate::bench::sender::{Sender, SenderConfig, Sent, Via, transport};
use crate::bench::watcher::{Watched, Watcher, WatcherConfig};
use crate::bench::workload::Workload;
use crate::error::{Error, Exit};
use crate::shm::Publication;
use crate::sys::{affinity, signals};
use crate::time::Clock;

/// What the sender needs.
pub(super) struct SenderPart {
    pub core: usize,
    /// It shares its core with the lane: it must not spin.
    pub leaves_core: bool,
    pub workload: Arc<Workload>,
    pub schedule: Arc<Schedule>,
    pub interface: String,
    pub ways: Vec<Via>,
    pub clock: Clock,
    pub config: SenderConfig,
}

/// What the watcher needs.
pub(super) struct WatcherPart {
    /// `None`: the sender's.
    pub core: Option<usize>,
    pub publication: Publication,
    pub clock: Clock,
    pub config: WatcherConfig,
}

/// What they have done.
pub(super) struct Results {
    /// When the first datagram was due.
    pub start_ns: u64,
    pub sent: Sent,
    pub watched: Watched,
    /// How it was sent.
    pub modes: Vec<String>,
    /// What people should know.
    pub remarks: Vec<String>,
}

/// What all threads look at.
#[derive(Default)]
struct Flags {
    /// The sender is to end.
    stop: AtomicBool,
    /// Nothing is published any more: the watcher is to end.
    over: AtomicBool,
    /// Datagrams that are done with.
    gone: AtomicU64,
}

/// The threads at work. Dropped, they end.
pub(super) struct Crew {
    flags: Arc<Flags>,
    /// When the first datagram is due; kept until it is said.
    starts: Vec<Told<u64>>,
    start_ns: u64,
    sent_by: Receiver<Result<Sent, Error>>,
    sent: Option<Sent>,
    modes: Vec<String>,
    remarks: Vec<String>,
    sender: Option<JoinHandle<Option<Result<Watched, Error>>>>,
    watcher: Option<JoinHandle<Result<Watched, Error>>>,
}

/// What a thread says when it is ready: how it works, and remarks.
type Ready = Result<(Vec<String>, Vec<String>), Error>;

impl Crew {
    /// Starts both and waits until they are ready.
    ///
    /// Errors: no way of sending works, the publication cannot be read, a core is refused.
    pub fn start(wire: &Wire, sender: SenderPart, watcher: WatcherPart) -> Result<Self, Error> {
        let flags = Arc::new(Flags::default());
        let (tell_sent, sent_by) = channel();
        let (ready, is_ready) = channel::<Ready>();
        let mut crew = Self {
            flags: flags.clone(),
            starts: Vec::new(),
            start_ns: 0,
            sent_by,
            sent: None,
            modes: Vec::new(),
            remarks: Vec::new(),
            sender: None,
            watcher: None,
        };
        let mut beside = None;
        if watcher.core.is_some() {
            let (start, started) = channel();
            crew.starts.push(start);
            let (ready, flags) = (ready.clone(), flags.clone());
            crew.watcher = Some(thread("watcher", move || watcher.run(&flags, &ready, &started))?);
        } else {
            beside = Some(watcher);
        }
        let (start, started) = channel();
        crew.starts.push(start);
        let threads = crew.starts.len();
        // Its sockets belong to the namespace of the thread that opens them.
        let spawn = move || thread("sender", move || sender.run(beside, &flags, &ready, &started, &tell_sent));
        crew.sender = Some(wire.on_sender(spawn)?);
        for _ in 0..threads {
            let Ok(came_up) = is_ready.recv() else { return Err(broken("a thread of the benchmark")) };
            let (modes, remarks) = came_up?;
            crew.modes.extend(modes);
            crew.remarks.extend(remarks);
        }
        Ok(crew)
    }

    /// Says when the first datagram is due.
    pub fn begin(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
        for start in self.starts.drain(..) {
            // One that is gone is found out when it is asked for its results.
            let _ = start.send(start_ns);
        }
    }

    /// Waits so long at most; whether the sender is done.
    ///
    /// Errors: its own, or the watcher's.
    pub fn has_sent(&mut self, within: Duration) -> Result<bool, Error> {
        match self.sent_by.recv_timeout(within) {
            Ok(sent) => {
                self.sent = Some(sent?);
                Ok(true)
            }
            // The watcher ends only when it is told to, or by an error, which it then has.
            Err(RecvTimeoutError::Timeout) if self.watcher.as_ref().is_some_and(JoinHandle::is_finished) => {
                self.join_watcher().and(Err(broken("the consumer")))
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(broken("the sender")),
        }
    }

    /// Tells the sender to end.
    pub fn stop(&self) {
        self.flags.stop.store(true, Ordering::Relaxed);
    }

    /// Datagrams that are done with, so far.
    pub fn gone(&self) -> u64 {
        self.flags.gone.load(Ordering::Relaxed)
    }

    /// Datagrams that were sent, once they all are.
    pub fn sent(&self) -> u64 {
        self.sent.as_ref().map_or(0, |sent| sent.sent)
    }

    /// Ends both, and takes what they have.
    pub fn finish(mut self) -> Result<Results, Error> {
        self.end();
        let beside = self.sender.take().map(JoinHandle::join);
        let watched = match beside {
            Some(Err(_)) => return Err(broken("the sender")),
            Some(Ok(Some(watched))) => watched?,
            _ => self.join_watcher()?,
        };
        let sent = self.sent.take().ok_or_else(|| broken("the sender"))?;
        let (modes, remarks) = (std::mem::take(&mut self.modes), std::mem::take(&mut self.remarks));
        Ok(Results { start_ns: self.start_ns, sent, watched, modes, remarks })
    }

    fn join_watcher(&mut self) -> Result<Watched, Error> {
        self.watcher
            .take()
            .map_or_else(|| Err(broken("the consumer")), |watcher| watcher.join().unwrap_or_else(|_| Err(broken("the consumer"))))
    }

    fn end(&mut self) {
        self.starts.clear();
        self.flags.stop.store(true, Ordering::Relaxed);
        self.flags.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.end();
        let _ = self.sender.take().map(JoinHandle::join);
        let _ = self.watcher.take().map(JoinHandle::join);
    }
}

impl SenderPart {
    /// The sender's life; with `beside` the watcher's, too, in what time is left.
    fn run(
        self,
        beside: Option<WatcherPart>,
        flags: &Flags,
        ready: &Told<Ready>,
        started: &Receiver<u64>,
        tell_sent: &Told<Result<Sent, Error>>,
    ) -> Option<Result<Watched, Error>> {
        let prepared = pin(self.core, "sender").and_then(|()| {
            let watcher = beside.map(|part| part.open()).transpose()?;
            let opened = transport::open(&self.workload, &self.interface, &self.ways, transport::SOURCE)?;
            Ok((watcher, opened))
        });
        let (mut watcher, opened) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let _ = ready.send(Err(error));
                return None;
            }
        };
        let mut sender = Sender::new(&self.schedule, self.workload.packets.len(), opened.transport, self.config);
        let _ = ready.send(Ok((vec![format!("sent by {}", sender.describe())], opened.remarks)));
        // Nobody says it: something else went wrong.
        let start_ns = started.recv().ok()?;
        if let Some(watcher) = &mut watcher {
            watcher.start_at(start_ns);
        }
        let mut failed = None;
        let mut watch = |watcher: &mut Option<Watcher>| match watcher.as_mut().map(Watcher::turn) {
            None => false,
            Some(Ok(came)) => came,
            Some(Err(error)) => {
                (*watcher, failed) = (None, Some(error));
                false
            }
        };
        let stop = || flags.stop.load(Ordering::Relaxed);
        let is_watching = watcher.is_some();
        // Who watches never sleeps, unless the lane waits for the core.
        let mut idle = |_left_ns| {
            let came = watch(&mut watcher);
            if self.leaves_core && !came {
                std::thread::yield_now();
            }
            came || (is_watching && !self.leaves_core)
        };
        let sent = sender.run(&self.clock, start_ns, &stop, &flags.gone, &mut idle);
        let _ = tell_sent.send(sent);
        if !is_watching {
            return None;
        }
        while !flags.over.load(Ordering::Relaxed) && watcher.is_some() {
            if !watch(&mut watcher) && self.leaves_core {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        match (watcher, failed) {
            (Some(watcher), _) => Some(watcher.finish()),
            (None, error) => Some(Err(error.unwrap_or_else(|| broken("the consumer")))),
        }
    }
}

impl WatcherPart {
    fn open(self) -> Result<Watcher, Error> {
        Watcher::open(&self.publication, self.clock, self.config)
    }

    /// The watcher's life on a core of its own.
    fn run(self, flags: &Flags, ready: &Told<Ready>, started: &Receiver<u64>) -> Result<Watched, Error> {
        let opened = self.core.map_or(Ok(()), |core| pin(core, "consumer")).and_then(|()| self.open());
        let mut watcher = match opened {
            Ok(watcher) => watcher,
            Err(error) => {
                let _ = ready.send(Err(error));
                return Err(broken("the consumer"));
            }
        };
        let _ = ready.send(Ok((Vec::new(), Vec::new())));
        let Ok(start_ns) = started.recv() else { return Err(broken("the consumer")) };
        watcher.start_at(start_ns);
        while !flags.over.load(Ordering::Relaxed) {
            if !watcher.turn()? {
                std::hint::spin_loop();
            }
        }
        watcher.finish()
    }
}

fn thread<T: Send + 'static>(name: &str, life: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Error> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(life);
    spawned.map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise LimitNPROC or free memory"))
}

fn pin(core: usize, who: &str) -> Result<(), Error> {
    signals::keep_away_from_this_thread();
    affinity::pin_to(core).map_err(|error| {
        let cure = "name a core that this process may use";
        Error::new(Exit::Host, format!("the {who} cannot be pinned to core {core}"), error, cure)
    })
}

fn broken(what: &str) -> Error {
    Error::new(Exit::Failed, what, "it ended without a result", "please report it with what was printed above")
}
