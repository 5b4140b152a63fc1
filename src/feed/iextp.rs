//! IEX-TP: the session layer of IEX's feeds.
//!
//! The segment says how long its payload is: a datagram that is shorter was cut and is refused whole. One that is
//! longer carries trailing bytes; they stay behind the last block, where the arbiter finds and counts them, but only
//! if the promised blocks fit into the payload: no message is ever read from beyond it.
//!
//! Sequence, stream offset and send time are signed on the wire; a negative one is refused.

use zerocopy::FromBytes;

use super::{Packet, PacketKind, SessionId, SessionLayer};
use crate::stats::Drop;
use crate::wire::iextp::{BlockLength, DEEP, Header, TOPS, VERSION};

/// IEX-TP 1 that carries messages of one message protocol id; others are [`Drop::WrongProtocol`].
#[derive(Clone, Copy, Debug)]
pub struct IexTp<const MESSAGE_PROTOCOL_ID: u16>;

/// IEX-TP with TOPS 1.5 or 1.6.
pub type TopsTp = IexTp<TOPS>;
/// IEX-TP with DEEP 1.0.
pub type DeepTp = IexTp<DEEP>;

impl<const MESSAGE_PROTOCOL_ID: u16> SessionLayer for IexTp<MESSAGE_PROTOCOL_ID> {
    const RESTARTS_SHOW: bool = true;
    const OFFSETS_SHOW: bool = true;

    #[inline]
    fn packet(payload: &[u8]) -> Result<Packet<'_>, Drop> {
        let Ok((header, rest)) = Header::ref_from_prefix(payload) else { return Err(Drop::HeaderCut) };
        if header.version != VERSION || header.message_protocol_id.get() != MESSAGE_PROTOCOL_ID {
            return Err(Drop::WrongProtocol);
        }
        let Some((blocks, trailing)) = rest.split_at_checked(usize::from(header.payload_length.get())) else {
            return Err(Drop::WrongPayloadLength);
        };
        let count = header.message_count.get();
        let blocks = if !trailing.is_empty() && blocks_fit::<Self>(blocks, count) { rest } else { blocks };
        let [a, b, c, d] = header.session_id.get().to_le_bytes();
        Ok(Packet {
            session: SessionId([a, b, c, d, 0, 0, 0, 0, 0, 0]),
            kind: if count == 0 { PacketKind::Heartbeat } else { PacketKind::Data },
            sequence: not_negative(header.first_message_sequence_number.get())?,
            count,
            send_ns: not_negative(header.send_time.get())?,
            stream_offset: not_negative(header.stream_offset.get())?,
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

/// Whether `count` blocks lie within `blocks`. Only asked of datagrams with trailing bytes, which IEX does not send.
#[cold]
fn blocks_fit<S: SessionLayer>(mut blocks: &[u8], count: u16) -> bool {
    (0..count).all(|_| S::next_message(&mut blocks).is_ok())
}

#[inline]
fn not_negative(value: i64) -> Result<u64, Drop> {
    u64::try_from(value).map_err(|_| Drop::BadValue)
}
