//! The library's errors as Python's exceptions: one class for each thing that can be done about it, the library's own sentence in each.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use tickwire::record::Schema;
use tickwire::shm::ShmError;

create_exception!(tickwire, Error, PyException, "Anything that reading a publication may refuse with; str() is one sentence.");
create_exception!(tickwire, BadName, Error, "No publication can be called that.");
create_exception!(tickwire, NotFound, Error, "There is no publication of that name (yet).");
create_exception!(tickwire, Refused, Error, "The file is no publication that this version can read.");
create_exception!(tickwire, Corrupt, Error, "What is read is not what a writer of ours writes.");
create_exception!(tickwire, NoRing, Error, "The publication has no ring of that schema.");
create_exception!(tickwire, NoSymbol, Error, "The publication has no instrument of that symbol (yet).");
create_exception!(tickwire, NoGate, Error, "Every gate of the replay is taken.");
create_exception!(tickwire, NoImage, Error, "There is nothing to know the orders from that rest already.");
create_exception!(tickwire, BadImage, Error, "The image of the orders cannot be read; the next one takes its place.");
create_exception!(tickwire, SystemRefused, Error, "The operating system refused.");
create_exception!(tickwire, Closed, Error, "It was closed by this program.");

/// As an exception.
pub fn raised(error: ShmError) -> PyErr {
    let told = error.to_string();
    match error {
        ShmError::Name { .. } => BadName::new_err(told),
        ShmError::NotFound { .. } => NotFound::new_err(told),
        ShmError::Refused { .. } => Refused::new_err(told),
        ShmError::Corrupt { .. } => Corrupt::new_err(told),
        ShmError::NoRing { .. } => NoRing::new_err(told),
        ShmError::NoSymbol { .. } => NoSymbol::new_err(told),
        ShmError::NoGate { .. } => NoGate::new_err(told),
        ShmError::NoImage { .. } => NoImage::new_err(told),
        ShmError::Image { .. } => BadImage::new_err(told),
        ShmError::Io { .. } => SystemRefused::new_err(told),
        // What only writers meet, and what later versions add.
        _ => Error::new_err(told),
    }
}

/// The schema of that name, or a `ValueError` that names them all.
pub fn schema_named(name: &str) -> PyResult<Schema> {
    Schema::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Schema::ALL.into_iter().map(Schema::name).collect();
        PyValueError::new_err(format!("no schema is called {name:?}; there is {}", names.join(", ")))
    })
}

/// Puts the classes into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<Error>())?;
    module.add("BadName", py.get_type::<BadName>())?;
    module.add("NotFound", py.get_type::<NotFound>())?;
    module.add("Refused", py.get_type::<Refused>())?;
    module.add("Corrupt", py.get_type::<Corrupt>())?;
    module.add("NoRing", py.get_type::<NoRing>())?;
    module.add("NoSymbol", py.get_type::<NoSymbol>())?;
    module.add("NoGate", py.get_type::<NoGate>())?;
    module.add("NoImage", py.get_type::<NoImage>())?;
    module.add("BadImage", py.get_type::<BadImage>())?;
    module.add("SystemRefused", py.get_type::<SystemRefused>())?;
    module.add("Closed", py.get_type::<Closed>())
}
