//! Bytes that Python may look at and nobody can change: what a batch travels in.
//!
//! Filled in Rust while the interpreter's lock is released, then given out through the buffer protocol, so that `numpy.frombuffer` makes an array of
//! it without a copy. The array holds a reference to the buffer, which therefore lives as long as the array does.

use std::ffi::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Immutable bytes.
#[pyclass(frozen, module = "tickwire._native")]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// Takes the bytes as they are, and never changes them again.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[pymethods]
impl Buffer {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    // SAFETY: Python calls this as `bf_getbuffer`, with a `view` that is its own to be filled; nothing else can call it.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no view to fill"));
        }
        let bytes = &slf.get().0;
        let Ok(length) = ffi::Py_ssize_t::try_from(bytes.len()) else { return Err(PyBufferError::new_err("too long")) };
        // SAFETY: `view` is not null. Start and length are those of a vector that a frozen object owns: it is never written or moved again. The
        // call puts a counted reference to the object into the view, so the vector outlives it; and it refuses views that want to write (readonly = 1).
        let code = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes.as_ptr().cast_mut().cast(), length, 1, flags) };
        if code == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
