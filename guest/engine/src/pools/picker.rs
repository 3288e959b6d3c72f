//! Which variant is picked: all alike, or by score; on request not the last one again.
//!
//! It reads the bytes of a combination where they lie, without decoding them. What was picked last is remembered in a table of
//! fixed size, by the combination's hash: combinations that share a place there may see a repeat.

use alloc::vec::Vec;

use super::format::Lines;
use crate::rng::{SplitMix64, mix};

/// Combinations whose last pick is remembered.
const PLACES: usize = 4096;

/// How a variant is picked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice {
    /// More often the higher its score. Variants without one count as the average of those that have one.
    pub weighted: bool,
    /// Not the one that was picked last, where there are others.
    pub no_repeats: bool,
}

/// Draws variants.
#[derive(Debug)]
pub(crate) struct Picker {
    rng: SplitMix64,
    /// By place: hash of the combination, generation, number. Empty until it is needed.
    last: Vec<(u64, u64, u32)>,
    /// The key of the variant that was picked, kept for its allocation.
    pub(crate) key: Vec<u8>,
}

impl Picker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: SplitMix64::new(mix(seed ^ 0x706F_6F6C)), last: Vec::new(), key: Vec::new() }
    }

    /// Generation and number of a variant; `None` when there is none. `hash` is the combination's.
    pub(crate) fn pick(&mut self, lines: &Lines<'_>, how: Choice, hash: u64) -> Option<(u64, u32)> {
        let place = hash as usize % PLACES;
        let last = match self.last.get(place) {
            Some((of, generation, entry)) if how.no_repeats && *of == hash && lines.len() > 1 => {
                lines.find((*generation, *entry))
            }
            _ => None,
        };
        let at = if how.weighted { self.by_weight(lines, last) } else { self.evenly(lines.len(), last) };
        let picked = lines.place(at?)?;
        if how.no_repeats {
            self.last.resize(PLACES, (0, 0, 0));
            self.last[place] = (hash, picked.0, picked.1);
        }
        Some(picked)
    }

    fn evenly(&mut self, len: usize, without: Option<usize>) -> Option<usize> {
        let choices = len - usize::from(without.is_some());
        let drawn = self.rng.up_to((choices as u64).checked_sub(1)?) as usize;
        Some(drawn + usize::from(without.is_some_and(|without| drawn >= without)))
    }

    fn by_weight(&mut self, lines: &Lines<'_>, without: Option<usize>) -> Option<usize> {
        let scored = || (0..lines.len()).filter_map(|at| lines.score(at));
        let count = scored().count();
        let average = if count == 0 { 1.0 } else { scored().sum::<f64>() / count as f64 };
        let weight = |at: usize| if Some(at) == without { 0.0 } else { lines.score(at).unwrap_or(average) };
        let total: f64 = (0..lines.len()).map(weight).sum();
        if !(total > 0.0 && total.is_finite()) {
            return self.evenly(lines.len(), without);
        }
        // 53 bits, as many as fit.
        let mut left = (self.rng.next() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let mut chosen = None;
        for at in (0..lines.len()).filter(|at| weight(*at) > 0.0) {
            chosen = Some(at);
            left -= weight(at);
            if left < 0.0 {
                break;
            }
        }
        chosen
    }
}
