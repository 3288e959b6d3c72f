//! Whether what entries depend on is as it was, asked before a value is handed out.
//!
//! A hit says whether its entry has dependencies; only then they are fetched, while the shard is locked, and looked at once it is
//! not, so that nobody waits for a disk. An entry whose dependencies do not hold is a miss: it is forgotten in memory, if it has
//! not been overwritten since, and counted. The store keeps it until it is overwritten or reclaimed: files that change back
//! make it valid again.

use super::{Cache, lock};
use crate::component::bindings::{api, types};
use crate::depend::{Dependency, RefreshMode};
use crate::error::{ErrorKind, Result};
use crate::shard::Shard;
use crate::store::{Claim, Store};

/// A hit that may turn out to be none.
pub(super) struct Found {
    hit: api::Hit,
    /// `None` when it could not be learnt.
    on: Option<Vec<Dependency>>,
    /// Whether the store answered.
    stored: bool,
}

impl Cache {
    /// A hit with what it depends on, in the shard that answered and has been locked since. `record` is what the store had, if
    /// it came from there.
    #[inline]
    pub(super) fn found(
        &self,
        shard: &mut Shard,
        key: &[u8],
        hit: api::Hit,
        record: Option<&[u8]>,
        now: u64,
    ) -> Result<Found> {
        let on = match hit.depends && self.looks() {
            true => self.dependencies(shard, key, record, now)?,
            false => Some(Vec::new()),
        };
        Ok(Found { hit, on, stored: record.is_some() })
    }

    fn looks(&self) -> bool {
        matches!(self.inner.dependencies.mode(), RefreshMode::Auto | RefreshMode::Files)
    }

    #[cold]
    fn dependencies(
        &self,
        shard: &mut Shard,
        key: &[u8],
        record: Option<&[u8]>,
        now: u64,
    ) -> Result<Option<Vec<Dependency>>> {
        let inner = &*self.inner;
        let info = inner.call_again(shard, self.id, |g| {
            let methods = g.larder.larder_cache_cache();
            match record {
                // An entry that is too large for memory is there only in its record.
                Some(record) => Ok(methods.call_describe(&mut g.store, record)?.map(Some)),
                None => methods.cache().call_inspect(&mut g.store, g.cache, self.id, key, now),
            }
        });
        match info {
            Ok(info) => Ok(info.map(|info| info.dependencies.into_iter().map(Dependency::from).collect())),
            Err(e) if e.kind() == ErrorKind::Trap => Err(e),
            Err(_) => Ok(None),
        }
    }

    /// The hit, if what it depends on holds. Nothing may be locked.
    #[inline]
    pub(super) fn accept(&self, hash: u64, key: &[u8], found: Found, now: u64) -> Result<Option<api::Hit>> {
        match found.hit.depends && !found.on.as_deref().is_some_and(|on| self.hold(found.hit.depends, on)) {
            true => self.refuse(hash, key, &found, now).map(|()| None),
            false => Ok(Some(found.hit)),
        }
    }

    fn hold(&self, depends: bool, on: &[Dependency]) -> bool {
        match self.inner.dependencies.mode() {
            RefreshMode::Always => !depends,
            _ => self.inner.dependencies.hold(on),
        }
    }

    #[cold]
    fn refuse(&self, hash: u64, key: &[u8], found: &Found, now: u64) -> Result<()> {
        let Found { hit, stored, .. } = found;
        // What a guest counted as a hit was none.
        self.inner.count_more(self.id, |counters| {
            counters.dependencies_changed += 1;
            counters.hits += 1;
            counters.store_hits += u64::from(*stored);
            counters.stale_hits += u64::from(hit.freshness == types::Freshness::Stale);
            counters.bytes_read += hit.value.len() as u64;
        });
        // Where entries are taken from elsewhere next time, nothing has to go.
        if self.looks() { self.forget_version(hash, key, hit.version, now) } else { Ok(()) }
    }

    /// Forgets an entry in memory if it still has this version.
    fn forget_version(&self, hash: u64, key: &[u8], version: u64, now: u64) -> Result<()> {
        let inner = &*self.inner;
        let mut shard = lock(inner.shard(hash));
        inner.call_again(&mut shard, self.id, |g| {
            let cache = g.larder.larder_cache_cache().cache();
            match cache.call_inspect(&mut g.store, g.cache, self.id, key, now)? {
                Ok(Some(info)) if info.version == version => cache.call_forget(&mut g.store, g.cache, self.id, key),
                Ok(_) => Ok(Ok(())),
                Err(e) => Ok(Err(e)),
            }
        })
    }

    /// Removes an entry whose dependencies do not hold, so that what is decided by what is there agrees with `get`.
    pub(super) fn remove_invalid(&self, key: &[u8], hash: u64, now: u64) -> Result<()> {
        let inner = &*self.inner;
        if !inner.dependencies.may_refuse() {
            return Ok(());
        }
        let Some(info) = self.known(key)?.filter(|info| !inner.dependencies.hold(&info.dependencies)) else {
            return Ok(());
        };
        self.forget_version(hash, key, info.version, now)?;
        match &inner.store {
            Some(store) if !store.is_read_only() => self.remove_stored(store, hash, info.version),
            _ => Ok(()),
        }
    }

    fn remove_stored(&self, store: &Store, hash: u64, version: u64) -> Result<()> {
        let inner = &*self.inner;
        let Ok(mut open) = store.begin(Claim::default(), inner, inner) else {
            // The write itself will say what is wrong with the store.
            return Ok(());
        };
        if open.find(hash)?.is_some_and(|at| at.line.sequence == version) {
            open.delete(hash, self.hash, inner.durability == super::Durability::Sync)?;
        }
        Ok(())
    }
}
