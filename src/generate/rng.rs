//! The generator's own random numbers: xoshiro256++ seeded by splitmix64 (Blackman and Vigna, public domain algorithms).
//!
//! Written out here because the bytes of a generated day must never change with a dependency's version. Integers only:
//! `exp`, `ln` and `powf` come from the machine's libm and may differ in the last bit from one machine to the next.

/// A stream of random numbers. The same seed and stream give the same numbers on every machine.
#[derive(Clone, Debug)]
pub(super) struct Rng([u64; 4]);

/// Which part of the generator draws: each has its own stream, so that one's draws never shift another's.
/// (The market of a seed is the same whether it goes to a day file or to a capture with losses.)
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// Symbols, prices, weights.
    Listings,
    /// What happens in the market.
    Market,
    /// When it happens.
    Clock,
    /// Packets lost on all lines, and which line keeps a packet that all would have lost.
    Loss,
    /// What the line with this number does to packets.
    Line(u16),
}

impl Rng {
    /// The numbers of one part of the generator.
    pub(super) fn new(seed: u64, stream: Stream) -> Self {
        let number = match stream {
            Stream::Listings => 1,
            Stream::Market => 2,
            Stream::Clock => 3,
            Stream::Loss => 4,
            Stream::Line(line) => 0x100 + u64::from(line),
        };
        let mut state = splitmix(&mut { seed }) ^ number.wrapping_mul(0xd134_2543_de82_ef95);
        Self(std::array::from_fn(|_| splitmix(&mut state)))
    }

    /// 64 random bits.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        // The line above in the reference's order: s1 ^= s2', s0 ^= s3' with s2' = c ^ a and s3' = d ^ b.
        result
    }

    /// A number below `bound` (0 if `bound` is 0). The bias of multiply-and-shift, under 2^-32 for our bounds, is of no account here.
    #[inline]
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// True `of_million` times in a million.
    #[inline]
    pub(super) fn ppm(&mut self, of_million: u32) -> bool {
        of_million > 0 && self.below(1_000_000) < of_million
    }

    /// True `percent` times in a hundred.
    #[inline]
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Failures before the first success, each trial succeeding `percent` times in a hundred; at most 63.
    #[inline]
    pub(super) fn geometric(&mut self, percent: u32) -> u32 {
        let mut failures = 0;
        while failures < 63 && !self.percent(percent) {
            failures += 1;
        }
        failures
    }

    /// A waiting time with this mean, nearly exponential: `-log2(u)` with the logarithm drawn as straight lines between the
    /// powers of two. Its mean is exactly 3/2 before scaling, so the scaled mean is exact too.
    #[inline]
    pub(super) fn waiting(&mut self, mean: u64) -> u64 {
        let bits = self.bits() | 1;
        let octave = u64::from(bits.leading_zeros()) + 1;
        let fraction = ((u128::from(bits) << octave) as u64) >> 32;
        let log = (octave << 32) - fraction;
        ((u128::from(log) * u128::from(mean) * 2 / 3) >> 32) as u64
    }

    /// About normal, mean 0 and deviation 1, in 1/65536: twelve uniform numbers summed.
    pub(super) fn normal_q16(&mut self) -> i64 {
        (0..12).map(|_| i64::from(self.below(1 << 16))).sum::<i64>() - 6 * 65_536
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        // splitmix64's first outputs for state 0, and xoshiro256++'s for state 1, 2, 3, 4, as published with the algorithms.
        let mut state = 0;
        assert_eq!([splitmix(&mut state), splitmix(&mut state)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        let mut rng = Rng([1, 2, 3, 4]);
        assert_eq!(std::array::from_fn(|_| rng.bits()), [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn waiting_times_have_the_mean_asked_for() {
        let mut rng = Rng::new(1, Stream::Clock);
        let sum: u64 = (0..200_000).map(|_| rng.waiting(1_000_000)).sum();
        let mean = sum / 200_000;
        assert!((980_000..1_020_000).contains(&mean), "mean {mean}");
    }
}
