//! How many entries in memory have a tag, so that a ban can say at once how many it hits.
//!
//! Tags are known by their hash, 16 bytes for each that some entry has. Two tags of one hash would be counted together.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Tags and the number of entries that have them.
#[derive(Debug, Default)]
pub(crate) struct Tagged(HashTable<(u64, u32)>);

impl Tagged {
    /// An entry that has the tag came.
    pub(crate) fn add(&mut self, tag: u64) {
        match self.0.entry(tag, |known| known.0 == tag, |known| known.0) {
            Entry::Occupied(mut known) => known.get_mut().1 += 1,
            Entry::Vacant(new) => drop(new.insert((tag, 1))),
        }
    }

    /// Such an entry went.
    pub(crate) fn remove(&mut self, tag: u64) {
        let Ok(mut known) = self.0.find_entry(tag, |known| known.0 == tag) else { return };
        known.get_mut().1 -= 1;
        if known.get().1 == 0 {
            known.remove();
        }
    }

    /// How many entries have the tag.
    pub(crate) fn count(&self, tag: u64) -> u64 {
        self.0.find(tag, |known| known.0 == tag).map_or(0, |known| u64::from(known.1))
    }

    /// Entries that have a tag, of all tags together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|known| u64::from(known.1)).sum()
    }
}
