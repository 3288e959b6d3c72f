//! Finds a slot by namespace and key: hash tables of slot numbers. There are several, which grow one after the other, so that no single
//! write waits until all entries have moved. Equal hashes are always settled by the full compare of namespace and key.

use alloc::boxed::Box;

use hashbrown::HashTable;

use crate::slab::Slab;

const PARTS: usize = 16;

#[derive(Debug)]
pub(crate) struct Index(Box<[HashTable<u32>; PARTS]>);

impl Default for Index {
    fn default() -> Self {
        Self(Box::new([const { HashTable::new() }; PARTS]))
    }
}

/// The table wants 64 bits, of which it uses the lowest and the highest; a slot keeps 32.
#[inline]
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// The table of a hash: by bits between those that it uses itself, unless it has more than a million places.
#[inline]
fn part(hash: u32) -> usize {
    (hash >> 20) as usize % PARTS
}

impl Index {
    pub(crate) fn find(&self, slab: &Slab, hash: u32, namespace: u16, key: &[u8]) -> Option<u32> {
        self.0[part(hash)].find(widen(hash), |&id| slab.slot(id).is(hash, namespace, key)).copied()
    }

    /// Adds a slot. The caller guarantees that no slot with its namespace and key is present.
    pub(crate) fn insert(&mut self, slab: &Slab, id: u32) {
        let hash = slab.slot(id).hash;
        self.0[part(hash)].insert_unique(widen(hash), id, |&other| widen(slab.slot(other).hash));
    }

    /// Removes a slot that is present.
    pub(crate) fn remove(&mut self, slab: &Slab, id: u32) {
        let hash = slab.slot(id).hash;
        if let Ok(found) = self.0[part(hash)].find_entry(widen(hash), |&other| other == id) {
            found.remove();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(HashTable::len).sum()
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill_with(HashTable::new);
    }
}
