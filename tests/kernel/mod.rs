//! Real kernel, nothing left behind: a network namespace that belongs to the test's own thread.
//!
//! [`in_namespace`] runs a test in a fresh thread with a fresh network namespace. Inside, [`veth`] makes `twa` and `twb`, both
//! ends in that namespace; frames are sent by AF_PACKET on `twa` with a foreign source address and received on `twb`. The
//! names are fixed and nothing is cleaned up: all of it goes with the thread.
#![allow(dead_code)]

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;

pub const SENDER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
pub const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
pub const PORT: u16 = 26400;

/// Skips loudly, or fails where kernel tests are required.
pub fn skip(why: &str) {
    assert!(
        std::env::var("TICKWIRE_KERNEL_TESTS").as_deref() != Ok("require"),
        "TICKWIRE_KERNEL_TESTS=require, but the test cannot run here: {why}"
    );
    say(&format!("SKIPPED: {why}"));
}

/// Past the test harness, which swallows what passing tests print.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Runs `test` in its own thread and network namespace.
pub fn in_namespace(test: impl FnOnce(&Namespace) + Send + 'static) {
    let run = std::thread::spawn(move || match Namespace::new() {
        Ok(namespace) => test(&namespace),
        Err(why) => skip(&why),
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

const ALONE: &str = "TICKWIRE_TEST_ALONE";

/// Whether this is the process that [`alone`] started.
pub fn is_alone(test: &str) -> bool {
    std::env::var(ALONE).as_deref() == Ok(test)
}

/// Runs the calling test again in a process of its own, where no other thread forks (a child between fork and exec holds copies
/// of all our sockets) or has other capabilities. True in that process: go on. False in the first: it is done.
pub fn alone(test: &str) -> bool {
    if is_alone(test) {
        return true;
    }
    let run = Command::new(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(ALONE, test).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && said.contains("1 passed"), "{test}, in its own process:\n{said}");
    said.lines().filter(|line| line.starts_with("SKIPPED")).for_each(say);
    false
}

/// Proof that this thread is in a network namespace of its own.
pub struct Namespace(());

impl Namespace {
    /// Moves this thread into a new network namespace, with `lo` up.
    pub fn new() -> Result<Self, String> {
        // SAFETY: changes this thread's namespace only.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return Err(format!("unshare(CLONE_NEWNET): {}", std::io::Error::last_os_error()));
        }
        let namespace = Self(());
        namespace.try_ip("link set lo up")?;
        Ok(namespace)
    }

    /// Runs `ip` with those words; the command inherits this thread's namespace.
    pub fn try_ip(&self, words: &str) -> Result<String, String> {
        run("ip", words)
    }

    /// As `try_ip`, and fails the test if it fails.
    pub fn ip(&self, words: &str) -> String {
        self.try_ip(words).unwrap()
    }

    /// `twa` and `twb`, a veth pair with `queues` receive queues on `twb`; up, without addresses, IPv6 silent.
    /// False (and the test is skipped) where the kernel has no veth.
    pub fn veth(&self, queues: u32) -> bool {
        let made = self.try_ip(&format!(
            "link add twa numtxqueues {queues} numrxqueues {queues} type veth peer name twb numtxqueues {queues} numrxqueues {queues}"
        ));
        if let Err(why) = made {
            skip(&why);
            return false;
        }
        for end in ["twa", "twb"] {
            // Else the kernel's own neighbour discovery shows up in the counters.
            let _ = self.try_ip(&format!("link set {end} addrgenmode none"));
        }
        self.up(&["twa", "twb"]);
        true
    }

    /// Sets the ends of a veth pair up and waits until they are: the kernel drops frames in silence before.
    pub fn up(&self, ends: &[&str]) {
        for end in ends {
            self.ip(&format!("link set {end} up"));
        }
        for end in ends {
            eventually(&format!("{end} is up"), || self.ip(&format!("link show dev {end}")).contains("state UP"));
        }
    }

    /// Lets kernel sockets on `end` receive from foreign addresses.
    pub fn without_source_check(&self, end: &str) {
        for name in [end, "all"] {
            // /proc/sys/net follows the reader's namespace, unlike /sys/class/net.
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"), "0").unwrap();
        }
    }
}

fn run(program: &str, words: &str) -> Result<String, String> {
    let output = Command::new(program).args(words.split_whitespace()).output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program} {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Sends raw frames on an interface of this thread's namespace.
pub struct RawSender(OwnedFd);

impl RawSender {
    pub fn open(interface: &str) -> Self {
        let name = std::ffi::CString::new(interface).unwrap();
        // SAFETY: plain system calls on a descriptor of our own and a valid sockaddr_ll.
        unsafe {
            let index = libc::if_nametoindex(name.as_ptr());
            assert_ne!(index, 0, "{interface}");
            // Protocol 0: it sends only.
            let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            assert!(fd >= 0, "{}", std::io::Error::last_os_error());
            let fd = OwnedFd::from_raw_fd(fd);
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_ifindex = index as i32;
            let done = libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32);
            assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
            Self(fd)
        }
    }

    pub fn try_send(&self, frame: &[u8]) -> std::io::Result<()> {
        // SAFETY: reads `frame` only.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    }

    pub fn send(&self, frame: &[u8]) {
        self.try_send(frame).unwrap();
    }
}

/// Builds frames; by default Ethernet, IPv4 and UDP from [`SENDER`] to [`GROUP`]:[`PORT`].
#[derive(Clone)]
pub struct Frame {
    pub vlans: Vec<(u16, u16)>,
    pub source: Ipv4Addr,
    pub group: Ipv4Addr,
    pub port: u16,
    pub options: usize,
    pub fragment: u16,
    pub protocol: u8,
    pub ether_type: u16,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn udp(payload: &[u8]) -> Self {
        Self {
            vlans: vec![],
            source: SENDER,
            group: GROUP,
            port: PORT,
            options: 0,
            fragment: 0x4000,
            protocol: 17,
            ether_type: 0x0800,
            payload: payload.to_vec(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let [_, b, c, d] = self.group.octets();
        let mut frame = vec![0x01, 0x00, 0x5e, b & 0x7f, c, d, 0x02, 0, 0, 0, 0, 0x01];
        for (protocol, id) in &self.vlans {
            frame.extend(protocol.to_be_bytes());
            frame.extend(id.to_be_bytes());
        }
        frame.extend(self.ether_type.to_be_bytes());
        let header = 20 + self.options;
        let mut ip = vec![0x40 | (header / 4) as u8, 0];
        ip.extend(((header + 8 + self.payload.len()) as u16).to_be_bytes());
        ip.extend([0, 1]);
        ip.extend(self.fragment.to_be_bytes());
        ip.extend([16, self.protocol, 0, 0]);
        ip.extend(self.source.octets());
        ip.extend(self.group.octets());
        ip.resize(header, 1);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(ip);
        frame.extend(40000_u16.to_be_bytes());
        frame.extend(self.port.to_be_bytes());
        frame.extend(((8 + self.payload.len()) as u16).to_be_bytes());
        // Checksum 0: none, as many venues send it.
        frame.extend([0, 0]);
        frame.extend(&self.payload);
        frame
    }
}

fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

pub const CAP_NET_ADMIN: u32 = 12;
pub const CAP_NET_RAW: u32 = 13;
pub const CAP_BPF: u32 = 39;

/// Leaves this thread (not the process) no other capabilities than these.
pub fn keep_only(capabilities: &[u32]) {
    // struct __user_cap_header_struct, version 3, and two of __user_cap_data_struct: effective, permitted, inheritable.
    let header = [0x2008_0522_u32, 0];
    let mut data = [[0_u32; 3]; 2];
    for capability in capabilities {
        let word = &mut data[(capability / 32) as usize];
        word[0] |= 1 << (capability % 32);
        word[1] |= 1 << (capability % 32);
    }
    // SAFETY: both point at structures of the kernel's layout; only this thread's capabilities change.
    let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// A UDP socket whose multicast goes out on loopback; with IP_MULTICAST_IF unset nothing arrives there.
pub fn loopback_sender() -> std::net::UdpSocket {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() };
    // SAFETY: reads `local` only.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MULTICAST_IF,
            (&raw const local).cast(),
            size_of_val(&local) as libc::socklen_t,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    socket
}

/// Waits until `done` or for five seconds.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !done() {
        assert!(std::time::Instant::now() < until, "in 5 s it did not happen: {what}");
        std::thread::yield_now();
    }
}
