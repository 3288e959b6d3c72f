//! LFU-DA and GDSF: every entry has a rank, the lowest goes. With sizes of 1 the second is the first.
//!
//! An entry that comes with another size has the rank of that size. If it is the lowest itself when others must go for it, it
//! comes in anew after them.

use crate::{Paper, take};

struct Object {
    key: u64,
    size: u32,
    frequency: u32,
    rank: f64,
}

pub struct Ranked {
    capacity: u64,
    /// The least recently used first.
    objects: Vec<Object>,
    age: f64,
}

impl Ranked {
    pub fn new(capacity: u64) -> Self {
        Self { capacity, objects: Vec::new(), age: 0.0 }
    }

    fn used_by_others(&self, key: u64) -> u64 {
        self.objects.iter().filter(|object| object.key != key).map(|object| u64::from(object.size)).sum()
    }

    /// To the most recent end, with the rank that its frequency and size make now.
    fn push(&mut self, key: u64, size: u32, frequency: u32) {
        let rank = self.age + f64::from(frequency) / f64::from(size);
        self.objects.push(Object { key, size, frequency, rank });
    }
}

impl Paper for Ranked {
    fn request(&mut self, key: u64, size: u32) -> bool {
        let found = take(&mut self.objects, |object| object.key == key);
        if u64::from(size) > self.capacity {
            return found.is_some();
        }
        if let Some(object) = &found {
            self.push(key, size, object.frequency + 1);
        }
        while self.used_by_others(key) + u64::from(size) > self.capacity {
            let lowest = self.objects.iter().map(|object| object.rank).fold(f64::INFINITY, f64::min);
            let gone = take(&mut self.objects, |object| object.rank == lowest);
            if gone.is_some_and(|gone| gone.key != key) {
                self.age = lowest;
            }
        }
        if !self.objects.iter().any(|object| object.key == key) {
            self.push(key, size, 1);
        }
        found.is_some()
    }
}
