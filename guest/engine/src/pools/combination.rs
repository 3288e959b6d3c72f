//! The state of a combination: which variants it has, and what it lacks of a round.
//!
//! Variants are ordered from the oldest to the youngest: by generation, then by number. A combination of which nothing was
//! made in a round yet still has the state of an earlier one; it *joins* the round with the first thing that happens to it. So
//! what is missing is known without writing to every combination when a round begins.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::format;
use crate::ascending::Ascending;
use crate::config::SetOptions;
use crate::error::{Error, Result};

/// Bytes that are kept of why making a variant failed.
pub(super) const MAX_REASON: usize = 300;

/// What a round means for a combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// The round under way, Unix seconds; 0 before the first.
    pub generation: u64,
    /// New variants of each combination.
    pub per_generation: u32,
    /// Variants that a combination may have.
    pub cap: u32,
    /// Nothing is missing of a combination of which nothing is known.
    pub is_settled: bool,
}

impl Round {
    /// Whether a place is one of those that the round fills.
    pub(crate) fn has(&self, (generation, entry): (u64, u32)) -> bool {
        generation == self.generation && entry <= self.per_generation
    }
}

/// A variant to be added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewVariant {
    /// Its generation and number; without them it takes the next free place of the round.
    pub place: Option<(u64, u32)>,
    /// The bytes.
    pub value: Vec<u8>,
    /// Its quality: a finite number, 0 or more.
    pub score: Option<f64>,
    /// Options of its entry.
    pub options: SetOptions,
}

/// What is known of a variant.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantInfo {
    /// Its generation, Unix seconds.
    pub generation: u64,
    /// Its number within the generation.
    pub entry: u32,
    /// When it was added, Unix milliseconds.
    pub cached_at: u64,
    /// Bytes.
    pub size: u32,
    /// Its quality, if it was given one.
    pub score: Option<f64>,
    /// The beginning of the BLAKE3 hash of its bytes.
    pub(super) hash: [u8; 16],
}

impl VariantInfo {
    pub(crate) fn place(&self) -> (u64, u32) {
        (self.generation, self.entry)
    }
}

/// What is known of a combination.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CombinationInfo {
    /// Its variants, the oldest first.
    pub variants: Vec<VariantInfo>,
    /// Variants of the round's generation that are missing: their numbers.
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
    /// What was stored of it is damaged or of an old format.
    pub broken: bool,
}

/// A variant that a round still lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) entry: u32,
    pub(super) has_failed: bool,
}

/// The state of a combination.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// The round it has joined.
    pub(super) generation: u64,
    /// When what failed is due again, Unix milliseconds.
    pub(super) retry_at: u64,
    pub(super) failures: u32,
    pub(super) duplicates: u64,
    pub(super) reason: String,
    /// What it lacks of the round it has joined.
    pub(super) missing: Vec<Missing>,
    pub(crate) variants: Vec<VariantInfo>,
}

impl State {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        format::decode_combination(bytes)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        format::encode_combination(self)
    }

    /// The beginning of the hash by which variants of the same bytes are told.
    pub(crate) fn hash(value: &[u8]) -> [u8; 16] {
        let hash = blake3::hash(value);
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Where another variant of the same bytes is than the one at `place`.
    pub(crate) fn twin(&self, hash: &[u8; 16], place: (u64, u32)) -> Option<(u64, u32)> {
        let twin = self.variants.iter().find(|variant| variant.hash == *hash && variant.place() != place);
        twin.map(VariantInfo::place)
    }

    /// Whether there is a variant in this place.
    pub(crate) fn is_taken(&self, place: (u64, u32)) -> bool {
        self.variants.iter().any(|variant| variant.place() == place)
    }

    /// Where a variant comes that is given no place, or one of the round that somebody was quicker to fill.
    pub(crate) fn free_place(&mut self, round: &Round, now: u64) -> (u64, u32) {
        self.join(round);
        if let Some(missing) = self.missing.first() {
            return (self.generation, missing.entry);
        }
        let generation = (now / 1000).max(round.generation);
        let taken = self.variants.iter().filter(|variant| variant.generation == generation);
        let last = taken.map(|variant| variant.entry).max().unwrap_or(0);
        // Behind those that the round is going to make.
        let first = if generation == round.generation { round.per_generation } else { 0 };
        (generation, last.max(first).saturating_add(1))
    }

    /// Takes part in the round, if it does not yet.
    pub(crate) fn join(&mut self, round: &Round) {
        let is_new = self.generation == 0 && self.variants.is_empty();
        if round.generation <= self.generation {
            return;
        }
        self.generation = round.generation;
        let lacks = if is_new && round.is_settled { 0 } else { round.per_generation };
        let made =
            |entry: u32| self.variants.binary_search_by_key(&(round.generation, entry), VariantInfo::place).is_ok();
        self.missing =
            (1..=lacks).filter(|entry| !made(*entry)).map(|entry| Missing { entry, has_failed: false }).collect();
        (self.retry_at, self.failures) = (0, 0);
        self.reason.clear();
    }

    /// Notes that a variant was made.
    pub(crate) fn settle(&mut self, (generation, entry): (u64, u32)) {
        if generation == self.generation {
            self.missing.retain(|missing| missing.entry != entry);
        }
        if !self.missing.iter().any(|missing| missing.has_failed) {
            (self.retry_at, self.failures) = (0, 0);
            self.reason.clear();
        }
    }

    pub(crate) fn count_duplicate(&mut self) {
        self.duplicates = self.duplicates.saturating_add(1);
    }

    /// Takes a variant in, in place of one with the same generation and number.
    pub(crate) fn insert(&mut self, new: VariantInfo) {
        match self.variants.binary_search_by_key(&new.place(), VariantInfo::place) {
            Ok(at) => self.variants[at] = new,
            Err(at) => self.variants.insert(at, new),
        }
    }

    /// Lets the oldest go until the cap holds; of one generation those with the lowest score, and those without a score before
    /// all others; of those alike the one with the lowest number.
    pub(crate) fn prune(&mut self, cap: u32) -> Vec<(u64, u32)> {
        let beyond = self.variants.len().saturating_sub(cap as usize);
        if beyond == 0 {
            return Vec::new();
        }
        let score = |variant: &VariantInfo| variant.score.unwrap_or(f64::NEG_INFINITY);
        let goes_before = |a: u32, b: u32| {
            let (a, b) = (&self.variants[a as usize], &self.variants[b as usize]);
            a.generation.cmp(&b.generation).then(score(a).total_cmp(&score(b))).is_lt()
        };
        let all = (0..self.variants.len() as u32).collect();
        let first_to_go: Vec<u32> = Ascending::new(all, &goes_before).take(beyond).collect();
        let mut goes = vec![false; self.variants.len()];
        first_to_go.iter().for_each(|&at| goes[at as usize] = true);
        let gone = first_to_go.iter().map(|&at| self.variants[at as usize].place()).collect();
        let mut goes = goes.into_iter();
        self.variants.retain(|_| goes.next() != Some(true));
        gone
    }

    /// Notes that making a variant failed. False when it is not missing. The latest retry counts for all that failed, but not one
    /// that was not waited for, because the clock went back.
    pub(crate) fn fail(&mut self, (generation, entry): (u64, u32), reason: &str, retry_at: u64, now: u64) -> bool {
        if generation != self.generation {
            return false;
        }
        let Some(missing) = self.missing.iter_mut().find(|missing| missing.entry == entry) else { return false };
        // What had failed was tried although its time lay ahead: that is of a clock that went back since.
        let is_outdated = missing.has_failed && self.retry_at > now;
        self.retry_at = if is_outdated { retry_at } else { self.retry_at.max(retry_at) };
        missing.has_failed = true;
        self.failures = self.failures.saturating_add(1);
        let (kept, _) = reason.split_at(reason.floor_char_boundary(MAX_REASON.min(reason.len())));
        self.reason = kept.to_owned();
        true
    }

    /// Forgets a variant whose entry is gone. False when there is none.
    pub(crate) fn lose(&mut self, place: (u64, u32)) -> bool {
        let before = self.variants.len();
        self.variants.retain(|variant| variant.place() != place);
        self.variants.len() < before
    }

    /// What is known, with what a round makes of it. Of a round before the one it has joined nothing is missing.
    pub(crate) fn info(mut self, round: &Round, longest_retry: u64, now: u64) -> CombinationInfo {
        self.join(round);
        if self.generation > round.generation {
            self.missing.clear();
        }
        let waits = self.retry_at > now && self.retry_at - now <= longest_retry;
        let is_due = |missing: &&Missing| !(missing.has_failed && waits);
        CombinationInfo {
            due: self.missing.iter().filter(is_due).map(|missing| missing.entry).collect(),
            missing: self.missing.iter().map(|missing| missing.entry).collect(),
            retry_at: (!self.missing.is_empty()).then_some(if waits { self.retry_at } else { 0 }),
            failures: self.failures,
            reason: self.reason,
            duplicates: self.duplicates,
            variants: self.variants,
            broken: false,
        }
    }
}

impl NewVariant {
    /// # Errors
    /// `InvalidArgument` for a score that is no finite number of 0 or more, or a place with the number 0.
    pub(crate) fn validate(&self) -> Result<()> {
        if self.score.is_some_and(|score| !score.is_finite() || score < 0.0) {
            return Err(Error::invalid("a score is a finite number, 0 or more"));
        }
        if self.place.is_some_and(|(_, entry)| entry == 0) {
            return Err(Error::invalid("variants of a generation are numbered from 1"));
        }
        Ok(())
    }
}

/// What is known of a variant that is taken in now.
pub(crate) fn info_of(new: &NewVariant, (generation, entry): (u64, u32), hash: [u8; 16], now: u64) -> VariantInfo {
    let size = u32::try_from(new.value.len()).unwrap_or(u32::MAX);
    VariantInfo { generation, entry, cached_at: now, size, score: new.score, hash }
}
