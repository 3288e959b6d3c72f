//! States as bytes. Numbers are little-endian; texts are preceded by their length in four bytes. `docs/design.md` has the layouts.
//!
//! The variants of a combination come last, each in a line of fixed width, so that one can be read without the others.

use alloc::string::String;
use alloc::vec::Vec;

use super::combination::{MAX_REASON, Missing, State, VariantInfo};
use super::plan::{Dimension, MAX_COMBINATIONS, Plan, Value, check_dimensions, count as count_of};
use super::pool::{MAX_KEPT, Pool};
use crate::error::{Error, Result};
use crate::record::Reader;

const POOL: [u8; 4] = *b"LPL\x01";
const COMBINATION: [u8; 4] = *b"LCB\x01";

/// Bytes of a variant: generation (8), number (4), bytes (4), when it was added (8), score (8), hash (16).
const LINE: usize = 48;
/// Where the number of variants is, behind the mark.
const COUNT_AT: usize = 4;
/// Where the reason is, behind the number of variants, generation, retry-at, failures and duplicates.
const REASON_AT: usize = 36;
/// Bytes of what is missing: number (4), whether it failed (1).
const MISSING: usize = 5;

const WEIGHTED: u8 = 1;
const NO_REPEATS: u8 = 2;
const DUE: u8 = 4;

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn text(rest: &mut Reader<'_>) -> Result<String> {
    let len = rest.u32()? as usize;
    rest.text(len)
}

pub(super) fn encode_pool(pool: &Pool) -> Vec<u8> {
    let Pool { plan, kept, generation, started, is_due, settled } = pool;
    let mut out = POOL.to_vec();
    let flag = |yes: bool, bit: u8| if yes { bit } else { 0 };
    out.push(flag(plan.weighted, WEIGHTED) | flag(!plan.repeats, NO_REPEATS) | flag(*is_due, DUE));
    [plan.per_generation, plan.cap, plan.batch].iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
    let numbers = [plan.interval, plan.retry, *generation, *started, *settled];
    numbers.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
    out.push(kept.len() as u8);
    for dimensions in core::iter::once(&plan.dimensions).chain(kept) {
        out.push(dimensions.len() as u8);
        for Dimension { name, values } in dimensions {
            put_text(&mut out, name);
            out.extend_from_slice(&(values.len() as u32).to_le_bytes());
            for Value { text, literal } in values {
                out.push(u8::from(*literal));
                put_text(&mut out, text);
            }
        }
    }
    out
}

/// # Errors
/// `Corrupt`, also for a plan outside its limits; `NewerFormat`.
pub(super) fn decode_pool(bytes: &[u8]) -> Result<Pool> {
    let mut rest = Reader(bytes);
    rest.mark(POOL, "the state of the pool")?;
    let flags = rest.u8()?;
    let (per_generation, cap, batch) = (rest.u32()?, rest.u32()?, rest.u32()?);
    let (interval, retry, generation, started, settled) =
        (rest.u64()?, rest.u64()?, rest.u64()?, rest.u64()?, rest.u64()?);
    let count = usize::from(rest.u8()?);
    if count > MAX_KEPT {
        return Err(Error::corrupt("it keeps more than it may"));
    }
    let damaged = |_| Error::corrupt("a plan is outside its limits");
    let mut all = Vec::new();
    for _ in 0..=count {
        let dimensions = dimensions(&mut rest)?;
        check_dimensions(&dimensions).map_err(damaged)?;
        all.push(dimensions);
    }
    if !rest.0.is_empty() {
        return Err(Error::corrupt("something follows its end"));
    }
    let plan = Plan {
        dimensions: all.remove(0),
        per_generation,
        cap,
        interval,
        retry,
        batch,
        weighted: flags & WEIGHTED != 0,
        repeats: flags & NO_REPEATS == 0,
    };
    plan.validate().map_err(damaged)?;
    let left = all.iter().fold(0, |sum: u128, dimensions| sum.saturating_add(count_of(dimensions)));
    if left > u128::from(MAX_COMBINATIONS) {
        return Err(Error::corrupt("it keeps more than it may"));
    }
    Ok(Pool { plan, kept: all, generation, started, is_due: flags & DUE != 0, settled })
}

fn dimensions(rest: &mut Reader<'_>) -> Result<Vec<Dimension>> {
    let count = rest.u8()?;
    let mut dimensions = Vec::new();
    for _ in 0..count {
        let name = text(rest)?;
        let count = rest.u32()?;
        let mut values = Vec::new();
        for _ in 0..count {
            let literal = rest.u8()? != 0;
            values.push(Value { text: text(rest)?, literal });
        }
        dimensions.push(Dimension { name, values });
    }
    Ok(dimensions)
}

pub(super) fn encode_combination(state: &State) -> Vec<u8> {
    let mut out = COMBINATION.to_vec();
    out.extend_from_slice(&(state.variants.len() as u32).to_le_bytes());
    out.extend_from_slice(&state.generation.to_le_bytes());
    out.extend_from_slice(&state.retry_at.to_le_bytes());
    out.extend_from_slice(&state.failures.to_le_bytes());
    out.extend_from_slice(&state.duplicates.to_le_bytes());
    put_text(&mut out, &state.reason);
    out.extend_from_slice(&(state.missing.len() as u32).to_le_bytes());
    for Missing { entry, has_failed } in &state.missing {
        out.extend_from_slice(&entry.to_le_bytes());
        out.push(u8::from(*has_failed));
    }
    for variant in &state.variants {
        out.extend_from_slice(&variant.generation.to_le_bytes());
        out.extend_from_slice(&variant.entry.to_le_bytes());
        out.extend_from_slice(&variant.size.to_le_bytes());
        out.extend_from_slice(&variant.cached_at.to_le_bytes());
        out.extend_from_slice(&variant.score.unwrap_or(f64::NAN).to_bits().to_le_bytes());
        out.extend_from_slice(&variant.hash);
    }
    out
}

/// # Errors
/// `Corrupt`, also when variants are out of order; `NewerFormat`.
pub(super) fn decode_combination(bytes: &[u8]) -> Result<State> {
    let mut rest = Reader(bytes);
    rest.mark(COMBINATION, "what is known of a combination")?;
    let count = rest.u32()? as usize;
    let (generation, retry_at, failures, duplicates) = (rest.u64()?, rest.u64()?, rest.u32()?, rest.u64()?);
    let reason = text(&mut rest)?;
    if reason.len() > MAX_REASON {
        return Err(Error::corrupt("a reason is longer than it may be"));
    }
    let mut missing = Vec::new();
    for _ in 0..rest.u32()? {
        missing.push(Missing { entry: rest.u32()?, has_failed: rest.u8()? != 0 });
    }
    if Some(rest.0.len()) != count.checked_mul(LINE) {
        return Err(Error::corrupt("it has not as many variants as it says"));
    }
    let mut variants = Vec::with_capacity(count);
    for _ in 0..count {
        let (generation, entry, size, cached_at) = (rest.u64()?, rest.u32()?, rest.u32()?, rest.u64()?);
        let score = Some(f64::from_bits(rest.u64()?)).filter(|score| score.is_finite() && *score >= 0.0);
        let hash = rest.take(16)?.first_chunk().copied().unwrap_or_default();
        variants.push(VariantInfo { generation, entry, cached_at, size, score, hash });
    }
    let is_sorted =
        variants.windows(2).all(|pair| (pair[0].generation, pair[0].entry) < (pair[1].generation, pair[1].entry));
    if !is_sorted {
        return Err(Error::corrupt("its variants are out of order"));
    }
    Ok(State { generation, retry_at, failures, duplicates, reason, missing, variants })
}

/// The variants of a combination, where they lie.
pub(crate) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// `None` when the bytes are not those of a combination.
    #[inline]
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        if bytes.first_chunk() != Some(&COMBINATION) {
            return None;
        }
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
        let missing_at = number(REASON_AT)?.checked_add(REASON_AT + 4)?;
        let begin = number(missing_at)?.checked_mul(MISSING)?.checked_add(missing_at + 4)?;
        let lines = bytes.get(begin..)?;
        (Some(lines.len()) == number(COUNT_AT)?.checked_mul(LINE)).then_some(Self(lines))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len() / LINE
    }

    #[inline]
    fn line(&self, at: usize) -> Option<&[u8; LINE]> {
        self.0.get(at * LINE..)?.first_chunk()
    }

    /// Generation and number of a variant.
    #[inline]
    pub(crate) fn place(&self, at: usize) -> Option<(u64, u32)> {
        let line = self.line(at)?;
        Some((u64::from_le_bytes(*line.first_chunk()?), u32::from_le_bytes(*line.get(8..)?.first_chunk()?)))
    }

    pub(crate) fn score(&self, at: usize) -> Option<f64> {
        let bits = u64::from_le_bytes(*self.line(at)?.get(24..)?.first_chunk()?);
        Some(f64::from_bits(bits)).filter(|score| score.is_finite() && *score >= 0.0)
    }

    /// Where the variant of this generation and number is.
    pub(crate) fn find(&self, place: (u64, u32)) -> Option<usize> {
        (0..self.len()).find(|at| self.place(*at) == Some(place))
    }
}
