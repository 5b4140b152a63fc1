//! MoldUDP64: the session layer of the Nasdaq venues.
//!
//! A count of 0 is a heartbeat, a count of 0xFFFF the end of the session; both carry the next expected number and no
//! blocks. A block of length 0 is a message: it has a number, and no content for a decoder. Whether the count agrees
//! with the content shows when the blocks are taken off one by one.

use zerocopy::FromBytes;

use super::{Packet, PacketKind, SessionId, SessionLayer};
use crate::stats::Drop;
use crate::wire::moldudp64::{BlockLength, END_OF_SESSION, Header};

/// MoldUDP64 1.00.
#[derive(Clone, Copy, Debug)]
pub struct MoldUdp64;

impl SessionLayer for MoldUdp64 {
    const RESTARTS_SHOW: bool = false;

    #[inline]
    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        let Ok((header, blocks)) = Header::ref_from_prefix(payload) else { return Err(Drop::HeaderCut) };
        // The protocol has no magic; a session that is no text is the next best thing to tell another feed's packets by. Captures with
        // made-up framing have zeros.
        if !header.session.iter().all(|&byte| byte == 0 || (b' '..=b'~').contains(&byte)) {
            return Err(Drop::WrongProtocol);
        }
        let (kind, count) = match header.count.get() {
            0 => (PacketKind::Heartbeat, 0),
            END_OF_SESSION => (PacketKind::EndOfSession, 0),
            count => (PacketKind::Data, count),
        };
        Ok(Packet {
            session: SessionId(header.session),
            kind,
            sequence: header.sequence.get(),
            count,
            send_ns: 0,
            stream_offset: 0,
            blocks,
        })
    }

    #[inline]
    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
        let Ok((length, rest)) = BlockLength::ref_from_prefix(blocks) else { return Err(Drop::BlockPastEnd) };
        let Some((message, rest)) = rest.split_at_checked(usize::from(length.get())) else { return Err(Drop::BlockPastEnd) };
        *blocks = rest;
        Ok(message)
    }
}
