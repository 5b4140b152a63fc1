//! The classic format: a 24-byte header, then records of 16 bytes and the frame; in either byte order, with micro- or
//! nanoseconds, as the magic says (draft-ietf-opsawg-pcap).

use super::link::{self, Link};
use super::order::Order;
use super::{MAX_FRAME, Record, Step};
use crate::source::SourceError;
use crate::source::input::{Input, refusal};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

#[derive(Debug)]
pub(super) struct Classic {
    order: Order,
    /// Nanoseconds in one unit of the fraction of a second.
    unit_ns: u64,
    link: Link,
}

/// Byte order and unit, if these are the first bytes of a classic capture.
pub(super) fn magic(head: &[u8]) -> Option<(Order, u64)> {
    Some(match head.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1_000),
        [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1_000),
        [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1),
        [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1),
        _ => return None,
    })
}

impl Classic {
    /// Reads the file's header.
    pub(super) fn open(input: &mut Input, order: Order, unit_ns: u64) -> Result<Self, SourceError> {
        let have = input.fill(FILE_HEADER)?;
        if have < FILE_HEADER {
            let why = format!("the capture ends after {have} bytes, within its {FILE_HEADER}-byte header");
            return Err(refusal(input.path(), why, "copy or download it anew"));
        }
        // The upper 16 bits say how long the frame check sequence is; what is behind the datagram is ignored anyway.
        let number = (order.u32(input.unread(), 20) & 0xffff) as u16;
        let link = Link::from_number(number).ok_or_else(|| {
            let why = format!("its frames are of link type {number}; understood are {}", link::UNDERSTOOD);
            refusal(input.path(), why, "capture on the Ethernet interface")
        })?;
        input.consume(FILE_HEADER);
        Ok(Self { order, unit_ns, link })
    }

    /// Finds the next record, complete in the input's buffer; nothing is consumed.
    #[inline]
    pub(super) fn next(&self, input: &mut Input) -> Result<Step, SourceError> {
        let have = input.fill(RECORD_HEADER)?;
        if have < RECORD_HEADER {
            return Ok(if have == 0 { Step::End } else { Step::Cut });
        }
        let header = input.unread();
        let seconds = self.order.u32(header, 0);
        let fraction = self.order.u32(header, 4);
        let captured = self.order.u32(header, 8);
        let wire_len = self.order.u32(header, 12);
        if captured > MAX_FRAME {
            return Ok(Step::Damaged("a record claims more bytes than any capture keeps of a frame"));
        }
        let whole = RECORD_HEADER + captured as usize;
        if input.fill(whole)? < whole {
            return Ok(Step::Cut);
        }
        Ok(Step::Frame(Record {
            ns: Some(u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit_ns),
            link: Some(self.link),
            offset: RECORD_HEADER,
            len: captured as usize,
            wire_len: wire_len.max(captured) as usize,
            whole,
        }))
    }
}
