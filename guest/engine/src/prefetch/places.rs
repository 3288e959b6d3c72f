//! Finds things by their hash: a table of places in a list, one for all kinds of things, for each kind of table is code of its own.

use hashbrown::HashTable;

/// Hashes, and where what has them is.
#[derive(Debug, Default, Clone)]
pub(super) struct Places(HashTable<(u32, u32)>);

impl Places {
    /// Where the thing is that `is` it, of those with this hash.
    #[inline(never)]
    pub(super) fn find(&self, hash: u32, is: &dyn Fn(u32) -> bool) -> Option<u32> {
        self.0.find(widen(hash), |&(known, at)| known == hash && is(at)).map(|&(_, at)| at)
    }

    /// Adds a place. The caller guarantees that it is not there.
    #[inline(never)]
    pub(super) fn insert(&mut self, hash: u32, at: u32) {
        self.0.insert_unique(widen(hash), (hash, at), |&(hash, _)| widen(hash));
    }

    /// Removes a place.
    #[inline(never)]
    pub(super) fn remove(&mut self, hash: u32, at: u32) {
        if let Ok(found) = self.0.find_entry(widen(hash), |&known| known == (hash, at)) {
            found.remove();
        }
    }
}

/// A hash of a number.
pub(super) fn mix(number: u64) -> u32 {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The table wants 64 bits, of which it uses the lowest and the highest.
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
