//! `lfu`: the entry read least often goes first, with ageing, so that what was popular once does not stay for ever.
//!
//! Every entry has a rank: how often it was written and read, plus the age that the cache had at its last access. The
//! lowest rank goes, of equals the least recently used; the cache's age then becomes the rank of what went. Newcomers so
//! start level with what was just given up. Source: LFU-DA in Arlitt, Cherkasova, Dilley, Friedrich and Jin, "Evaluating
//! content management techniques for web proxy caches" (WISP 1999).

use super::ranks::Ranks;
use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Lfu {
    ranks: Ranks,
    /// Accesses to each entry, its arrival included.
    frequencies: Vec<u32>,
    age: f64,
}

impl Policy for Lfu {
    fn inserted(&mut self, id: u32, _entry: &Entry) {
        if self.frequencies.len() <= id as usize {
            self.frequencies.resize(id as usize + 1, 0);
        }
        self.frequencies[id as usize] = 1;
        self.ranks.insert(id, self.age + 1.0);
    }

    fn accessed(&mut self, id: u32) {
        let frequency = &mut self.frequencies[id as usize];
        *frequency = frequency.saturating_add(1);
        self.ranks.set(id, self.age + f64::from(*frequency));
    }

    fn overwritten(&mut self, id: u32, _entry: &Entry) {
        self.accessed(id);
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        if evicted {
            self.age = self.age.max(self.ranks.rank(id));
        }
        self.ranks.remove(id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.ranks.first()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        self.ranks.check()
    }
}
