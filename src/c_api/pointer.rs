//! From what C hands over to references: each check in one place, each failure with the argument's name.
//!
//! What cannot be checked, that a pointer which is neither null nor misaligned is good, is the caller's promise.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr, c_char};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::answer::Failure;
use crate::record::Record;

/// Where publications are if nothing else is said.
const DEFAULT_DIR: &str = "/dev/shm/tickwire";

#[inline]
fn checked<T>(what: &str, pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(cannot_be(what, pointer.is_null(), align_of::<T>()));
    }
    Ok(())
}

#[cold]
fn cannot_be(what: &str, null: bool, alignment: usize) -> Failure {
    Failure::argument(if null { format!("{what} is NULL") } else { format!("{what} is not aligned to {alignment} bytes") })
}

/// A string.
///
/// # Safety
/// `text` is null, or ends with a zero and stays as it is for `'a`.
pub unsafe fn text<'a>(what: &str, text: *const c_char) -> Result<&'a str, Failure> {
    checked(what, text)?;
    // SAFETY: not null, and by the caller's promise zero-terminated and unchanged.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::argument(format!("{what} {text:?} is not UTF-8")))
}

/// A directory; null is the environment's `TICKWIRE_PUBLICATION_DIR`, as everywhere, or else the default.
///
/// # Safety
/// As of [`text`].
pub unsafe fn directory<'a>(dir: *const c_char) -> Cow<'a, Path> {
    if dir.is_null() {
        let named = std::env::var_os("TICKWIRE_PUBLICATION_DIR").filter(|dir| !dir.is_empty());
        return named.map_or(Cow::Borrowed(Path::new(DEFAULT_DIR)), |dir| Cow::Owned(dir.into()));
    }
    // SAFETY: not null, and by the caller's promise zero-terminated and unchanged.
    Cow::Borrowed(Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(dir) }.to_bytes())))
}

/// A handle or struct to look at.
///
/// # Safety
/// `pointer` is null, or good for reads of a `T` that nobody changes for `'a`.
#[inline]
pub unsafe fn shared<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Failure> {
    checked(what, pointer)?;
    // SAFETY: not null, aligned, and by the caller's promise a `T`.
    Ok(unsafe { &*pointer })
}

/// A handle to work with.
///
/// # Safety
/// `pointer` is null, or good for a `T` that nobody else uses for `'a`.
#[inline]
pub unsafe fn exclusive<'a, T>(what: &str, pointer: *mut T) -> Result<&'a mut T, Failure> {
    checked(what, pointer)?;
    // SAFETY: not null, aligned, and by the caller's promise a `T` that is nobody else's now.
    Ok(unsafe { &mut *pointer })
}

/// Room for an answer; what it holds so far does not matter.
///
/// # Safety
/// `pointer` is null, or good for writes of a `T` that nobody else uses for `'a`.
#[inline]
pub unsafe fn room<'a, T>(what: &str, pointer: *mut T) -> Result<&'a mut MaybeUninit<T>, Failure> {
    checked(what, pointer)?;
    // SAFETY: not null, aligned, and by the caller's promise room for a `T`; a `MaybeUninit` asks nothing of the bytes there.
    Ok(unsafe { &mut *pointer.cast::<MaybeUninit<T>>() })
}

/// Room for several answers, and how many that are; null will do for none.
///
/// # Safety
/// As of [`room`], for `most` of them.
#[inline]
pub unsafe fn rooms<'a, T>(what: &str, pointer: *mut T, most: usize) -> Result<&'a mut [MaybeUninit<T>], Failure> {
    if most == 0 {
        return Ok(&mut []);
    }
    checked(what, pointer)?;
    if most > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::argument(format!("{what}: room for {most} cannot be")));
    }
    // SAFETY: not null, aligned, not too large, and by the caller's promise room for `most` of them.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer.cast::<MaybeUninit<T>>(), most) })
}

/// Room for records that are copied there; null will do for none.
///
/// # Safety
/// `pointer` is null, or good for reads and writes of `most` records that nobody else uses for `'a`.
#[inline]
pub unsafe fn records<'a, R: Record>(what: &str, pointer: *mut R, most: usize) -> Result<&'a mut [R], Failure> {
    // SAFETY: by the caller's promise.
    let rooms = unsafe { rooms(what, pointer, most) }?;
    // SAFETY: the same memory. Every pattern of bytes is a record (`FromBytes`); what C left there is bytes to us, and only overwritten.
    Ok(unsafe { std::slice::from_raw_parts_mut(rooms.as_mut_ptr().cast::<R>(), rooms.len()) })
}

/// Gives a handle back to be dropped; null is fine.
///
/// # Safety
/// `handle` is null, or came from [`give`] and is used by nobody from now on.
pub unsafe fn take_back<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: by the caller's promise it came from `Box::into_raw` and is not used again.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// Hands a handle out.
pub fn give<T>(handle: T) -> *mut T {
    Box::into_raw(Box::new(handle))
}

/// Text in a struct, cut if need be, always ended by a zero.
pub fn letters<const N: usize>(text: &str) -> [c_char; N] {
    let mut letters = [0; N];
    for (to, byte) in letters.iter_mut().zip(text.bytes().take(N.saturating_sub(1))) {
        *to = byte as c_char;
    }
    letters
}

/// Writes as many answers as there is room for; says how many there were.
pub fn fill<T>(rooms: &mut [MaybeUninit<T>], answers: impl Iterator<Item = T>) -> i64 {
    let mut count = 0;
    let mut rooms = rooms.iter_mut();
    for answer in answers {
        if let Some(room) = rooms.next() {
            room.write(answer);
        }
        count += 1;
    }
    count
}
