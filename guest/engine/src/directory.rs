//! Caches of keys without values that are all shown the same requests: what the simulator and the shadows of a running cache
//! are made of.
//!
//! A request for a key that is there is a hit; any other brings the key in, as a cache does whose caller computes what was
//! missing. Each cache is bounded by weight like the memory tier, and judged by a policy of its own; one index tells which of
//! them hold a key.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

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

/// The bit of [`Place::holders`] that keeps a place while its request goes on.
const PINNED: u16 = 1 << 15;

/// How many caches a directory can have.
const MOST_CACHES: usize = 15;

#[derive(Debug, Clone, Copy)]
struct Place {
    key: u64,
    weight: u32,
    worth: f32,
    /// A bit for each cache that holds the key.
    holders: u16,
}

impl Worth for Vec<Place> {
    fn worth(&self, id: u32) -> f32 {
        self[id as usize].worth
    }
}

struct Cache<P: Policy + ?Sized> {
    policy: Box<P>,
    weight: u64,
    capacity: u64,
    /// The weight that it was left with when it got its capacity: a policy may let nobody go.
    stuck_at: u64,
    entries: usize,
    /// Its bit in [`Place::holders`].
    bit: u16,
}

/// The keys, each in a place with a number, which is its entry's number in every policy.
struct Places {
    index: HashTable<u32>,
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Places {
    #[inline]
    fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key, |&id| self.places[id as usize].key == key).copied()
    }

    fn add(&mut self, place: Place) -> u32 {
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
        self.index.insert_unique(place.key, id, |&id| self.places[id as usize].key);
        id
    }

    /// One holder less; without any the place is free.
    fn release(&mut self, id: u32, holder: u16) {
        let place = &mut self.places[id as usize];
        place.holders &= !holder;
        if place.holders != 0 {
            return;
        }
        if let Ok(found) = self.index.find_entry(place.key, |&other| other == id) {
            found.remove();
        }
        self.free.push(id);
    }
}

impl<P: Policy + ?Sized> Cache<P> {
    fn holds(&self, place: &Place) -> bool {
        place.holders & self.bit != 0
    }

    fn remove(&mut self, id: u32, evicted: bool, places: &mut Places) {
        self.policy.removed(id, evicted);
        self.weight -= u64::from(places.places[id as usize].weight);
        self.entries -= 1;
        places.release(id, self.bit);
    }

    /// Lets others go for an entry that comes in, or that is there already and weighs another amount from now on.
    fn make_room(&mut self, entry: &Entry, old: Option<u32>, places: &mut Places) -> bool {
        let given_back = old.map_or(0, |id| places.places[id as usize].weight);
        let incoming = if old.is_none() { Some(entry) } else { None };
        let mut set_aside = None;
        let there_is_room = loop {
            if self.weight - u64::from(given_back) + u64::from(entry.weight) <= self.capacity {
                break true;
            }
            match self.policy.victim(incoming, &places.places) {
                // An entry that is written anew does not go for itself: it comes in again when the others have gone.
                Some(id) if Some(id) == old => {
                    self.policy.removed(id, false);
                    set_aside = old;
                }
                Some(id) => self.remove(id, true, places),
                None => break false,
            }
        };
        if let Some(id) = set_aside {
            self.policy.inserted(id, entry);
        }
        there_is_room
    }

    /// Whether there is room now for an entry that is not there.
    fn lets_in(&mut self, entry: &Entry, places: &mut Places) -> bool {
        u64::from(entry.weight) <= self.capacity && self.make_room(entry, None, places)
    }

    fn insert(&mut self, id: u32, entry: &Entry) {
        self.weight += u64::from(entry.weight);
        self.entries += 1;
        self.policy.inserted(id, entry);
    }

    /// The value behind a key changed its size.
    fn overwrite(&mut self, id: u32, entry: &Entry, places: &mut Places) {
        self.policy.overwritten(id, entry);
        if u64::from(entry.weight) > self.capacity || !self.make_room(entry, Some(id), places) {
            self.remove(id, false, places);
            return;
        }
        self.weight = self.weight - u64::from(places.places[id as usize].weight) + u64::from(entry.weight);
    }
}

/// Caches that see the same requests; see the module.
pub(crate) struct Directory<P: Policy + ?Sized = dyn Policy> {
    places: Places,
    caches: Vec<Cache<P>>,
}

impl<P: Policy + ?Sized> Directory<P> {
    /// Empty caches, at most 15, all with the same capacity.
    pub(crate) fn new(policies: impl IntoIterator<Item = Box<P>>, capacity: u64) -> Self {
        let cache =
            |(at, policy): (usize, _)| Cache { policy, weight: 0, capacity, stuck_at: 0, entries: 0, bit: 1u16 << at };
        let caches: Vec<_> = policies.into_iter().enumerate().map(cache).collect();
        assert!(caches.len() <= MOST_CACHES, "a place has {MOST_CACHES} bits for those that hold it");
        let places = Places { index: HashTable::new(), places: Vec::new(), free: Vec::new() };
        Self { places, caches }
    }

    /// One request for `key`, whose bits are evenly distributed: it is a hash. Tells what came of it in each cache, in order.
    #[inline]
    pub(crate) fn request(&mut self, key: u64, entry: &Entry, mut tell: impl FnMut(usize, Outcome)) {
        let Some(id) = self.places.find(key) else { return self.enter(key, entry, tell) };
        let place = &self.places.places[id as usize];
        if place.weight != entry.weight || !self.caches.iter().all(|cache| cache.holds(place)) {
            return self.request_of_some(id, entry, tell);
        }
        for (at, cache) in self.caches.iter_mut().enumerate() {
            cache.policy.accessed(id, &self.places.places);
            tell(at, Outcome::Hit);
        }
        let place = &mut self.places.places[id as usize];
        if place.worth != entry.worth {
            place.worth = entry.worth;
        }
    }

    /// A request for a key that not all caches hold, or that has another weight now.
    fn request_of_some(&mut self, id: u32, entry: &Entry, mut tell: impl FnMut(usize, Outcome)) {
        let place = &mut self.places.places[id as usize];
        place.holders |= PINNED;
        let before = *place;
        let mut entered = 0;
        for (at, cache) in self.caches.iter_mut().enumerate() {
            let outcome = if cache.holds(&before) {
                match before.weight == entry.weight {
                    true => cache.policy.accessed(id, &self.places.places),
                    false => cache.overwrite(id, entry, &mut self.places),
                }
                Outcome::Hit
            } else if cache.lets_in(entry, &mut self.places) {
                cache.insert(id, entry);
                entered |= cache.bit;
                Outcome::Entered
            } else {
                Outcome::Refused
            };
            tell(at, outcome);
        }
        let place = &mut self.places.places[id as usize];
        (place.weight, place.worth) = (entry.weight, entry.worth);
        place.holders |= entered;
        self.places.release(id, PINNED);
    }

    /// A request for a key that no cache holds.
    fn enter(&mut self, key: u64, entry: &Entry, mut tell: impl FnMut(usize, Outcome)) {
        let mut holders = 0;
        for cache in &mut self.caches {
            holders |= if cache.lets_in(entry, &mut self.places) { cache.bit } else { 0 };
        }
        let place = Place { key, weight: entry.weight, worth: entry.worth, holders };
        let id = if holders == 0 { 0 } else { self.places.add(place) };
        for (at, cache) in self.caches.iter_mut().enumerate() {
            if cache.holds(&place) {
                cache.insert(id, entry);
                tell(at, Outcome::Entered);
            } else {
                tell(at, Outcome::Refused);
            }
        }
    }

    /// Whether any cache holds the key. No request.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.places.find(key).is_some()
    }

    /// The key is there no more, for another reason than want of space.
    pub(crate) fn forget(&mut self, key: u64) {
        if let Some(id) = self.places.find(key) {
            self.drop_everywhere(id);
        }
    }

    fn drop_everywhere(&mut self, id: u32) {
        let place = self.places.places[id as usize];
        for cache in self.caches.iter_mut().filter(|cache| cache.holds(&place)) {
            cache.remove(id, false, &mut self.places);
        }
    }

    /// Entries in a cache.
    pub(crate) fn len(&self, at: usize) -> usize {
        self.caches[at].entries
    }

    /// Weight of all entries of a cache.
    pub(crate) fn weight(&self, at: usize) -> u64 {
        self.caches[at].weight
    }

    /// What all entries of a cache may weigh together.
    pub(crate) fn capacity(&self, at: usize) -> u64 {
        self.caches[at].capacity
    }

    /// Allows every cache more weight or less from now on; what is too much goes at once.
    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        for cache in &mut self.caches {
            cache.capacity = capacity;
            while cache.weight > cache.capacity {
                let Some(id) = cache.policy.victim(None, &self.places.places) else { break };
                cache.remove(id, true, &mut self.places);
            }
            cache.stuck_at = cache.weight;
        }
    }

    /// Drops the keys that `keep` does not want and has another capacity from now on.
    pub(crate) fn retain(&mut self, capacity: u64, keep: impl Fn(u64) -> bool) {
        let Places { index, places, .. } = &self.places;
        let unwanted: Vec<u32> = index.iter().copied().filter(|&id| !keep(places[id as usize].key)).collect();
        unwanted.into_iter().for_each(|id| self.drop_everywhere(id));
        self.set_capacity(capacity);
    }

    /// Whether index, caches and policies agree, for tests.
    pub(crate) fn check(&self) -> Result<(), String> {
        let places = || self.places.index.iter().map(|&id| &self.places.places[id as usize]);
        if places().any(|place| place.holders == 0 || place.holders & PINNED != 0) {
            return Err("a place is kept that no cache holds".into());
        }
        for cache in &self.caches {
            let known = cache.policy.check()? as usize;
            let held = places().filter(|place| cache.holds(place));
            let (held, weight) = held.fold((0, 0), |(n, sum), place| (n + 1, sum + u64::from(place.weight)));
            if known != held
                || cache.entries != held
                || weight != cache.weight
                || weight > cache.capacity.max(cache.stuck_at)
            {
                let Cache { entries, capacity, .. } = cache;
                let counted = cache.weight;
                return Err(text!(
                    held,
                    " entries of ",
                    weight,
                    " (",
                    known,
                    ", ",
                    entries,
                    ", ",
                    counted,
                    ", at most ",
                    capacity,
                    ")"
                ));
            }
        }
        Ok(())
    }
}
