//! Which entries a store gives up when it needs space. The host owns the bytes on disk, the engine owns the judgement.
//!
//! A store knows of an entry its size, when it was written and when it was read last, not how often, nor has it a ghost. So
//! every policy is followed as far as that goes; what is past its time goes first under all of them.
//!
//! | policy | who goes |
//! | --- | --- |
//! | `fifo` | what was written first |
//! | `ttl` | nobody else: a store that is full of what lives refuses new entries |
//! | `gdsf`; `w-tinylfu` and `adaptive` with the objective `objects` or `cost` | the largest product of size and time since the last access: what takes the most space for the longest; `gdsf` with the objective `bytes` as the others |
//! | all others | what was accessed least recently, of equals what was written first |

use alloc::vec::Vec;

use crate::ascending::Ascending;
use crate::engine::Engine;
use crate::policy::PolicyKind;
use crate::time::NEVER;

/// What the engine must know of a stored entry to judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Bytes that the entry takes in the store.
    pub size: u64,
    /// The entry's version; grows in the order of writing.
    pub version: u64,
    /// When it was last read or written, Unix milliseconds; 0 when not as far as the host knows.
    pub accessed: u64,
    /// When it is gone; `None` is never.
    pub gone: Option<u64>,
}

impl Engine {
    /// Chooses which of `candidates` go so that at least `needed` bytes become free; answers their places, the least
    /// worth keeping first. Entries whose time is over always go. If that is not enough everything goes, but under the policy
    /// `ttl` nothing else.
    pub fn judge(&self, candidates: &[Summary], needed: u64, now: u64) -> Vec<u32> {
        let (policy, objective) = (self.config().policy, self.config().objective);
        let by_the_byte = match policy {
            #[cfg(feature = "policies")]
            PolicyKind::Gdsf => objective != crate::Objective::Bytes,
            PolicyKind::WTinyLfu | PolicyKind::Adaptive => objective.is_by_the_byte(),
            _ => false,
        };
        let spares_the_living = policy == PolicyKind::Ttl;
        let is_over = |s: &Summary| s.gone.unwrap_or(NEVER) <= now;
        let rank = |place: u32| {
            let s = &candidates[place as usize];
            let worth = match policy {
                PolicyKind::Fifo => 0,
                // The more of it, the less it is worth.
                _ if by_the_byte => u128::MAX - u128::from(s.size) * u128::from(now.saturating_sub(s.accessed)),
                _ => s.accessed.into(),
            };
            (!is_over(s), worth, s.version)
        };
        let before = |a, b| rank(a) < rank(b);
        let order = Ascending::new((0..candidates.len() as u32).collect(), &before);
        let mut freed = 0u64;
        let goes = |&place: &u32| {
            let s = &candidates[place as usize];
            let goes = is_over(s) || freed < needed && !spares_the_living;
            freed = freed.saturating_add(s.size);
            goes
        };
        order.take_while(goes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::policy::Objective;

    const NOW: u64 = 1_000;

    /// Who goes for `needed` bytes, of five candidates: written in order, the third over, the others read at other times.
    fn judged(policy: PolicyKind, objective: Objective, needed: u64) -> Vec<u32> {
        let engine = Engine::open(Config { policy, objective, ..Config::default() }).expect("valid settings");
        let entry = |version, size, accessed, gone| Summary { size, version, accessed, gone };
        let candidates = [
            entry(1, 100, 400, None),
            entry(2, 100, 500, None),
            entry(3, 100, 0, Some(10)),
            entry(4, 900, 900, None),
            entry(5, 100, 300, None),
        ];
        engine.judge(&candidates, needed, NOW)
    }

    #[test]
    fn what_is_over_goes_first_and_then_the_least_worth_keeping() {
        use Objective::{Balanced, Bytes};
        for policy in PolicyKind::ALL {
            assert_eq!(judged(policy, Balanced, 0), [2], "{policy:?}");
            let expected: &[u32] = match policy {
                PolicyKind::Fifo => &[2, 0, 1],
                PolicyKind::Ttl => &[2],
                PolicyKind::Gdsf => &[2, 3],
                _ => &[2, 4, 0],
            };
            assert_eq!(judged(policy, Balanced, 300), expected, "{policy:?}");
        }
        assert_eq!(judged(PolicyKind::Gdsf, Balanced, 10_000), [2, 3, 4, 0, 1], "90,000, then 70,000, 60,000, 50,000");
        assert_eq!(judged(PolicyKind::Gdsf, Bytes, 300), [2, 4, 0]);
        assert_eq!(judged(PolicyKind::Ttl, Balanced, u64::MAX), [2]);
    }
}
