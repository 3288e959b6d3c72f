//! Reading entries: memory first, then the store, whose record the engine admits or refuses.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::background::seconds;
use super::depends::Found;
use super::negative::Negative;
use super::options::{EntryInfo, Hit};
use super::{Cache, lock};
use crate::component::bindings::{api, types};
use crate::error::{ErrorKind, Result};
use crate::shard::{Guest, Shard};
use crate::store::{Location, Store};

/// How often a read starts anew because the entry was overwritten meanwhile.
const TRIES: u32 = 8;

impl Cache {
    /// The value under a key.
    ///
    /// # Errors
    /// `Trap` when the component was stopped twice over it. A damaged record, a disk that cannot be read: these are
    /// misses, and counted.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.find(key.as_ref())?.map(|hit| hit.value))
    }

    /// The value under a key, and what belongs to it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn lookup(&self, key: impl AsRef<[u8]>) -> Result<Option<Hit>> {
        Ok(self.find(key.as_ref())?.map(Hit::from))
    }

    /// The value under a key; what is remembered instead of one is none.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<api::Hit>> {
        Ok(self.find_any(key)?.filter(|hit| Negative::of(&hit.content_type).is_none()))
    }

    /// What is under a key, value or not.
    pub(super) fn find_any(&self, key: &[u8]) -> Result<Option<api::Hit>> {
        let found = self.find_anywhere(key)?;
        self.note_found(key, found.as_ref());
        Ok(found)
    }

    /// Notes what a read found.
    #[inline]
    pub(super) fn note_found(&self, key: &[u8], found: Option<&api::Hit>) {
        if found.is_some_and(|hit| Negative::of(&hit.content_type).is_some()) {
            self.inner.has_negatives.store(true, Ordering::Relaxed);
        }
        if let Some(learner) = &self.learner {
            learner.observe_read(key, self.inner.clock.now());
        }
        if let Some(recorder) = &self.inner.recorder {
            recorder.read(self.recorded, key, found.map(|hit| hit.value.len()));
        }
    }

    fn find_anywhere(&self, key: &[u8]) -> Result<Option<api::Hit>> {
        let inner = &*self.inner;
        let hash = self.hash(key);
        let now = inner.clock.now();
        let Some(store) = &inner.store else {
            let found = {
                let mut shard = lock(inner.shard(hash));
                let hit = inner.call_again(&mut shard, self.id, |g| get(g, self.id, key, now))?;
                hit.map(|hit| self.found(&mut shard, key, hit, None, now)).transpose()?
            };
            return found.map_or(Ok(None), |found| self.accept(hash, key, found, now));
        };
        self.refresh(store, now);
        let (found, due, forgot) = {
            let mut shard = lock(inner.shard(hash));
            let forgot = self.forget_outdated(&mut shard, hash, key, now)?;
            let hit = inner.call_again(&mut shard, self.id, |g| get(g, self.id, key, now))?;
            let due = inner.count(&mut shard, self.id, hit.as_ref().map(|_| (hash, seconds(now))));
            let found = hit.map(|hit| self.found(&mut shard, key, hit, None, now)).transpose()?;
            (found, due, forgot)
        };
        inner.settle(due);
        let found = match found {
            Some(found) => Some(found),
            None => self.find_stored(store, hash, key, now, forgot)?,
        };
        let hit = found.map_or(Ok(None), |found| self.accept(hash, key, found, now))?;
        if hit.as_ref().is_some_and(|hit| hit.renew) {
            self.renew(key);
        }
        Ok(hit)
    }

    pub(super) fn find_stored(
        &self,
        store: &Store,
        hash: u64,
        key: &[u8],
        now: u64,
        forgot: bool,
    ) -> Result<Option<Found>> {
        let inner = &*self.inner;
        for _ in 0..TRIES {
            let Some((at, record)) = self.read_record(store, hash, now) else { return Ok(None) };
            let mut shard = lock(inner.shard(hash));
            // Between reading and locking the entry may have been overwritten or deleted.
            if !store.is_current(&at) {
                continue;
            }
            let began = Instant::now();
            let admitted = inner.call_again(&mut shard, self.id, |g| {
                g.larder
                    .larder_cache_cache()
                    .cache()
                    .call_admit(&mut g.store, g.cache, self.id, key, &record, now)
                    .map(Ok)
            })?;
            return match admitted {
                Ok(hit) => {
                    if hit.value.len() > record.len() {
                        let took = began.elapsed().as_nanos() as u64;
                        inner.count_more(self.id, |counters| counters.inflate_ns += took);
                    }
                    shard.reads.push((hash, seconds(now)));
                    self.found(&mut shard, key, hit, Some(&record), now).map(Some)
                }
                Err(e) if e.code == types::ErrorCode::Outdated => {
                    let hit = inner.call_again(&mut shard, self.id, |g| get(g, self.id, key, now))?;
                    hit.map(|hit| self.found(&mut shard, key, hit, None, now)).transpose()
                }
                Err(e) => {
                    if forgot && e.code == types::ErrorCode::AnotherKey {
                        // The change was another key's, which this one cannot name.
                        shard.start_anew();
                    }
                    if matches!(e.code, types::ErrorCode::Corrupt | types::ErrorCode::NewerFormat) {
                        tracing::warn!("a record is treated as a miss: {}", e.message);
                    }
                    Ok(None)
                }
            };
        }
        Ok(None)
    }

    /// Forgets what another process changed since; answers whether there was something to forget. A mark that
    /// was meant for another key with the same hash stays.
    #[inline]
    pub(super) fn forget_outdated(&self, shard: &mut Shard, hash: u64, key: &[u8], now: u64) -> Result<bool> {
        if !shard.is_outdated(hash) {
            return Ok(false);
        }
        let (inner, id) = (&*self.inner, self.id);
        let is_there = inner.call_again(shard, id, |g| {
            g.larder.larder_cache_cache().cache().call_exists(&mut g.store, g.cache, id, key, now)
        })?;
        if is_there {
            inner.call_again(shard, id, |g| forget(g, id, key))?;
            shard.is_current_again(hash);
        }
        Ok(is_there)
    }

    /// The newest record of a hash and where it is. A record that cannot be read is a miss.
    pub(super) fn read_record(&self, store: &Store, hash: u64, now: u64) -> Option<(Location, Vec<u8>)> {
        let read = store.find(hash, now).and_then(|found| match found {
            Some(at) => store.read(&at).map(|record| Some((at, record))),
            None => Ok(None),
        });
        read.unwrap_or_else(|e| {
            tracing::warn!("treated as a miss: {e}");
            self.inner.count_failure(self.id, e.kind());
            // Perhaps its segment was dropped by another process meanwhile.
            self.refresh(store, now);
            None
        })
    }

    /// Learns what other processes wrote. When that fails, the cache goes on with what it knows.
    #[inline]
    pub(super) fn refresh(&self, store: &Store, now: u64) {
        if let Err(e) = store.refresh(&*self.inner, now) {
            tracing::debug!("could not follow the store: {e}");
        }
    }

    /// Restarts an idle time-out in the store, or tells it that a prefetched entry was used. A read does not fail because this does.
    pub(super) fn renew(&self, key: &[u8]) {
        if let Err(e) = self.touch_ms(key, None) {
            tracing::debug!("a record was not renewed: {e}");
        }
    }

    /// Whether a live entry is there, whose dependencies hold as for [`get`](Self::get). Counts as no read.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.peek(key.as_ref())?.is_some_and(|info| Negative::of(&info.content_type).is_none()))
    }

    /// All that is known of an entry but its value; `None` for one whose dependencies do not hold, as for [`get`](Self::get). Counts
    /// as no read. What is remembered instead of a value is shown too: its content type begins with `application/vnd.larder.no-`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn inspect(&self, key: impl AsRef<[u8]>) -> Result<Option<EntryInfo>> {
        let key = key.as_ref();
        let info = self.peek(key)?;
        Ok(match (&self.inner.store, info) {
            (Some(store), Some(info)) => Some(self.with_reads(store, self.hash(key), info)),
            (_, info) => info,
        })
    }

    /// As [`inspect`](Self::inspect), without what other processes noted of its reads.
    pub(super) fn peek(&self, key: &[u8]) -> Result<Option<EntryInfo>> {
        Ok(self.peek_unchecked(key)?.filter(|info| self.inner.dependencies.hold(&info.dependencies)))
    }

    /// As [`peek`](Self::peek), whether or not the entry's dependencies hold.
    pub(super) fn peek_unchecked(&self, key: &[u8]) -> Result<Option<EntryInfo>> {
        let inner = &*self.inner;
        let hash = self.hash(key);
        let now = inner.clock.now();
        if let Some(store) = &inner.store {
            self.refresh(store, now);
        }
        let known = {
            let mut shard = lock(inner.shard(hash));
            self.forget_outdated(&mut shard, hash, key, now)?;
            inner.call_again(&mut shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_inspect(&mut g.store, g.cache, self.id, key, now)
            })?
        };
        let Some(store) = &inner.store else { return Ok(known.map(EntryInfo::from)) };
        if let Some(info) = known {
            return Ok(Some(info.into()));
        }
        let at = store.find(hash, now).unwrap_or_else(|e| {
            tracing::warn!("treated as a miss: {e}");
            None
        });
        let Some(at) = at else { return Ok(None) };
        let info = self.describe(store, &at)?;
        Ok(info.filter(|info| info.key == key && info.gone.is_none_or(|gone| gone > now)))
    }

    /// Adds what all processes noted of an entry's reads.
    fn with_reads(&self, store: &Store, hash: u64, info: EntryInfo) -> EntryInfo {
        self.inner.note_reads(store);
        let access = store.access(hash);
        EntryInfo { hits: access.reads, accessed: info.accessed.max(u64::from(access.last) * 1000), ..info }
    }

    /// Whether the record at a location, which begins with `head` or is `whole`, is banned. One that cannot be read is.
    fn is_banned(&self, store: &Store, at: &Location, head: &[u8], whole: bool) -> bool {
        let banned = match self.inner.is_banned(at, head) {
            Err(e) if e.kind() == ErrorKind::Corrupt && !whole => {
                store.read(at).and_then(|record| self.inner.is_banned(at, &record))
            }
            answer => answer,
        };
        banned.unwrap_or(true)
    }

    /// What the record at a location says; `None` when it is damaged or banned.
    pub(super) fn describe(&self, store: &Store, at: &Location) -> Result<Option<EntryInfo>> {
        let describe = |head: &[u8]| {
            self.inner.call_again(&mut lock(&self.inner.shards[0]), self.id, |g| {
                g.larder.larder_cache_cache().call_describe(&mut g.store, head)
            })
        };
        let (head, whole) = match store.read_head(at) {
            Ok(read) => read,
            Err(e) => {
                tracing::warn!("treated as a miss: {e}");
                return Ok(None);
            }
        };
        let described = match describe(&head) {
            // Long keys and metadata reach beyond the first bytes.
            Err(e) if e.kind() == ErrorKind::Corrupt && !whole => store.read(at).and_then(|record| describe(&record)),
            described => described,
        };
        match described {
            Ok(info) => Ok(Some(info).filter(|_| !self.is_banned(store, at, &head, whole)).map(EntryInfo::from)),
            Err(e) if e.kind() == ErrorKind::Trap => Err(e),
            Err(e) => {
                tracing::warn!("treated as a miss: {e}");
                Ok(None)
            }
        }
    }

    /// How long an entry stays fresh, in milliseconds; `None` when it is not there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Option<Remaining>> {
        let now = self.inner.clock.now();
        let info = self.peek(key.as_ref())?.filter(|info| Negative::of(&info.content_type).is_none());
        Ok(info.map(|info| match info.expires {
            None => Remaining::Forever,
            Some(expires) if expires > now => Remaining::Fresh(expires - now),
            Some(_) => Remaining::Stale(info.gone.unwrap_or(now).saturating_sub(now)),
        }))
    }
}

/// What is left of an entry's time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// It does not expire.
    Forever,
    /// It stays fresh for so long.
    Fresh(u64),
    /// It may be served stale for so long.
    Stale(u64),
}

/// Short keys travel in registers.
#[inline]
fn get(g: &mut Guest, ns: u32, key: &[u8], now: u64) -> crate::shard::Answer<Option<api::Hit>> {
    let mut short = [0; 32];
    if let Some(place) = short.get_mut(..key.len()) {
        place.copy_from_slice(key);
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| short[at + i]));
        let (a, b, c, d) = (word(0), word(8), word(16), word(24));
        let methods = g.larder.larder_cache_cache();
        return methods.cache().call_get_short(&mut g.store, g.cache, ns, key.len() as u8, a, b, c, d, now);
    }
    g.larder.larder_cache_cache().cache().call_get(&mut g.store, g.cache, ns, key, now)
}

pub(super) fn forget(g: &mut Guest, ns: u32, key: &[u8]) -> crate::shard::Answer<()> {
    g.larder.larder_cache_cache().cache().call_forget(&mut g.store, g.cache, ns, key)
}
