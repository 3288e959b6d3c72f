//! Picking: one call into the guest that has the combination and, unless they went for lack of space, its variants. What
//! memory lacks is read from the store; a variant that is nowhere any more is struck from its combination, and another one
//! picked.

use std::io::Write as _;

use super::super::background::seconds;
use super::super::{Cache, lock};
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
        let (found, variant) = loop {
            let mut shard = lock(inner.shard(hash));
            cache.forget_outdated(&mut shard, hash, key, now)?;
            let found = inner.call_again(&mut shard, cache.id, |g| {
                let pools = g.larder.larder_cache_pools();
                pools.call_pick(&mut g.store, g.cache, cache.id, key, how, stored.as_deref(), now)
            })?;
            let Some(store) = &inner.store else { break (found, None) };
            let Some(found) = found else {
                drop(shard);
                match (cache.read_record(store, hash, now), &stored) {
                    (Some((_, record)), None) => stored = Some(record),
                    _ => return Ok(Tried::Empty),
                }
                continue;
            };
            // In the same shard as the combination.
            let variant = Variant::new(cache, combination, found.generation, found.entry);
            if found.hit.is_some() && cache.forget_outdated(&mut shard, variant.hash, &variant.key, now)? {
                // Another process has put another one in its place.
                return Ok(Tried::Again);
            }
            shard.reads.push((hash, seconds(now)));
            let due = inner.count(&mut shard, cache.id, found.hit.as_ref().map(|_| (variant.hash, seconds(now))));
            drop(shard);
            inner.settle(due);
            break (Some(found), Some((store, variant)));
        };
        let Some(mut found) = found.filter(|found| found.variants > 0) else { return Ok(Tried::Empty) };
        let hit = match (found.hit.take(), variant) {
            (Some(hit), _) => hit,
            (None, None) => return Ok(Tried::Again),
            (None, Some((store, variant))) => match self.find_variant(store, &variant, now)? {
                Sought::Found(hit) => hit,
                Sought::Elsewhere => return Ok(Tried::Again),
                Sought::Gone => {
                    // Who may not write picks another one all the same.
                    if let Err(e) = self.lose(combination, (found.generation, found.entry)) {
                        tracing::debug!(pool = self.name(), "a variant that is gone was not struck: {e}");
                    }
                    return Ok(Tried::Again);
                }
            },
        };
        Ok(Tried::Picked(picked(&found, hit)))
    }

    fn choice(&self) -> wit::Choice {
        let how = self.how.load(std::sync::atomic::Ordering::Relaxed);
        let flag = |bit: u8, flag: wit::Choice| if how & bit != 0 { flag } else { wit::Choice::empty() };
        flag(1, wit::Choice::WEIGHTED) | flag(2, wit::Choice::NO_REPEATS)
    }

    /// Whether the entry of a variant is there. One that cannot be read now may be.
    pub(super) fn has_variant(&self, combination: &Combination, generation: u64, entry: u32) -> Result<bool> {
        let variant = Variant::new(&self.cache, combination, generation, entry);
        if self.cache.peek_unchecked(&variant.key)?.is_some() {
            return Ok(true);
        }
        let Some(store) = &self.inner().store else { return Ok(false) };
        let found = self.find_variant(store, &variant, self.inner().clock.now())?;
        Ok(!matches!(found, Sought::Gone))
    }

    /// The record of a variant that memory lacks.
    fn find_variant(&self, store: &Store, variant: &Variant, now: u64) -> Result<Sought> {
        let (cache, inner) = (&self.cache, self.inner());
        let (key, hash) = (variant.key.as_slice(), variant.hash);
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

/// The entry of a variant.
struct Variant {
    key: Vec<u8>,
    hash: u64,
}

impl Variant {
    fn new(cache: &Cache, combination: &Combination, generation: u64, entry: u32) -> Self {
        let key = variant_key(combination.key(), generation, entry);
        Self { hash: cache.inner.hasher.variant(cache.hash, &key, combination.hash()), key }
    }
}

/// The key of a variant's entry, as the contract makes it.
pub(super) fn variant_key(combination: &[u8], generation: u64, entry: u32) -> Vec<u8> {
    // Generations of ten digits, and numbers that are short.
    let mut key = Vec::with_capacity(combination.len() + 16);
    key.extend_from_slice(combination);
    // Writing to memory does not fail.
    let _ = write!(key, "#{generation}.{entry}");
    key
}

fn picked(found: &wit::Picked, hit: api::Hit) -> Picked {
    Picked {
        value: hit.value,
        content_type: hit.content_type,
        generation: found.generation,
        entry: found.entry,
        cached_at: hit.created,
        variants: found.variants,
        is_new: false,
    }
}
