//! The writer of images: an ordinary order-level consumer that now and then writes down what it knows.
//!
//! It owns no thread and no clock: who runs it calls [`ImageKeeper::read`] as fast as it likes and [`ImageKeeper::write`] when it is
//! time. Should it be lapped it goes on from its own newest image; where that is too old it knows nothing until the next epoch, and says so.

use std::path::PathBuf;

use super::{Image, ImageHead, ImageNews};
use crate::record::control;
use crate::shm::consumer::{Publication, WriterState};
use crate::shm::error::ShmError;
use crate::shm::order_stream::{OrderItem, OrderStream};
use crate::shm::spec::temporary_prefix;

/// Writes the images of one publication.
#[derive(Debug)]
pub struct ImageKeeper {
    stream: OrderStream,
    news: ImageNews,
    written: u64,
    /// The epoch of the last one.
    written_epoch: u64,
    /// What the next image would tell and the last one did not.
    changed: bool,
    records: u64,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is more.
    More,
    /// Nothing new.
    Idle,
    /// It was lapped, so many records were passed over, and it goes on from its own newest image.
    Rejoined(u64),
    /// It was lapped by more than its newest image can make good: no image will be written in this epoch any more.
    Lost,
    /// The writer died. A restarted one is followed.
    WriterDead,
    /// The publication has ended.
    End,
}

impl ImageKeeper {
    /// Begins at the beginning of the publication's epoch, or from an image that is there, or with the next epoch.
    pub fn start(publication: &Publication, gated: bool, news: ImageNews) -> Result<Self, ShmError> {
        let stream = if gated { publication.orders_gated()? } else { publication.orders_when_ready()? };
        Ok(Self { stream, news, written: 0, written_epoch: 0, changed: true, records: 0 })
    }

    /// Reads up to so many records.
    pub fn read(&mut self, most: u64) -> Result<Kept, ShmError> {
        for _ in 0..most {
            match self.stream.next()? {
                OrderItem::Record(_) => {
                    self.records += 1;
                    self.changed = true;
                }
                // That there is an image is no reason for another one.
                OrderItem::Control(record) => self.changed |= record.hd.rtype != control::IMAGE_READY,
                OrderItem::Rejoined { lost } => {
                    self.news.lapped();
                    return Ok(Kept::Rejoined(lost));
                }
                OrderItem::Waiting => {
                    self.news.lapped();
                    return Ok(Kept::Lost);
                }
                OrderItem::Idle => return Ok(Kept::Idle),
                OrderItem::NewEpoch => self.changed = true,
                OrderItem::WriterDead => return Ok(Kept::WriterDead),
                OrderItem::End => return Ok(Kept::End),
            }
        }
        Ok(Kept::More)
    }

    /// Whether an image written now would tell more than the last one, and what is known is everything.
    pub fn is_due(&self) -> bool {
        self.changed && self.stream.is_whole()
    }

    /// Whether nothing was written in this epoch so far: its readers should not have to wait for their first image.
    pub fn is_first(&self) -> bool {
        self.written_epoch != self.stream.publication().epoch()
    }

    /// Records taken in so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The publication in its present epoch.
    pub fn publication(&self) -> &Publication {
        self.stream.publication()
    }

    /// Writes an image of what is known, and tells the lane. A failure is counted, leaves nothing behind, and the older image stays.
    pub fn write(&mut self, now_ns: u64) -> Result<ImageHead, ShmError> {
        let (epoch, position) = (self.stream.publication().epoch(), self.stream.position());
        let written = Image::write(self.stream.books(), (epoch, position), now_ns, &self.path(), &self.temporary());
        match &written {
            Ok(head) => {
                self.written += 1;
                self.written_epoch = epoch;
                self.changed = false;
                self.news.ready(self.written, head.position, head.epoch);
            }
            Err(_) => self.news.failed(),
        }
        written
    }

    /// Removes the image, if it is still the one of this epoch: the publication is gone, and nobody can go on from it.
    pub fn remove(&self) {
        let ours = |head: &ImageHead| head.epoch == self.publication().epoch();
        if self.publication().writer().is_ok_and(|writer| writer != WriterState::Alive)
            && let Ok(Some(head)) = Image::head(&self.path())
            && ours(&head)
        {
            // Nobody to tell, and the next writer of the name removes it.
            let _ = std::fs::remove_file(self.path());
        }
    }

    fn path(&self) -> PathBuf {
        Image::path_of(self.stream.publication().path())
    }

    /// One name for each process: the next writer of the publication removes it should this one be killed.
    fn temporary(&self) -> PathBuf {
        let path = self.stream.publication().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!("{}{}--", temporary_prefix(&name), std::process::id()))
    }
}
