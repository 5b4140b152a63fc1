//! A network namespace without a name: a thread lives in it, and what that thread starts lives there too.
//!
//! Nothing has to be cleaned up. The namespace, its interfaces and its mounts go when the thread, its children's processes and
//! whoever else was started in it are gone; kill -9 is as good as any other end.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::packet::{LinkState, link_state};
use super::veth;

/// How long a pair of interfaces is waited for that was brought up: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// The namespace, and the thread that holds it.
pub struct Namespace {
    /// `None` only while it is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The network namespace itself, for whoever makes interfaces in it.
    net: OwnedFd,
}

impl Namespace {
    /// A new one, with `lo` up, and with a /sys that shows its interfaces where that may be mounted. Needs CAP_SYS_ADMIN.
    pub fn new() -> io::Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let (tell, came_up) = channel();
        let life = move || {
            let entered = enter();
            let failed = entered.is_err();
            if tell.send(entered).is_err() || failed {
                return;
            }
            inbox.into_iter().for_each(|job| job());
        };
        let thread = std::thread::Builder::new().name("netns".into()).spawn(life)?;
        let net = came_up.recv().map_err(io::Error::other)??;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), net })
    }

    /// Runs something in it and waits for it. Threads and processes that it starts live in the namespace; processes that are to end
    /// with their parent end with the namespace's thread.
    ///
    /// # Panics
    /// With what `work` panics with.
    pub fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (tell, done) = channel();
        let job = move || {
            // The caller may be gone only if it panicked.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(work)));
        };
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(Box::new(job)).is_ok());
        assert!(sent, "the namespace's thread ends last");
        match done.recv().expect("the namespace's thread does every job") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Joins two namespaces by a pair of virtual interfaces, `mine` here and `theirs` there, and brings both up. They are silent
    /// (no IPv6) and receive from any source address.
    pub fn join(&self, mine: &str, other: &Self, theirs: &str) -> io::Result<()> {
        let (name, peer) = (mine.to_owned(), theirs.to_owned());
        let net = other.net.try_clone()?;
        self.run(move || veth::make_pair(&name, &peer, net.as_fd()))?;
        for (namespace, name) in [(self, mine), (other, theirs)] {
            let name = name.to_owned();
            namespace.run(move || bring_up(&name))?;
        }
        let until = Instant::now() + PATIENCE;
        for (namespace, name) in [(self, mine), (other, theirs)] {
            let asked = name.to_owned();
            namespace.run(move || {
                while !sends(&asked)? {
                    if Instant::now() > until {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{asked} has no carrier")));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                // The kernel says so a moment before its queue is there, and answers this, which changes nothing, after.
                veth::bring_up(&asked)
            })?;
        }
        Ok(())
    }

    /// Gives one of its interfaces an IPv4 address: what is sent by a socket from an interface without one comes from 0.0.0.0, and no kernel
    /// gives that to a socket.
    pub fn give_address(&self, name: &str, address: Ipv4Addr) -> io::Result<()> {
        let name = name.to_owned();
        self.run(move || veth::give_address(&name, address))
    }

    /// The network namespace, as setns(2) and netlink take it.
    pub fn net(&self) -> BorrowedFd<'_> {
        self.net.as_fd()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A job's panic has been given to who sent it.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").field("net", &self.net).finish_non_exhaustive()
    }
}

/// Takes this thread into new namespaces of its own; the network namespace.
fn enter() -> io::Result<OwnedFd> {
    // SAFETY: takes a number; changes this thread only.
    if unsafe { libc::unshare(libc::CLONE_NEWNET | libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    show_own_interfaces();
    veth::bring_up("lo")?;
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Mounts a /sys of this namespace, for whoever looks there: hwloc, people. Refused, /sys shows the host's.
fn show_own_interfaces() {
    let null = std::ptr::null();
    // SAFETY: static strings that end in NUL; the mounts are of this thread's own mount namespace, and private from the first call
    // on, so that nobody else sees the second.
    unsafe {
        if libc::mount(null, c"/".as_ptr(), null, libc::MS_REC | libc::MS_PRIVATE, null.cast()) == 0 {
            libc::mount(c"sysfs".as_ptr(), c"/sys".as_ptr(), c"sysfs".as_ptr(), 0, null.cast());
        }
    }
}

/// Whether an interface that was brought up sends. One whose other end came up later counts as running at once (its state is unknown, which
/// is good enough for the flag), but throws away all it is given, in silence, until the kernel's worker has looked at it.
fn sends(name: &str) -> io::Result<bool> {
    match std::fs::read_to_string(format!("/sys/class/net/{name}/operstate")) {
        Ok(state) => Ok(state.trim() == "up"),
        // A /sys of another namespace.
        Err(_) => Ok(link_state(name)? == LinkState::Running),
    }
}

fn bring_up(name: &str) -> io::Result<()> {
    // Else the kernel's own neighbour discovery is sent between the datagrams. It may have no IPv6 at all.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1");
    for scope in [name, "all"] {
        let switch = format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter");
        // Where it cannot be written it may be off already.
        if std::fs::read_to_string(&switch)?.trim() != "0" {
            std::fs::write(&switch, "0").map_err(|error| io::Error::new(error.kind(), format!("{switch}: {error}")))?;
        }
    }
    veth::bring_up(name)
}
