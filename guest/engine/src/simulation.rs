//! Replaying a trace of requests against a policy, without values: `larder simulate`.

use crate::directory::{Directory, Outcome};
use crate::error::{Error, Result};
use crate::policy::{Entry, Objective, PolicyKind};
use crate::rng::mix;

/// What a simulated capacity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Unit {
    /// Every entry takes 1.
    #[default]
    Entries,
    /// An entry takes its size.
    Bytes,
}

/// What was counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Requests made.
    pub requests: u64,
    /// Requests for a key that was there.
    pub hits: u64,
    /// Bytes requested; a size of 0 counts as 1.
    pub bytes: u64,
    /// Of those, bytes that were there.
    pub bytes_hit: u64,
    /// Requests whose entry was not taken in: larger than the capacity, or worth less than what was there.
    pub refused: u64,
}

/// The largest size that a request may have: sizes above count as this.
pub const MAX_SIZE: u32 = (1 << 31) - 1;

/// A simulated cache.
///
/// ```
/// use larder_engine::{Objective, PolicyKind, Simulation, Unit};
///
/// let mut cache = Simulation::open(PolicyKind::Lru, Unit::Entries, 2, Objective::default(), 0)?;
/// for key in [1, 2, 1, 3, 2] {
///     cache.request(key, 1);
/// }
/// assert_eq!(cache.totals().hits, 1);
/// # Ok::<(), larder_engine::Error>(())
/// ```
pub struct Simulation {
    directory: Directory,
    unit: Unit,
    objective: Objective,
    seed: u64,
    totals: Totals,
}

impl Simulation {
    /// An empty cache that holds `capacity` entries or bytes.
    ///
    /// # Errors
    /// None yet; a policy may come to refuse settings.
    pub fn open(policy: PolicyKind, unit: Unit, capacity: u64, objective: Objective, seed: u64) -> Result<Self> {
        if capacity > u64::from(u32::MAX) && unit == Unit::Entries {
            return Err(Error::invalid("a capacity of more than 4,294,967,295 entries cannot be simulated"));
        }
        let directory = Directory::new([policy.build(objective, seed)], capacity);
        Ok(Self { directory, unit, objective, seed, totals: Totals::default() })
    }

    /// One request, and whether it was a hit. The key is a number that stands for it, a hash for instance; the size is in
    /// bytes.
    #[inline]
    pub fn request(&mut self, key: u64, size: u32) -> bool {
        let size = size.clamp(1, MAX_SIZE);
        let weight = match self.unit {
            Unit::Entries => 1,
            Unit::Bytes => size,
        };
        let key = mix(key ^ self.seed);
        let entry = Entry { hash: (key >> 16) as u32, weight, worth: self.objective.worth(1.0) };
        let mut outcome = Outcome::Refused;
        self.directory.request(key, &entry, |_, own| outcome = own);
        self.totals.requests += 1;
        self.totals.bytes += u64::from(size);
        match outcome {
            Outcome::Hit => {
                self.totals.hits += 1;
                self.totals.bytes_hit += u64::from(size);
            }
            Outcome::Entered => {}
            Outcome::Refused => self.totals.refused += 1,
        }
        outcome == Outcome::Hit
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Entries that are there now.
    pub fn len(&self) -> usize {
        self.directory.len(0)
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Verifies that all structures agree. Costs O(n); meant for tests.
    ///
    /// # Errors
    /// `Internal`, with what contradicts what.
    pub fn check(&self) -> Result<()> {
        self.directory.check().map_err(|what| Error::new(crate::error::ErrorCode::Internal, what))
    }
}
