//! A cache of keys without values: what the simulator and the shadows of a running cache are made of.
//!
//! A request for a key that is there is a hit; any other brings the key in, as a cache does whose caller computes what was
//! missing. Bounded by weight like the memory tier, and judged by the same policies.

use hashbrown::HashTable;

use crate::policy::{Entry, Policy, Worth};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The key was there.
    Hit,
    /// It was not, and is now.
    Entered,
    /// It was not and is not: it is larger than everything, or worth less than what is there.
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: u64,
    weight: u32,
    worth: f32,
}

impl Worth for Vec<Place> {
    fn worth(&self, id: u32) -> f32 {
        self[id as usize].worth
    }
}

pub(crate) struct Directory {
    index: HashTable<u32>,
    places: Vec<Place>,
    free: Vec<u32>,
    policy: Box<dyn Policy>,
    weight: u64,
    capacity: u64,
}

impl Directory {
    pub(crate) fn new(policy: Box<dyn Policy>, capacity: u64) -> Self {
        Self { index: HashTable::new(), places: Vec::new(), free: Vec::new(), policy, weight: 0, capacity }
    }

    /// One request for `key`, whose bits are evenly distributed: it is a hash.
    #[inline]
    pub(crate) fn request(&mut self, key: u64, entry: &Entry) -> Outcome {
        if let Some(id) = self.find(key) {
            if self.places[id as usize].weight == entry.weight {
                self.policy.accessed(id);
            } else {
                self.overwrite(id, entry);
            }
            return Outcome::Hit;
        }
        if u64::from(entry.weight) > self.capacity || !self.make_room(entry, None) {
            return Outcome::Refused;
        }
        let place = Place { key, weight: entry.weight, worth: entry.worth };
        let id = match self.free.pop() {
            Some(id) => {
                self.places[id as usize] = place;
                id
            }
            None => {
                self.places.push(place);
                self.places.len() as u32 - 1
            }
        };
        self.index.insert_unique(key, id, |&id| self.places[id as usize].key);
        self.weight += u64::from(entry.weight);
        self.policy.inserted(id, entry);
        Outcome::Entered
    }

    /// Whether the key is there. No request.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.find(key).is_some()
    }

    /// The key is there no more, for another reason than want of space.
    pub(crate) fn forget(&mut self, key: u64) {
        if let Some(id) = self.find(key) {
            self.remove(id, false);
        }
    }

    #[inline]
    fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key, |&id| self.places[id as usize].key == key).copied()
    }

    /// Entries that are there.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Weight of all entries.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// What all entries may weigh together.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Allows more weight or less from now on; what is too much goes at once.
    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        while self.weight > self.capacity {
            let Some(id) = self.policy.victim(None, &self.places) else { break };
            self.remove(id, true);
        }
    }

    /// Drops the keys that `keep` does not want and has another capacity from now on.
    pub(crate) fn retain(&mut self, capacity: u64, keep: impl Fn(u64) -> bool) {
        let unwanted: Vec<u32> = self.index.iter().copied().filter(|&id| !keep(self.places[id as usize].key)).collect();
        unwanted.into_iter().for_each(|id| self.remove(id, false));
        self.set_capacity(capacity);
    }

    /// The value behind a key changed its size.
    fn overwrite(&mut self, id: u32, entry: &Entry) {
        self.policy.overwritten(id, entry);
        if u64::from(entry.weight) > self.capacity || !self.make_room(entry, Some(id)) {
            self.remove(id, false);
            return;
        }
        let place = &mut self.places[id as usize];
        self.weight = self.weight - u64::from(place.weight) + u64::from(entry.weight);
        place.weight = entry.weight;
    }

    fn make_room(&mut self, entry: &Entry, old: Option<u32>) -> bool {
        let given_back = old.map_or(0, |id| self.places[id as usize].weight);
        let incoming = if old.is_none() { Some(entry) } else { None };
        let mut set_aside = None;
        let there_is_room = loop {
            if self.weight - u64::from(given_back) + u64::from(entry.weight) <= self.capacity {
                break true;
            }
            match self.policy.victim(incoming, &self.places) {
                // An entry that is written anew does not go for itself: it comes in again when the others have gone.
                Some(id) if Some(id) == old => {
                    self.policy.removed(id, false);
                    set_aside = old;
                }
                Some(id) => self.remove(id, true),
                None => break false,
            }
        };
        if let Some(id) = set_aside {
            self.policy.inserted(id, entry);
        }
        there_is_room
    }

    fn remove(&mut self, id: u32, evicted: bool) {
        self.policy.removed(id, evicted);
        let Place { key, weight, .. } = self.places[id as usize];
        if let Ok(found) = self.index.find_entry(key, |&other| other == id) {
            found.remove();
        }
        self.weight -= u64::from(weight);
        self.free.push(id);
    }

    /// Whether directory and policy agree, for tests.
    pub(crate) fn check(&self) -> Result<(), String> {
        let known = self.policy.check()?;
        let weight: u64 = self.index.iter().map(|&id| u64::from(self.places[id as usize].weight)).sum();
        if known as usize != self.len() || weight != self.weight || weight > self.capacity {
            let (held, capacity) = (self.len(), self.capacity);
            return Err(format!("{held} entries of weight {weight} ({known}, {}, at most {capacity})", self.weight));
        }
        Ok(())
    }
}
