//! The figures of a pool, with averages and percentages rounded half up.

use super::pool::Pool;

/// Sums over the combinations of a plan, which whoever has looked at them hands over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Variants.
    pub entries: u64,
    /// Combinations with at least one variant.
    pub covered: u64,
    /// Combinations of which something failed and was not made since.
    pub failed: u64,
}

/// Statistics of a pool. `wit/pools.wit` says what each is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract has the words")]
pub struct Figures {
    pub cached_entries: u64,
    pub unique_combinations_covered: u64,
    pub total_combinations: u64,
    pub entries_per_generation: u32,
    pub max_entries_per_combination: u32,
    pub max_possible_entries: u64,
    pub avg_entries_per_combination_tenths: u64,
    pub combination_coverage_percentage: u32,
    pub entry_coverage_percentage: u32,
    pub failed_combinations: u64,
    pub last_generation: Option<u64>,
}

impl Figures {
    pub(super) fn new(pool: &Pool, tally: &Tally) -> Self {
        let total = pool.combination_count();
        let most = total * u64::from(pool.plan().cap);
        Self {
            cached_entries: tally.entries,
            unique_combinations_covered: tally.covered,
            total_combinations: total,
            entries_per_generation: pool.plan().per_generation,
            max_entries_per_combination: pool.plan().cap,
            max_possible_entries: most,
            avg_entries_per_combination_tenths: share(tally.entries, tally.covered, 10),
            combination_coverage_percentage: percent(tally.covered, total),
            entry_coverage_percentage: percent(tally.entries, most),
            failed_combinations: tally.failed,
            last_generation: Some(pool.started()).filter(|_| pool.generation() > 0),
        }
    }
}

/// `part` of `whole` in units of one over `units`; 0 of nothing.
fn share(part: u64, whole: u64, units: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let (part, whole, units) = (u128::from(part), u128::from(whole), u128::from(units));
    ((part * units * 2 + whole) / (whole * 2)).try_into().unwrap_or(u64::MAX)
}

fn percent(part: u64, whole: u64) -> u32 {
    share(part, whole, 100).try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools::{Dimension, Plan, Value};

    fn pool(values: usize) -> Pool {
        let value = |n: usize| Value { text: n.to_string(), literal: true };
        let dimension = Dimension { name: "n".to_owned(), values: (0..values).map(value).collect() };
        Pool::define(None, Plan { dimensions: vec![dimension], ..Plan::default() }).expect("valid")
    }

    #[test]
    fn percentages_are_rounded_as_the_documents_show_them() {
        let figures = pool(234).figures(&Tally { entries: 1205, covered: 180, failed: 2 });
        assert_eq!(figures.max_possible_entries, 2808);
        assert_eq!(figures.avg_entries_per_combination_tenths, 67);
        assert_eq!(figures.combination_coverage_percentage, 77);
        assert_eq!(figures.entry_coverage_percentage, 43);
    }

    #[test]
    fn an_empty_pool_divides_by_nothing() {
        let figures = pool(234).figures(&Tally::default());
        assert_eq!(figures.avg_entries_per_combination_tenths, 0);
        assert_eq!(figures.last_generation, None);
    }
}
