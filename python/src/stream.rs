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

/// The longest time without asking Python for its signals, and the longest that a second thread waits for its turn.
pub const SLICE: Duration = Duration::from_millis(20);

/// One ring, read in batches. Threads that share one take turns: each batch goes to one of them.
#[pyclass(frozen, module = "tickwire._native")]
pub struct Stream(Mutex<Option<Box<dyn Follow>>>);

/// Kind, number (position, records lost, epoch), records or control records, rows, whether they may be wrong.
type Batch<'py> = (Bound<'py, PyString>, u64, Option<Buffer>, Option<Buffer>, Option<Buffer>);

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
        if max_records == 0 {
            return Err(PyValueError::new_err("max_records=0: say how many records a batch may have, 1 or more"));
        }
        let gathering = Gathering { most: max_records, linger: duration("linger", linger)?, spin };
        let deadline = timeout.map(|seconds| duration("timeout", seconds)).transpose()?.map(|timeout| Instant::now() + timeout);
        loop {
            let slice = Instant::now() + SLICE;
            let patience = deadline.map_or(slice, |deadline| deadline.min(slice));
            let told = py.detach(|| self.with(|follower| follower.read(gathering, patience)));
            match told.ok_or_else(closed)?.map_err(raised)? {
                Told::Idle => {
                    py.check_signals()?;
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        return Ok((intern!(py, "idle").clone(), 0, None, None, None));
                    }
                }
                Told::Records { position, bytes } => {
                    return Ok((intern!(py, "records").clone(), position, Some(Buffer::new(bytes)), None, None));
                }
                Told::Board { bytes, rows, maybe_bad } => {
                    let [bytes, rows, maybe_bad] = [bytes, rows, maybe_bad].map(|part| Some(Buffer::new(part)));
                    return Ok((intern!(py, "board").clone(), 0, bytes, rows, maybe_bad));
                }
                Told::Controls { bytes } => return Ok((intern!(py, "control").clone(), 0, Some(Buffer::new(bytes)), None, None)),
                Told::Lost(records) => return Ok((intern!(py, "lost").clone(), records, None, None, None)),
                Told::NewEpoch(epoch) => return Ok((intern!(py, "epoch").clone(), epoch, None, None, None)),
                Told::WriterDead => return Ok((intern!(py, "writer_dead").clone(), 0, None, None, None)),
                Told::End => return Ok((intern!(py, "end").clone(), 0, None, None, None)),
            }
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
