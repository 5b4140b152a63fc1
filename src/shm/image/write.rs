//! Writing an image: books to a file, checksum last, then its name.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zerocopy::IntoBytes;

use super::checksum::Checksum;
use super::{ImageHead, LACKS_ORDERS, channel_bit, word};
use crate::record::{Header, Mbo, UNDEF_PRICE, action, flags, side};
use crate::shm::error::ShmError;
use crate::shm::orders::{OrderBook, OrderBooks, Side};

const BUFFER_BYTES: usize = 1 << 20;
/// As the publication's: whoever may read that may read this.
const FILE_MODE: u32 = 0o640;

pub(super) fn write(
    books: &OrderBooks,
    (epoch, position): (u64, u64),
    created_ns: u64,
    path: &Path,
    temporary: &Path,
) -> Result<ImageHead, ShmError> {
    let channels: Vec<u64> = books
        .doubted_channels()
        .map(|(channel, gap, missing)| {
            let bits = if gap { channel_bit::GAP } else { 0 } | if missing { channel_bit::MISSING } else { 0 };
            u64::from(channel) | bits
        })
        .collect();
    let head = ImageHead {
        epoch,
        position,
        created_ns,
        channels: channels.len() as u64,
        instruments: books.len() as u64,
        orders: books.live_orders(),
    };
    if head.file_bytes().is_none() {
        let why = format!("{} orders of {} instruments are more than an image can hold", head.orders, head.instruments);
        return Err(ShmError::Image { path: path.to_owned(), why });
    }
    // What a killed writer of this name left is in our way, and nobody else's.
    let _ = std::fs::remove_file(temporary);
    let written = create(temporary).and_then(|file| fill(file, &head, &channels, books)).and_then(|()| std::fs::rename(temporary, path));
    written.map(|()| head).map_err(|error| {
        let _ = std::fs::remove_file(temporary);
        ShmError::io("write the image", path)(error)
    })
}

fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    // The umask must not decide who can read market data.
    file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// A file, and the checksum of what went into it.
struct Summed {
    file: BufWriter<File>,
    checksum: Checksum,
}

impl Summed {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.bytes(bytes);
        self.file.write_all(bytes)
    }
}

fn fill(file: File, head: &ImageHead, channels: &[u64], books: &OrderBooks) -> io::Result<()> {
    let mut out = Summed { file: BufWriter::with_capacity(BUFFER_BYTES, file), checksum: Checksum::new() };
    let words = head.words();
    let (before, _) = words.split_at(word::CHECKSUM);
    out.put(before.as_bytes())?;
    out.file.write_all(&[0; 8])?;
    out.put(channels.as_bytes())?;
    for book in books.books() {
        put_book(&mut out, &book, head.created_ns)?;
    }
    let Summed { file, checksum } = out;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.write_all_at(&checksum.value().to_le_bytes(), 8 * word::CHECKSUM as u64)
}

fn put_book(out: &mut Summed, book: &OrderBook<'_>, created_ns: u64) -> io::Result<()> {
    let mut bits = flags::SNAPSHOT | flags::BAD_TS_RECV;
    if book.maybe_bad() {
        bits |= flags::MAYBE_BAD_BOOK;
    }
    let record = Mbo {
        hd: Header::of::<Mbo>(book.publisher_id(), book.instrument_id(), book.ts_event()),
        order_id: 0,
        price: UNDEF_PRICE,
        size: 0,
        flags: bits,
        channel_id: book.channel_id(),
        action: action::CLEAR,
        side: side::NONE,
        ts_recv: created_ns,
        ts_in_delta: 0,
        sequence: book.sequence(),
    };
    let mut left = book.len();
    let last = |left: usize| if left == 0 { flags::LAST } else { 0 };
    let lacks = if book.lacks_orders() { LACKS_ORDERS } else { 0 };
    out.put(Mbo { flags: bits | lacks | last(left), ..record }.as_bytes())?;
    for side in Side::BOTH {
        for order in book.orders(side) {
            left = left.saturating_sub(1);
            let (action, side, flags) = (action::ADD, side.letter(), bits | last(left));
            out.put(Mbo { order_id: order.order_id, price: order.price, size: order.size, flags, action, side, ..record }.as_bytes())?;
        }
    }
    Ok(())
}
