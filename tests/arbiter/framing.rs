//! Two small session layers of the tests' own: one as MoldUDP64 (no send time, restarts do not show), one as IEX-TP.

use tickwire::feed::{Packet, PacketKind, SessionId, SessionLayer};
use tickwire::stats::Drop;

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn block<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
    let (len, rest) = blocks.split_first_chunk::<2>().ok_or(Drop::BlockPastEnd)?;
    let (message, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into()).ok_or(Drop::BlockPastEnd)?;
    *blocks = rest;
    Ok(message)
}

/// session 10, sequence 8, count 2.
pub struct Mold;

impl SessionLayer for Mold {
    const RESTARTS_SHOW: bool = false;

    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        let (Some(session), Some(sequence), Some(count)) = (number(payload, 0), number(payload, 10), number(payload, 18)) else {
            return Err(Drop::HeaderCut);
        };
        let (kind, count) = match u16::from_le_bytes(count) {
            0 => (PacketKind::Heartbeat, 0),
            0xFFFF => (PacketKind::EndOfSession, 0),
            n => (PacketKind::Data, n),
        };
        let sequence = u64::from_le_bytes(sequence);
        Ok(Packet { session: SessionId(session), kind, sequence, count, send_ns: 0, stream_offset: 0, blocks: &payload[20..] })
    }

    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
        block(blocks)
    }
}

/// IEX-TP's header, as in the captures.
pub struct Iex;

impl SessionLayer for Iex {
    const RESTARTS_SHOW: bool = true;

    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        let long = |at| number(payload, at).map(u64::from_le_bytes).ok_or(Drop::HeaderCut);
        let (Some(id), Some(count)) = (number::<4>(payload, 8), number(payload, 14)) else { return Err(Drop::HeaderCut) };
        let (stream_offset, sequence, send_ns) = (long(16)?, long(24)?, long(32)?);
        let count = u16::from_le_bytes(count);
        let mut session = SessionId::default();
        session.0[..4].copy_from_slice(&id);
        let kind = if count == 0 { PacketKind::Heartbeat } else { PacketKind::Data };
        Ok(Packet { session, kind, sequence, count, send_ns, stream_offset, blocks: &payload[40..] })
    }

    fn next_message<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8], Drop> {
        block(blocks)
    }
}

/// The session of that number, as both layers write it.
pub fn session(number: u8) -> SessionId {
    let mut id = SessionId::default();
    id.0[0] = number;
    id
}

/// What message `sequence` of a session says: differs by session and number, and in length.
pub fn message(session: u8, sequence: u64) -> Vec<u8> {
    let mut bytes = vec![session];
    bytes.extend(sequence.to_le_bytes());
    bytes.resize(9 + (sequence % 23) as usize, sequence as u8);
    bytes
}

fn blocks(session: u8, sequence: u64, count: u16) -> Vec<u8> {
    let messages = (0..u64::from(count)).map(|n| message(session, sequence.wrapping_add(n)));
    messages.flat_map(|m| [&(m.len() as u16).to_le_bytes()[..], &m].concat()).collect()
}

/// A packet of the MoldUDP64-like layer: data, or with count 0 a heartbeat, or with 0xFFFF the end of the session.
pub fn mold(session_number: u8, sequence: u64, count: u16) -> Vec<u8> {
    let content = if count == 0xFFFF { Vec::new() } else { blocks(session_number, sequence, count) };
    [&session(session_number).0[..], &sequence.to_le_bytes(), &count.to_le_bytes(), &content].concat()
}

/// Cut after `complete` messages and half of a length.
pub fn cut(packet: &[u8], session_number: u8, sequence: u64, complete: u16) -> Vec<u8> {
    packet[..20 + blocks(session_number, sequence, complete).len() + 1].to_vec()
}

/// A packet of the IEX-TP-like layer. `stream_offset` counts from message 1 as if each message had 20 bytes.
pub fn iex(session_number: u8, sequence: u64, count: u16, send_ns: u64) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    bytes[8] = session_number;
    bytes[14..16].copy_from_slice(&count.to_le_bytes());
    bytes[16..24].copy_from_slice(&sequence.wrapping_sub(1).wrapping_mul(20).to_le_bytes());
    bytes[24..32].copy_from_slice(&sequence.to_le_bytes());
    bytes[32..40].copy_from_slice(&send_ns.to_le_bytes());
    bytes.extend(blocks(session_number, sequence, count));
    bytes
}
