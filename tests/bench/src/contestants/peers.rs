//! Caches in memory for Rust. Each comes twice: with `Vec<u8>` values, whose clone is a copy of the bytes, as Larder
//! hands them out; and with `Arc<[u8]>` values, whose clone is a counter, as these caches are mostly used.

use std::hint::black_box;
use std::sync::Arc;

use super::MemoryCache;
use super::memory::Room;

/// A value that a peer keeps and hands a clone of.
pub trait Shared: Clone + Send + Sync + 'static {
    /// Copies bytes into a value.
    fn copy(bytes: &[u8]) -> Self;
    /// Bytes of it.
    fn size(&self) -> usize;
}

impl Shared for Vec<u8> {
    fn copy(bytes: &[u8]) -> Self {
        bytes.to_vec()
    }

    fn size(&self) -> usize {
        self.len()
    }
}

impl Shared for Arc<[u8]> {
    fn copy(bytes: &[u8]) -> Self {
        bytes.into()
    }

    fn size(&self) -> usize {
        self.len()
    }
}

/// moka's synchronous cache.
pub struct Moka<V: Shared>(moka::sync::Cache<Vec<u8>, V>);

impl<V: Shared> Moka<V> {
    /// With a weigher of bytes.
    pub fn new(room: Room) -> Self {
        let builder = moka::sync::Cache::builder().max_capacity(room.capacity());
        Self(builder.weigher(|key: &Vec<u8>, value: &V| (key.len() + value.size()) as u32).build())
    }
}

impl<V: Shared> MemoryCache for Moka<V> {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).map(|value| black_box(&value).size())
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.to_vec(), V::copy(value));
    }
}

#[derive(Clone)]
struct Bytes;

impl<V: Shared> quick_cache::Weighter<Vec<u8>, V> for Bytes {
    fn weight(&self, key: &Vec<u8>, value: &V) -> u64 {
        (key.len() + value.size()) as u64
    }
}

/// quick_cache's synchronous cache.
pub struct QuickCache<V: Shared>(quick_cache::sync::Cache<Vec<u8>, V, Bytes>);

impl<V: Shared> QuickCache<V> {
    /// With a weigher of bytes.
    pub fn new(room: Room) -> Self {
        Self(quick_cache::sync::Cache::with_weighter(room.entries, room.capacity(), Bytes))
    }
}

impl<V: Shared> MemoryCache for QuickCache<V> {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).map(|value| black_box(&value).size())
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.to_vec(), V::copy(value));
    }
}

/// foyer's cache in memory.
pub struct Foyer<V: Shared>(foyer::Cache<Vec<u8>, V>);

impl<V: Shared> Foyer<V> {
    /// With a weigher of bytes.
    pub fn new(room: Room) -> Self {
        let builder = foyer::CacheBuilder::new(room.capacity() as usize);
        Self(builder.with_weighter(|key: &Vec<u8>, value: &V| key.len() + value.size()).build())
    }
}

impl<V: Shared> MemoryCache for Foyer<V> {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<usize> {
        let value = self.0.get(key).map(|entry| entry.value().clone());
        value.map(|value| black_box(&value).size())
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.to_vec(), V::copy(value));
    }
}
