//! Multicast memberships over the life of a source: lost with the interface, they are taken again when it comes back.
//!
//! A socket is told nothing when its interface is deleted; one that is made again under the same name has another index, and
//! nobody has joined anything there. So the name is looked up now and then.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use super::{UdpLine, join};
use crate::source::{Event, SourceError};
use crate::sys::packet::interface_index;

/// Which interface each line's socket is joined on.
#[derive(Debug)]
pub(super) struct Memberships {
    lines: Vec<Membership>,
    /// One line is looked at in each turn, so that a turn costs the same however many there are.
    next: usize,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Membership {
    /// The index joined on; `None`: nothing to look after (unicast, or no interface named).
    index: Option<u32>,
    /// What was said about it last.
    told: String,
}

impl Memberships {
    /// Those of sockets just joined.
    pub(super) fn of(lines: &[UdpLine]) -> Self {
        let membership = |line: &UdpLine| {
            let named = line.interface.as_deref().filter(|_| line.group.is_multicast());
            Membership { index: named.and_then(|name| interface_index(name).ok()), told: String::new() }
        };
        Self { lines: lines.iter().map(membership).collect(), next: 0, events: VecDeque::new() }
    }

    /// Looks after the next line.
    pub(super) fn keep(&mut self, lines: &[UdpLine], sockets: &[OwnedFd]) {
        let at = if self.next < self.lines.len() { self.next } else { 0 };
        self.next = at + 1;
        let (Some(held), Some(line), Some(socket)) = (self.lines.get_mut(at), lines.get(at), sockets.get(at)) else { return };
        let Some((joined, name)) = held.index.zip(line.interface.as_deref()) else { return };
        let now = interface_index(name);
        if now.as_ref().is_ok_and(|&now| now == joined) {
            return;
        }
        let part = format!("line {}:{} on {name}", line.group, line.port);
        let rejoined = now.and_then(|now| {
            // Else the memberships of interfaces long gone fill the socket's limit. Not there is as good as left.
            let _ = join::leave(socket, line.group, joined);
            join::join(socket, line.group, now).map(|()| now)
        });
        match rejoined {
            Ok(now) => {
                (held.index, held.told) = (Some(now), String::new());
                self.events.push_back(Event { part, lost: None });
            }
            Err(error) => {
                let why = error.to_string();
                if held.told != why {
                    held.told.clone_from(&why);
                    let (what, why) = (format!("receiving {part}"), format!("{why}: the interface was removed"));
                    let cure = "the group is joined again once the interface is back".into();
                    self.events.push_back(Event { part, lost: Some(SourceError { what, why, cure }) });
                }
            }
        }
    }

    pub(super) fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
