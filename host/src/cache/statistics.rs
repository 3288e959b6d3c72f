//! What a cache counts, and what it knows of its store.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::Serialize;

use super::{Cache, Inner, lock};
use crate::component::bindings::api;
use crate::error::{ErrorKind, Result};
use crate::namespace::Namespace;
use crate::shard::Shard;
use crate::store::{Advice, Counters, Estimate, Lifetime, Location, Store};

/// The memory tier, and what was asked of the cache since it was opened, all shards together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MemoryStatistics {
    /// Entries in memory now.
    pub entries: u64,
    /// Bytes charged for them, dictionaries included.
    pub bytes: u64,
    /// Of the entries, those that lie compressed in memory now.
    pub cold_entries: u64,
    /// Bytes that their values take there.
    pub cold_bytes: u64,
    /// Bytes that their values have.
    pub cold_values: u64,
    /// Bytes charged for dictionaries.
    pub dictionary_bytes: u64,
    /// What was counted.
    #[serde(flatten)]
    pub counters: Counters,
}

impl MemoryStatistics {
    fn add(&mut self, s: &api::Statistics) {
        self.entries += s.entries;
        self.bytes += s.bytes;
        self.cold_entries += s.cold_entries;
        self.cold_bytes += s.cold_bytes;
        self.cold_values += s.cold_values;
        self.dictionary_bytes += s.dictionary_bytes;
        self.counters.add(Counters {
            hits: s.hits + s.admitted,
            store_hits: s.admitted,
            stale_hits: s.stale_hits,
            misses: s.misses.saturating_sub(s.admitted),
            refused: s.refused,
            refused_corrupt: s.refused_corrupt,
            refused_newer: s.refused_newer,
            refused_too_large: s.refused_too_large,
            refused_other_key: s.refused_other_key,
            sets: s.sets,
            deletes: s.deletes,
            expired: s.expired,
            invalidated: s.invalidated,
            evicted_memory_bytes: s.evicted_bytes,
            evicted_memory_entries: s.evicted_entries,
            evicted_asked: s.evicted_asked,
            turned_away: s.turned_away,
            errors: s.errors,
            invalid_arguments: s.invalid_arguments,
            keys_too_large: s.keys_too_large,
            values_too_large: s.values_too_large,
            not_numbers: s.not_numbers,
            full: s.full,
            prefetched: s.prefetched,
            prefetch_hits: s.prefetch_hits,
            bytes_written: s.bytes_written,
            bytes_read: s.bytes_read,
            compressed_in: s.compressed_in,
            compressed_out: s.compressed_out,
            deflated: s.deflated,
            lz4: s.lz4,
            incompressible: s.incompressible,
            incompressible_bytes: s.incompressible_bytes,
            cooled: s.cooled,
            warmed: s.warmed,
            cold_hits: s.cold_hits,
            cold_damaged: s.cold_damaged,
            ..Counters::default()
        });
    }
}

impl MemoryStatistics {
    /// Adds what guests know nothing of. Hits among it are those that were none, because their dependencies did not hold.
    fn add_of_host(&mut self, host: Counters) {
        let Counters { hits, store_hits, stale_hits, bytes_read, .. } = host;
        let sum = &mut self.counters;
        sum.hits = sum.hits.saturating_sub(hits);
        sum.store_hits = sum.store_hits.saturating_sub(store_hits);
        sum.stale_hits = sum.stale_hits.saturating_sub(stale_hits);
        sum.bytes_read = sum.bytes_read.saturating_sub(bytes_read);
        sum.misses += hits;
        sum.add(Counters { hits: 0, store_hits: 0, stale_hits: 0, bytes_read: 0, ..host });
    }
}

/// What a process counted, and what of it the store's statistics do not have yet.
#[derive(Default)]
pub(super) struct Reported {
    counted: HashMap<u32, Counters, RandomState>,
    unsaved: BTreeMap<String, Counters>,
    /// By shard.
    advised: Vec<Vec<Estimate>>,
    unsaved_advice: Advice,
}

/// Figures of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StoreStatistics {
    /// Entries on disk that are not past their time, all namespaces together.
    pub entries: u64,
    /// Bytes of their records, framed.
    pub live_bytes: u64,
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Damaged frames met since the store was opened.
    pub damaged: u64,
    /// Whether the store takes no more writes.
    pub read_only: bool,
}

/// What a namespace has in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamespaceFigures {
    /// Its name.
    pub name: String,
    /// Entries that are not past their time.
    pub entries: u64,
    /// Bytes of their records, framed.
    pub bytes: u64,
}

/// What a cache knows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// The memory tier and what was asked of the cache.
    pub memory: MemoryStatistics,
    /// The store, if there is one.
    pub store: Option<StoreStatistics>,
    /// Shards that were stopped and started anew.
    pub traps: u64,
    /// Writes that the store could not take.
    pub degraded: u64,
    /// Files that were looked at to see whether entries that depend on them are valid.
    pub dependency_stats: u64,
}

impl Inner {
    /// Counters of one namespace, or of all.
    fn memory_statistics(&self, namespace: Option<u32>) -> Result<MemoryStatistics> {
        let mut memory = MemoryStatistics::default();
        for shard in &self.shards {
            // A guest that does not exist has counted nothing.
            let mut shard = lock(shard);
            if shard.is_alive() {
                memory.add(&self.call(&mut shard, namespace.unwrap_or(0), |g| {
                    g.larder.larder_cache_cache().cache().call_stats(&mut g.store, g.cache, namespace)
                })?);
            }
        }
        for (id, counters) in lock(&self.host_counters).iter() {
            if namespace.is_none_or(|wanted| wanted == *id) {
                memory.add_of_host(*counters);
            }
        }
        Ok(memory)
    }

    /// What each shard learnt about other sizes and policies.
    fn learnt(&self) -> Result<Vec<Advice>> {
        let Some((max_memory, max_memory_entries)) = self.advised_memory else { return Ok(Vec::new()) };
        let learnt = |shard: &Mutex<Shard>| {
            let mut shard = lock(shard);
            let estimates = match shard.is_alive() {
                true => self.call(&mut shard, 0, |g| {
                    g.larder.larder_cache_cache().cache().call_advice(&mut g.store, g.cache).map(Ok)
                })?,
                false => Vec::new(),
            };
            let estimates = estimates.into_iter().map(Estimate::from).collect();
            Ok(Advice { max_memory, max_memory_entries, estimates })
        };
        self.shards.iter().map(learnt).collect()
    }

    /// Adds what was counted since the last time to the store's statistics. With `thoroughly`, waits for the lock, and
    /// notes what was read too.
    pub(super) fn report(&self, thoroughly: bool) -> Result<()> {
        let wanted = |store: &&Store| self.keeps_statistics && !store.is_read_only();
        let Some(store) = self.store.as_ref().filter(wanted) else { return Ok(()) };
        let mut reported = lock(&self.reported);
        let Reported { counted, unsaved, advised, unsaved_advice } = &mut *reported;
        let mut active: BTreeSet<u32> = if thoroughly {
            (0..self.namespaces.len()).collect()
        } else {
            lock(&self.host_counters).keys().copied().collect()
        };
        for shard in &self.shards {
            active.append(&mut std::mem::take(&mut lock(shard).active).into_iter().collect());
        }
        for id in active {
            let counters = self.memory_statistics(Some(id))?.counters;
            let more = counters.since(counted.insert(id, counters).unwrap_or_default());
            if more != Counters::default()
                && let Some(name) = self.namespaces.name(id)
            {
                unsaved.entry(name).or_default().add(more);
            }
        }
        let learnt = self.learnt()?;
        advised.resize_with(learnt.len(), Vec::new);
        for (learnt, told) in learnt.into_iter().zip(advised) {
            unsaved_advice.add(learnt.tell(told));
        }
        if store.add_statistics(unsaved, unsaved_advice, self.clock.now(), thoroughly, thoroughly)? {
            unsaved.clear();
            *unsaved_advice = Advice::default();
        }
        Ok(())
    }

    /// The number of a namespace that this process has not used, from one of its records.
    pub(super) fn learn_namespace(&self, store: &Store, at: &Location) -> Option<u32> {
        let (head, _) = store.read_head(at).ok()?;
        let described = self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().call_describe(&mut g.store, &head)
        });
        let (name, hash) = (described.ok()?.namespace, at.line.namespace);
        let defaults = self.defaults.to_wit();
        self.namespaces.find_or_insert(&name, || Namespace { name: name.clone(), hash, defaults }).ok()
    }
}

impl Cache {
    /// Counters of this handle's namespace, and the figures of the whole store.
    ///
    /// # Errors
    /// I/O errors.
    pub fn stats(&self) -> Result<Statistics> {
        self.statistics(Some(self.id))
    }

    /// Counters of all namespaces added up, and the figures of the whole store.
    ///
    /// # Errors
    /// I/O errors.
    pub fn stats_all(&self) -> Result<Statistics> {
        self.statistics(None)
    }

    fn statistics(&self, namespace: Option<u32>) -> Result<Statistics> {
        let inner = &*self.inner;
        let memory = inner.memory_statistics(namespace)?;
        let store = match &inner.store {
            None => None,
            Some(store) => {
                let figures = store.figures(inner, inner.clock.now())?;
                Some(StoreStatistics {
                    entries: figures.entries,
                    live_bytes: figures.live_bytes,
                    disk_bytes: figures.disk_bytes,
                    segments: figures.segments,
                    damaged: figures.damaged,
                    read_only: store.is_read_only(),
                })
            }
        };
        Ok(Statistics {
            memory,
            store,
            traps: memory.counters.traps,
            degraded: inner.degraded.load(Ordering::Relaxed),
            dependency_stats: inner.dependencies.stats(),
        })
    }

    /// What all processes counted since the store was made, this one's counts included. They are added to the store's
    /// statistics after every 100 operations, more at once if that took over a twentieth of the time, and when a cache is
    /// closed, cleaned up, or asked for this.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it. When the store cannot take the counts, they are missing.
    pub fn lifetime(&self) -> Result<Lifetime> {
        let Some(store) = &self.inner.store else { return Ok(Lifetime::default()) };
        match self.inner.report(true) {
            Err(e) if e.kind() == ErrorKind::Trap => return Err(e),
            Err(e) => tracing::debug!("the statistics of this process are missing: {e}"),
            Ok(()) => {}
        }
        Ok(store.lifetime())
    }

    /// What other policies and sizes of memory would hit, as far as caches with [`Builder::advice`](crate::Builder::advice)
    /// found out: all processes together, under the policy and with the memory of the last one; or this one, if it has no
    /// store.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it.
    pub fn advice(&self) -> Result<Advice> {
        if self.inner.store.is_some() {
            return self.lifetime().map(|lifetime| lifetime.advice);
        }
        let mut sum = Advice::default();
        self.inner.learnt()?.into_iter().for_each(|learnt| sum.add(learnt));
        Ok(sum)
    }

    /// The namespaces that have entries in the store, by name.
    ///
    /// # Errors
    /// I/O errors.
    pub fn namespaces(&self) -> Result<Vec<NamespaceFigures>> {
        let Some(store) = &self.inner.store else { return Ok(Vec::new()) };
        let now = self.inner.clock.now();
        self.refresh(store, now);
        let mut found: HashMap<u64, NamespaceFigures, RandomState> = HashMap::default();
        for (at, _) in store.locations(now)?.into_iter().filter(|(at, _)| at.line.hash != store.bans()) {
            let figures = match found.entry(at.line.namespace) {
                Entry::Occupied(known) => known.into_mut(),
                // The log knows namespaces by hash; any record of one tells its name.
                Entry::Vacant(new) => match self.describe(store, &at)? {
                    Some(info) => new.insert(NamespaceFigures { name: info.namespace, entries: 0, bytes: 0 }),
                    None => continue,
                },
            };
            figures.entries += 1;
            figures.bytes += at.line.frame_size();
        }
        let mut figures: Vec<_> = found.into_values().collect();
        figures.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(figures)
    }
}
