//! Opening what may be a pipe with a name: a plain open(2) waits until somebody writes to it, and no signal that we take over ends that.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use super::signals;

/// How long a stop is not looked for, ms.
const LOOK_EVERY_MS: i32 = 50;

/// Opens a file for reading. Of a pipe that nobody writes to yet it waits for the writer, but not longer than until the process is told to
/// stop: then the error is [`io::ErrorKind::Interrupted`].
pub fn open_to_read(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return File::open(path);
    }
    // Comes back at once, writer or not.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let descriptor = file.as_raw_fd();
    let mut asked = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    loop {
        if signals::stop_requested() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped before anybody wrote to this pipe"));
        }
        // SAFETY: `asked` is one entry, and lives through the call.
        let ready = unsafe { libc::poll(&raw mut asked, 1, LOOK_EVERY_MS) };
        // Something to read, or a writer that has come and gone.
        if ready > 0 {
            break;
        }
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
    // SAFETY: takes numbers; the descriptor is ours. From here on reads wait, as everybody expects.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
    // SAFETY: as above.
    if flags < 0 || unsafe { libc::fcntl(descriptor, libc::F_SETFL, flags & !libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}
