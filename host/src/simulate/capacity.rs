//! How large a simulated cache is: an amount, or a percentage of what the trace holds.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a capacity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Every entry takes 1.
    #[default]
    Entries,
    /// An entry takes its size.
    Bytes,
}

impl Unit {
    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Bytes => "bytes",
        }
    }
}

/// A capacity, in entries or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// So many.
    Amount(u64),
    /// So many millionths of the unique keys, to the nearest entry, or of the sum of their sizes, rounded down; at least 1. A
    /// key has the size that it was first asked for with.
    Millionths(u32),
}

/// Millionths in one percent.
const PERCENT: u32 = 10_000;

impl Capacity {
    /// A percentage.
    pub fn percent(percent: u8) -> Self {
        Self::Millionths(u32::from(percent) * PERCENT)
    }

    pub(super) fn is_relative(&self) -> bool {
        matches!(self, Self::Millionths(_))
    }

    /// The amount, in a trace of so many unique keys with sizes of this sum.
    pub(super) fn resolve(self, unit: Unit, (keys, bytes): (u64, u64)) -> u64 {
        let (whole, up) = match unit {
            Unit::Entries => (keys, 500_000),
            Unit::Bytes => (bytes, 0),
        };
        match self {
            Self::Amount(amount) => amount,
            // Never more than the whole, hence no more than 64 bits.
            Self::Millionths(share) => ((u128::from(whole) * u128::from(share) + up) / 1_000_000).max(1) as u64,
        }
    }
}

/// A whole number, or a percentage with up to four decimals: `1000`, `5%`, `0.5%`.
impl FromStr for Capacity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |what: &str| Error::invalid(format!("{text:?} is no capacity; {what}"));
        let Some(number) = text.strip_suffix('%') else {
            let amount = text.parse().map_err(|_| bad("write for example 1000 or 5%"))?;
            return Ok(Self::Amount(amount));
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || decimals.len() > 4 || !is_number(whole) || !is_number(decimals) {
            return Err(bad("write for example 5% or 0.5%, with four decimals at most"));
        }
        let millionths: u32 = format!("{whole}{decimals:0<4}").parse().map_err(|_| bad("write for example 5%"))?;
        if !(1..=100 * PERCENT).contains(&millionths) {
            return Err(bad("a percentage is more than 0 and at most 100"));
        }
        Ok(Self::Millionths(millionths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_whole_and_never_nothing() {
        let capacity = |text: &str| text.parse::<Capacity>().expect("a capacity");
        let of = |text: &str, keys| capacity(text).resolve(Unit::Entries, (keys, 0));
        assert_eq!([of("1%", 186_880), of("5%", 186_880), of("20%", 186_880)], [1_869, 9_344, 37_376]);
        assert_eq!(capacity("5%").resolve(Unit::Bytes, (9, 50_193_432)), 2_509_671);
        assert_eq!([of("0.5%", 1_000), of("0.0001%", 1_000), of("100%", u64::MAX)], [5, 1, u64::MAX]);
        assert_eq!(of("7", 3), 7);
    }

    #[test]
    fn what_is_no_capacity_is_refused() {
        for text in ["", "%", "-1", "0%", "0.0%", "101%", "1e3", "5 %", "1.00001%", ".5%", "1%%", "+5%", "1.-5%"] {
            assert!(text.parse::<Capacity>().is_err(), "{text:?}");
        }
    }
}
