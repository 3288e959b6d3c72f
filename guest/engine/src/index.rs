//! Finds a slot by namespace and key: a hash table of slot numbers. Equal hashes are always settled by the full compare
//! of namespace and key.

use hashbrown::HashTable;

use crate::slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Index(HashTable<u32>);

/// The table wants 64 bits, of which it uses the lowest and the highest; a slot keeps 32.
#[inline]
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl Index {
    #[inline]
    pub(crate) fn find(&self, slab: &Slab, hash: u32, namespace: u16, key: &[u8]) -> Option<u32> {
        self.0.find(widen(hash), |&id| slab.slot(id).is(hash, namespace, key)).copied()
    }

    /// Adds a slot. The caller guarantees that no slot with its namespace and key is present.
    pub(crate) fn insert(&mut self, slab: &Slab, id: u32) {
        self.0.insert_unique(widen(slab.slot(id).hash), id, |&other| widen(slab.slot(other).hash));
    }

    /// Removes a slot that is present.
    pub(crate) fn remove(&mut self, slab: &Slab, id: u32) {
        if let Ok(found) = self.0.find_entry(widen(slab.slot(id).hash), |&other| other == id) {
            found.remove();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = HashTable::new();
    }
}
