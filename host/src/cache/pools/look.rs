//! What there is in a pool, looked at by combination: no value is read but those that are shown.

use super::super::{EntryInfo, Filter, lock};
use super::pick::variant_key;
use super::{Combination, Pool, PoolInfo, round, wit};
use crate::error::Result;
use crate::generate::Value;

/// Characters of a preview.
const PREVIEW: usize = 100;

/// What is known of a variant.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VariantInfo {
    /// Its generation: Unix seconds.
    pub generation: u64,
    /// Its number within the generation.
    pub entry: u32,
    /// When it was added, Unix milliseconds.
    pub cached_at: u64,
    /// Bytes.
    pub size: u32,
    /// How good it is, if that was said.
    pub score: Option<f64>,
}

/// What is known of a combination.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CombinationInfo {
    /// Its variants, the oldest first.
    pub variants: Vec<VariantInfo>,
    /// What it lacks of the round under way: numbers of variants.
    pub missing: Vec<u32>,
    /// Of those, the ones that are to be made now.
    pub due: Vec<u32>,
    /// When the rest is due, Unix milliseconds; `None` when nothing is missing.
    pub retry_at: Option<u64>,
    /// How often in a row making one failed.
    pub failures: u32,
    /// What was said of the last failure.
    pub reason: String,
    /// Variants that were not added because there was one of the same bytes.
    pub duplicates: u64,
    pub(super) is_broken: bool,
}

/// A variant in a listing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Listed {
    /// Dimensions and values, in the order of the plan.
    pub values: Vec<(String, Value)>,
    /// What is known of it.
    pub info: VariantInfo,
    /// The variant.
    pub value: Vec<u8>,
    /// Its content type; empty if none was given.
    pub content_type: String,
}

impl Listed {
    /// The beginning of the variant as text: up to 100 characters, with `…` where there are more.
    pub fn preview(&self) -> String {
        let (head, _) = self.value.split_at(self.value.len().min(PREVIEW * 4 + 4));
        let text = String::from_utf8_lossy(head);
        let mut preview: String = text.chars().take(PREVIEW).collect();
        if preview.len() < text.len() || head.len() < self.value.len() {
            preview.push('…');
        }
        preview
    }
}

impl Pool {
    /// What is known of a combination.
    ///
    /// # Errors
    /// As [`Cache::get`](crate::Cache::get); `NewerFormat` when a newer larder wrote it.
    pub fn look(&self, combination: &Combination) -> Result<CombinationInfo> {
        self.look_with(&*self.known()?, combination)
    }

    pub(super) fn look_with(&self, info: &PoolInfo, combination: &Combination) -> Result<CombinationInfo> {
        let (cache, inner, hash, key) = (&self.cache, self.inner(), combination.hash(), combination.key());
        let (now, longest) = (inner.clock.now(), Self::longest_retry(info));
        if let Some(store) = &inner.store {
            cache.refresh(store, now);
        }
        let mut shard = lock(inner.shard(hash));
        cache.forget_outdated(&mut shard, hash, key, now)?;
        let in_memory = inner.call_again(&mut shard, cache.id, |g| {
            g.larder.larder_cache_cache().cache().call_exists(&mut g.store, g.cache, cache.id, key, now)
        })?;
        let mut record = None;
        if let Some(store) = inner.store.as_ref().filter(|_| !in_memory) {
            drop(shard);
            record = cache.read_record(store, hash, now).map(|(_, record)| record);
            shard = lock(inner.shard(hash));
        }
        let found = inner.call_again(&mut shard, cache.id, |g| {
            let pools = g.larder.larder_cache_pools();
            pools.call_look(&mut g.store, g.cache, cache.id, key, round(info), longest, record.as_deref(), now)
        })?;
        let variant = |wit::VariantInfo { generation, entry, cached_at, size, score }| VariantInfo {
            generation,
            entry,
            cached_at,
            size,
            score,
        };
        Ok(CombinationInfo {
            variants: found.variants.into_iter().map(variant).collect(),
            missing: found.missing,
            due: found.due,
            retry_at: found.retry_at,
            failures: found.failures,
            reason: found.reason,
            duplicates: found.duplicates,
            is_broken: found.broken,
        })
    }

    /// Variants with these values, up to `limit`: in the order of the plan, of each combination the oldest first, and then those that
    /// earlier plans have left. Counts as reads of the variants.
    ///
    /// # Errors
    /// As [`combinations`](Self::combinations).
    pub fn list(&self, filter: &[(String, String)], limit: usize) -> Result<Vec<Listed>> {
        let held = self.must_be_held()?;
        let info = self.info_of(&held)?;
        let mut listed = Vec::new();
        for kept in [false, true] {
            self.each_combination(&held, filter, kept, |combination| {
                if listed.len() < limit {
                    self.list_one(&info, &combination, limit, &mut listed)?;
                }
                Ok(listed.len() < limit)
            })?;
        }
        Ok(listed)
    }

    fn list_one(
        &self,
        info: &PoolInfo,
        combination: &Combination,
        limit: usize,
        listed: &mut Vec<Listed>,
    ) -> Result<()> {
        for variant in self.look_with(info, combination)?.variants {
            if listed.len() >= limit {
                break;
            }
            let key = variant_key(combination.key(), variant.generation, variant.entry);
            // One that went meanwhile is not shown.
            let Some(hit) = self.cache.lookup(&key)? else { continue };
            listed.push(Listed {
                values: combination.values().to_vec(),
                info: variant,
                value: hit.value,
                content_type: hit.content_type,
            });
        }
        Ok(())
    }

    /// All entries of the pool: combinations and variants.
    pub(super) fn entries(&self) -> Result<Vec<EntryInfo>> {
        self.cache.list(&Filter::default())
    }

    /// How many entries the pool has, as far as that is known without looking at them.
    pub(super) fn count_entries(&self) -> Result<u64> {
        let inner = self.inner();
        match &inner.store {
            Some(store) => store.count(Some(self.cache.hash)),
            None => Ok(self.entries()?.len() as u64),
        }
    }
}
