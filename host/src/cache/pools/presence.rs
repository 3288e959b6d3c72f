//! Whether somebody works on a pool: who does has one of a few leases, which end with its process.

use super::super::lock;
use super::Pool;
use super::items::Claimed;
use crate::error::Result;

/// Processes that can be seen to work on one pool at once; more can work.
const SEEN: u32 = 16;

impl Pool {
    /// Shows others that somebody works on the pool, until it is dropped.
    pub(super) fn working(&self) -> Working<'_> {
        *lock(&self.inner().pools.working).entry(self.key.as_ref().to_owned()).or_default() += 1;
        let slot = self.inner().store.as_ref().and_then(|_| (0..SEEN).find_map(|slot| self.claim(self.slot(slot))));
        Working { pool: self, _slot: slot }
    }

    /// Whether somebody works on the pool, in this process or another.
    pub(super) fn is_worked_on(&self) -> Result<bool> {
        let here = lock(&self.inner().pools.working).get(&*self.key).is_some_and(|count| *count > 0);
        let Some(store) = self.inner().store.as_ref().filter(|store| !here && store.has_leases()) else {
            return Ok(here);
        };
        for slot in 0..SEEN {
            if store.claimant(self.slot(slot))?.take()?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn slot(&self, slot: u32) -> u64 {
        self.cache.hash(format!("working.{slot}").as_bytes())
    }
}

/// Somebody works on a pool.
pub(super) struct Working<'a> {
    pool: &'a Pool,
    _slot: Option<Claimed<'a>>,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if let Some(count) = lock(&self.pool.inner().pools.working).get_mut(&*self.pool.key) {
            *count = count.saturating_sub(1);
        }
    }
}
