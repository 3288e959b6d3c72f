//! Which entries a store gives up when it needs space. The host owns the bytes on disk, the engine owns the judgement.

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
    /// worth keeping first. Entries whose time is over always go. Everything goes if that is not enough.
    pub fn judge(&self, candidates: &[Summary], needed: u64, now: u64) -> Vec<u32> {
        let is_over = |s: &Summary| s.gone.unwrap_or(NEVER) <= now;
        let mut order: Vec<u32> = (0..candidates.len() as u32).collect();
        order.sort_by_key(|&place| {
            let s = &candidates[place as usize];
            let worth = match self.config().policy {
                PolicyKind::Fifo => (0, s.version),
                _ => (s.accessed, s.version),
            };
            (!is_over(s), worth)
        });
        let mut freed = 0u64;
        let goes = |&place: &u32| {
            let s = &candidates[place as usize];
            let goes = is_over(s) || freed < needed;
            freed = freed.saturating_add(s.size);
            goes
        };
        order.into_iter().take_while(goes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn the_expired_then_the_least_recently_used_go() {
        let engine = Engine::open(Config::default()).expect("defaults are valid");
        let entry = |version, accessed, gone| Summary { size: 100, version, accessed, gone };
        let candidates = [entry(1, 0, None), entry(2, 500, None), entry(3, 0, Some(10)), entry(4, 0, None)];
        assert_eq!(engine.judge(&candidates, 0, 1_000), [2]);
        assert_eq!(engine.judge(&candidates, 250, 1_000), [2, 0, 3]);
        assert_eq!(engine.judge(&candidates, 10_000, 1_000), [2, 0, 3, 1]);
    }
}
