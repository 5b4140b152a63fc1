//! Loading an image: read once from beginning to end, every record held against the header and against those before it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use zerocopy::FromBytes;

use super::checksum::Checksum;
use super::{
    HEADER_BYTES, HEADER_WORDS, Image, ImageHead, LACKS_ORDERS, MAGIC, MOST_CHANNELS, MOST_INSTRUMENTS, MOST_ORDERS, RECORD_BYTES, VERSION,
    channel_bit, word,
};
use crate::record::{Mbo, Schema, action, flags, side};
use crate::shm::error::ShmError;
use crate::shm::layout::DBN_VERSION;
use crate::shm::orders::OrderBooks;
use crate::shm::region::ReadRegion;

const BUFFER_BYTES: usize = 1 << 20;
/// Orders whose memory is asked for at once, before they have been seen: a busy venue's day.
const FORESEEN: u64 = 1 << 21;

/// Why an image is refused.
enum Refusal {
    Why(String),
    Io(std::io::Error),
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Why("it is cut".into()),
            _ => Self::Io(error),
        }
    }
}

fn why<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Why(text.into()))
}

impl Refusal {
    fn at(self, path: &Path) -> ShmError {
        match self {
            Self::Why(why) => ShmError::Image { path: path.to_owned(), why },
            Self::Io(error) => ShmError::io("read the image", path)(error),
        }
    }
}

pub(super) fn head(path: &Path) -> Result<Option<ImageHead>, ShmError> {
    match open(path) {
        Ok((_, head, _)) => Ok(Some(head)),
        Err(Refusal::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(refusal) => Err(refusal.at(path)),
    }
}

pub(super) fn load(path: &Path) -> Result<Image, ShmError> {
    let read = || {
        let (file, head, words) = open(path)?;
        let mut from = Summed { file: BufReader::with_capacity(BUFFER_BYTES, file), checksum: Checksum::new() };
        for (at, &word) in words.iter().enumerate() {
            if at != word::CHECKSUM {
                from.checksum.word(word);
            }
        }
        let books = books(&mut from, &head)?;
        if words.get(word::CHECKSUM) != Some(&from.checksum.value()) {
            return why("its checksum does not fit its content");
        }
        Ok(Image { head, books })
    };
    read().map_err(|refusal: Refusal| refusal.at(path))
}

/// Opens an image and checks its header; the file stands behind it.
fn open(path: &Path) -> Result<(File, ImageHead, [u64; HEADER_WORDS]), Refusal> {
    let mut file = ReadRegion::open_file(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return why("it is not a file");
    }
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes)?;
    let mut words = [0; HEADER_WORDS];
    for (word, &bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(bytes);
    }
    let at = |index: usize| words.get(index).copied().unwrap_or(0);
    if at(word::MAGIC) != MAGIC {
        return why("it does not begin as an image does");
    }
    for (index, what, known) in [
        (word::VERSION, "image version", VERSION),
        (word::DBN_VERSION, "DBN version", DBN_VERSION),
        (word::HEADER_BYTES, "header size", HEADER_BYTES as u64),
        (word::RECORD_BYTES, "record size", RECORD_BYTES as u64),
    ] {
        if at(index) != known {
            return why(format!("its {what} is {}, and this program reads {known}", at(index)));
        }
    }
    let head = ImageHead {
        epoch: at(word::EPOCH),
        position: at(word::POSITION),
        created_ns: at(word::CREATED_NS),
        channels: at(word::CHANNELS),
        instruments: at(word::INSTRUMENTS),
        orders: at(word::ORDERS),
    };
    let ImageHead { channels, instruments, orders, .. } = head;
    let Some(length) = head.file_bytes() else {
        return why(format!(
            "{channels} channels, {instruments} instruments or {orders} orders are more than {MOST_CHANNELS}, {MOST_INSTRUMENTS} and \
             {MOST_ORDERS}, the most that is believed"
        ));
    };
    if at(word::FILE_BYTES) != length || metadata.len() != length {
        let (told, there) = (at(word::FILE_BYTES), metadata.len());
        return why(format!("its counts make {length} bytes, its header says {told}, and there are {there}"));
    }
    Ok((file, head, words))
}

/// A file, and the checksum of what was read of it.
struct Summed {
    file: BufReader<File>,
    checksum: Checksum,
}

impl Summed {
    fn word(&mut self) -> Result<u64, Refusal> {
        let mut bytes = [0; 8];
        self.file.read_exact(&mut bytes)?;
        self.checksum.bytes(&bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn record(&mut self) -> Result<Mbo, Refusal> {
        let mut bytes = [0; RECORD_BYTES];
        self.file.read_exact(&mut bytes)?;
        self.checksum.bytes(&bytes);
        Mbo::read_from_bytes(&bytes).or_else(|_| why("a record does not fit"))
    }
}

fn books(from: &mut Summed, head: &ImageHead) -> Result<OrderBooks, Refusal> {
    let mut books = OrderBooks::new();
    let mut before = None;
    for _ in 0..head.channels {
        let word = from.word()?;
        let (channel, bits) = (word as u16, word & !0xFFFF);
        if bits & !(channel_bit::GAP | channel_bit::MISSING) != 0 || before.replace(channel) == Some(channel) {
            return why(format!("the word {word:#x} says nothing of a channel"));
        }
        books.restore_channel(channel, bits & channel_bit::GAP != 0, bits & channel_bit::MISSING != 0);
    }
    books.reserve(head.orders.min(FORESEEN) as usize);
    let (mut instruments, mut orders) = (0, 0);
    // The `R` of the book that is being told; none before the first and after a last record.
    let mut open: Option<(u32, Mbo)> = None;
    let mut place = (side::BID, i64::MIN);
    for number in 1..=head.instruments + head.orders {
        let record = from.record()?;
        let refuse = |what: &str| why(format!("record {number} of its {}: {what}", head.instruments + head.orders));
        let is_mbo = record.hd.rtype == Schema::Mbo.rtype() && usize::from(record.hd.length) * 4 == RECORD_BYTES;
        let snapshot = flags::SNAPSHOT | flags::BAD_TS_RECV;
        if !is_mbo || record.flags & snapshot != snapshot || record.ts_recv != head.created_ns {
            return refuse("it is none of a snapshot");
        }
        match (record.action, open) {
            (action::CLEAR, None) => {
                instruments += 1;
                let Some(at) = books.restore_book(&record, record.flags & LACKS_ORDERS != 0) else {
                    return refuse("its instrument has been told before");
                };
                place = (side::BID, i64::MIN);
                open = Some((at, record));
            }
            (action::ADD, Some((at, book))) => {
                orders += 1;
                let is_of_it = (record.hd.publisher_id, record.hd.instrument_id) == (book.hd.publisher_id, book.hd.instrument_id);
                // Asks after bids, and on each side the best price first.
                let next = (record.side, if record.side == side::BID { !record.price } else { record.price });
                let in_order = match (place.0, next.0) {
                    (from, to) if from == to => next.1 >= place.1,
                    (from, to) => from == side::BID && to == side::ASK,
                };
                place = next;
                if !is_of_it || !in_order || !books.restore_order(at, &record) {
                    return refuse("its order does not follow from those before it");
                }
            }
            (action::CLEAR, Some(_)) => return refuse("a book begins where another has not ended"),
            _ => return refuse("it is no order of a book that was begun"),
        }
        if record.flags & flags::LAST != 0 {
            open = None;
        }
    }
    if open.is_some() || (instruments, orders) != (head.instruments, head.orders) {
        return why(format!(
            "it has {orders} orders of {instruments} instruments, and its header says {} of {}",
            head.orders, head.instruments
        ));
    }
    Ok(books)
}
