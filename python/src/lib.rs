//! `tickwire._native`: the consumer library in Python's clothes.
//!
//! Thin: Rust reads the rings, with the interpreter's lock released, and hands over whole batches as immutable bytes; the Python package around
//! it gives them their dtypes and names. Nothing here waits for more than [`stream::SLICE`] without asking Python for its signals.

mod board;
mod book;
mod buffer;
mod error;
mod follower;
mod latest;
mod layout;
mod order_follower;
mod orders;
mod publication;
mod schema;
mod stream;
mod tables;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::register(module)?;
    layout::register(module)?;
    module.add_class::<buffer::Buffer>()?;
    module.add_class::<publication::Publication>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<orders::Orders>()?;
    Ok(())
}
