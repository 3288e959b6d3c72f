//! Who goes when space is needed. One file a policy, named as in the literature, behind one small trait.
//!
//! A policy sees entries as numbers with a hash and a weight. It owns what it notes of them ([`nodes`]) and knows neither
//! keys nor values, so that the memory tier, the simulator and the shadows of a running cache use the same code.

mod adaptive;
#[cfg(feature = "policies")]
mod clock_pro;
mod fifo;
#[cfg(feature = "policies")]
mod gdsf;
mod ghost;
mod history;
#[cfg(feature = "policies")]
mod lfu;
mod lru;
pub(crate) mod nodes;
mod objective;
#[cfg(feature = "prediction")]
mod predicted;
#[cfg(feature = "policies")]
mod ranked;
#[cfg(any(feature = "policies", feature = "prediction"))]
mod ranks;
mod s3_fifo;
mod segments;
mod sieve;
mod sketch;
mod ttl;
mod w_tinylfu;
mod windowed;

use alloc::boxed::Box;
use alloc::string::String;

pub use objective::Objective;

use crate::error::{Error, Result};

/// An entry as a policy sees it when it arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    /// Keyed hash of namespace and key: what ghosts and sketches remember an entry by.
    pub(crate) hash: u32,
    /// What it takes of the capacity: bytes, or 1 where entries are counted. At least 1, below 2³¹.
    pub(crate) weight: u32,
    /// What one hit on it is worth, by the cache's objective and the time it has left. Above 0.
    pub(crate) worth: f32,
}

/// What one hit on an entry is worth now; see [`Entry::worth`].
pub(crate) trait Worth {
    /// Of the entry with this number.
    fn worth(&self, id: u32) -> f32;
}

/// The only entry in question.
impl Worth for Entry {
    fn worth(&self, _id: u32) -> f32 {
        self.worth
    }
}

/// A hit on one entry is worth as much as on any other.
pub(crate) struct AllAlike;

impl Worth for AllAlike {
    fn worth(&self, _id: u32) -> f32 {
        1.0
    }
}

/// The contract between a cache and its policy.
///
/// The caller guarantees that every entry that is there was announced by `inserted` exactly once and not yet by `removed`,
/// and gives out small numbers first. A policy allocates for its nodes, ghosts and sketches only, never for an operation.
pub(crate) trait Policy: Send {
    /// The entry came in under a number that was free.
    fn inserted(&mut self, id: u32, entry: &Entry);

    /// The entry was read.
    fn accessed(&mut self, id: u32, worth: &dyn Worth);

    /// The entry was written again, with another weight perhaps.
    fn overwritten(&mut self, id: u32, entry: &Entry) {
        self.reweighed(id, entry.weight);
        self.accessed(id, entry);
    }

    /// The entry takes `weight` from now on, though nobody wrote it: it was compressed, or inflated.
    fn reweighed(&mut self, _id: u32, _weight: u32) {}

    /// The entry is about to go: given up for want of space, or for another reason (deleted, expired, replaced).
    fn removed(&mut self, id: u32, evicted: bool);

    /// The entry to give up for `incoming`, or for nobody in particular. `None` when nothing is there, or when everything
    /// that is there is worth more than `incoming`. Does not remove it.
    fn victim(&mut self, incoming: Option<&Entry>, worth: &dyn Worth) -> Option<u32>;

    #[cfg(feature = "prediction")]
    /// Entries that are likely to be asked for, with their probabilities, in place of those before. For policies that go by it.
    #[cfg(feature = "prediction")]
    fn expect(&mut self, _expected: &[(u32, f64)]) {}

    /// Forgets everything. The caller guarantees that all entries go.
    fn clear(&mut self);

    /// How many entries take part, after a look at the structure.
    fn check(&self) -> core::result::Result<u32, String>;
}

/// A hash as a table wants it: of 64 bits it uses the lowest and some of the highest, and not all bits of a hash need differ.
#[inline]
fn widen(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32)
}

/// The policies by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum PolicyKind {
    /// Least recently used goes first.
    Lru,
    /// First in goes first out; reading changes nothing.
    Fifo,
    /// Least frequently used goes first, with ageing.
    #[cfg(feature = "policies")]
    Lfu,
    /// Only what is past its time goes; a full cache refuses new entries.
    Ttl,
    /// First in goes first out, but what was read since the hand came by is spared.
    Sieve,
    /// A small queue sifts newcomers, a main one keeps what was read again, a ghost remembers who was turned away.
    S3Fifo,
    /// Hot and cold pages by the distance between reads, with a memory of what went.
    #[cfg(feature = "policies")]
    ClockPro,
    /// What is worth least for its size goes first, with ageing.
    #[cfg(feature = "policies")]
    Gdsf,
    /// A window, and a main part into which gets who is asked for more often.
    WTinyLfu,
    /// What is least likely to be asked for goes first, by probabilities that the cache is told.
    #[cfg(feature = "prediction")]
    Predicted,
    /// The rules that serve the load best, found while it runs.
    #[default]
    Adaptive,
}

impl PolicyKind {
    /// How many there are.
    const COUNT: usize = 7 + if cfg!(feature = "policies") { 3 } else { 0 } + cfg!(feature = "prediction") as usize;

    /// Every policy, in the order of the documentation. Three are there with the feature `policies` only, `predicted` with
    /// `prediction`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Lru,
        Self::Fifo,
        #[cfg(feature = "policies")]
        Self::Lfu,
        Self::Ttl,
        Self::Sieve,
        Self::S3Fifo,
        #[cfg(feature = "policies")]
        Self::ClockPro,
        Self::WTinyLfu,
        #[cfg(feature = "policies")]
        Self::Gdsf,
        #[cfg(feature = "prediction")]
        Self::Predicted,
        Self::Adaptive,
    ];

    /// The name used in configuration, on the command line and in WIT.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Fifo => "fifo",
            #[cfg(feature = "policies")]
            Self::Lfu => "lfu",
            Self::Ttl => "ttl",
            Self::Sieve => "sieve",
            Self::S3Fifo => "s3-fifo",
            #[cfg(feature = "policies")]
            Self::ClockPro => "clock-pro",
            #[cfg(feature = "policies")]
            Self::Gdsf => "gdsf",
            Self::WTinyLfu => "w-tinylfu",
            #[cfg(feature = "prediction")]
            Self::Predicted => "predicted",
            Self::Adaptive => "adaptive",
        }
    }

    /// The policy called `name`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the policies there are.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::invalid(text!("there is no policy called \"", name, "\"; there are: ", known))
        })
    }

    /// An empty policy. The seed is for those that draw lots.
    pub(crate) fn build(self, objective: Objective, seed: u64) -> Box<dyn Policy> {
        match self {
            Self::Lru => Box::new(lru::Lru::default()),
            Self::Fifo => Box::new(fifo::Fifo::default()),
            #[cfg(feature = "policies")]
            Self::Lfu => Box::new(lfu::Lfu::new(objective)),
            Self::Ttl => Box::new(ttl::Ttl::default()),
            Self::Sieve => Box::new(sieve::Sieve::default()),
            Self::S3Fifo => Box::new(s3_fifo::S3Fifo::default()),
            #[cfg(feature = "policies")]
            Self::ClockPro => Box::new(clock_pro::ClockPro::default()),
            #[cfg(feature = "policies")]
            Self::Gdsf => Box::new(gdsf::Gdsf::new(objective)),
            Self::WTinyLfu => Box::new(windowed::Windowed::fixed(w_tinylfu::RULES, objective, seed)),
            #[cfg(feature = "prediction")]
            Self::Predicted => Box::new(predicted::Predicted::default()),
            Self::Adaptive => Box::new(adaptive::Adaptive::new(objective, seed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hash: u32, weight: u32) -> Entry {
        Entry { hash: hash << 8, weight, worth: 1.0 }
    }

    #[test]
    fn an_entry_that_is_reweighed_counts_with_its_new_weight() {
        for kind in PolicyKind::ALL {
            let mut policy = kind.build(Objective::Balanced, 0);
            (0..40).for_each(|id| policy.inserted(id, &entry(id, 100)));
            for id in 40..80 {
                if let Some(victim) = policy.victim(Some(&entry(id, 100)), &AllAlike) {
                    policy.removed(victim, true);
                }
                policy.inserted(id, &entry(id, 100));
                policy.accessed(id, &AllAlike);
                policy.reweighed(id, 1 + id % 7 * 50);
                assert!(policy.check().is_ok(), "{kind:?}: {:?}", policy.check());
            }
        }
        let mut gdsf = PolicyKind::Gdsf.build(Objective::Balanced, 0);
        (0..3).for_each(|id| gdsf.inserted(id, &entry(id, 100)));
        gdsf.reweighed(0, 10);
        assert_eq!(gdsf.victim(None, &AllAlike), Some(1), "the others are worth less for their size");
        gdsf.reweighed(2, 1_000);
        assert_eq!(gdsf.victim(None, &AllAlike), Some(2), "the largest is worth least");
    }
}
