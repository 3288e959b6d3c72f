//! Who is worth least goes first, with ageing: what `lfu` and `gdsf` have in common.

use alloc::string::String;
use alloc::vec::Vec;

use super::ranks::Ranks;
use super::{Entry, Objective, Policy, Worth};

/// What an entry is ranked by.
pub(crate) trait Value: Copy + Default + Send {
    /// Of an entry that nobody has asked for yet.
    fn of(entry: &Entry, objective: Objective) -> Self;

    /// It was asked for, once more.
    fn count(&mut self);

    /// The present value, above 0.
    fn value(&self) -> f64;

    /// The entry was written again.
    fn update(&mut self, entry: &Entry, objective: Objective);

    /// The entry takes another weight.
    fn reweigh(&mut self, weight: u32);
}

/// Entries by rank: their value plus the age that the cache had at their last access. The lowest goes, and its rank becomes
/// the cache's age.
#[derive(Debug)]
pub(crate) struct Ranked<V> {
    objective: Objective,
    ranks: Ranks,
    values: Vec<V>,
    age: f64,
}

impl<V> Ranked<V> {
    pub(crate) fn new(objective: Objective) -> Self {
        Self { objective, ranks: Ranks::default(), values: Vec::new(), age: 0.0 }
    }
}

impl<V: Value> Policy for Ranked<V> {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        if self.values.len() <= id as usize {
            self.values.resize(id as usize + 1, V::default());
        }
        let mut value = V::of(entry, self.objective);
        value.count();
        self.values[id as usize] = value;
        self.ranks.insert(id, self.age + value.value());
    }

    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        let value = &mut self.values[id as usize];
        value.count();
        self.ranks.set(id, self.age + value.value());
    }

    fn overwritten(&mut self, id: u32, entry: &Entry) {
        self.values[id as usize].update(entry, self.objective);
        self.accessed(id, entry);
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        let value = &mut self.values[id as usize];
        let before = value.value();
        value.reweigh(weight);
        let change = value.value() - before;
        if change != 0.0 {
            self.ranks.set(id, self.ranks.rank(id) + change);
        }
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        if evicted {
            self.age = self.age.max(self.ranks.rank(id));
        }
        self.ranks.remove(id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.ranks.first()
    }

    fn clear(&mut self) {
        *self = Self::new(self.objective);
    }

    fn check(&self) -> Result<u32, String> {
        self.ranks.check()
    }
}
