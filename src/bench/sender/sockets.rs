//! Frames through a packet socket, or payloads through a UDP socket: many with one system call.

use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd;

use super::frames::{HEADERS, Headers};
use super::transport::{Losses, Refusal, Transport, Via};
use crate::bench::workload::Workload;
use crate::error::{Error, Exit};
use crate::play;
use crate::play::socket::Socket;
use crate::sys::packet::{MAX_BATCH, send_batch};

/// A socket and the workload it sends.
pub(super) struct Sockets<'w> {
    workload: &'w Workload,
    interface: String,
    socket: Socket,
    /// Of frames.
    headers: Option<Headers>,
    /// Frames of the batch, one behind the other; as long as the longest batch.
    frames: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// Of lines.
    destinations: Vec<SocketAddrV4>,
    losses: Losses,
}

impl<'w> Sockets<'w> {
    pub fn open(workload: &'w Workload, interface: &str, via: Via, source: SocketAddrV4) -> Result<Self, Error> {
        let (way, headers) = match via {
            Via::Udp => (play::Via::Udp, None),
            Via::Frames | Via::Xdp => (play::Via::Frames, Some(Headers::new(workload, source))),
        };
        let open = || Socket::open(interface, way).map_err(|error| Error::new(Exit::Host, error.what, error.why, error.cure));
        let socket = open()?;
        if let (Some(line), Socket::Udp(probe)) = (workload.lines.first(), open()?)
            && let Err(why) = has_address(&probe, SocketAddrV4::new(line.group, line.port))
        {
            let cure = format!("give it one (`ip address add 192.0.2.10/32 dev {interface}`), or send frames");
            return Err(Error::new(Exit::Host, format!("interface {interface:?}"), why, cure));
        }
        let longest = workload.packets.iter().map(|packet| usize::from(packet.length)).max().unwrap_or(0) + HEADERS;
        let frames = Vec::with_capacity(if headers.is_some() { longest * MAX_BATCH } else { 0 });
        let destinations = workload.lines.iter().map(|line| SocketAddrV4::new(line.group, line.port)).collect();
        let ends = Vec::with_capacity(MAX_BATCH);
        Ok(Self { workload, interface: interface.to_owned(), socket, headers, frames, ends, destinations, losses: Losses::new(interface) })
    }

    fn send_payloads(&self, datagrams: Range<usize>) -> io::Result<usize> {
        let packets = self.workload.packets.get(datagrams).unwrap_or_default();
        let payloads = packets.iter().map(|packet| {
            let destination = self.destinations.get(usize::from(packet.line)).copied();
            (self.workload.payload(packet), destination)
        });
        send_batch(self.socket.as_fd(), payloads)
    }
}

/// Whether a socket's datagrams have a source: kernels drop in silence what comes from 0.0.0.0.
fn has_address(probe: &UdpSocket, to: SocketAddrV4) -> Result<(), String> {
    let source = probe.connect(to).and_then(|()| probe.local_addr());
    match source {
        Ok(source) if source.ip().is_unspecified() => {
            Err("it has no IPv4 address, so what a UDP socket sends is from 0.0.0.0, which every kernel drops".to_owned())
        }
        // Whatever else is wrong is said when something is sent.
        _ => Ok(()),
    }
}

/// Makes the frames of a batch and sends them.
fn send_frames(sockets: &mut Sockets<'_>, datagrams: Range<usize>) -> io::Result<usize> {
    let Some(headers) = &sockets.headers else { return Ok(0) };
    sockets.frames.clear();
    sockets.ends.clear();
    for (nth, packet) in datagrams.clone().zip(sockets.workload.packets.get(datagrams).unwrap_or_default()).take(MAX_BATCH) {
        let Some(header) = headers.of(nth, packet.line, packet.length) else { break };
        sockets.frames.extend_from_slice(&header);
        sockets.frames.extend_from_slice(sockets.workload.payload(packet));
        sockets.ends.push(sockets.frames.len());
    }
    let starts = std::iter::once(0).chain(sockets.ends.iter().copied());
    let frames = starts.zip(&sockets.ends).map(|(start, &end)| (sockets.frames.get(start..end).unwrap_or_default(), None));
    send_batch(sockets.socket.as_fd(), frames)
}

impl Transport for Sockets<'_> {
    fn describe(&self) -> String {
        match self.headers {
            Some(_) => format!("frames through a packet socket on {}", self.interface),
            None => format!("UDP sockets on {}", self.interface),
        }
    }

    fn most(&self) -> usize {
        MAX_BATCH
    }

    fn begin(&mut self) {
        self.losses.begin();
    }

    fn finish(&mut self) -> u64 {
        self.losses.since()
    }

    #[inline]
    fn send(&mut self, datagrams: Range<usize>) -> Result<usize, Refusal> {
        let sent = if self.headers.is_some() { send_frames(self, datagrams) } else { self.send_payloads(datagrams) };
        sent.or_else(|error| match error.raw_os_error() {
            Some(libc::EINTR | libc::ENOBUFS | libc::EAGAIN) => Ok(0),
            Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV | libc::EBADF) => {
                let cure = format!("bring it up (`ip link set {} up`) and run again", self.interface);
                let why = format!("stopped sending: {error}");
                Err(Refusal::Interface(Error::new(Exit::Failed, format!("interface {:?}", self.interface), why, cure)))
            }
            _ => Err(Refusal::Datagram(error)),
        })
    }
}
