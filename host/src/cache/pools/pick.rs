//! Picking: one call into the guest that has the combination and, unless they went for lack of space, its variants. What
//! memory lacks is read from the store; a variant that is nowhere any more is struck from its combination, and another one
//! picked.

use super::super::background::seconds;
use super::super::lock;
use super::{Combination, Pool, wit};
use crate::component::bindings::{api, types};
use crate::error::Result;
use crate::store::Store;

/// How often picking starts anew because what was picked is not there.
const TRIES: u32 = 32;

/// A variant that was picked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picked {
    /// The variant.
    pub value: Vec<u8>,
    /// Its content type; empty if none was given.
    pub content_type: String,
    /// Its generation: Unix seconds.
    pub generation: u64,
    /// Its number within the generation.
    pub entry: u32,
    /// When it was added, Unix milliseconds.
    pub cached_at: u64,
    /// How many variants there are to pick from.
    pub variants: u32,
    /// It was made for this pick, because there was none.
    pub is_new: bool,
}

/// What one try of picking brought.
enum Tried {
    Picked(Picked),
    Empty,
    Again,
}

impl Pool {
    /// Picks a variant of a combination at random: all are equally likely, whatever their generation, unless the plan says
    /// otherwise. `None` when there is none.
    ///
    /// # Errors
    /// As [`Cache::get`](crate::Cache::get); `NewerFormat` when a newer larder wrote the combination.
    pub fn pick(&self, combination: &Combination) -> Result<Option<Picked>> {
        for _ in 0..TRIES {
            match self.try_pick(combination)? {
                Tried::Picked(picked) => return Ok(Some(picked)),
                Tried::Empty => return Ok(None),
                Tried::Again => {}
            }
        }
        tracing::warn!(pool = self.name(), "nothing was picked of {combination}: its variants cannot be read");
        Ok(None)
    }

    fn try_pick(&self, combination: &Combination) -> Result<Tried> {
        let (cache, inner, hash) = (&self.cache, self.inner(), combination.hash());
        let (key, now) = (combination.key(), inner.clock.now());
        if let Some(store) = &inner.store {
            cache.refresh(store, now);
        }
        let (how, mut stored) = (self.choice(), None);
        let found = loop {
            let (found, due) = {
                let mut shard = lock(inner.shard(hash));
                cache.forget_outdated(&mut shard, hash, key, now)?;
                let found = inner.call_again(&mut shard, cache.id, |g| {
                    let pools = g.larder.larder_cache_pools();
                    pools.call_pick(&mut g.store, g.cache, cache.id, key, how, stored.as_deref(), now)
                })?;
                let due = inner.store.as_ref().map(|_| inner.count(&mut shard, cache.id, Some((hash, seconds(now)))));
                (found, due)
            };
            due.into_iter().for_each(|due| inner.settle(due));
            match (found, &inner.store, &stored) {
                (Some(found), ..) => break found,
                (None, Some(store), None) => match cache.read_record(store, hash, now) {
                    Some((_, record)) => stored = Some(record),
                    None => return Ok(Tried::Empty),
                },
                (None, ..) => return Ok(Tried::Empty),
            }
        };
        if found.variants == 0 {
            return Ok(Tried::Empty);
        }
        let Some(store) = &inner.store else {
            return Ok(found.hit.map_or(Tried::Again, |hit| {
                Tried::Picked(picked(found.generation, found.entry, found.variants, hit))
            }));
        };
        let variant = variant_key(key, found.generation, found.entry);
        let variant_hash = cache.hash(&variant);
        let place = (found.generation, found.entry);
        let hit = match found.hit {
            // Another process may have put another one in its place.
            Some(_) if lock(inner.shard(variant_hash)).is_outdated(variant_hash) => {
                let mut shard = lock(inner.shard(variant_hash));
                cache.forget_outdated(&mut shard, variant_hash, &variant, now)?;
                return Ok(Tried::Again);
            }
            Some(hit) => {
                lock(inner.shard(variant_hash)).reads.push((variant_hash, seconds(now)));
                hit
            }
            None => match self.find_variant(store, &variant, variant_hash, now)? {
                Sought::Found(hit) => hit,
                Sought::Elsewhere => return Ok(Tried::Again),
                Sought::Gone => {
                    // Who may not write picks another one all the same.
                    if let Err(e) = self.lose(combination, place) {
                        tracing::debug!(pool = self.name(), "a variant that is gone was not struck: {e}");
                    }
                    return Ok(Tried::Again);
                }
            },
        };
        Ok(Tried::Picked(picked(found.generation, found.entry, found.variants, hit)))
    }

    fn choice(&self) -> wit::Choice {
        let how = self.how.load(std::sync::atomic::Ordering::Relaxed);
        let flag = |bit: u8, flag: wit::Choice| if how & bit != 0 { flag } else { wit::Choice::empty() };
        flag(1, wit::Choice::WEIGHTED) | flag(2, wit::Choice::NO_REPEATS)
    }

    /// Whether the entry of a variant is there. One that cannot be read now may be.
    pub(super) fn has_variant(&self, key: &[u8]) -> Result<bool> {
        if self.cache.peek_unchecked(key)?.is_some() {
            return Ok(true);
        }
        let Some(store) = &self.inner().store else { return Ok(false) };
        let found = self.find_variant(store, key, self.cache.hash(key), self.inner().clock.now())?;
        Ok(!matches!(found, Sought::Gone))
    }

    /// The record of a variant that memory lacks.
    fn find_variant(&self, store: &Store, key: &[u8], hash: u64, now: u64) -> Result<Sought> {
        let (cache, inner) = (&self.cache, self.inner());
        let record = match store
            .find(hash, now)
            .and_then(|found| found.map(|at| store.read(&at).map(|r| (at, r))).transpose())
        {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Sought::Gone),
            Err(e) => {
                tracing::warn!("treated as a miss: {e}");
                inner.count_failure(cache.id, e.kind());
                return Ok(if e.kind() == crate::ErrorKind::Corrupt { Sought::Gone } else { Sought::Elsewhere });
            }
        };
        let (at, record) = record;
        let mut shard = lock(inner.shard(hash));
        if !store.is_current(&at) {
            return Ok(Sought::Elsewhere);
        }
        let admitted = inner.call_again(&mut shard, cache.id, |g| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_admit(&mut g.store, g.cache, cache.id, key, &record, now).map(Ok)
        })?;
        Ok(match admitted {
            Ok(hit) => {
                shard.reads.push((hash, seconds(now)));
                Sought::Found(hit)
            }
            Err(e) if matches!(e.code, types::ErrorCode::NewerFormat | types::ErrorCode::Outdated) => Sought::Elsewhere,
            Err(_) => Sought::Gone,
        })
    }
}

/// A variant that was looked for in the store.
enum Sought {
    Found(api::Hit),
    /// It is not there.
    Gone,
    /// It may be there, and cannot be read now.
    Elsewhere,
}

/// The key of a variant's entry, as the contract makes it.
pub(super) fn variant_key(combination: &[u8], generation: u64, entry: u32) -> Vec<u8> {
    let mut key = combination.to_vec();
    key.extend_from_slice(format!("#{generation}.{entry}").as_bytes());
    key
}

fn picked(generation: u64, entry: u32, variants: u32, hit: api::Hit) -> Picked {
    Picked {
        value: hit.value,
        content_type: hit.content_type,
        generation,
        entry,
        cached_at: hit.created,
        variants,
        is_new: false,
    }
}
