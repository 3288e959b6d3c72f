//! Upkeep of the whole cache.

use std::sync::atomic::Ordering;

use super::{Cache, Inner, SPARES_THE_LIVING, lock};
use crate::bans::List;
use crate::error::{Error, ErrorKind, Result};
use crate::pressure;
use crate::store::{Claim, Store, Verification};

impl Cache {
    /// Removes entries past their time and those made invalid, in all namespaces, and gives back the disk space that nothing needs any more.
    /// Answers how many entries went.
    ///
    /// # Errors
    /// `Locked` when the lock is not had in time; `Store` when the store cannot be written; I/O errors.
    pub fn cleanup(&self) -> Result<u64> {
        let invalid = if self.inner.bans.newest() > 0 { self.inner.forget_bans()? } else { 0 };
        Ok(self.inner.clean_up()? + invalid)
    }

    /// Compresses entries in memory that cooled, as long as memory is more than three quarters full and there are any. A
    /// cache with a cleanup interval does so by itself. Answers how much was looked at, about in bytes.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it.
    pub fn maintain(&self) -> Result<u64> {
        let mut work = 0;
        loop {
            match self.inner.cool()? {
                0 => return Ok(work),
                more => work += more,
            }
        }
    }

    /// Evicts up to `count` of these entries from memory, the least likely first, of equals in the order given. What is not in memory,
    /// or has no probability from 0 to 1, is passed over; what is in the store stays there. Answers how many went.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it.
    pub fn evict_unlikely<K: AsRef<[u8]>>(&self, predictions: &[(K, f64)], count: u32) -> Result<u32> {
        let (inner, now) = (&*self.inner, self.inner.clock.now());
        let known = predictions.iter().filter(|(_, probability)| (0.0..=1.0).contains(probability));
        let mut order: Vec<_> = known.map(|(key, probability)| (key.as_ref(), *probability)).collect();
        order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut evicted = 0;
        for (key, probability) in order {
            if evicted == count {
                break;
            }
            let one = [(key.to_vec(), probability)];
            evicted += inner.on_shard(inner.shard(self.hash(key)), self.id, |g| {
                let cache = g.larder.larder_cache_cache().cache();
                cache.call_evict_unlikely(&mut g.store, g.cache, self.id, &one, 1, now)
            })?;
        }
        Ok(evicted)
    }

    /// Tells the policy `predicted` how likely entries of this namespace are to be asked for, in place of all that it was told before:
    /// what is not named is not expected. Answers how many of them are in memory; under another policy nothing comes of it.
    ///
    /// # Errors
    /// `InvalidArgument` for a probability outside 0 to 1; `Trap`.
    pub fn expect<K: AsRef<[u8]>>(&self, predictions: &[(K, f64)]) -> Result<u32> {
        if predictions.iter().any(|(_, probability)| !(0.0..=1.0).contains(probability)) {
            return Err(Error::invalid("a probability is a number from 0 to 1"));
        }
        let (inner, now) = (&*self.inner, self.inner.clock.now());
        let mut shares = vec![Vec::new(); inner.shards.len()];
        for (key, probability) in predictions {
            let key = key.as_ref();
            shares[inner.shard_number(self.hash(key))].push((key.to_vec(), *probability));
        }
        let mut there = 0;
        for (shard, share) in inner.shards.iter().zip(&shares) {
            there += inner.on_shard(shard, self.id, |g| {
                let cache = g.larder.larder_cache_cache().cache();
                cache.call_expect(&mut g.store, g.cache, self.id, share, now)
            })?;
        }
        Ok(there)
    }

    /// Evicts up to `count` entries from memory, of all namespaces, in the policy's order in each shard. What is in the
    /// store stays there. Answers how many went.
    ///
    /// # Errors
    /// `Trap` when the component was stopped twice over it.
    pub fn evict(&self, count: u32) -> Result<u32> {
        let inner = &*self.inner;
        let shards = inner.shards.len() as u32;
        let mut evicted = 0;
        for (place, shard) in (0..).zip(&inner.shards) {
            let share = count / shards + u32::from(place < count % shards);
            evicted += inner.on_shard(shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_evict(&mut g.store, g.cache, share).map(Ok)
            })?;
        }
        // Shards that had fewer leave their part to the others.
        for shard in &inner.shards {
            let rest = count - evicted;
            if rest > 0 {
                evicted += inner.on_shard(shard, self.id, |g| {
                    g.larder.larder_cache_cache().cache().call_evict(&mut g.store, g.cache, rest).map(Ok)
                })?;
            }
        }
        Ok(evicted)
    }

    /// Lets memory hold so many bytes from now on, less or more than before, and gives back to the system what is not needed any
    /// more. Entries go in the policy's order; those in the store stay there. Answers how many went.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it; the part of the memory concerned is empty then.
    pub fn shrink_to(&self, bytes: u64) -> Result<u64> {
        self.inner.resize(bytes)
    }

    /// Looks at how short memory is, and lets this cache hold half as much if it is, down to a sixteenth of `max_memory`, or a
    /// little more again if there is plenty. Answers how many bytes memory may hold from now on. A cache that was built with
    /// [`memory_pressure`](crate::Builder::memory_pressure) does so every second.
    ///
    /// # Errors
    /// As [`shrink_to`](Self::shrink_to).
    pub fn relieve(&self) -> Result<u64> {
        self.inner.relieve()
    }

    /// Decides from now on by the policy of this name who goes when space is needed, in memory and in the store: `lru`,
    /// `fifo`, `lfu`, `ttl`, `sieve`, `s3-fifo`, `clock-pro` or `gdsf`. Everything that is there stays.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such policy; then nothing has changed.
    pub fn set_policy(&self, name: &str) -> Result<()> {
        let inner = &*self.inner;
        for shard in &inner.shards {
            let mut shard = lock(shard);
            let changed = inner.call(&mut shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_set_policy(&mut g.store, g.cache, name)
            });
            match changed {
                // A guest that was stopped is replaced by one that never knew the policy before.
                Err(e) if e.kind() != ErrorKind::Trap => return Err(e),
                _ => shard.set_policy(name),
            }
        }
        inner.spares_the_living.store(name == SPARES_THE_LIVING, Ordering::Relaxed);
        Ok(())
    }

    /// Empties this handle's namespace. Answers how many entries went.
    ///
    /// # Errors
    /// `Store` or `Locked` when the store cannot take it; I/O errors.
    pub fn clear(&self) -> Result<u64> {
        let cleared = self.clear_some(Some((self.id, self.hash)));
        self.inner.flights.outdate(Some(self.id), |_| true);
        cleared
    }

    /// Empties all namespaces and gives the disk space back. Answers how many entries went.
    ///
    /// # Errors
    /// `Store` or `Locked` when the store cannot take it; I/O errors.
    pub fn clear_all(&self) -> Result<u64> {
        let cleared = self.clear_some(None);
        self.inner.flights.outdate(None, |_| true);
        cleared
    }

    fn clear_some(&self, namespace: Option<(u32, u64)>) -> Result<u64> {
        let inner = &*self.inner;
        let mut stored = 0;
        // Locked until the memory is empty as well, so that no write of ours falls in between.
        let mut transaction = match &inner.store {
            Some(store) => Some(store.begin(Claim::default(), inner, inner)?),
            None => None,
        };
        if let (Some(open), Some(store)) = (&mut transaction, &inner.store) {
            stored = store.count(namespace.map(|(_, hash)| hash))?;
            open.clear(namespace.map(|(_, hash)| hash))?;
            if namespace.is_none() {
                // Nothing older is left.
                inner.bans.set(List::Empty, 0);
            }
        }
        if namespace.is_none() {
            inner.states.forget();
        }
        let mut removed = 0;
        for shard in &inner.shards {
            let cleared = inner.on_shard(shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_clear(&mut g.store, g.cache, namespace.map(|(id, _)| id))
            });
            match cleared {
                Ok(count) => removed += u64::from(count),
                // Whoever was stopped is replaced by an empty one.
                Err(e) if e.kind() == ErrorKind::Trap => {}
                Err(e) => return Err(e),
            }
        }
        if let (Some(open), Some(store)) = (transaction, &inner.store) {
            let point = open.sync_point();
            drop(open);
            store.sync(&point)?;
        }
        Ok(removed.max(stored))
    }

    /// Looks at every frame and record of the store, and at the structures in memory. `progress` is told how many bytes
    /// each record took, and how many the whole store takes.
    ///
    /// # Errors
    /// I/O errors; `Internal` when the memory tier contradicts itself.
    pub fn verify(&self, progress: impl FnMut(u64, u64)) -> Result<Verification> {
        let inner = &*self.inner;
        for shard in &inner.shards {
            inner.on_shard(shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_check(&mut g.store, g.cache)
            })?;
        }
        let Some(store) = &inner.store else { return Ok(Verification::default()) };
        store.verify(inner, &|record, hash, version| inner.is_sound(record, hash, version), progress)
    }

    /// As [`verify`](Self::verify), and mends what it finds: headers and indexes are written again, damaged places are
    /// voided, and entries whose record is damaged are deleted, so that no older version of them comes back. Other processes
    /// may go on using the store meanwhile; their writes wait.
    ///
    /// # Errors
    /// `Locked` when the lock is not had in time; `Store` when the store cannot be written; I/O errors.
    pub fn repair(&self, progress: impl FnMut(u64, u64)) -> Result<Verification> {
        let inner = &*self.inner;
        let Some(store) = &inner.store else { return Ok(Verification::default()) };
        store.repair(inner, inner, &|record, hash, version| inner.is_sound(record, hash, version), progress)
    }

    /// The directory of the store.
    pub fn directory(&self) -> Option<&std::path::Path> {
        self.inner.store.as_ref().map(Store::root)
    }
}

impl Inner {
    pub(super) fn relieve(&self) -> Result<u64> {
        let now = self.memory.load(Ordering::Relaxed);
        let advised = pressure::read(&self.pressure_root).advise(now, self.max_memory);
        if advised != now {
            let gone = self.resize(advised)?;
            tracing::info!("memory may hold {advised} bytes from now on, {now} before; {gone} entries went");
        }
        Ok(advised)
    }

    /// Lets memory hold so many bytes from now on.
    pub(super) fn resize(&self, bytes: u64) -> Result<u64> {
        let (share, now) = (bytes / self.shards.len() as u64, self.clock.now());
        let mut gone = 0;
        for shard in &self.shards {
            gone += u64::from(lock(shard).resize(&self.namespaces, share, now)?);
        }
        self.memory.store(bytes, Ordering::Relaxed);
        Ok(gone)
    }

    /// Whether a record is sound and belongs under a hash and version.
    fn is_sound(&self, record: &[u8], hash: u64, version: u64) -> Result<bool> {
        let verified = self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().call_verify(&mut g.store, record, self.max_entry_size)
        });
        match verified {
            Ok(info) => {
                let namespace = self.hasher.namespace(&info.namespace);
                Ok(info.version == version && self.hasher.key(namespace, &info.key) == hash)
            }
            // Being stopped says nothing about the record.
            Err(e) if e.kind() == ErrorKind::Trap => Err(e),
            // One in a newer format, or larger than this cache takes, is not ours to judge.
            Err(e) => Ok(matches!(e.kind(), ErrorKind::NewerFormat | ErrorKind::TooLarge)),
        }
    }

    pub(super) fn clean_up(&self) -> Result<u64> {
        let now = self.clock.now();
        self.forget_bans_if_few()?;
        let mut removed = 0;
        for shard in &self.shards {
            removed += u64::from(self.on_shard(shard, 0, |g| {
                g.larder.larder_cache_cache().cache().call_cleanup(&mut g.store, g.cache, now, u32::MAX).map(Ok)
            })?);
        }
        let Some(store) = &self.store else { return Ok(removed) };
        self.note_reads(store);
        let removed = store.cleanup(now, self, self)?;
        self.report(true)?;
        Ok(removed)
    }
}
