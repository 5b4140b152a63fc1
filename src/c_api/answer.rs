//! How a function answers: with what was asked for, or with a code, its sentence kept for the thread.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::shm::ShmError;

/// What a call came to. Errors are negative, so that functions can return counts and kinds beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// Done.
    Ok = 0,
    /// An argument cannot be: a null pointer, a string that is not UTF-8, a number that is none of its enumeration.
    Argument = -1,
    /// No such publication, or no such directory.
    NotFound = -2,
    /// The file is no publication that this version can read.
    Refused = -3,
    /// The publication has no ring of this schema.
    NoRing = -4,
    /// The publication has no such instrument (yet).
    NoSymbol = -5,
    /// What is read is not what a writer of ours writes.
    Corrupt = -6,
    /// Every gate is taken.
    NoGate = -7,
    /// The operating system refused.
    Io = -8,
    /// A mistake in this library, please report it. The handle of the call should be closed and not be used otherwise.
    Bug = -9,
    /// There is nothing to know the orders from that rest already.
    NoImage = -10,
    /// No such order rests.
    NoOrder = -11,
}

/// Why a call fails.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    sentence: String,
}

impl Failure {
    /// An argument that cannot be; the sentence says which and what would do.
    pub fn argument(sentence: impl Into<String>) -> Self {
        Self { code: Code::Argument, sentence: sentence.into() }
    }

    /// An instrument that is not there.
    pub fn no_symbol(sentence: impl Into<String>) -> Self {
        Self { code: Code::NoSymbol, sentence: sentence.into() }
    }

    /// An order that does not rest.
    pub fn no_order(sentence: impl Into<String>) -> Self {
        Self { code: Code::NoOrder, sentence: sentence.into() }
    }
}

impl From<ShmError> for Failure {
    fn from(error: ShmError) -> Self {
        let code = match &error {
            ShmError::Name { .. } | ShmError::Spec { .. } => Code::Argument,
            ShmError::NotFound { .. } => Code::NotFound,
            ShmError::Refused { .. } | ShmError::Image { .. } => Code::Refused,
            ShmError::NoImage { .. } => Code::NoImage,
            ShmError::NoRing { .. } => Code::NoRing,
            ShmError::NoSymbol { .. } => Code::NoSymbol,
            ShmError::Corrupt { .. } => Code::Corrupt,
            ShmError::NoGate { .. } => Code::NoGate,
            ShmError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Code::NotFound,
            ShmError::Io { .. } | ShmError::InUse { .. } | ShmError::NoRoom { .. } => Code::Io,
        };
        Self { code, sentence: error.to_string() }
    }
}

/// What a function returns in place of an answer.
pub trait Failed {
    /// For that code.
    fn failed(code: Code) -> Self;
}

impl Failed for i32 {
    fn failed(code: Code) -> Self {
        code as Self
    }
}

impl Failed for i64 {
    fn failed(code: Code) -> Self {
        code as Self
    }
}

impl<T> Failed for *mut T {
    fn failed(_: Code) -> Self {
        std::ptr::null_mut()
    }
}

impl<T> Failed for *const T {
    fn failed(_: Code) -> Self {
        std::ptr::null()
    }
}

/// The thread's last failure.
struct Last {
    code: Code,
    sentence: CString,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::new(Last { code: Code::Ok, sentence: CString::default() });
}

/// Does the work of a function: a failure, or a panic on the way, becomes a code and a sentence.
#[inline]
pub fn answer<T: Failed>(work: impl FnOnce() -> Result<T, Failure>) -> T {
    // After a panic the handle may be in any state, but none that is unsafe; the header says to close it.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => remember(failure),
        Err(panic) => remember(Failure { code: Code::Bug, sentence: format!("a mistake in libtickwire: {}", said(&*panic)) }),
    }
}

#[cold]
fn remember<T: Failed>(failure: Failure) -> T {
    let Failure { code, mut sentence } = failure;
    sentence.retain(|c| c != '\0');
    let sentence = CString::new(sentence).unwrap_or_default();
    // A thread that is ending has nobody left to ask for it.
    let _ = LAST.try_with(|last| *last.borrow_mut() = Last { code, sentence });
    T::failed(code)
}

fn said(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic without words")
}

/// The sentence of this thread's last failure, `""` if there was none: where, what, why, and what to do. Good until the next failure
/// in this thread.
#[unsafe(no_mangle)]
pub extern "C" fn tickwire_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().sentence.as_ptr()).unwrap_or(c"".as_ptr())
}

/// The code of this thread's last failure, TICKWIRE_CODE_OK if there was none: for functions that return NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tickwire_error_code() -> i32 {
    LAST.try_with(|last| last.borrow().code as i32).unwrap_or(Code::Ok as i32)
}

/// The version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn tickwire_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
