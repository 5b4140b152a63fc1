//! A subscription to orders: books that are kept up, record by record, from whatever moment on.
//!
//! Late join, recovery from an overrun and a writer's restart are one thing: start at the newest image of the epoch and read the `mbo` ring
//! behind its position; where the ring still has its first record, no image is needed. What can be had from neither is not guessed.
//! A subscription that is lapped says so, finds its way back by itself, and until then its books are empty rather than old.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use zerocopy::FromZeros;

use super::consumer::{Publication, WriterState};
use super::error::ShmError;
use super::image::{Image, ImageHead};
use super::orders::OrderBooks;
use super::records::{Item, Records};
use crate::record::{Control, Mbo, control};

/// Records passed over in one step while no image can be started from.
const PASSED_OVER: u32 = 1024;
/// How often at most a new image is looked for unasked.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Images that may take each other's place while one is being loaded.
const ATTEMPTS: u32 = 3;

/// What came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrderItem<'a> {
    /// The next record of the `mbo` ring. The books have taken it in.
    Record(&'a Mbo),
    /// A control record: sessions and gaps. The books have taken it in.
    Control(&'a Control),
    /// The reader was too slow and was lapped. The books are those of the newest image now; `lost` records were not told one by one.
    Rejoined {
        /// Positions from the first that was lost up to the image's.
        lost: u64,
    },
    /// The reader was lapped (or came late, [`Publication::orders_when_ready`]), and there is no image yet that the ring reaches back to. The books are empty until
    /// [`OrderItem::Rejoined`] or [`OrderItem::NewEpoch`]; until then there is only [`OrderItem::Idle`]. If the writer makes no images,
    /// stop waiting.
    Waiting,
    /// Nothing new. Spin, pause or sleep, as you like.
    Idle,
    /// The writer began a new epoch, and the books are empty and start with it. Instruments are new.
    NewEpoch,
    /// The writer is gone without a word, and everything it wrote has been delivered. Told once; go on polling and a
    /// restarted writer's records come after an [`OrderItem::NewEpoch`].
    WriterDead,
    /// The writer ended, and everything has been delivered. It stays at that.
    End,
}

enum Step {
    Record,
    Control,
    Rejoined(u64),
    Waiting,
    Idle,
    NewEpoch,
    WriterDead,
    End,
}

/// Orders of a publication, followed from now on. See [`Publication::orders`].
#[derive(Debug)]
pub struct OrderStream {
    records: Records<Mbo>,
    books: OrderBooks,
    record: Mbo,
    control: Control,
    /// Nothing to start from yet: the first position that was lost.
    waiting: Option<u64>,
    /// It is to be said that one has to wait.
    tell_waiting: bool,
    looked: Instant,
    /// An image that cannot be used: it is not loaded a second time.
    useless: Option<ImageHead>,
    /// That the image cannot even be opened was said.
    told_unreadable: bool,
    lost: u64,
}

/// Where one can start.
enum Start {
    Image(Box<Image>),
    Beginning,
    Nowhere(String),
}

impl OrderStream {
    /// `patient`: where there is nothing to start from it waits instead of refusing.
    pub(super) fn new(mut publication: Publication, gated: bool, patient: bool) -> Result<Self, ShmError> {
        if publication.writer()? == WriterState::Replaced {
            publication = publication.reopen()?;
        }
        let mut stream = Self {
            records: Records::held(publication, gated)?,
            books: OrderBooks::new(),
            record: Mbo::new_zeroed(),
            control: Control::new_zeroed(),
            waiting: None,
            tell_waiting: false,
            looked: Instant::now(),
            useless: None,
            told_unreadable: false,
            lost: 0,
        };
        match stream.find_start()? {
            Start::Image(image) => stream.start_at(*image),
            Start::Beginning => stream.records.seek(1),
            Start::Nowhere(_) if patient => {
                let next = stream.records.cursor() + 1;
                stream.records.seek(next);
                (stream.waiting, stream.tell_waiting) = (Some(next), true);
            }
            Start::Nowhere(why) => return Err(ShmError::NoImage { path: stream.image_path(), why }),
        }
        Ok(stream)
    }

    /// The next thing that happened. Never waits, though loading an image takes its time (about a second for a busy venue). Errors: as
    /// of [`Records::next`], and an image that cannot be read; it may be called again after one.
    #[allow(clippy::should_implement_trait)] // a lending iterator
    #[inline]
    pub fn next(&mut self) -> Result<OrderItem<'_>, ShmError> {
        Ok(match self.step()? {
            Step::Record => OrderItem::Record(&self.record),
            Step::Control => OrderItem::Control(&self.control),
            Step::Rejoined(lost) => OrderItem::Rejoined { lost },
            Step::Waiting => OrderItem::Waiting,
            Step::Idle => OrderItem::Idle,
            Step::NewEpoch => OrderItem::NewEpoch,
            Step::WriterDead => OrderItem::WriterDead,
            Step::End => OrderItem::End,
        })
    }

    #[inline]
    fn step(&mut self) -> Result<Step, ShmError> {
        if self.waiting.is_some() {
            return self.wait();
        }
        Ok(match self.records.next()? {
            Item::Record(record) => {
                self.record = *record;
                self.books.apply(record);
                Step::Record
            }
            Item::Control(record) => {
                self.control = *record;
                self.books.apply_control(record);
                Step::Control
            }
            Item::Lost(count) => return self.lapped(count),
            // An mbo ring's board is no state, and is not told.
            Item::Board { .. } | Item::Idle => Step::Idle,
            Item::NewEpoch => self.new_epoch(),
            Item::WriterDead => Step::WriterDead,
            Item::End => Step::End,
        })
    }

    #[cold]
    fn lapped(&mut self, count: u64) -> Result<Step, ShmError> {
        // The subscription stands behind what it lost.
        let first = self.records.next_position().saturating_sub(count);
        self.waiting = Some(first);
        self.tell_waiting = true;
        // Old books would look like books.
        self.books.clear();
        Ok(match self.rejoin()? {
            Some(lost) => Step::Rejoined(lost),
            None => {
                self.tell_waiting = false;
                Step::Waiting
            }
        })
    }

    #[cold]
    fn new_epoch(&mut self) -> Step {
        self.books.clear();
        (self.waiting, self.tell_waiting, self.useless, self.told_unreadable) = (None, false, None, false);
        Step::NewEpoch
    }

    /// Passes over what comes until it can be started from an image.
    #[cold]
    fn wait(&mut self) -> Result<Step, ShmError> {
        if std::mem::take(&mut self.tell_waiting) {
            return Ok(Step::Waiting);
        }
        for _ in 0..PASSED_OVER {
            let ready = match self.records.next()? {
                Item::Control(record) => record.hd.rtype == control::IMAGE_READY,
                Item::Record(_) | Item::Board { .. } | Item::Lost(_) => false,
                Item::NewEpoch => return Ok(self.new_epoch()),
                // Told once, so it must not be swallowed; the image can wait for the next call.
                Item::WriterDead => return Ok(Step::WriterDead),
                Item::Idle if self.looked.elapsed() < LOOK_EVERY => return Ok(Step::Idle),
                // One that was announced before we came, or whose announcement was lost with the rest.
                Item::Idle => return Ok(self.rejoin()?.map_or(Step::Idle, Step::Rejoined)),
                Item::End => return Ok(self.rejoin()?.map_or(Step::End, Step::Rejoined)),
            };
            if ready && let Some(lost) = self.rejoin()? {
                return Ok(Step::Rejoined(lost));
            }
        }
        Ok(Step::Idle)
    }

    /// Starts again from the newest image; the number of records that were not told, or `None` if there is nowhere to start.
    fn rejoin(&mut self) -> Result<Option<u64>, ShmError> {
        self.looked = Instant::now();
        let image = match self.find_start()? {
            Start::Image(image) => image,
            // Lapped before the first record was read, and then the ring was not: it cannot be, and reading says what is.
            Start::Beginning | Start::Nowhere(_) => return Ok(None),
        };
        let first = self.waiting.take().unwrap_or(1);
        let lost = (image.head.position + 1).saturating_sub(first);
        self.lost = self.lost.saturating_add(lost);
        self.tell_waiting = false;
        self.start_at(*image);
        Ok(Some(lost))
    }

    fn start_at(&mut self, image: Image) {
        self.books = image.books;
        self.records.seek(image.head.position + 1);
    }

    fn find_start(&mut self) -> Result<Start, ShmError> {
        let path = self.image_path();
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let head = match Image::head(&path) {
                Ok(Some(head)) => head,
                Ok(None) => {
                    why = "there is none".into();
                    break;
                }
                Err(ShmError::Image { .. }) if self.told_unreadable || self.records.reaches_back_to(1) => break,
                Err(error) => {
                    self.told_unreadable = true;
                    return Err(error);
                }
            };
            self.told_unreadable = false;
            match self.refuses(&head) {
                Some(reason) => why = reason,
                None => match Image::load(&path) {
                    // While it was loaded another may have taken its place, or the ring gone on beyond it.
                    Ok(image) if self.refuses(&image.head).is_none() => return Ok(Start::Image(Box::new(image))),
                    Ok(image) => why = self.refuses(&image.head).unwrap_or_default(),
                    Err(error) => {
                        self.useless = Some(head);
                        if !self.records.reaches_back_to(1) {
                            return Err(error);
                        }
                    }
                },
            }
        }
        Ok(if self.records.reaches_back_to(1) { Start::Beginning } else { Start::Nowhere(why) })
    }

    /// Why one cannot start from an image, if so.
    fn refuses(&self, head: &ImageHead) -> Option<String> {
        let publication = self.records.publication();
        if head.epoch != publication.epoch() {
            return Some(format!("the one that is there is of epoch {}, and this is {}", head.epoch, publication.epoch()));
        }
        if self.useless.as_ref() == Some(head) {
            return Some("the one that is there cannot be read".into());
        }
        // A position that was never written would be waited for for ever.
        if head.position >= u64::MAX >> 1 || head.position > 0 && !self.records.has_written(head.position) {
            return Some(format!("the one that is there claims position {}, which was not written yet", head.position));
        }
        let gone = !self.records.reaches_back_to(head.position + 1);
        gone.then(|| format!("the newest tells up to position {}, and the ring does not reach back to it any more", head.position))
    }

    fn image_path(&self) -> PathBuf {
        Image::path_of(self.records.publication().path())
    }

    /// The books, as of the last item.
    pub fn books(&self) -> &OrderBooks {
        &self.books
    }

    /// Whether the books hold everything that rests: not so while [`OrderItem::Waiting`].
    pub fn is_whole(&self) -> bool {
        self.waiting.is_none()
    }

    /// The position of the `mbo` ring up to which the books tell.
    pub fn position(&self) -> u64 {
        self.records.next_position().saturating_sub(1)
    }

    /// The epoch this subscription is in; changes with [`OrderItem::NewEpoch`].
    pub fn publication(&self) -> &Publication {
        self.records.publication()
    }

    /// All that [`OrderItem::Rejoined`] said so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
