//! Books order by order as Python has them: brought up to date in one call without the interpreter's lock, and looked at in copies.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use tickwire::shm::orders::Side;
use tickwire::shm::{InstrumentRow, OrderStream, ShmError};
use zerocopy::IntoBytes;

use crate::buffer::Buffer;
use crate::error::{Closed, raised};
use crate::order_follower::{Happened, News, OrderFollower, Placed};
use crate::publication::Publication;
use crate::stream::{SLICE, gathering};

/// The orders of a publication. Threads that share one take turns.
#[pyclass(frozen, module = "tickwire._native")]
pub struct Orders(Mutex<Option<OrderFollower>>);

/// Kind, number (records lost, epoch), records applied, the control record, rows of the books that changed.
type Update<'py> = (Bound<'py, PyString>, u64, u64, Option<Buffer>, Buffer);
/// Row, instrument id, publisher id, bids, asks (24 bytes an order), may be wrong, lacks orders, ts_event, ts_recv, sequence, position.
type Book = (u32, u32, u16, Buffer, Buffer, bool, bool, u64, u64, u32, u64);
/// Whether it is a bid, price, size, orders ahead, size ahead.
type Queued = (bool, i64, u32, u32, u64);
/// Epoch, position, records lost, whole, books, orders; unknown, duplicate, excess, unusable.
type State = (u64, u64, u64, bool, usize, u64, (u64, u64, u64, u64));

impl Orders {
    pub fn new(stream: OrderStream, symbols: Option<Vec<String>>) -> Self {
        Self(Mutex::new(Some(OrderFollower::new(stream, symbols))))
    }

    fn with<T: Send>(&self, py: Python<'_>, body: impl Send + FnOnce(&mut OrderFollower) -> T) -> PyResult<T> {
        py.detach(|| {
            // A panic on the way left nothing half-done that the next call could not go on from.
            let mut follower = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            follower.as_mut().map(body)
        })
        .ok_or_else(|| Closed::new_err("the orders are closed"))
    }

    /// Does something with the instrument of a symbol.
    fn of<T: Send>(&self, py: Python<'_>, symbol: &str, body: impl Send + FnOnce(&OrderFollower, &InstrumentRow) -> T) -> PyResult<T> {
        let found = |follower: &mut OrderFollower| -> Result<T, ShmError> {
            let row = follower.find(symbol)?;
            Ok(body(follower, &row))
        };
        self.with(py, found)?.map_err(raised)
    }
}

/// Order id, price, size, orders ahead: what the dtype `ORDER` describes.
fn put(order: &Placed, to: &mut Vec<u8>) {
    to.extend_from_slice(&order.order_id.to_le_bytes());
    to.extend_from_slice(&order.price.to_le_bytes());
    to.extend_from_slice(&order.size.to_le_bytes());
    to.extend_from_slice(&order.orders_ahead.to_le_bytes());
}

fn side(follower: &OrderFollower, row: &InstrumentRow, side: Side, levels: Option<u32>) -> Buffer {
    let mut bytes = Vec::new();
    follower.placed(row, side, levels).iter().for_each(|order| put(order, &mut bytes));
    Buffer::new(bytes)
}

#[pymethods]
impl Orders {
    /// Takes in what there is; kind `idle` if nothing comes within `timeout` seconds.
    fn update<'py>(&self, py: Python<'py>, timeout: Option<f64>, max_records: usize, linger: f64, spin: bool) -> PyResult<Update<'py>> {
        let (gathering, deadline) = gathering(timeout, max_records, linger, spin)?;
        loop {
            let slice = Instant::now() + SLICE;
            let patience = deadline.map_or(slice, |deadline| deadline.min(slice));
            let News { happened, applied, changed } = self.with(py, |follower| follower.update(gathering, patience))?.map_err(raised)?;
            let (kind, number, control) = match happened {
                Happened::Idle => {
                    py.check_signals()?;
                    if deadline.is_none_or(|deadline| Instant::now() < deadline) {
                        continue;
                    }
                    (intern!(py, "idle"), 0, None)
                }
                Happened::Records => (intern!(py, "records"), 0, None),
                Happened::Control(control) => (intern!(py, "control"), 0, Some(control)),
                Happened::Rejoined(lost) => (intern!(py, "rejoined"), lost, None),
                Happened::Waiting => (intern!(py, "waiting"), 0, None),
                Happened::NewEpoch(epoch) => (intern!(py, "epoch"), epoch, None),
                Happened::WriterDead => (intern!(py, "writer_dead"), 0, None),
                Happened::End => (intern!(py, "end"), 0, None),
            };
            let control = control.map(|control| Buffer::new(control.as_bytes().to_vec()));
            return Ok((kind.clone(), number, applied, control, Buffer::new(changed.as_bytes().to_vec())));
        }
    }

    /// The orders of a symbol, of the best `levels` prices of each side.
    fn book(&self, py: Python<'_>, symbol: &str, levels: Option<u32>) -> PyResult<Book> {
        self.of(py, symbol, |follower, row| {
            let [bids, asks] = Side::BOTH.map(|of| side(follower, row, of, levels));
            let (maybe_bad, lacks_orders) = follower.doubts(row);
            let book = follower.book(row);
            let (ts_event, ts_recv, sequence) = book.map_or((0, 0, 0), |book| (book.ts_event(), book.ts_recv(), book.sequence()));
            let position = follower.stream().position();
            (row.row, row.instrument_id, row.publisher_id, bids, asks, maybe_bad, lacks_orders, ts_event, ts_recv, sequence, position)
        })
    }

    /// Where an order of a symbol waits.
    fn queued(&self, py: Python<'_>, symbol: &str, order_id: u64) -> PyResult<Option<Queued>> {
        let queued = self.of(py, symbol, |follower, row| follower.queued(row, order_id))?;
        Ok(queued.map(|at| (at.side == Side::Bid, at.order.price, at.order.size, at.orders_ahead, at.size_ahead)))
    }

    /// All orders of all wanted instruments, 32 bytes each: as in a book, then row, side and whether its book may be wrong.
    fn all(&self, py: Python<'_>) -> PyResult<Buffer> {
        self.with(py, |follower| {
            let mut bytes = Vec::new();
            for row in follower.wanted() {
                let (maybe_bad, _) = follower.doubts(&row);
                for order in Side::BOTH.into_iter().flat_map(|side| follower.placed(&row, side, None)) {
                    put(&order, &mut bytes);
                    bytes.extend_from_slice(&row.row.to_le_bytes());
                    bytes.extend_from_slice(&[order.side.letter(), u8::from(maybe_bad), 0, 0]);
                }
            }
            Buffer::new(bytes)
        })
    }

    /// How far it has come.
    fn state(&self, py: Python<'_>) -> PyResult<State> {
        self.with(py, |follower| {
            let stream = follower.stream();
            let (books, contradictions) = (stream.books(), stream.books().contradictions());
            (
                stream.publication().epoch(),
                stream.position(),
                stream.lost(),
                stream.is_whole(),
                books.len(),
                books.live_orders(),
                (contradictions.unknown, contradictions.duplicate, contradictions.excess, contradictions.unusable),
            )
        })
    }

    /// The publication in the epoch that the books are of.
    fn publication(&self, py: Python<'_>) -> PyResult<Publication> {
        self.with(py, |follower| follower.stream().publication().clone()).map(Publication::new)
    }

    /// Gives everything back. An update that waits in another thread ends.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
