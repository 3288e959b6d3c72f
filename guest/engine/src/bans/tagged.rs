//! How many entries in memory have a tag, so that a ban can say at once how many it hits.
//!
//! Tags are known by their hash, 32 bytes for each that some entry has. Two tags of one hash would be counted together.

use hashbrown::HashTable;

#[derive(Debug, Clone, Copy)]
struct Count {
    tag: u64,
    /// Entries that have it and were written after `since`.
    entries: u32,
    /// All entries that have it.
    all: u32,
    since: u64,
}

/// Entries by namespace and tag.
#[derive(Debug, Default)]
pub(crate) struct Tagged(HashTable<Count>);

impl Tagged {
    /// An entry of this version that has the tag came.
    pub(crate) fn add(&mut self, tag: u64, version: u64) {
        let new = || Count { tag, entries: 0, all: 0, since: 0 };
        let count = self.0.entry(tag, |count| count.tag == tag, |count| count.tag).or_insert_with(new).into_mut();
        count.all += 1;
        count.entries += u32::from(version > count.since);
    }

    /// Such an entry went.
    pub(crate) fn remove(&mut self, tag: u64, version: u64) {
        let Ok(mut found) = self.0.find_entry(tag, |count| count.tag == tag) else { return };
        let count = found.get_mut();
        count.all -= 1;
        count.entries -= u32::from(version > count.since);
        if count.all == 0 {
            found.remove();
        }
    }

    /// How many valid entries have the tag; from now on only those that are younger than `sequence`.
    pub(crate) fn ban(&mut self, tag: u64, sequence: u64) -> u64 {
        let Some(count) = self.0.find_mut(tag, |count| count.tag == tag) else { return 0 };
        let hit = std::mem::take(&mut count.entries);
        count.since = sequence;
        u64::from(hit)
    }

    /// Entries that have a tag, of all tags together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|count| u64::from(count.all)).sum()
    }
}
