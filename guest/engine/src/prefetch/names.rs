//! The keys of a model, each once, by number.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashTable;

use crate::hash::KeyHasher;

#[derive(Debug)]
pub(super) struct Names {
    hasher: KeyHasher,
    names: Vec<(u32, Box<[u8]>)>,
    index: HashTable<u32>,
}

impl Names {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self { hasher, names: Vec::new(), index: HashTable::new() }
    }

    /// Without names, under the same keyed hash.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.hasher.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// A name. The caller guarantees that the number was given out.
    pub(super) fn get(&self, id: u32) -> &[u8] {
        &self.names[id as usize].1
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash(0, name);
        self.index.find(widen(hash), |&id| self.is(id, hash, name)).copied()
    }

    /// The number of a name, and whether it is new.
    pub(super) fn find_or_add(&mut self, name: &[u8]) -> (u32, bool) {
        let hash = self.hasher.hash(0, name);
        if let Some(id) = self.index.find(widen(hash), |&id| self.is(id, hash, name)) {
            return (*id, false);
        }
        let id = self.names.len() as u32;
        self.names.push((hash, name.into()));
        self.index.insert_unique(widen(hash), id, |&other| widen(self.names[other as usize].0));
        (id, true)
    }

    fn is(&self, id: u32, hash: u32, name: &[u8]) -> bool {
        let (own, bytes) = &self.names[id as usize];
        *own == hash && **bytes == *name
    }
}

/// The table wants 64 bits, of which it uses the lowest and the highest.
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
