//! Who traded how much lately: ten buckets of the venue's time, of which the oldest goes as a new one begins.
//!
//! A bucket is a tenth of the flow window long and aligned to 1970 UTC. What counts are the bucket of the instrument's latest time and the
//! nine before it: between nine and ten tenths of the window. The instrument's time never goes back.

/// How many buckets the window has.
pub(super) const BUCKETS: usize = 10;

/// The flow of one instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    newest: u64,
    bought: [u64; BUCKETS],
    sold: [u64; BUCKETS],
}

impl Flow {
    /// It is `bucket` now (number since 1970), or later.
    pub fn advance(&mut self, bucket: u64) {
        if bucket <= self.newest {
            return;
        }
        for new in (self.newest + 1..=bucket).take(BUCKETS) {
            // After more than ten all are empty, whichever these are.
            let at = (new % BUCKETS as u64) as usize;
            (self.bought[at], self.sold[at]) = (0, 0);
        }
        self.newest = bucket;
    }

    /// A trade of that bucket; `false`: it is too old to count.
    pub fn trade(&mut self, bucket: u64, bought: bool, size: u32) -> bool {
        self.advance(bucket);
        if self.newest - bucket >= BUCKETS as u64 {
            return false;
        }
        let side = if bought { &mut self.bought } else { &mut self.sold };
        let sum = &mut side[(bucket % BUCKETS as u64) as usize];
        *sum = sum.saturating_add(size.into());
        true
    }

    /// Shares that buyers and sellers took.
    pub fn sums(&self) -> (u64, u64) {
        let sum = |side: &[u64; BUCKETS]| side.iter().fold(0_u64, |sum, &part| sum.saturating_add(part));
        (sum(&self.bought), sum(&self.sold))
    }
}
