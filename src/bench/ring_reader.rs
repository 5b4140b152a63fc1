//! One ring read by a watcher: whatever its records are, what counts is that they were read, and what happened on the way.

use std::hint::black_box;

use super::seen::Place;
use crate::error::{Error, Exit};
use crate::record::{
    Definition, Imbalance, Latency, Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Record, Schema, Signal, Statistics, Status,
    Trade, Venue, Vwap, control,
};
use crate::shm::{From, Item, Publication, Records, ShmError};

/// What was told in reading; added to by every reader.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Records and control records of data that were read.
    pub read: u64,
    /// Records that were lost to a reader that was too slow.
    pub lapped: u64,
    /// When gaps were opened, ns since 1970 UTC.
    pub gaps_ns: Vec<u64>,
    /// Sampled datagrams, with their epoch.
    pub samples: Vec<(u64, Latency)>,
    /// The reading went on elsewhere: up to where it had come, and up to where it passed over.
    pub passed: Option<(Place, Place)>,
}

/// A ring of any schema.
pub(super) trait RingReader: Send {
    /// Reads up to `most` records; says whether anything came. Ends early after something that is not a record, so that `told` has at
    /// most one [`Told::passed`].
    fn read(&mut self, most: usize, told: &mut Told) -> Result<bool, ShmError>;

    /// Everything up to there was read, or passed over.
    fn place(&self) -> Place;

    /// Its record type.
    fn rtype(&self) -> u8;

    /// Whether the writer is gone and nothing is left.
    fn has_ended(&self) -> bool;
}

/// What to do with a record.
pub(super) trait Taken: Record {
    fn take(&self, epoch: u64, told: &mut Told);
}

struct Reader<R> {
    records: Records<R>,
    ended: bool,
}

impl<R: Taken + Send> RingReader for Reader<R> {
    fn read(&mut self, most: usize, told: &mut Told) -> Result<bool, ShmError> {
        let mut last = self.place();
        for nth in 0..most {
            match self.records.next()? {
                Item::Record(record) => {
                    record.take(last.epoch, told);
                    last.position += 1;
                }
                // Made up by the reader: it stands at no position.
                Item::Control(control) if control.hd.rtype == control::PRICE_LEVELS_ONLY => {}
                Item::Control(control) => {
                    if control.hd.rtype == control::GAP_OPEN && R::SCHEMA != Schema::Latency {
                        told.gaps_ns.push(control.ts_recv);
                    }
                    last.position += 1;
                }
                Item::Board { .. } => {}
                Item::Idle => return Ok(nth > 0),
                Item::Lost(records) => {
                    told.lapped += records;
                    told.passed = Some((last, self.place()));
                    return Ok(true);
                }
                Item::NewEpoch => {
                    self.ended = false;
                    told.passed = Some((last, self.place()));
                    return Ok(true);
                }
                Item::WriterDead | Item::End => {
                    self.ended = true;
                    return Ok(nth > 0);
                }
            }
        }
        Ok(true)
    }

    fn place(&self) -> Place {
        Place { epoch: self.records.publication().epoch(), position: self.records.next_position().saturating_sub(1) }
    }

    fn rtype(&self) -> u8 {
        R::SCHEMA.rtype()
    }

    fn has_ended(&self) -> bool {
        self.ended
    }
}

impl Taken for Latency {
    fn take(&self, epoch: u64, told: &mut Told) {
        told.samples.push((epoch, *self));
    }
}

macro_rules! data {
    ($($record:ty),*) => {
        $(impl Taken for $record {
            #[inline]
            fn take(&self, _: u64, told: &mut Told) {
                told.read += 1;
                // A consumer that looks at nothing would not be one.
                black_box(self);
            }
        })*
    };
}

data!(Mbo, Mbp1, Mbp10, Trade, Status, Imbalance, Statistics, Definition, Venue, Ohlcv1S, Ohlcv1M, Ohlcv1H, Ohlcv1D, Vwap, Signal);

/// The first ring in the publication's table that carries data, from now on.
pub(super) fn first_data_ring(publication: &Publication) -> Result<Box<dyn RingReader>, Error> {
    let Some(ring) = publication.rings().into_iter().find(|ring| ring.schema != Schema::Latency) else {
        let cure = "give it one of the feed's schemas";
        return Err(Error::new(Exit::Publication, publication.path().display().to_string(), "it has no data ring to watch", cure));
    };
    match ring.schema {
        Schema::Mbo => open::<Mbo>(publication),
        Schema::Mbp1 => open::<Mbp1>(publication),
        Schema::Mbp10 => open::<Mbp10>(publication),
        Schema::Trades => open::<Trade>(publication),
        Schema::Status => open::<Status>(publication),
        Schema::Imbalance => open::<Imbalance>(publication),
        Schema::Statistics => open::<Statistics>(publication),
        Schema::Definition => open::<Definition>(publication),
        Schema::Venue => open::<Venue>(publication),
        Schema::Ohlcv1S => open::<Ohlcv1S>(publication),
        Schema::Ohlcv1M => open::<Ohlcv1M>(publication),
        Schema::Ohlcv1H => open::<Ohlcv1H>(publication),
        Schema::Ohlcv1D => open::<Ohlcv1D>(publication),
        Schema::Vwap => open::<Vwap>(publication),
        Schema::Signal => open::<Signal>(publication),
        Schema::Latency => open::<Latency>(publication),
    }
}

/// The ring of samples, from now on; `None` if there is none.
pub(super) fn latency_ring(publication: &Publication) -> Result<Option<Box<dyn RingReader>>, Error> {
    publication.carries(Schema::Latency).then(|| open::<Latency>(publication)).transpose()
}

fn open<R: Taken + Send>(publication: &Publication) -> Result<Box<dyn RingReader>, Error> {
    Ok(Box::new(Reader { records: publication.subscribe::<R>(From::Now)?, ended: false }))
}
