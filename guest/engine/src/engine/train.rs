//! Training a namespace's dictionary on what is there, and judging whether it pays.
//!
//! Up to 128 small values are drawn evenly from all slots. Every other one trains the dictionary; on the others it is
//! measured against what they are packed with now. It is taken when the entries like them will save twice what it costs,
//! and a sixteenth of their size at least.

use alloc::vec::Vec;

use super::Engine;
use super::cold::{SMALL, unpacked};
use crate::cold::{Dictionary, SMALLEST, train};

/// The largest dictionary, in bytes. No more than a sixty-fourth of the tier, and a quarter of the sample.
const LARGEST: usize = 8 << 10;

const SAMPLES: usize = 128;
const FEWEST: usize = 16;

/// Slots looked at for samples, and values that a dictionary is judged by.
const PROBES: u32 = 2_048;
const JUDGES: usize = 16;

/// Values that are smaller on average do better with DEFLATE's fixed codes.
const FIXED_CODES_BELOW: usize = 768;

impl Engine {
    /// Trains a dictionary for a namespace, if one pays. Answers how many bytes that looked at.
    pub(super) fn train(&mut self, ns: u16, now: u64) -> usize {
        let (samples, alike) = self.samples(ns);
        let looked_at = samples.iter().map(Vec::len).sum();
        let trained = if self.cold.shelf.has_room() { self.dictionary(ns, &samples, alike) } else { None };
        match trained.filter(|dictionary| self.make_room_beside(dictionary.charge(), None, now)) {
            Some(dictionary) => {
                self.charge_dictionary(&dictionary, true);
                self.cold.shelf.put(dictionary);
            }
            None => self.cold.shelf.tally(ns).gave_up(),
        }
        looked_at
    }

    /// Small values of a namespace from all over the slots, and how many of them there are, about.
    fn samples(&mut self, ns: u16) -> (Vec<Vec<u8>>, u64) {
        let slots = self.slab.end();
        let stride = slots.div_ceil(PROBES).max(1);
        let wanted = |id: &u32| {
            let slot = self.slab.slot(*id);
            slot.is_occupied() && slot.namespace == ns && (SMALLEST..=SMALL).contains(&slot.value_len())
        };
        let found: Vec<u32> = (0..slots).step_by(stride as usize).filter(wanted).collect();
        let alike = found.len() as u64 * u64::from(stride);
        let every = found.len().div_ceil(SAMPLES).max(1);
        let chosen = found.into_iter().step_by(every);
        let values = chosen.filter_map(|id| unpacked(&mut self.cold, self.slab.slot(id)).ok()).collect();
        (values, alike)
    }

    /// A dictionary that saves more than it costs, with `alike` entries like the samples.
    fn dictionary(&mut self, ns: u16, samples: &[Vec<u8>], alike: u64) -> Option<Dictionary> {
        let total: usize = samples.iter().map(Vec::len).sum();
        let tier = usize::try_from(self.config.max_bytes / 64).unwrap_or(LARGEST);
        let size = LARGEST.min(total / 4).min(tier);
        if samples.len() < FEWEST {
            return None;
        }
        let training: Vec<Vec<u8>> = samples.iter().step_by(2).cloned().collect();
        let fixed_codes = total / samples.len() < FIXED_CODES_BELOW;
        let bytes = train(&training, size);
        let dictionary = Dictionary::new(self.cold.shelf.next_number(), ns, bytes, fixed_codes);
        let judges: Vec<&Vec<u8>> = samples.iter().skip(1).step_by(2).take(JUDGES).collect();
        let values: usize = judges.iter().map(|value| value.len()).sum();
        let current = self.cold.shelf.current(ns).and_then(|place| self.cold.shelf.get(place));
        let (level, packer) = (self.config.compression_level, &mut self.cold.packer);
        let mut packed = |with: Option<&Dictionary>| -> usize {
            let sizes = judges.iter().map(|value| packer.pack(level, with, value, value.len()));
            sizes.zip(&judges).map(|(packed, value)| packed.map_or(value.len(), |packed| packed.len())).sum()
        };
        let saved = packed(current).saturating_sub(packed(Some(&dictionary)));
        let all = saved as u64 * alike / judges.len().max(1) as u64;
        (saved >= values / 16 && all > 2 * dictionary.charge()).then_some(dictionary)
    }
}
