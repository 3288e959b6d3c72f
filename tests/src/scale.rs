//! How much a harness does, and the random numbers it does it with.
//!
//! Every harness has a short form, which `tests/run` runs, and a long one for figures: `LARDER_LONG=1`. `LARDER_ROUNDS` and
//! `LARDER_SEED` set the number of rounds and the seed of one harness.

use std::env;

/// How many rounds: the short form's, the long one's, or what `LARDER_ROUNDS` says.
#[must_use]
pub fn rounds(short: u64, long: u64) -> u64 {
    let is_long = env::var("LARDER_LONG").is_ok_and(|v| !v.is_empty() && v != "0");
    number("LARDER_ROUNDS").unwrap_or(if is_long { long } else { short })
}

/// The seed: what `LARDER_SEED` says, or a fixed one.
#[must_use]
pub fn seed() -> u64 {
    number("LARDER_SEED").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is a number, not {v:?}")))
}

/// Random numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014), the same for ever.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// So many random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.draw() as u8).collect()
    }
}
