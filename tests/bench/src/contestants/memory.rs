//! The trait of memory caches, Larder behind it, and the list of all contestants in memory.

use std::hint::black_box;

use larder::Cache;

use super::native::Native;
use super::peers::{Foyer, Moka, QuickCache};
use crate::workload::KEY_SIZE;

/// A cache in memory that several threads use.
pub trait MemoryCache: Send + Sync {
    /// Reads a value and hands it out in the form in which a caller would get it; answers its length. Dropping the
    /// value is part of the operation.
    fn get(&self, key: &[u8]) -> Option<usize>;

    /// Stores a value; key and value are copied.
    fn set(&self, key: &[u8], value: &[u8]);
}

/// How much a cache must hold.
#[derive(Clone, Copy)]
pub struct Room {
    /// Entries.
    pub entries: usize,
    /// Bytes of each value.
    pub value: usize,
}

impl Room {
    /// Bytes of capacity to ask for: four times what is needed, so that nobody evicts, however uneven the shards are.
    pub fn capacity(self) -> u64 {
        4 * self.entries as u64 * (self.value + KEY_SIZE + OVERHEAD) as u64
    }
}

/// More than any contestant adds to the weight of an entry.
const OVERHEAD: usize = 128;

/// How a contestant is set up.
pub type Setup = fn(Room) -> Box<dyn MemoryCache>;

/// All contestants; the first is Larder, the second the same engine without its sandbox.
pub fn contestants() -> Vec<(&'static str, Setup)> {
    vec![
        ("Larder", |room| Box::new(Larder::new(room))),
        ("engine linked natively", |room| Box::new(Native::new(room))),
        ("moka", |room| Box::new(Moka::<Vec<u8>>::new(room))),
        ("quick_cache", |room| Box::new(QuickCache::<Vec<u8>>::new(room))),
        ("foyer", |room| Box::new(Foyer::<Vec<u8>>::new(room))),
        ("moka, Arc", |room| Box::new(Moka::<std::sync::Arc<[u8]>>::new(room))),
        ("quick_cache, Arc", |room| Box::new(QuickCache::<std::sync::Arc<[u8]>>::new(room))),
        ("foyer, Arc", |room| Box::new(Foyer::<std::sync::Arc<[u8]>>::new(room))),
    ]
}

/// Larder as users have it: through the component.
struct Larder(Cache);

impl Larder {
    fn new(room: Room) -> Self {
        let cache = Cache::builder().max_memory(room.capacity()).open();
        Self(cache.expect("a cache without a directory opens"))
    }
}

impl MemoryCache for Larder {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<usize> {
        let value = self.0.get(key).expect("a get does not fail");
        value.map(|value| black_box(&value).len())
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        black_box(self.0.set(key, value).expect("a set does not fail"));
    }
}
