//! What is read and written: keys, values and the order of operations, all from a seeded generator, so that every
//! contestant of a round meets the same operations.

/// Bytes of a key.
pub const KEY_SIZE: usize = 16;

/// A key such as `item:00000012345`.
pub type Key = [u8; KEY_SIZE];

/// The key with a number, which has at most eleven digits.
pub fn key(id: u64) -> Key {
    let mut key = *b"item:00000000000";
    let mut rest = id;
    for digit in key[5..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// SplitMix64. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub struct Rng(u64);

impl Rng {
    /// Equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts a slice into random order.
    pub fn shuffle<T>(&mut self, slice: &mut [T]) {
        for at in (1..slice.len()).rev() {
            slice.swap(at, self.below(at + 1));
        }
    }
}

/// Zipf's distribution over `n` items, by its cumulated weights.
pub struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    /// The weight of the item of rank r, counted from 1, is r^-`exponent`.
    pub fn new(n: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=n).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Self { cumulated: weights.collect() }
    }

    /// A random item. Ranks are scattered over the numbers, so that frequent items were not filled side by side.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let n = self.cumulated.len();
        let total = self.cumulated.last().copied().unwrap_or(0.0);
        let target = rng.unit() * total;
        let rank = self.cumulated.partition_point(|&upto| upto <= target).min(n - 1);
        // Times a prime that is larger than any n: every rank keeps a number of its own.
        (rank as u64 * 2_654_435_761 % n as u64) as usize
    }
}

/// One operation on the memory caches.
pub struct Op {
    /// The key.
    pub key: Key,
    /// A set; otherwise a get.
    pub write: bool,
}

/// The four orders of operations that are measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Gets of keys that are there, uniform.
    Hit,
    /// Gets of keys that are not there.
    Miss,
    /// Sets of keys that are there, uniform.
    Set,
    /// 95 % gets and 5 % sets of keys that are there, Zipf.
    Mixed,
}

impl Mix {
    /// All, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Set, Self::Mixed];

    /// Heading in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "get hit",
            Self::Miss => "get miss",
            Self::Set => "set",
            Self::Mixed => "95/5 zipf",
        }
    }

    /// `count` operations on the entries that `zipf` ranges over.
    pub fn operations(self, zipf: &Zipf, count: usize, rng: &mut Rng) -> Vec<Op> {
        let entries = zipf.cumulated.len();
        let one = |_| match self {
            Self::Hit => Op { key: key(rng.below(entries) as u64), write: false },
            Self::Miss => Op { key: key((entries + rng.below(entries)) as u64), write: false },
            Self::Set => Op { key: key(rng.below(entries) as u64), write: true },
            Self::Mixed => Op { key: key(zipf.draw(rng) as u64), write: rng.below(100) < 5 },
        };
        (0..count).map(one).collect()
    }
}

/// A few values of one size, used in turn, so that making them takes no time while it is measured.
pub struct Values(Vec<Vec<u8>>);

impl Values {
    const DISTINCT: usize = 64;

    /// Random bytes, which do not compress.
    pub fn random(size: usize, rng: &mut Rng) -> Self {
        Self((0..Self::DISTINCT).map(|_| (0..size).map(|_| rng.next() as u8).collect()).collect())
    }

    /// JSON as an API answers it.
    pub fn json(size: usize, rng: &mut Rng) -> Self {
        let one = |_| {
            let mut text = String::from("{\"items\":[");
            while text.len() < size {
                let (id, price, stock) = (rng.below(1_000_000), rng.below(10_000), rng.below(500));
                let name = ["lamp", "chair", "table", "shelf", "mirror"][rng.below(5)];
                text += &format!(
                    "{{\"id\":{id},\"name\":\"{name}\",\"price\":{price},\"currency\":\"EUR\",\"in_stock\":{stock}}},"
                );
            }
            text.truncate(size);
            text.into_bytes()
        };
        Self((0..Self::DISTINCT).map(one).collect())
    }

    /// The value of an entry.
    #[inline]
    pub fn of(&self, id: usize) -> &[u8] {
        &self.0[id % Self::DISTINCT]
    }
}
