//! The interface `pools`: conversion only.

use std::cell::RefMut;

use larder_engine::Engine;
use larder_engine::pools::{self as engine, Pool};

use crate::bindings::exports::larder::cache::cache::{CacheBorrow, Stored};
use crate::bindings::exports::larder::cache::pools as wit;
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::{Answer, Convert};
use crate::{Component, Instance, convert};

/// The engine of a cache that is lent for a call.
fn engine<'a>(cache: &'a CacheBorrow<'_>) -> RefMut<'a, Engine> {
    cache.get::<Instance>().0.borrow_mut()
}

fn decoded(state: &[u8]) -> Result<Pool, Error> {
    Pool::decode(state).map_err(convert::error)
}

impl wit::Guest for Component {
    fn define(
        state: Option<Vec<u8>>,
        dimensions: Vec<wit::Dimension>,
        options: Vec<wit::PlanOption>,
    ) -> Result<Vec<u8>, Error> {
        let before = state.map(|state| decoded(&state)).transpose()?;
        let plan = plan(dimensions, options);
        Pool::define(before, plan).map(|pool| pool.encode()).map_err(convert::error)
    }

    fn inspect_pool(state: Vec<u8>) -> Result<wit::PoolInfo, Error> {
        let pool = decoded(&state)?;
        Ok(wit::PoolInfo {
            plan: pool.plan().clone().convert(),
            combinations: pool.combination_count(),
            kept: pool.kept_count(),
            round: pool.round().convert(),
            started: pool.started(),
            next: pool.next(),
        })
    }

    fn combination_key(state: Vec<u8>, values: Vec<(String, String)>) -> Result<Vec<u8>, Error> {
        decoded(&state)?.combination_key(&values).map_err(convert::error)
    }

    fn combinations(
        state: Vec<u8>,
        values: Vec<(String, String)>,
        kept: bool,
        first: u64,
        limit: u32,
    ) -> Result<wit::CombinationsPage, Error> {
        let pool = decoded(&state)?;
        match kept {
            false => pool.combinations(&values, first, limit).answer(),
            true => pool.kept_combinations(&values, first, limit).answer(),
        }
    }

    fn begin(state: Vec<u8>, now: u64, force: bool) -> Result<Option<Vec<u8>>, Error> {
        let mut pool = decoded(&state)?;
        Ok(pool.begin(now, force).then(|| pool.encode()))
    }

    fn clear_pool(state: Vec<u8>, regenerate: bool) -> Result<Vec<u8>, Error> {
        let mut pool = decoded(&state)?;
        pool.clear(regenerate);
        Ok(pool.encode())
    }

    fn statistics(state: Vec<u8>, tally: wit::Tally) -> Result<wit::PoolStatistics, Error> {
        let wit::Tally { entries, covered, failed } = tally;
        Ok(decoded(&state)?.figures(&engine::Tally { entries, covered, failed }).convert())
    }

    fn variant_key(combination: Vec<u8>, generation: u64, entry: u32) -> Vec<u8> {
        engine::variant_key(&combination, generation, entry)
    }

    fn add_variant(
        cache: CacheBorrow<'_>,
        namespace: u32,
        combination: Vec<u8>,
        round: wit::Round,
        new: wit::NewVariant,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<wit::Added, Error> {
        let new = engine::NewVariant {
            place: new.place,
            value: new.value,
            score: new.score,
            options: convert::options(new.options),
        };
        let (mut engine, round) = (engine(&cache), round.convert());
        engine.add_variant(namespace, &combination, &round, &new, stored.as_deref(), now, sequence).answer()
    }

    fn fail(
        cache: CacheBorrow<'_>,
        namespace: u32,
        combination: Vec<u8>,
        round: wit::Round,
        place: (u64, u32),
        reason: String,
        retry_at: u64,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        let (mut engine, round, stored) = (engine(&cache), round.convert(), stored.as_deref());
        engine.fail(namespace, &combination, &round, place, &reason, retry_at, stored, now, sequence).answer()
    }

    fn lose(
        cache: CacheBorrow<'_>,
        namespace: u32,
        combination: Vec<u8>,
        place: (u64, u32),
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        engine(&cache).lose(namespace, &combination, place, stored.as_deref(), now, sequence).answer()
    }

    fn look(
        cache: CacheBorrow<'_>,
        namespace: u32,
        combination: Vec<u8>,
        round: wit::Round,
        longest_retry: u64,
        stored: Option<Vec<u8>>,
        now: u64,
    ) -> Result<wit::CombinationInfo, Error> {
        let round = round.convert();
        engine(&cache).look(namespace, &combination, &round, longest_retry, stored.as_deref(), now).answer()
    }
}

fn plan(dimensions: Vec<wit::Dimension>, options: Vec<wit::PlanOption>) -> engine::Plan {
    let value = |value: wit::Value| engine::Value { text: value.text, literal: value.literal };
    let dimension =
        |wit::Dimension { name, values }| engine::Dimension { name, values: values.into_iter().map(value).collect() };
    let dimensions = dimensions.into_iter().map(dimension).collect();
    let mut plan = engine::Plan { dimensions, ..engine::Plan::default() };
    for option in options {
        match option {
            wit::PlanOption::PerGeneration(n) => plan.per_generation = n,
            wit::PlanOption::Cap(n) => plan.cap = n,
            wit::PlanOption::Interval(ms) => plan.interval = ms,
            wit::PlanOption::Retry(ms) => plan.retry = ms,
            wit::PlanOption::Batch(n) => plan.batch = n,
            wit::PlanOption::Weighted(yes) => plan.weighted = yes,
            wit::PlanOption::Repeats(yes) => plan.repeats = yes,
        }
    }
    plan
}

impl Convert<engine::Round> for wit::Round {
    fn convert(self) -> engine::Round {
        engine::Round {
            generation: self.generation,
            per_generation: self.per_generation,
            cap: self.cap,
            is_settled: self.settled,
        }
    }
}

impl Convert<wit::Round> for engine::Round {
    fn convert(self) -> wit::Round {
        wit::Round {
            generation: self.generation,
            per_generation: self.per_generation,
            cap: self.cap,
            settled: self.is_settled,
        }
    }
}

impl Convert<wit::Value> for engine::Value {
    fn convert(self) -> wit::Value {
        wit::Value { text: self.text, literal: self.literal }
    }
}

impl Convert<wit::Plan> for engine::Plan {
    fn convert(self) -> wit::Plan {
        let dimension = |engine::Dimension { name, values }| wit::Dimension { name, values: values.convert() };
        wit::Plan {
            dimensions: self.dimensions.into_iter().map(dimension).collect(),
            per_generation: self.per_generation,
            cap: self.cap,
            interval: self.interval,
            retry: self.retry,
            batch: self.batch,
            weighted: self.weighted,
            repeats: self.repeats,
        }
    }
}

impl Convert<wit::CombinationsPage> for engine::Page {
    fn convert(self) -> wit::CombinationsPage {
        let combination = |engine::Combination { key, values }| wit::Combination {
            key,
            values: values.into_iter().map(|(name, value)| (name, value.convert())).collect(),
        };
        wit::CombinationsPage {
            combinations: self.combinations.into_iter().map(combination).collect(),
            next: self.next,
        }
    }
}

impl Convert<wit::Added> for larder_engine::Added {
    fn convert(self) -> wit::Added {
        wit::Added {
            duplicate: self.duplicate,
            generation: self.generation,
            entry: self.entry,
            variant: self.variant.map(|(key, stored)| (key, stored.convert())),
            combination: self.combination.convert(),
            pruned: self.pruned,
        }
    }
}

impl Convert<wit::VariantInfo> for engine::VariantInfo {
    fn convert(self) -> wit::VariantInfo {
        wit::VariantInfo {
            generation: self.generation,
            entry: self.entry,
            cached_at: self.cached_at,
            size: self.size,
            score: self.score,
        }
    }
}

impl Convert<wit::CombinationInfo> for engine::CombinationInfo {
    fn convert(self) -> wit::CombinationInfo {
        wit::CombinationInfo {
            variants: self.variants.convert(),
            missing: self.missing,
            due: self.due,
            retry_at: self.retry_at,
            failures: self.failures,
            reason: self.reason,
            duplicates: self.duplicates,
            broken: self.broken,
        }
    }
}

impl Convert<wit::PoolStatistics> for engine::Figures {
    fn convert(self) -> wit::PoolStatistics {
        wit::PoolStatistics {
            cached_entries: self.cached_entries,
            unique_combinations_covered: self.unique_combinations_covered,
            total_combinations: self.total_combinations,
            entries_per_generation: self.entries_per_generation,
            max_entries_per_combination: self.max_entries_per_combination,
            max_possible_entries: self.max_possible_entries,
            avg_entries_per_combination_tenths: self.avg_entries_per_combination_tenths,
            combination_coverage_percentage: self.combination_coverage_percentage,
            entry_coverage_percentage: self.entry_coverage_percentage,
            failed_combinations: self.failed_combinations,
            last_generation: self.last_generation,
        }
    }
}
