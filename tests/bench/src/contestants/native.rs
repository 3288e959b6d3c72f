//! The yardstick: Larder's engine linked natively, behind the same sharding, the same locks and the same clock as in the
//! host. What Larder takes longer than this is the price of the sandbox.

use std::hash::Hasher;
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use larder_engine::{Config, Engine, NamespaceId, SetOptions};
use siphasher::sip::SipHasher13;

use super::MemoryCache;
use super::memory::Room;

/// Engines, each behind its own lock, chosen by a keyed hash of the key.
pub struct Native {
    shards: Box<[Mutex<Shard>]>,
    hasher: SipHasher13,
    namespace: u64,
}

struct Shard {
    engine: Engine,
    namespace: NamespaceId,
}

impl Native {
    /// As many shards as Larder has by default.
    pub fn new(room: Room) -> Self {
        let count = std::thread::available_parallelism().map_or(2, |n| n.get() * 2).min(16);
        let shard = |seed: u64| {
            let max_bytes = room.capacity() / count as u64;
            let mut engine = Engine::open(Config { max_bytes, seed, ..Config::default() }).expect("valid settings");
            let namespace = engine.namespace("default").expect("a valid name");
            Mutex::new(Shard { engine, namespace })
        };
        let hasher = SipHasher13::new_with_key(b"0123456789abcdef");
        Self { shards: (0..count as u64).map(shard).collect(), namespace: hasher.hash(b"default"), hasher }
    }

    #[inline]
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let mut state = self.hasher;
        state.write_u64(self.namespace);
        state.write(key);
        let at = ((state.finish() >> 32) * self.shards.len() as u64) >> 32;
        self.shards[at as usize].lock().expect("no thread panics while it holds a shard")
    }
}

#[inline]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

impl MemoryCache for Native {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<usize> {
        let now = now();
        let value = {
            let shard = &mut *self.shard(key);
            let hit = shard.engine.get(shard.namespace, key, now).expect("a get does not fail");
            hit.map(|hit| hit.value.into_owned())
        };
        value.map(|value| black_box(&value).len())
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        let now = now();
        let shard = &mut *self.shard(key);
        let stored = shard.engine.set(shard.namespace, key, value, &SetOptions::default(), now, None);
        black_box(stored.expect("a set does not fail").version);
    }
}
