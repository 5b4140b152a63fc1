//! A `tickwire run` process, its configuration, and what it says: to its log, to systemd, and by its exit code.

use std::fmt::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tickwire::shm::Publication;

/// Longest wait for anything that a loaded machine may delay.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that vanishes with the test: configuration, log, notify socket, and the publications in `pub/`.
pub struct Room(TempDir);

impl Room {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("tickwire-live-").tempdir_in("/dev/shm");
        Self(dir.or_else(|_| tempfile::tempdir()).unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn publications(&self) -> PathBuf {
        self.path().join("pub")
    }

    /// What lies where publications are made.
    pub fn published_files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.publications()) else { return vec![] };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// How a lane receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    XdpNative,
    XdpGeneric,
    IoUring,
    Recvmmsg,
}

impl By {
    pub const ALL: [Self; 4] = [Self::XdpNative, Self::XdpGeneric, Self::IoUring, Self::Recvmmsg];

    pub fn is_xdp(self) -> bool {
        matches!(self, Self::XdpNative | Self::XdpGeneric)
    }
}

/// One lane with one channel into one publication, all of one name.
#[derive(Clone)]
pub struct Lane<'a> {
    pub name: &'a str,
    pub feed: &'a str,
    pub core: u32,
    pub idle_sleep_us: u32,
    pub by: By,
    /// (interface, group, port)
    pub lines: Vec<(&'a str, &'a str, u16)>,
    /// Lines for the tables `[lane.xdp]` or `[lane.udp]`, and `[[channel]]`.
    pub source: &'a str,
    pub channel: &'a str,
}

impl Lane<'_> {
    fn toml(&self) -> String {
        let Self { name, feed, core, idle_sleep_us, by, lines, source, channel } = self;
        let mut text = format!(
            "[[lane]]\nname = \"{name}\"\ncore = {core}\nidle_sleep_us = {idle_sleep_us}\nsource = \"{}\"\n",
            if by.is_xdp() { "xdp" } else { "udp" }
        );
        if by.is_xdp() {
            let mut interfaces: Vec<_> = lines.iter().map(|line| line.0).collect();
            interfaces.dedup();
            for interface in interfaces {
                writeln!(text, "[[lane.interface]]\nname = \"{interface}\"").unwrap();
            }
        }
        let how = match by {
            By::XdpNative => "[lane.xdp]\nmode = \"native\"",
            By::XdpGeneric => "[lane.xdp]\nmode = \"generic\"",
            By::IoUring => "[lane.udp]\nengine = \"io_uring\"",
            By::Recvmmsg => "[lane.udp]\nengine = \"recvmmsg\"",
        };
        writeln!(text, "{how}\n{source}\n[[publication]]\nname = \"{name}\"\ninstruments = 16384").unwrap();
        let schemas: &[&str] = match *feed {
            "iex-tops" => &["mbp-1", "trades", "status"],
            "iex-deep" => &["mbp-1", "mbp-10", "trades", "status"],
            _ => &["mbo", "mbp-1", "mbp-10", "trades", "status"],
        };
        for schema in schemas {
            writeln!(text, "[[publication.ring]]\nschema = \"{schema}\"\ndepth = {}", super::streams::DEPTH).unwrap();
        }
        writeln!(text, "[[channel]]\nname = \"{name}\"\nfeed = \"{feed}\"\nlane = \"{name}\"\npublication = \"{name}\"").unwrap();
        writeln!(text, "orders = 200000\nlevels = 200000\n{channel}").unwrap();
        for (at, (interface, group, port)) in lines.iter().enumerate() {
            let letter = (b'A' + at as u8) as char;
            writeln!(text, "[[channel.line]]\nname = \"{letter}\"\ninterface = \"{interface}\"\ngroup = \"{group}\"\nport = {port}")
                .unwrap();
        }
        text
    }
}

/// Writes the configuration of these lanes; where it is.
pub fn configure(room: &Room, lanes: &[Lane<'_>]) -> PathBuf {
    let mut text = format!("[service]\npublication_dir = \"{}\"\n", room.publications().display());
    lanes.iter().for_each(|lane| text += &lane.toml());
    let path = room.path().join(format!("{}.toml", lanes[0].name));
    std::fs::write(&path, text).unwrap();
    path
}

pub fn tickwire() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tickwire"))
}

/// A running `tickwire run`. Killed when dropped.
pub struct Service {
    child: Child,
    log: PathBuf,
    notified: Receiver<String>,
    /// What systemd was told, a line each.
    pub told: Vec<String>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub after: Duration,
    pub log: String,
}

impl Service {
    /// Starts it in this thread's network namespace.
    pub fn spawn(room: &Room, lanes: &[Lane<'_>]) -> Self {
        Self::spawn_as(tickwire(), room, lanes, &[])
    }

    /// The same by another command, which ends in `tickwire`, and with these variables.
    pub fn spawn_as(command: Command, room: &Room, lanes: &[Lane<'_>], variables: &[(&str, &str)]) -> Self {
        Self::spawn_with(command, &configure(room, lanes), variables)
    }

    /// The same with a configuration that is there.
    pub fn spawn_with(mut command: Command, config: &Path, variables: &[(&str, &str)]) -> Self {
        let socket = config.with_extension("notify");
        let _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let log = config.with_extension("log");
        let file = std::fs::File::create(&log).unwrap();
        let child = command
            .arg("run")
            .arg("--config")
            .arg(config)
            .env("NOTIFY_SOCKET", &socket)
            .env_remove("WATCHDOG_USEC")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log, notified: listen_to(notify), told: vec![] }
    }

    /// Starts it and waits until it is ready. `None`, after a loud skip, where the host does not allow what it needs.
    pub fn start(room: &Room, lanes: &[Lane<'_>]) -> Option<Self> {
        let mut service = Self::spawn(room, lanes);
        match service.until_ready() {
            Ok(()) => Some(service),
            Err(ended) if ended.code == Some(4) && (ended.log.contains("CAP_BPF") || ended.log.contains("opening io_uring")) => {
                super::kernel::skip(&ended.log);
                None
            }
            Err(ended) => panic!("it did not come up: {ended:?}"),
        }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not waited for yet.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    pub fn until_ready(&mut self) -> Result<(), Ended> {
        self.until_told(|line| line == "READY=1")
    }

    /// Until systemd is told such a line; lines told earlier count.
    pub fn until_told(&mut self, wanted: impl Fn(&str) -> bool) -> Result<(), Ended> {
        let began = Instant::now();
        loop {
            if self.told.iter().any(|line| wanted(line)) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(Ended { code: status.code(), after: began.elapsed(), log: self.log() });
            }
            assert!(began.elapsed() < PATIENCE, "systemd was only told {:?}; log:\n{}", self.told, self.log());
            self.listen();
        }
    }

    /// Takes in what systemd was told meanwhile.
    pub fn listen(&mut self) {
        std::thread::sleep(Duration::from_millis(5));
        self.told.extend(self.notified.try_iter());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn until_logged(&self, words: &str) {
        self.until(&format!("its log says {words:?}"), || self.log().contains(words));
    }

    /// Waits for something, and shows the log if it does not happen.
    pub fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < PATIENCE, "it did not happen: {what}; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn until_counted(&self, publication: &Publication, name: &str, value: u64) {
        let began = Instant::now();
        while counter(publication, name) < value {
            let so_far = publication.counters().into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>();
            assert!(began.elapsed() < PATIENCE, "{name} did not reach {value}: {so_far:?}; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Ended {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let after = began.elapsed();
                self.listen();
                return Ended { code: status.code(), after, log: self.log() };
            }
            assert!(began.elapsed() < PATIENCE, "it does not end; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) -> Ended {
        self.signal(libc::SIGTERM);
        self.wait()
    }
}

/// Reads the notify socket as steadily as systemd does: a service waits when its queue of ten is full. Ends with the receiver.
fn listen_to(notify: UnixDatagram) -> Receiver<String> {
    let (told, notified) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let length = notify.recv(&mut buffer).unwrap_or(0);
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            // An empty line finds out whether anybody is listening still.
            let lines: Vec<&str> = if text.is_empty() { vec![""] } else { text.lines().collect() };
            if lines.into_iter().any(|line| told.send(line.to_owned()).is_err()) {
                return;
            }
        }
    });
    notified
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A counter by its name.
pub fn counter(publication: &Publication, name: &str) -> u64 {
    publication.counters().into_iter().find(|(counter, _)| counter == name).unwrap_or_else(|| panic!("no counter {name}")).1
}

/// All that were dropped, for whatever reason.
pub fn dropped(publication: &Publication) -> Vec<(String, u64)> {
    publication.counters().into_iter().filter(|(name, count)| name.starts_with("drop_") && *count > 0).collect()
}
