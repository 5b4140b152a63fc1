//! Order-level images of a replay: written by a thread of its own, after so many records instead of so much time.
//!
//! It is a gated reader, so no pace laps it. When it tells is not the recording's business: where the *image ready* records stand in the
//! rings differs from run to run, and nothing else does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::ReplayPublication;
use crate::error::{Error, Exit};
use crate::shm::image::Kept;
use crate::shm::{ImageKeeper, ImageNews, Publication};
use crate::sys::tsc;

const AT_ONCE: u64 = 1 << 10;
const NAP: Duration = Duration::from_millis(1);

/// The thread.
pub(super) struct Images {
    news: ImageNews,
    finish: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Images {
    /// Starts it, if images are wanted. The publication is there, and nothing has been published.
    pub fn start(publication: &ReplayPublication) -> Result<Option<Self>, Error> {
        let Some(every) = publication.images_every else { return Ok(None) };
        let (news, finish) = (ImageNews::default(), Arc::new(AtomicBool::new(false)));
        let opened = Publication::open(&publication.dir, &publication.name)?;
        let mut keeper = ImageKeeper::start(&opened, true, news.clone())?;
        let finishing = finish.clone();
        let life = move || {
            let mut last = 0;
            loop {
                // Asked before reading: what was published before the end is then read in any case.
                let ends = finishing.load(Ordering::Acquire);
                let kept = keeper.read(every.saturating_sub(keeper.records() - last).clamp(1, AT_ONCE))?;
                let over = matches!(kept, Kept::End | Kept::WriterDead) || ends && kept == Kept::Idle;
                if keeper.is_due() && (over || keeper.is_first() || keeper.records() - last >= every) {
                    last = keeper.records();
                    keeper.write(tsc::realtime_ns())?;
                }
                match kept {
                    _ if over => return Ok(()),
                    Kept::Idle => std::thread::sleep(NAP),
                    _ => {}
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("images".into())
            .spawn(life)
            .map_err(|error| Error::new(Exit::Host, "cannot start a thread", error, "raise the limit of threads or free memory"))?;
        Ok(Some(Self { news, finish, thread }))
    }

    pub fn news(&self) -> ImageNews {
        self.news.clone()
    }

    /// Everything was published: waits for the last image.
    pub fn finish(self) -> Result<ImageNews, Error> {
        self.finish.store(true, Ordering::Release);
        let broken = || Error::new(Exit::Failed, "the writer of images", "a broken invariant of our own", "please report it");
        self.thread.join().unwrap_or_else(|_| Err(broken()))?;
        Ok(self.news)
    }
}
