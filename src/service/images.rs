//! The thread that writes a publication's order-level images: its own process's consumer, and no lane ever waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::plan::ImagePlan;
use crate::shm::{ImageKeeper, ImageNews, Publication, image::Kept};
use crate::sys::tsc;

/// Records read between looks at the clock: a few milliseconds' worth.
const AT_ONCE: u64 = 1 << 14;
/// Sleep when nothing is new: the ring holds seconds, so there is no hurry.
const NAP: Duration = Duration::from_millis(5);

/// The life of the thread: until the publication has ended, or soon after `stop` is set.
pub(super) fn keep(dir: &Path, plan: &ImagePlan, news: ImageNews, stop: &AtomicBool) -> Result<(), Error> {
    let publication = Publication::open(dir, &plan.publication)?;
    let mut writer = Writer {
        keeper: ImageKeeper::start(&publication, false, news)?,
        interval: Duration::from_millis(plan.interval_ms),
        name: &plan.publication,
        written: Instant::now(),
        complaint: String::new(),
    };
    while writer.turn() && !stop.load(Ordering::Relaxed) {}
    writer.keeper.remove();
    Ok(())
}

struct Writer<'a> {
    keeper: ImageKeeper,
    interval: Duration,
    name: &'a str,
    /// When the last image was begun, or tried.
    written: Instant,
    /// What was last complained of: the same again every interval is no news.
    complaint: String,
}

impl Writer<'_> {
    /// One look at the ring, and an image if it is time; `false` at the end.
    fn turn(&mut self) -> bool {
        let name = self.name;
        match self.keeper.read(AT_ONCE) {
            Ok(Kept::More) => {}
            Ok(Kept::Idle) => std::thread::sleep(NAP),
            Ok(Kept::Rejoined(lost)) => {
                let cure = "its core is too busy; give the service another, or the mbo ring more depth";
                tracing::warn!("images of {name}: lapped by {lost} records, and went on from the newest image; {cure}");
            }
            Ok(Kept::Lost) => {
                let cure = "give the service another core, or the mbo ring more depth; its next session has images again";
                tracing::error!("images of {name}: lapped beyond the newest image, so there will be none from now on; {cure}");
            }
            Ok(Kept::WriterDead | Kept::End) => return false,
            Err(error) => {
                self.complain(&error.to_string());
                std::thread::sleep(NAP);
            }
        }
        // A new epoch's first image at once; what could not be written is tried again when the next one would have been.
        let at_once = self.keeper.is_first() && self.complaint.is_empty();
        if self.keeper.is_due() && (at_once || self.written.elapsed() >= self.interval) {
            self.written = Instant::now();
            match self.keeper.write(tsc::realtime_ns()) {
                Ok(head) => {
                    let took = self.written.elapsed();
                    tracing::debug!("images of {name}: {} orders up to position {} in {took:?}", head.orders, head.position);
                    self.complaint.clear();
                }
                Err(error) => self.complain(&error.to_string()),
            }
        }
        true
    }

    fn complain(&mut self, what: &str) {
        if self.complaint != what {
            tracing::error!("images of {}: {what}", self.name);
            what.clone_into(&mut self.complaint);
        }
    }
}
