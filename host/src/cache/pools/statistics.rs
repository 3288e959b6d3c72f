//! Statistics of a pool. Counting them, what is broken or of an old format is removed, and variants that no combination knows.

use std::collections::HashSet;

use serde::Serialize;

use super::pick::variant_key;
use super::{Combination, Pool, VariantInfo, wit};
use crate::error::Result;

/// Statistics of a pool: of what is there, not of what its combinations believe.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Variants.
    pub cached_entries: u64,
    /// Combinations with at least one variant.
    pub unique_combinations_covered: u64,
    /// Combinations.
    pub total_combinations: u64,
    /// New variants of each combination in a round.
    pub entries_per_generation: u32,
    /// Variants that a combination may have.
    pub max_entries_per_combination: u32,
    /// Variants that the pool may have.
    pub max_possible_entries: u64,
    /// Variants by covered combination, to a tenth.
    pub avg_entries_per_combination: f64,
    /// Percent of the combinations that are covered, rounded.
    pub combination_coverage_percentage: u32,
    /// Percent of the variants there may be that are there, rounded.
    pub entry_coverage_percentage: u32,
    /// Whether somebody works on the round now, in this process or another.
    pub generation_in_progress: bool,
    /// Combinations of which something failed and was not made since.
    pub failed_combinations: u64,
    /// When the last round began, Unix milliseconds; `None` before the first.
    pub last_generation: Option<u64>,
    /// When the next round is due, Unix milliseconds; 0 is now.
    pub next_generation: u64,
    /// Variants that the round under way still lacks.
    pub missing_entries: u64,
    /// Variants that were not added because there was one of the same bytes.
    pub duplicates: u64,
    /// Bytes of all variants.
    pub bytes: u64,
    /// Combinations that earlier plans had and that still have variants.
    pub kept_combinations: u64,
    /// Their variants; not part of the other figures.
    pub kept_entries: u64,
    /// Some of the combinations of which something failed: the first ten in the order of the plan.
    pub failures: Vec<FailedCombination>,
    /// Entries that were removed now, because they were broken, of an old format, or known to no combination.
    pub removed_entries: u64,
}

/// A combination of which something failed and was not made since.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailedCombination {
    /// Its values, with `/` between them.
    pub combination: String,
    /// How often in a row.
    pub failures: u32,
    /// What was said the last time.
    pub reason: String,
    /// When it is tried again, Unix milliseconds; 0 is now.
    pub retry_at: u64,
}

/// Failures that are named.
const NAMED: usize = 10;

impl Pool {
    /// Counts, without reading values. What is broken or of an old format goes, and is counted; a variant whose entry is gone, because
    /// it was deleted, evicted, made invalid or is past its time, is struck from its combination.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such pool any more; as [`Cache::get`](crate::Cache::get).
    pub fn stats(&self) -> Result<PoolStatistics> {
        let held = self.must_be_held()?;
        let info = self.info_of(&held)?;
        let mut tally = wit::Tally { entries: 0, covered: 0, failed: 0 };
        let (mut missing, mut duplicates, mut bytes, mut removed) = (0, 0, 0, 0);
        let (mut kept_combinations, mut kept_entries, mut states) = (0, 0, 0);
        let mut failures = Vec::new();
        for kept in [false, true] {
            self.each_combination(&held, &[], kept, |combination| {
                let mut found = self.look_with(&info, &combination)?;
                if found.is_broken {
                    removed += u64::from(self.cache.delete(combination.key())?);
                    found = self.look_with(&info, &combination)?;
                }
                let mut variants = 0;
                for VariantInfo { generation, entry, size, .. } in found.variants {
                    if self.has_variant(&combination, generation, entry)? {
                        (variants, bytes) = (variants + 1, bytes + u64::from(size));
                    } else {
                        self.lose(&combination, (generation, entry))?;
                    }
                }
                states += u64::from(self.cache.peek_unchecked(combination.key())?.is_some());
                if kept {
                    kept_entries += variants;
                    kept_combinations += u64::from(variants > 0);
                    return Ok(true);
                }
                tally.entries += variants;
                tally.covered += u64::from(variants > 0);
                if found.failures > 0 {
                    tally.failed += 1;
                    if failures.len() < NAMED {
                        failures.push(FailedCombination {
                            combination: combination.to_string(),
                            failures: found.failures,
                            reason: found.reason,
                            retry_at: found.retry_at.unwrap_or(0),
                        });
                    }
                }
                missing += found.missing.len() as u64;
                duplicates += found.duplicates;
                Ok(true)
            })?;
        }
        if self.count_entries()? > states + tally.entries + kept_entries {
            removed += self.sweep()?;
        }
        if removed > 0 {
            tracing::info!(pool = self.name(), "cleaned up {removed} entries that were broken or of an old format");
        }
        let figures =
            self.cache.ask(|g| g.larder.larder_cache_pools().call_statistics(&mut g.store, &held.state, tally))?;
        Ok(PoolStatistics {
            cached_entries: figures.cached_entries,
            unique_combinations_covered: figures.unique_combinations_covered,
            total_combinations: figures.total_combinations,
            entries_per_generation: figures.entries_per_generation,
            max_entries_per_combination: figures.max_entries_per_combination,
            max_possible_entries: figures.max_possible_entries,
            avg_entries_per_combination: figures.avg_entries_per_combination_tenths as f64 / 10.0,
            combination_coverage_percentage: figures.combination_coverage_percentage,
            entry_coverage_percentage: figures.entry_coverage_percentage,
            generation_in_progress: self.is_worked_on()?,
            failed_combinations: figures.failed_combinations,
            last_generation: figures.last_generation,
            next_generation: info.next,
            missing_entries: missing,
            duplicates,
            bytes,
            kept_combinations,
            kept_entries,
            failures,
            removed_entries: removed,
        })
    }

    /// Removes entries that no combination knows: what a crash, an older format or somebody's own writing left. Answers how many.
    fn sweep(&self) -> Result<u64> {
        let candidates: Vec<Vec<u8>> = self.entries()?.into_iter().map(|entry| entry.key).collect();
        // Looked at after the listing: what was added since is not among the candidates.
        let known = self.known_keys()?;
        let mut removed = 0;
        for key in candidates.into_iter().filter(|key| !known.contains(key)) {
            removed += u64::from(self.cache.delete(&key)?);
        }
        Ok(removed)
    }

    fn known_keys(&self) -> Result<HashSet<Vec<u8>>> {
        let held = self.must_be_held()?;
        let info = self.info_of(&held)?;
        let mut known = HashSet::new();
        for kept in [false, true] {
            self.each_combination(&held, &[], kept, |combination| {
                known.extend(self.keys_of(&info, &combination)?);
                Ok(true)
            })?;
        }
        Ok(known)
    }

    fn keys_of(&self, info: &super::PoolInfo, combination: &Combination) -> Result<Vec<Vec<u8>>> {
        let variants = self.look_with(info, combination)?.variants.into_iter();
        let keys = variants.map(|variant| variant_key(combination.key(), variant.generation, variant.entry));
        Ok(keys.chain([combination.key().to_vec()]).collect())
    }
}
