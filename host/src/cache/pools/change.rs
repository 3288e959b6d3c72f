//! Changing a combination: the store is locked, the engine decides, and what it changed (the combination, a variant, those that went
//! for it) is appended at once, before anyone else can.

use super::super::lock;
use super::super::options::{Durability, SetOptions};
use super::pick::variant_key;
use super::{Combination, Pool, PoolInfo, round, wit};
use crate::component::bindings::api;
use crate::error::{ErrorKind, Result};
use crate::generate::Variant;
use crate::shard::{Answer, Guest};
use crate::store::{Claim, Put, Transaction};

/// Bytes that the states of a combination and its frames may take, besides its variants.
const OVERHEAD: usize = 4096;
/// Bytes that a combination notes of a variant.
const LINE: usize = 48;

/// A variant to be added, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVariant {
    /// The bytes, their content type, and how good they are.
    pub variant: Variant,
    /// Options of its entry: tags, a time to live. Its content type goes before theirs.
    pub options: SetOptions,
}

impl From<Variant> for NewVariant {
    fn from(variant: Variant) -> Self {
        Self { variant, options: SetOptions::default() }
    }
}

impl From<Vec<u8>> for NewVariant {
    fn from(value: Vec<u8>) -> Self {
        Variant::new(value).into()
    }
}

/// What adding a variant did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added {
    /// The combination had a variant of the same bytes, and nothing was stored.
    pub is_duplicate: bool,
    /// The variant's generation: Unix seconds.
    pub generation: u64,
    /// Its number within the generation.
    pub entry: u32,
    /// How many older variants went for it.
    pub pruned: u32,
    /// How long it lasts. [`Durability::Memory`] when the store could not take it.
    pub durability: Durability,
}

/// What the engine is given besides the call's own arguments.
struct Given<'a> {
    stored: Option<&'a [u8]>,
    now: u64,
    sequence: Option<u64>,
}

/// What a change wrote: entries by their hash, and hashes of entries that are no more.
#[derive(Default)]
struct Changed<'a> {
    put: Vec<(u64, &'a api::Stored)>,
    deleted: Vec<u64>,
}

impl Pool {
    /// Adds a variant that was made elsewhere. It takes the place of one that the round still lacks, if there is one. Beyond the
    /// cap the oldest variants go, of one generation those with the lowest score first.
    ///
    /// # Errors
    /// `InvalidArgument` for a score that is no finite number of 0 or more, and when there is no such pool any more; else as
    /// [`Cache::set`](crate::Cache::set).
    pub fn add(&self, combination: &Combination, new: impl Into<NewVariant>) -> Result<Added> {
        let info = self.known()?;
        self.add_at(&info, combination, None, &new.into())
    }

    pub(super) fn add_at(
        &self,
        info: &PoolInfo,
        combination: &Combination,
        place: Option<(u64, u32)>,
        new: &NewVariant,
    ) -> Result<Added> {
        let cache = &self.cache;
        let durability = new.options.durability.unwrap_or(self.inner().durability);
        let mut options = new.options.to_wit(durability);
        options.extend(new.variant.content_type.clone().map(api::SetOption::ContentType));
        let given = wit::NewVariant { place, value: new.variant.value.clone(), score: new.variant.score, options };
        let round = round(info);
        let size = new.variant.value.len() + new.options.size() + OVERHEAD + LINE * info.plan.cap as usize;
        let (added, lasts) = self.change(
            combination,
            size,
            durability,
            |g, Given { stored, now, sequence }| {
                let pools = g.larder.larder_cache_pools();
                let (id, key) = (cache.id, combination.key());
                pools.call_add_variant(&mut g.store, g.cache, id, key, round, &given, stored, now, sequence)
            },
            |added| Changed {
                put: added
                    .variant
                    .iter()
                    .map(|(key, stored)| (cache.hash(key), stored))
                    .chain([(combination.hash(), &added.combination)])
                    .collect(),
                deleted: added.pruned.iter().map(|key| cache.hash(key)).collect(),
            },
        )?;
        let pruned = added.pruned.len() as u32;
        if pruned > 0 {
            tracing::info!(pool = self.name(), "pruned {pruned} old entries for {combination}");
        }
        let wit::Added { duplicate, generation, entry, .. } = added;
        Ok(Added { is_duplicate: duplicate, generation, entry, pruned, durability: lasts })
    }

    /// Notes that making a variant failed.
    pub(super) fn fail(
        &self,
        info: &PoolInfo,
        combination: &Combination,
        place: (u64, u32),
        reason: &str,
        retry_at: u64,
    ) -> Result<()> {
        let (cache, round) = (&self.cache, round(info));
        self.change(
            combination,
            OVERHEAD + LINE * info.plan.cap as usize,
            self.inner().durability,
            |g, Given { stored, now, sequence }| {
                let (id, key) = (cache.id, combination.key());
                let pools = g.larder.larder_cache_pools();
                pools.call_fail(&mut g.store, g.cache, id, key, round, place, reason, retry_at, stored, now, sequence)
            },
            |stored| Changed {
                put: stored.iter().map(|stored| (combination.hash(), stored)).collect(),
                deleted: Vec::new(),
            },
        )?;
        Ok(())
    }

    /// Strikes a variant whose entry is gone.
    pub(super) fn lose(&self, combination: &Combination, place: (u64, u32)) -> Result<()> {
        let cache = &self.cache;
        let hash = cache.hash(&variant_key(combination.key(), place.0, place.1));
        self.change(
            combination,
            OVERHEAD,
            self.inner().durability,
            |g, Given { stored, now, sequence }| {
                let (id, key) = (cache.id, combination.key());
                g.larder.larder_cache_pools().call_lose(&mut g.store, g.cache, id, key, place, stored, now, sequence)
            },
            |stored| Changed {
                put: stored.iter().map(|stored| (combination.hash(), stored)).collect(),
                // What lies there may be damaged, past its time or invalid.
                deleted: stored.iter().map(|_| hash).collect(),
            },
        )?;
        Ok(())
    }

    fn change<T>(
        &self,
        combination: &Combination,
        size: usize,
        durability: Durability,
        op: impl Fn(&mut Guest, Given<'_>) -> Answer<T>,
        changed: impl Fn(&T) -> Changed<'_>,
    ) -> Result<(T, Durability)> {
        let (cache, inner, hash, key) = (&self.cache, self.inner(), combination.hash(), combination.key());
        let now = inner.clock.now();
        let Some(store) = &inner.store else {
            let mut shard = lock(inner.shard(hash));
            let done = inner.call(&mut shard, cache.id, |g| op(g, Given { stored: None, now, sequence: None }))?;
            return Ok((done, Durability::Memory));
        };
        let claim = Claim { bytes: size as u64, hash: Some(hash), adds: true };
        let mut transaction = match store.begin(claim, inner, inner) {
            Ok(transaction) => Some(transaction),
            Err(e) if matches!(e.kind(), ErrorKind::TooLarge | ErrorKind::Full) => return Err(e),
            Err(e) => cache.degrade(durability, e).map(|()| None)?,
        };
        let mut shard = lock(inner.shard(hash));
        cache.forget_outdated(&mut shard, hash, key, now)?;
        let in_memory = inner.call_again(&mut shard, cache.id, |g| {
            g.larder.larder_cache_cache().cache().call_exists(&mut g.store, g.cache, cache.id, key, now)
        })?;
        let found = if in_memory { None } else { store.find(hash, now)? };
        let stored = found.map(|at| store.read(&at)).transpose();
        let stored = match stored {
            // A combination that is damaged is made anew.
            Err(e) if e.kind() == ErrorKind::Corrupt => None,
            stored => stored?,
        };
        let sequence = transaction.as_ref().map(Transaction::next_sequence);
        let done = inner.call(&mut shard, cache.id, |g| op(g, Given { stored: stored.as_deref(), now, sequence }))?;
        let lasts = self.append(transaction.as_mut(), &changed(&done), durability, now)?;
        if let Some(open) = transaction.filter(|_| lasts == Durability::Sync) {
            let point = open.sync_point();
            drop(shard);
            drop(open);
            store.sync(&point)?;
        }
        Ok((done, lasts))
    }

    /// Appends what a change wrote, all at once.
    fn append(
        &self,
        transaction: Option<&mut Transaction<'_>>,
        changed: &Changed<'_>,
        durability: Durability,
        now: u64,
    ) -> Result<Durability> {
        let (cache, Some(store)) = (&self.cache, &self.inner().store) else { return Ok(Durability::Memory) };
        let hashes = || changed.put.iter().map(|(hash, _)| *hash).chain(changed.deleted.iter().copied());
        let Some(open) = transaction else {
            hashes().for_each(|hash| store.hide(hash));
            return Ok(Durability::Memory);
        };
        if durability == Durability::Memory {
            return Ok(Durability::Memory);
        }
        let sync = durability == Durability::Sync;
        let puts: Vec<_> = changed
            .put
            .iter()
            .map(|(hash, api::Stored { version, gone, record })| Put {
                hash: *hash,
                namespace: cache.hash,
                record,
                version: *version,
                gone: *gone,
                sync,
                now,
            })
            .collect();
        let mut appended = open.put_many(&puts);
        if appended.is_ok() && !changed.deleted.is_empty() {
            let deleted: Vec<_> = changed.deleted.iter().map(|hash| (*hash, cache.hash, sync)).collect();
            appended = open.delete_many(&deleted);
        }
        match appended {
            Ok(()) => Ok(durability),
            Err(e) => {
                hashes().for_each(|hash| store.hide(hash));
                cache.degrade(durability, e).map(|()| Durability::Memory)
            }
        }
    }
}
