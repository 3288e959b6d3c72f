//! What went lately: hashes in the order of leaving, so that what comes back soon is recognised.
//!
//! A ring of hashes, and a table of places in the ring by hash. An entry that came back leaves a hole in the ring; when
//! half of it is holes they are closed. 8 to 16 bytes of ring and 6 to 11 of table for each entry remembered. Two entries
//! of one hash are taken for the same: at worst one is treated as if it had been here before.

use alloc::collections::VecDeque;
use alloc::string::String;

use hashbrown::HashTable;

use super::widen;

#[derive(Debug, Default)]
pub(crate) struct Ghost {
    /// Hashes and weights.
    ring: VecDeque<(u32, u32)>,
    /// Number of the ring's first place; places are numbered without end, modulo 2³².
    first: u32,
    /// Numbers of the places whose hash has not come back.
    table: HashTable<u32>,
    /// Weight of these.
    weight: u64,
}

impl Ghost {
    /// Remembers a hash that stands for `weight`, and the last before it up to a weight of `most` together.
    pub(crate) fn add(&mut self, hash: u32, weight: u32, most: u64) {
        self.take(hash);
        if self.ring.len() > 64 && self.ring.len() / 2 > self.table.len() {
            self.close_holes();
        }
        let number = self.first.wrapping_add(self.ring.len() as u32);
        self.ring.push_back((hash, weight));
        self.enter(hash, number);
        self.weight += u64::from(weight);
        while self.weight > most
            && let Some((hash, weight)) = self.ring.pop_front()
        {
            let number = self.first;
            if let Ok(found) = self.table.find_entry(widen(hash), |&other| other == number) {
                found.remove();
                self.weight -= u64::from(weight);
            }
            self.first = number.wrapping_add(1);
        }
    }

    /// Whether a hash is remembered; if so it is forgotten.
    pub(crate) fn take(&mut self, hash: u32) -> bool {
        let Self { ring, first, table, weight } = self;
        let is = |&number: &u32| ring[number.wrapping_sub(*first) as usize].0 == hash;
        let Ok(found) = table.find_entry(widen(hash), is) else { return false };
        *weight -= u64::from(ring[found.get().wrapping_sub(*first) as usize].1);
        found.remove();
        true
    }

    fn enter(&mut self, hash: u32, number: u32) {
        let Self { ring, first, table, .. } = self;
        let hash_of = |&number: &u32| widen(ring[number.wrapping_sub(*first) as usize].0);
        table.insert_unique(widen(hash), number, hash_of);
    }

    fn close_holes(&mut self) {
        let old = core::mem::take(self);
        self.weight = old.weight;
        for (place, &(hash, weight)) in old.ring.iter().enumerate() {
            let number = old.first.wrapping_add(place as u32);
            if old.table.find(widen(hash), |&other| other == number).is_some() {
                let number = self.ring.len() as u32;
                self.ring.push_back((hash, weight));
                self.enter(hash, number);
            }
        }
    }

    /// Whether ring, table and weight agree.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut sum = 0;
        for &number in &self.table {
            let at = number.wrapping_sub(self.first) as usize;
            let Some(&(hash, weight)) = self.ring.get(at) else {
                return Err(text!("the ghost knows the place ", number, ", which is not in its ring"));
            };
            let same = |&other: &u32| self.ring[other.wrapping_sub(self.first) as usize].0 == hash;
            if self.table.find(widen(hash), same) != Some(&number) {
                return Err(text!("the ghost knows the hash ", hash, " twice"));
            }
            sum += u64::from(weight);
        }
        if sum == self.weight { Ok(()) } else { Err(text!("the ghost weighs ", sum, ", counted ", self.weight)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_does_not_grow_with_what_comes_back() {
        let mut ghost = Ghost { first: u32::MAX - 5, ..Ghost::default() };
        ghost.add(1, 1, 10);
        for hash in 2..10_000 {
            ghost.add(hash, 1, 10);
            assert!(ghost.take(hash) && !ghost.take(hash));
            ghost.check().expect("sound");
        }
        assert!(ghost.ring.len() < 100, "{} places for one hash", ghost.ring.len());
        assert!(ghost.take(1));
    }

    #[test]
    fn only_the_last_are_remembered() {
        let mut ghost = Ghost::default();
        for hash in 0..100 {
            ghost.add(hash, 3, 32);
            ghost.check().expect("sound");
        }
        assert_eq!((0..100).filter(|&hash| ghost.take(hash)).collect::<Vec<_>>(), (90..100).collect::<Vec<_>>());
        ghost.add(5, 3, 2);
        assert!(!ghost.take(5));
    }
}
