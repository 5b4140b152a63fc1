//! A subscription as Python has it: may be read from any thread, gives the interpreter's lock away while it reads and waits, and answers Ctrl-C.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::buffer::Buffer;
use crate::error::{Closed, raised};
use crate::follower::{Follow, Gathering, Told};
use crate::publication::Publication;
use crate::tables::Channel;

/// The longest time without asking Python for its signals, and the longest that a second thread waits for its turn.
pub const SLICE: Duration = Duration::from_millis(20);

/// One ring, read in batches. Threads that share one take turns: each batch goes to one of them.
#[pyclass(frozen, module = "tickwire._native")]
pub struct Stream(Mutex<Option<Box<dyn Follow>>>);

/// Kind; number (position, records lost, positions skipped, epoch); records or control records; of state besides rows, whether they may be wrong,
/// positions, and how many were passed over; channels.
type Batch<'py> = (Bound<'py, PyString>, u64, Option<Buffer>, [Option<Buffer>; 4], Vec<Channel>);

fn buffers<const N: usize>(parts: [Vec<u8>; N]) -> [Option<Buffer>; 4] {
    let mut parts = parts.into_iter().map(Buffer::new);
    std::array::from_fn(|_| parts.next())
}

impl Stream {
    pub fn new(follower: Box<dyn Follow>) -> Self {
        Self(Mutex::new(Some(follower)))
    }

    fn with<T>(&self, body: impl FnOnce(&mut dyn Follow) -> T) -> Option<T> {
        // A panic on the way left nothing half-done that the next call could not go on from.
        let mut follower = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        follower.as_mut().map(|follower| body(follower.as_mut()))
    }
}

fn closed() -> PyErr {
    Closed::new_err("the stream is closed")
}

/// How to gather and until when, as Python says it.
pub fn gathering(timeout: Option<f64>, most: usize, linger: f64, spin: bool) -> PyResult<(Gathering, Option<Instant>)> {
    if most == 0 {
        return Err(PyValueError::new_err("max_records=0: say how many records a batch may have, 1 or more"));
    }
    let gathering = Gathering { most, linger: duration("linger", linger)?, spin };
    Ok((gathering, timeout.map(|seconds| duration("timeout", seconds)).transpose()?.map(|timeout| Instant::now() + timeout)))
}

/// Seconds as Python gives them.
fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    // For ever is as good as a century.
    const CENTURY: f64 = 3.2e9;
    // (`min` would turn what is not a number into a century.)
    Duration::try_from_secs_f64(if seconds > CENTURY { CENTURY } else { seconds })
        .map_err(|_| PyValueError::new_err(format!("{name}={seconds}: say how many seconds, 0 or more")))
}

#[pymethods]
impl Stream {
    /// The next batch; kind `idle` if nothing comes within `timeout` seconds.
    fn read<'py>(&self, py: Python<'py>, timeout: Option<f64>, max_records: usize, linger: f64, spin: bool) -> PyResult<Batch<'py>> {
        let (gathering, deadline) = gathering(timeout, max_records, linger, spin)?;
        loop {
            let slice = Instant::now() + SLICE;
            let patience = deadline.map_or(slice, |deadline| deadline.min(slice));
            let told = py.detach(|| self.with(|follower| follower.read(gathering, patience)));
            let none = [const { None }; 4];
            let (kind, number, bytes, parts, channels) = match told.ok_or_else(closed)?.map_err(raised)? {
                Told::Idle => {
                    py.check_signals()?;
                    if deadline.is_none_or(|deadline| Instant::now() < deadline) {
                        continue;
                    }
                    (intern!(py, "idle"), 0, None, none, Vec::new())
                }
                Told::Records { position, bytes } => (intern!(py, "records"), position, Some(bytes), none, Vec::new()),
                Told::Board { bytes, rows, maybe_bad } => (intern!(py, "board"), 0, Some(bytes), buffers([rows, maybe_bad]), Vec::new()),
                Told::Values { bytes, rows, maybe_bad, positions, folded } => {
                    (intern!(py, "values"), 0, Some(bytes), buffers([rows, maybe_bad, positions, folded]), Vec::new())
                }
                Told::Controls { bytes } => (intern!(py, "control"), 0, Some(bytes), none, Vec::new()),
                Told::Channels(channels) => (intern!(py, "channel"), 0, None, none, channels),
                Told::Skipped(positions) => (intern!(py, "skipped"), positions, None, none, Vec::new()),
                Told::Lost(records) => (intern!(py, "lost"), records, None, none, Vec::new()),
                Told::NewEpoch(epoch) => (intern!(py, "epoch"), epoch, None, none, Vec::new()),
                Told::WriterDead => (intern!(py, "writer_dead"), 0, None, none, Vec::new()),
                Told::End => (intern!(py, "end"), 0, None, none, Vec::new()),
            };
            return Ok((kind.clone(), number, bytes.map(Buffer::new), parts, channels));
        }
    }

    /// The publication in the epoch that the stream is in.
    fn publication(&self, py: Python<'_>) -> PyResult<Publication> {
        py.detach(|| self.with(|follower| follower.publication())).map(Publication::new).ok_or_else(closed)
    }

    /// Gives everything back. A read that waits in another thread ends.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
