//! A plan: what a pool varies, and how it grows. Nothing in it is about a particular moment.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ascending::Ascending;
use crate::error::{Error, ErrorCode, Result};

/// The most combinations that a plan may have.
pub const MAX_COMBINATIONS: u64 = 1_000_000;

const MAX_DIMENSIONS: usize = 16;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 256;
/// Bytes of all names and values together.
const MAX_TEXTS: usize = 64 << 10;
const MAX_PER_GENERATION: u32 = 1_000;
const MAX_CAP: u32 = 10_000;
const MAX_BATCH: u32 = 1_000;
const SHORTEST_INTERVAL: u64 = 1_000;
/// A hundred years.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// A value of a dimension. Two values of the same text are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What it is called: 1 to 256 bytes.
    pub text: String,
    /// It stands for a number, `true` or `false`, and is shown in JSON without quotes.
    pub literal: bool,
}

/// A dimension: a name of 1 to 64 letters, digits, `-` and `_`, and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its values, each once.
    pub values: Vec<Value>,
}

/// What a pool varies, and how it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// 1 to 16 dimensions, of 64 KiB and 1,000,000 combinations together at most.
    pub dimensions: Vec<Dimension>,
    /// New variants of each combination in a round, 1 to 1,000. Default 3.
    pub per_generation: u32,
    /// Variants that a combination may have, from `per_generation` to 10,000. Default 12.
    pub cap: u32,
    /// Milliseconds from the beginning of a round to that of the next, at least 1,000. Default 3 hours.
    pub interval: u64,
    /// Milliseconds after which what failed is tried again, at least 1. Default 30 minutes.
    pub retry: u64,
    /// Variants that are made at a time, 1 to 1,000. Default 5.
    pub batch: u32,
    /// Whether variants with higher scores are picked more often. Default false.
    pub weighted: bool,
    /// Whether a variant may be picked twice in a row where there are others. Default true.
    pub repeats: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            dimensions: Vec::new(),
            per_generation: 3,
            cap: 12,
            interval: 3 * 3_600_000,
            retry: 30 * 60_000,
            batch: 5,
            weighted: false,
            repeats: true,
        }
    }
}

impl Plan {
    /// # Errors
    /// `InvalidArgument` for a setting outside its range, `TooLarge` for too many combinations: the message has the number.
    pub(super) fn validate(&self) -> Result<()> {
        let within = |what: &str, value: u64, least: u64, most: u64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::invalid(text!(what, " is ", value, "; it has to be between ", least, " and ", most))),
        };
        within("per-generation", self.per_generation.into(), 1, MAX_PER_GENERATION.into())?;
        within("cap", self.cap.into(), self.per_generation.into(), MAX_CAP.into())?;
        within("interval (in ms)", self.interval, SHORTEST_INTERVAL, LONGEST)?;
        within("retry (in ms)", self.retry, 1, LONGEST)?;
        within("batch", self.batch.into(), 1, MAX_BATCH.into())?;
        check_dimensions(&self.dimensions)?;
        let combinations = count(&self.dimensions);
        if combinations > u128::from(MAX_COMBINATIONS) {
            // Beyond 2^128 only that it is more is known.
            let many = if combinations == u128::MAX { "more than 10^38".to_owned() } else { text!(combinations) };
            let message = text!(
                "the plan has ",
                many,
                " combinations, and a pool has at most ",
                MAX_COMBINATIONS,
                ": give it fewer values"
            );
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        Ok(())
    }
}

/// How many combinations dimensions have; saturates.
pub(super) fn count(dimensions: &[Dimension]) -> u128 {
    dimensions.iter().fold(1, |product: u128, dimension| product.saturating_mul(dimension.values.len() as u128))
}

pub(super) fn check_dimensions(dimensions: &[Dimension]) -> Result<()> {
    if !(1..=MAX_DIMENSIONS).contains(&dimensions.len()) {
        let message = text!("a pool has 1 to ", MAX_DIMENSIONS, " dimensions, this one has ", dimensions.len());
        return Err(Error::invalid(message));
    }
    let mut bytes = 0;
    for (at, Dimension { name, values }) in dimensions.iter().enumerate() {
        let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if name.is_empty() || name.len() > MAX_NAME || !is_word {
            let message = text!(
                "\"",
                name,
                "\" is no name of a dimension: it has 1 to ",
                MAX_NAME,
                " letters, digits, `-` and `_`"
            );
            return Err(Error::invalid(message));
        }
        if dimensions.iter().take(at).any(|other| other.name == *name) {
            return Err(Error::invalid(text!("the dimension ", name, " is there twice")));
        }
        if values.is_empty() {
            return Err(Error::invalid(text!(
                "the dimension ",
                name,
                " has no values, so that there is no combination"
            )));
        }
        for value in values {
            if value.text.is_empty() || value.text.len() > MAX_VALUE {
                let message =
                    text!("a value of the dimension ", name, " is empty or longer than ", MAX_VALUE, " bytes");
                return Err(Error::invalid(message));
            }
            bytes += value.text.len();
        }
        let text = |at: u32| values[at as usize].text.as_str();
        let mut last = None;
        for at in Ascending::new((0..values.len() as u32).collect(), &|a, b| text(a) < text(b)) {
            if last.replace(text(at)) == Some(text(at)) {
                return Err(Error::invalid(text!("the dimension ", name, " has the value ", text(at), " twice")));
            }
        }
        bytes += name.len();
    }
    if bytes > MAX_TEXTS {
        let message = text!("names and values have ", bytes, " bytes together, and may have ", MAX_TEXTS);
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    Ok(())
}
