//! Records in files: what rings carry, as zstd-compressed DBN (version 3), and the way back from the files to a reader.
//!
//! ```text
//!  records ─▶ RingFiles ─▶ parts (one per publisher) ─▶ whole files  NAME.SCHEMA.YYYYMMDD.NNNN.dbn.zst
//!                 │                                          │
//!                 └────────▶ Index  NAME.recorded ◀──────────┘ ─▶ History ─▶ consumer
//! ```
//!
//! - **A file is whole when it has its name.** Its metadata (symbols, their ids, the span of time) is known only at its end, so records
//!   go to a `.part`; the end writes metadata and records under a temporary name and renames. A reader never sees half a file, and what a
//!   kill leaves is finished at the next start ([`leftover`]).
//! - **A file is of one schema, one publisher, one session (epoch), one day (UTC), and one name for each id**: what DBN's metadata can
//!   say. Whatever changes one of these begins another file.
//! - **Blocks.** A file is a row of zstd frames; before each stands a [`note`] in a skippable frame, which every reader of zstd passes over:
//!   the ring positions of its records, what was lost before them, and symbols that are new. So a part can be read while it grows.
//! - **Nothing lost in silence.** What could not be written is counted, and its place noted.
//!
//! Only records of schemas that DBN knows get here: a record type it does not know is fatal to other readers.

mod block_reader;
pub mod directory;
mod history;
mod index;
pub mod leftover;
mod metadata;
mod name;
pub mod note;
mod part;
mod ring_files;
mod sink;
mod whole;

pub use history::History;
pub use index::{Entry, Index, index_path};
pub use metadata::dataset;
pub use name::FileName;
pub use ring_files::{FilesConfig, Publisher, RingFiles};
pub use sink::FilesSink;
pub use whole::WholeFile;
