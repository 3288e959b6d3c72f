//! LFU-DA and GDSF: every entry has a rank, the lowest goes. With sizes of 1 the second is the first.

use crate::{Paper, take};

struct Object {
    key: u64,
    frequency: u32,
    rank: f64,
}

pub struct Ranked<S> {
    capacity: u64,
    size: S,
    /// The least recently used first.
    objects: Vec<Object>,
    age: f64,
}

impl<S: Fn(u64) -> u32> Ranked<S> {
    pub fn new(capacity: u64, size: S) -> Self {
        Self { capacity, size, objects: Vec::new(), age: 0.0 }
    }

    fn used(&self) -> u64 {
        self.objects.iter().map(|object| u64::from((self.size)(object.key))).sum()
    }
}

impl<S: Fn(u64) -> u32> Paper for Ranked<S> {
    fn request(&mut self, key: u64) -> bool {
        let size = (self.size)(key);
        let found = take(&mut self.objects, |object| object.key == key);
        let hit = found.is_some();
        let frequency = found.map_or(0, |object| object.frequency) + 1;
        if u64::from(size) > self.capacity {
            return false;
        }
        while self.used() + u64::from(size) > self.capacity {
            let lowest = self.objects.iter().map(|object| object.rank).fold(f64::INFINITY, f64::min);
            take(&mut self.objects, |object| object.rank == lowest);
            self.age = lowest;
        }
        let rank = self.age + f64::from(frequency) / f64::from(size);
        self.objects.push(Object { key, frequency, rank });
        hit
    }
}
