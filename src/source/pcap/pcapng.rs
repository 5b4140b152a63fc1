//! pcapng (draft-ietf-opsawg-pcapng): blocks of (type, length, body, length). A section header sets the byte order and
//! forgets the interfaces; interface blocks give link type and clock; packets come as enhanced, simple or (obsolete)
//! packet blocks. Every other block is passed over by its length, however long, without being read into memory.

use super::link::{self, Link};
use super::order::Order;
use super::{MAX_FRAME, Record, Step};
use crate::source::SourceError;
use crate::source::input::{Input, refusal};

/// A section header's type: a palindrome, so that it reads the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_TYPE: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type and length before a block's body.
const BLOCK_HEADER: usize = 8;
/// Type, length, and the length again behind the body.
const MIN_BLOCK: u32 = 12;
/// The largest block we read as a whole: a frame and, generously, its options.
const MAX_BLOCK: u32 = MAX_FRAME + (64 << 10);
/// More interfaces than any machine has; bounds the table against a file made of nothing else.
const MAX_INTERFACES: usize = 4096;

/// One interface of a section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    /// `None`: of a link type that is not ours.
    link: Option<Link>,
    number: u16,
    snaplen: u32,
    clock: Clock,
}

/// How an interface's 64-bit time stamps count.
#[derive(Clone, Copy, Debug)]
struct Clock {
    unit: Unit,
    offset_s: i64,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    /// Ticks of so many nanoseconds.
    Coarse(u64),
    /// So many ticks in a nanosecond.
    Fine(u128),
    /// 2^-n seconds.
    Binary(u32),
}

impl Clock {
    /// `resolution` as if_tsresol has it: a power of ten, or of two if the high bit is set; absent means 6.
    fn new(resolution: u8, offset_s: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let unit = match resolution {
            0x80.. => Unit::Binary(exponent),
            0..=9 => Unit::Coarse(10_u64.pow(9 - exponent)),
            // Beyond 10^-47 s a u128 cannot say it, and 64 bits of ticks are less than a nanosecond long before.
            _ => Unit::Fine(10_u128.checked_pow(exponent - 9).unwrap_or(u128::MAX)),
        };
        Self { unit, offset_s }
    }

    #[inline]
    fn ns(self, ticks: u64) -> u64 {
        let ns = match self.unit {
            Unit::Coarse(ns) => ticks.saturating_mul(ns),
            Unit::Fine(ticks_per_ns) => (u128::from(ticks) / ticks_per_ns) as u64,
            Unit::Binary(exponent) => u64::try_from((u128::from(ticks) * 1_000_000_000) >> exponent).unwrap_or(u64::MAX),
        };
        if self.offset_s == 0 { ns } else { ns.saturating_add_signed(self.offset_s.saturating_mul(1_000_000_000)) }
    }
}

#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// What ended the capture before its first packet, until it has been told.
    stopped: Option<Step>,
}

/// What came of one block.
enum Block {
    Frame(Record),
    /// Not a packet; already consumed.
    Passed,
    Stop(Step),
}

impl Pcapng {
    /// Reads the blocks before the first packet, and refuses a capture without one interface that we understand.
    pub(super) fn open(input: &mut Input) -> Result<Self, SourceError> {
        let mut this = Self { order: Order::Little, interfaces: Vec::new(), stopped: None };
        match this.block(input)? {
            Block::Passed => {}
            Block::Stop(Step::Damaged(why)) => return Err(refusal(input.path(), why, "copy or download it anew")),
            _ => {
                return Err(refusal(input.path(), "the capture ends within its section header", "copy or download it anew"));
            }
        }
        this.stopped = loop {
            match this.block(input)? {
                Block::Passed => {}
                Block::Frame(_) => break None,
                Block::Stop(step) => break Some(step),
            }
        };
        if let Some(first) = this.interfaces.first()
            && this.interfaces.iter().all(|interface| interface.link.is_none())
        {
            let why = format!("its frames are of link type {}; understood are {}", first.number, link::UNDERSTOOD);
            return Err(refusal(input.path(), why, "capture on the Ethernet interface"));
        }
        Ok(this)
    }

    /// Finds the next packet, its block complete in the input's buffer; the packet itself is not consumed.
    #[inline]
    pub(super) fn next(&mut self, input: &mut Input) -> Result<Step, SourceError> {
        if let Some(step) = self.stopped.take() {
            return Ok(step);
        }
        loop {
            match self.block(input)? {
                Block::Frame(record) => return Ok(Step::Frame(record)),
                Block::Stop(step) => return Ok(step),
                Block::Passed => {}
            }
        }
    }

    /// Looks at the next block, and consumes it unless it is a packet.
    #[inline]
    fn block(&mut self, input: &mut Input) -> Result<Block, SourceError> {
        let have = input.fill(MIN_BLOCK as usize)?;
        if have < MIN_BLOCK as usize {
            return Ok(Block::Stop(if have == 0 { Step::End } else { Step::Cut }));
        }
        let head = input.unread();
        let section = head.starts_with(&SECTION);
        if section {
            // The byte order comes before the length, which has to be read in it.
            self.order = match head.get(8..12) {
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                _ => return damaged("a section header without the byte-order magic 1a2b3c4d"),
            };
            self.interfaces.clear();
        }
        let kind = if section { SECTION_TYPE } else { self.order.u32(head, 0) };
        let length = self.order.u32(head, 4);
        if length < MIN_BLOCK || !length.is_multiple_of(4) {
            return damaged("a block with an impossible length");
        }
        if !matches!(kind, SECTION_TYPE | INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
            let passed = input.skip(u64::from(length))?;
            return Ok(if passed == u64::from(length) { Block::Passed } else { Block::Stop(Step::Cut) });
        }
        if length > MAX_BLOCK {
            return damaged("a block that claims more bytes than any capture keeps of a frame");
        }
        let whole = length as usize;
        if input.fill(whole)? < whole {
            return Ok(Block::Stop(Step::Cut));
        }
        let block = input.unread().get(..whole).unwrap_or_default();
        if self.order.u32(block, whole - 4) != length {
            return damaged("a block whose two lengths differ");
        }
        let body = block.get(BLOCK_HEADER..whole - 4).unwrap_or_default();
        match kind {
            SECTION_TYPE if self.order.u16(body, 4) != 1 => return damaged("a section of an unknown major version"),
            SECTION_TYPE => {}
            INTERFACE if body.len() < 8 => return damaged("an interface block that is too short"),
            INTERFACE if self.interfaces.len() == MAX_INTERFACES => return damaged("more than 4096 interfaces in one section"),
            INTERFACE => self.interfaces.push(self.interface(body)),
            _ => {
                return Ok(match self.packet(kind, body) {
                    Ok(record) => Block::Frame(Record { whole, ..record }),
                    Err(why) => Block::Stop(Step::Damaged(why)),
                });
            }
        }
        input.consume(whole);
        Ok(Block::Passed)
    }

    /// Link type (u16), reserved (u16), snapshot length (u32), options: code, length, value padded to four bytes.
    fn interface(&self, body: &[u8]) -> Interface {
        const RESOLUTION: u16 = 9;
        const OFFSET: u16 = 14;
        let number = self.order.u16(body, 0);
        let (mut resolution, mut offset_s) = (6, 0);
        let mut options = body.get(8..).unwrap_or_default();
        while options.len() >= 4 {
            let (code, len) = (self.order.u16(options, 0), usize::from(self.order.u16(options, 2)));
            let Some(value) = options.get(4..4 + len) else { break };
            match (code, value) {
                (0, _) => break,
                (RESOLUTION, &[byte]) => resolution = byte,
                (OFFSET, value) if len == 8 => offset_s = self.order.i64(value, 0),
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        let clock = Clock::new(resolution, offset_s);
        Interface { link: Link::from_number(number), number, snaplen: self.order.u32(body, 4), clock }
    }

    /// Where the frame stands in a packet block's body, and when it was captured. `whole` is left to the caller.
    #[inline]
    fn packet(&self, kind: u32, body: &[u8]) -> Result<Record, &'static str> {
        let order = self.order;
        let (id, fixed) = match kind {
            ENHANCED_PACKET => (order.u32(body, 0), 20),
            OBSOLETE_PACKET => (u32::from(order.u16(body, 0)), 20),
            _ => (0, 4),
        };
        if body.len() < fixed {
            return Err("a packet block that is too short");
        }
        let interface = self.interfaces.get(id as usize).ok_or("a packet of an interface that was not described")?;
        let (ns, captured, wire_len) = if kind == SIMPLE_PACKET {
            // Neither time nor captured length: as much as the interface keeps, or all of it. 0 is "no limit".
            let wire_len = order.u32(body, 0);
            let kept = if interface.snaplen == 0 { wire_len } else { wire_len.min(interface.snaplen) };
            (None, kept, wire_len)
        } else {
            let ticks = u64::from(order.u32(body, 4)) << 32 | u64::from(order.u32(body, 8));
            (Some(interface.clock.ns(ticks)), order.u32(body, 12), order.u32(body, 16))
        };
        if captured > MAX_FRAME {
            return Err("a packet that claims more bytes than any capture keeps of a frame");
        }
        let len = captured as usize;
        if len > body.len() - fixed {
            return Err("a packet longer than its block");
        }
        let offset = BLOCK_HEADER + fixed;
        Ok(Record { ns, link: interface.link, offset, len, wire_len: wire_len.max(captured) as usize, whole: 0 })
    }
}

fn damaged(why: &'static str) -> Result<Block, SourceError> {
    Ok(Block::Stop(Step::Damaged(why)))
}
