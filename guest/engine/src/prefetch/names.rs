//! The keys of a model, each once, by number.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::places::Places;
use crate::hash::KeyHasher;

#[derive(Debug)]
pub(super) struct Names {
    hasher: KeyHasher,
    names: Vec<Box<[u8]>>,
    places: Places,
}

impl Names {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self { hasher, names: Vec::new(), places: Places::default() }
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
        &self.names[id as usize]
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        self.find_hashed(self.hasher.hash(0, name), name)
    }

    fn find_hashed(&self, hash: u32, name: &[u8]) -> Option<u32> {
        self.places.find(hash, &|id| *self.names[id as usize] == *name)
    }

    /// The number of a name, and whether it is new.
    pub(super) fn find_or_add(&mut self, name: &[u8]) -> (u32, bool) {
        let hash = self.hasher.hash(0, name);
        if let Some(id) = self.find_hashed(hash, name) {
            return (id, false);
        }
        let id = self.names.len() as u32;
        self.names.push(name.into());
        self.places.insert(hash, id);
        (id, true)
    }
}
