//! A publication as Python has it: opened read-only, its tables and boards copied out when asked for.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tickwire::record::Schema;
use tickwire::shm::{self, From, InstrumentRow, OnLost};

use crate::board;
use crate::book::{self, Book};
use crate::buffer::Buffer;
use crate::error::{Error, raised, schema_named};
use crate::follower::{Follow, Follower};
use crate::latest::LatestFollower;
use crate::orders::Orders;
use crate::schema::of_schema;
use crate::stream::Stream;
use crate::tables::{self, Channel};

/// One epoch of a publication.
#[pyclass(frozen, module = "tickwire._native")]
pub struct Publication(shm::Publication);

/// Schema, depth, bytes of a record, bytes of a slot, position.
type Ring = (&'static str, u64, usize, usize, u64);
/// Row, instrument id, publisher id, channel, round lot, symbol.
type Instrument = (u32, u32, u16, u16, u32, String);

impl Publication {
    pub fn new(publication: shm::Publication) -> Self {
        Self(publication)
    }

    /// The schema of that name, whose records are state.
    fn state(&self, schema: &str) -> PyResult<Schema> {
        let schema = schema_named(schema)?;
        if schema == Schema::Mbo {
            let why = "order events are no state, so the mbo ring has no board; orders() has the orders, book() and the mbp schemas the price levels";
            return Err(Error::new_err(format!("{}: {why}", self.0.path().display())));
        }
        Ok(schema)
    }
}

fn instrument(row: InstrumentRow) -> Instrument {
    (row.row, row.instrument_id, row.publisher_id, row.channel, row.round_lot, row.symbol)
}

#[pymethods]
impl Publication {
    #[staticmethod]
    fn open(py: Python<'_>, dir: PathBuf, name: &str) -> PyResult<Self> {
        py.detach(|| shm::Publication::open(dir, name)).map(Self).map_err(raised)
    }

    /// Names of the publications in a directory.
    #[staticmethod]
    fn names(py: Python<'_>, dir: PathBuf) -> PyResult<Vec<String>> {
        py.detach(|| shm::Publication::names(dir)).map_err(raised)
    }

    /// What its name leads to now.
    fn reopen(&self, py: Python<'_>) -> PyResult<Self> {
        py.detach(|| self.0.reopen()).map(Self).map_err(raised)
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    #[getter]
    fn created_ns(&self) -> u64 {
        self.0.created_ns()
    }

    #[getter]
    fn heartbeat_ns(&self) -> u64 {
        self.0.heartbeat_ns()
    }

    #[getter]
    fn writer_pid(&self) -> u64 {
        self.0.writer_pid()
    }

    /// `alive`, `closed`, `replaced` or `dead`.
    fn writer(&self) -> PyResult<&'static str> {
        self.0.writer().map(tables::writer_state).map_err(raised)
    }

    fn rings(&self) -> Vec<Ring> {
        let rings = self.0.rings().into_iter();
        rings.map(|ring| (ring.schema.name(), ring.depth, ring.record_size, ring.slot_size, ring.position)).collect()
    }

    fn channels(&self) -> Vec<Channel> {
        self.0.channel_states().into_iter().map(tables::channel).collect()
    }

    fn counters(&self) -> Vec<(String, u64)> {
        self.0.counters()
    }

    fn watermark_ns(&self, channel: u16) -> u64 {
        self.0.watermark_ns(channel)
    }

    fn instrument_count(&self) -> u32 {
        self.0.instrument_count()
    }

    /// Rows of the instruments table from `first` on, 144 bytes each.
    fn instruments(&self, py: Python<'_>, first: u32) -> Buffer {
        let read = || {
            let mut rows = Vec::new();
            for row in (first..self.0.instrument_count()).filter_map(|row| self.0.instrument(row)) {
                tables::put_instrument(&row, &mut rows);
            }
            rows
        };
        Buffer::new(py.detach(read))
    }

    /// The first instrument of that symbol.
    fn find(&self, symbol: &str) -> Option<Instrument> {
        self.0.find(symbol).map(instrument)
    }

    /// The newest price levels of a symbol.
    fn book(&self, py: Python<'_>, symbol: &str) -> PyResult<Book> {
        py.detach(|| self.0.book(symbol)).map(book::told).map_err(raised)
    }

    /// The same by row.
    fn book_at(&self, py: Python<'_>, row: u32) -> PyResult<Book> {
        py.detach(|| self.0.book_at(row)).map(book::told).map_err(raised)
    }

    /// Records, rows (u32) and whether they may be wrong (a byte each).
    fn board(&self, py: Python<'_>, schema: &str) -> PyResult<(Buffer, Buffer, Buffer)> {
        let schema = self.state(schema)?;
        let cells = py.detach(|| of_schema!(schema, R => board::read::<R>(&self.0))).map_err(raised)?;
        Ok((Buffer::new(cells.records), Buffer::new(cells.rows), Buffer::new(cells.maybe_bad)))
    }

    /// A subscription; `start` is `board`, `now` or `oldest`, `on_lost` is `rejoin` or `stop`.
    fn stream(
        &self,
        py: Python<'_>,
        schema: &str,
        start: &str,
        symbols: Option<Vec<String>>,
        on_lost: &str,
        gated: bool,
    ) -> PyResult<Stream> {
        let schema = schema_named(schema)?;
        let from = match start {
            "board" => From::Board,
            "now" => From::Now,
            "oldest" => From::Oldest,
            _ => return Err(PyValueError::new_err(format!("start={start:?}: say 'board', 'now' or 'oldest'"))),
        };
        let on_lost = match on_lost {
            "rejoin" => OnLost::Rejoin,
            "stop" => OnLost::Stop,
            _ => return Err(PyValueError::new_err(format!("on_lost={on_lost:?}: say 'rejoin' or 'stop'"))),
        };
        let subscribe = || of_schema!(schema, R => Follower::<R>::new(&self.0, from, on_lost, gated, symbols).map(|follower| Box::new(follower) as Box<dyn Follow>));
        py.detach(subscribe).map(Stream::new).map_err(raised)
    }

    /// The newest record of every instrument, whenever it changed.
    fn latest(&self, py: Python<'_>, schema: &str, symbols: Option<Vec<String>>) -> PyResult<Stream> {
        let schema = self.state(schema)?;
        let subscribe =
            || of_schema!(schema, R => LatestFollower::<R>::new(&self.0, symbols).map(|follower| Box::new(follower) as Box<dyn Follow>));
        py.detach(subscribe).map(Stream::new).map_err(raised)
    }

    /// Books order by order. `wait`: for an image to start from, if there is none.
    fn orders(&self, py: Python<'_>, symbols: Option<Vec<String>>, wait: bool, gated: bool) -> PyResult<Orders> {
        let follow = || match (wait, gated) {
            (_, true) => self.0.orders_gated(),
            (true, false) => self.0.orders_when_ready(),
            (false, false) => self.0.orders(),
        };
        if wait && gated {
            return Err(PyValueError::new_err("wait and gated: a gated reader begins with the replay, so say one of them"));
        }
        py.detach(follow).map(|stream| Orders::new(stream, symbols)).map_err(raised)
    }
}
