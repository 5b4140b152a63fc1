//! Order-level images: `NAME.mbo.image` beside a publication, from which an `mbo` reader starts late or goes on after it was lapped.
//!
//! ```text
//!  header      16 words: magic, versions, sizes, epoch, ring position, counts, when it was made, checksum
//!  channels    one word for each channel in doubt
//!  books       for each instrument an R, then an A for each order as it will be served: DBN's snapshot form, 56 bytes each
//! ```
//!
//! An image is written under a temporary name and renamed, so a name always leads to a whole one; a reader that has it open keeps it.
//! It is read, never mapped: what somebody cuts or overwrites is a refusal and not a SIGBUS. Nothing in it is believed that does
//! not fit the rest: lengths follow from counts, counts from what is there, and the checksum is over every byte. `docs/ring.md` describes
//! it for readers in other languages.

mod checksum;
mod keeper;
mod load;
mod news;
mod write;

pub use keeper::{ImageKeeper, Kept};
pub use news::ImageNews;

use std::path::{Path, PathBuf};

use super::error::ShmError;
use super::layout::DBN_VERSION;
use super::orders::OrderBooks;
use crate::record::Mbo;

/// `TICKIMGE` as it stands in memory.
const MAGIC: u64 = u64::from_le_bytes(*b"TICKIMGE");
/// Version of this layout.
const VERSION: u64 = 1;
const HEADER_WORDS: usize = 16;
const HEADER_BYTES: usize = 8 * HEADER_WORDS;
/// Bytes of one record in it.
const RECORD_BYTES: usize = size_of::<Mbo>();
/// The most of each that is believed: more than any venue has, and 14 GiB.
const MOST_ORDERS: u64 = 1 << 28;
const MOST_INSTRUMENTS: u64 = 1 << 24;
const MOST_CHANNELS: u64 = 1 << 16;

/// Word numbers in the header. The others are zero.
mod word {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const DBN_VERSION: usize = 2;
    pub const HEADER_BYTES: usize = 3;
    pub const RECORD_BYTES: usize = 4;
    pub const FILE_BYTES: usize = 5;
    pub const EPOCH: usize = 6;
    pub const POSITION: usize = 7;
    pub const CREATED_NS: usize = 8;
    pub const CHANNELS: usize = 9;
    pub const INSTRUMENTS: usize = 10;
    pub const ORDERS: usize = 11;
    /// Over every other word of the file.
    pub const CHECKSUM: usize = 15;
}

/// Bits of a channel's word, above its number.
mod channel_bit {
    /// Messages were lost.
    pub const GAP: u64 = 1 << 16;
    /// Orders are missing that the writer knows of.
    pub const MISSING: u64 = 1 << 17;
}

/// In the flags of an `R`: orders are missing that the writer knows of, so only another `R` makes the book right.
/// DBN leaves this bit to publishers.
const LACKS_ORDERS: u8 = 0x02;

/// What an image says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHead {
    /// The epoch of the publication that its position is in.
    pub epoch: u64,
    /// The position of the `mbo` ring up to which it tells; the record after it is the first one to apply.
    pub position: u64,
    /// When it was made, ns since 1970 UTC.
    pub created_ns: u64,
    /// Channels in doubt.
    pub channels: u64,
    /// Books, empty ones included.
    pub instruments: u64,
    /// Orders in all of them.
    pub orders: u64,
}

impl ImageHead {
    /// Length of the whole file; `None` if the counts are absurd.
    fn file_bytes(&self) -> Option<u64> {
        if self.channels > MOST_CHANNELS || self.instruments > MOST_INSTRUMENTS || self.orders > MOST_ORDERS {
            return None;
        }
        Some(HEADER_BYTES as u64 + 8 * self.channels + RECORD_BYTES as u64 * (self.instruments + self.orders))
    }

    fn words(&self) -> [u64; HEADER_WORDS] {
        let mut words = [0; HEADER_WORDS];
        words[word::MAGIC] = MAGIC;
        words[word::VERSION] = VERSION;
        words[word::DBN_VERSION] = DBN_VERSION;
        words[word::HEADER_BYTES] = HEADER_BYTES as u64;
        words[word::RECORD_BYTES] = RECORD_BYTES as u64;
        words[word::FILE_BYTES] = self.file_bytes().unwrap_or(0);
        words[word::EPOCH] = self.epoch;
        words[word::POSITION] = self.position;
        words[word::CREATED_NS] = self.created_ns;
        words[word::CHANNELS] = self.channels;
        words[word::INSTRUMENTS] = self.instruments;
        words[word::ORDERS] = self.orders;
        words
    }
}

/// An image, loaded.
#[derive(Clone, Debug)]
pub struct Image {
    /// What it says of itself.
    pub head: ImageHead,
    /// The books as of its position.
    pub books: OrderBooks,
}

impl Image {
    /// Where the image of a publication is: `NAME.mbo.image` beside it.
    pub fn path_of(publication: &Path) -> PathBuf {
        let mut name = publication.file_name().unwrap_or_default().to_owned();
        name.push(".mbo.image");
        publication.with_file_name(name)
    }

    /// Loads and checks all of an image. Memory grows with the orders that are really in it, whatever its header says.
    pub fn load(path: &Path) -> Result<Self, ShmError> {
        load::load(path)
    }

    /// Reads and checks only the header. `None`: there is no such file.
    pub fn head(path: &Path) -> Result<Option<ImageHead>, ShmError> {
        load::head(path)
    }

    /// Writes the books as of `position` to `path`, by way of the file `temporary` in the same directory. Nothing is left of that
    /// if it fails. Not synchronised to disk: an image is worth nothing without the shared memory that it is about.
    pub fn write(books: &OrderBooks, at: (u64, u64), created_ns: u64, path: &Path, temporary: &Path) -> Result<ImageHead, ShmError> {
        write::write(books, at, created_ns, path, temporary)
    }
}
