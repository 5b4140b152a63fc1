//! A publication's handle: open it by name, ask how it is.

use std::ffi::c_char;

use super::answer::{Code, answer};
use super::pointer::{self, directory, fill, give, letters, room, rooms, shared, text};
use super::words::Schema;
use crate::shm::{self, WriterState};

/// A publication, opened to be read; it shows one epoch. May be used by several threads at once.
pub struct Publication(pub(super) shm::Publication);

/// The name of a publication.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Name {
    /// Ends with a zero.
    pub text: [c_char; 72],
}

/// How a publication's writer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Writer {
    /// It runs (or stands still: look at the heartbeat).
    Alive = 0,
    /// It ended and said so.
    Closed = 1,
    /// It, or a later one, goes on in a new epoch.
    Replaced = 2,
    /// It is gone without a word.
    Dead = 3,
}

/// How a publication is.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Info {
    /// Number of the epoch: a new trading session or a restarted writer begins a larger one.
    pub epoch: u64,
    /// When the epoch began, ns since 1970 UTC.
    pub created_ns: u64,
    /// The writer's last heartbeat, ns since 1970 UTC.
    pub heartbeat_ns: u64,
    /// Process id of the writer, in its own process namespace.
    pub writer_pid: u64,
    /// How the writer is: tickwire_writer.
    pub writer: u32,
    /// How many instruments there are so far.
    pub instruments: u32,
}

/// A ring of a publication.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ring {
    /// What travels in it: tickwire_schema.
    pub schema: u32,
    /// Bytes of a record.
    pub record_size: u32,
    /// How many records it holds.
    pub depth: u64,
    /// The last position announced, control records included. May lag behind the newest by a batch.
    pub position: u64,
}

/// Opens the publication `name` in the directory `dir` (NULL: $TICKWIRE_PUBLICATION_DIR, or else /dev/shm/tickwire). NULL if that cannot be. To be closed with
/// tickwire_close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_open(dir: *const c_char, name: *const c_char) -> *mut Publication {
    answer(|| {
        // SAFETY: strings, by the caller's promise.
        let (dir, name) = unsafe { (directory(dir), text("name", name)?) };
        Ok(give(Publication(shm::Publication::open(dir, name)?)))
    })
}

/// Opens what the name of `publication` leads to now: the newest epoch. Another handle, to be closed too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_reopen(publication: *const Publication) -> *mut Publication {
    answer(|| {
        // SAFETY: a handle, by the caller's promise.
        let publication = unsafe { shared("publication", publication) }?;
        Ok(give(Publication(publication.0.reopen()?)))
    })
}

/// Closes it. Subscriptions made from it go on without it. NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_close(publication: *mut Publication) {
    answer(|| {
        // SAFETY: null or a handle of `give` that is not used again, by the caller's promise.
        unsafe { pointer::take_back(publication) };
        Ok(Code::Ok as i32)
    });
}

/// Writes the names of the publications in `dir` (NULL: $TICKWIRE_PUBLICATION_DIR, or else /dev/shm/tickwire) to `names`, sorted, at most `most`. Returns how many there are,
/// which may be more; or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_names(dir: *const c_char, names: *mut Name, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a string, and room for so many names, by the caller's promise.
        let (dir, rooms) = unsafe { (directory(dir), rooms("names", names, most)?) };
        Ok(fill(rooms, shm::Publication::names(dir)?.iter().map(|name| Name { text: letters(name) })))
    })
}

/// How the publication is. Up to two system calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_examine(publication: *const Publication, info: *mut Info) -> i32 {
    answer(|| {
        // SAFETY: a handle, and room for the answer, by the caller's promise.
        let (Publication(publication), room) = unsafe { (shared("publication", publication)?, room("info", info)?) };
        let writer = match publication.writer()? {
            WriterState::Alive => Writer::Alive,
            WriterState::Closed => Writer::Closed,
            WriterState::Replaced => Writer::Replaced,
            WriterState::Dead => Writer::Dead,
        };
        room.write(Info {
            epoch: publication.epoch(),
            created_ns: publication.created_ns(),
            heartbeat_ns: publication.heartbeat_ns(),
            writer_pid: publication.writer_pid(),
            writer: writer as u32,
            instruments: publication.instrument_count(),
        });
        Ok(Code::Ok as i32)
    })
}

/// Writes the publication's rings to `rings`, at most `most`. Returns how many there are, which may be more; or a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tickwire_rings(publication: *const Publication, rings: *mut Ring, most: usize) -> i64 {
    answer(|| {
        // SAFETY: a handle, and room for so many, by the caller's promise.
        let (Publication(publication), rooms) = unsafe { (shared("publication", publication)?, self::rooms("rings", rings, most)?) };
        let ring = |ring: shm::RingInfo| Ring {
            schema: Schema::of(ring.schema) as u32,
            record_size: ring.record_size as u32,
            depth: ring.depth,
            position: ring.position,
        };
        Ok(fill(rooms, publication.rings().into_iter().map(ring)))
    })
}
