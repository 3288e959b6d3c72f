//! The state of a pool: its plan, its round, and what earlier plans left behind. A combination knows by itself what it lacks of a
//! round ([`super::combination`]); so beginning a round changes this state and nothing else, however many combinations
//! there are.

use alloc::string::String;
use alloc::vec::Vec;

use super::combination::Round;
use super::figures::{Figures, Tally};
use super::format;
use super::plan::{Dimension, MAX_COMBINATIONS, Plan, count};
use super::space::{self, Page};
use crate::error::{Error, ErrorCode, Result};

/// Sets of dimension names that earlier plans may have left.
pub(super) const MAX_KEPT: usize = 8;
/// Combinations that a page looks at.
const LOOKS: u64 = 10_000;

/// What is known of a pool as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    pub(super) plan: Plan,
    /// Dimensions of earlier plans, those with the same names joined; what of it the plan has too is in the plan.
    pub(super) kept: Vec<Vec<Dimension>>,
    /// The round that was begun last, in Unix seconds; 0 before the first. Only ever grows.
    pub(super) generation: u64,
    /// When that was, in Unix milliseconds, by a clock that may have gone back since.
    pub(super) started: u64,
    /// Whether the next round is to begin at once.
    pub(super) is_due: bool,
    /// Up to and including this round nothing is missing of a combination of which nothing is known: the round was worked off, or the pool
    /// cleared in it.
    pub(super) settled: u64,
}

impl Pool {
    /// A pool with this plan, in place of `before`.
    ///
    /// # Errors
    /// `InvalidArgument` for a plan outside its limits; `TooLarge` for more than [`MAX_COMBINATIONS`], or when earlier plans have
    /// left as many.
    pub fn define(before: Option<Self>, plan: Plan) -> Result<Self> {
        plan.validate()?;
        let Some(before) = before else { return Ok(Self { plan, is_due: true, ..Self::default() }) };
        let (mut kept, before_dimensions) = (before.kept, before.plan.dimensions);
        join(&mut kept, before_dimensions.clone());
        kept.retain(|dimensions| shared(dimensions, &plan.dimensions) < count(dimensions));
        let left: u128 = kept.iter().map(|dimensions| count(dimensions)).sum();
        if kept.len() > MAX_KEPT || left > u128::from(MAX_COMBINATIONS) {
            let message = "earlier plans of this pool have left too much; clear the pool before its plan changes again";
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        // Of new combinations nothing is known, and everything is missing.
        let is_larger = shared(&plan.dimensions, &before_dimensions) < count(&plan.dimensions);
        let settled = if is_larger { before.settled.min(before.generation.saturating_sub(1)) } else { before.settled };
        Ok(Self { plan, kept, settled, ..before })
    }

    /// The state that bytes hold.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        format::decode_pool(bytes)
    }

    /// The state as bytes.
    pub fn encode(&self) -> Vec<u8> {
        format::encode_pool(self)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many combinations the plan has.
    pub fn combination_count(&self) -> u64 {
        count(&self.plan.dimensions) as u64
    }

    /// How many combinations earlier plans had that the plan has not.
    pub fn kept_count(&self) -> u64 {
        let only = |dimensions: &Vec<Dimension>| count(dimensions) - shared(dimensions, &self.plan.dimensions);
        self.kept.iter().map(only).sum::<u128>() as u64
    }

    /// The round that was begun last, Unix seconds; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When the round that was begun last was, Unix milliseconds.
    pub fn started(&self) -> u64 {
        self.started
    }

    /// When the next round is due, Unix milliseconds; 0 is now.
    pub fn next(&self) -> u64 {
        if self.is_due { 0 } else { self.started.saturating_add(self.plan.interval) }
    }

    /// What the round under way means for a combination.
    pub fn round(&self) -> Round {
        Round {
            generation: self.generation,
            per_generation: self.plan.per_generation,
            cap: self.plan.cap,
            is_settled: self.settled >= self.generation,
        }
    }

    /// Begins the next round if it is due, or if `force` is given. A clock that went back by more than an interval does not keep it
    /// waiting; one that leaps forward means one round, not those in between.
    pub fn begin(&mut self, now: u64, force: bool) -> bool {
        let is_due = force || self.next() <= now || self.started > now.saturating_add(self.plan.interval);
        if is_due {
            self.generation = (now / 1000).max(self.generation.saturating_add(1));
            (self.started, self.is_due) = (now, false);
        }
        is_due
    }

    /// Notes that a round was worked off: what is not known from now on is not missing before the next one, because it went for lack of
    /// space. False when another round is under way, or this was noted before.
    pub fn settle(&mut self, generation: u64) -> bool {
        let is_new = generation == self.generation && self.settled < generation;
        if is_new {
            self.settled = generation;
        }
        is_new
    }

    /// What is left when the pool is cleared. With `regenerate` all is due at once, without it with the next round.
    pub fn clear(&mut self, regenerate: bool) {
        self.kept.clear();
        self.settled = self.generation;
        self.is_due |= regenerate;
    }

    /// The key of the combination of these values, one for each dimension in any order.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    pub fn combination_key(&self, values: &[(String, String)]) -> Result<Vec<u8>> {
        space::key_of(&self.plan.dimensions, values)
    }

    /// A part of the plan's combinations with these values, from the place `first`, at most `limit`.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension or value that there is not.
    pub fn combinations(&self, filter: &[(String, String)], first: u64, limit: u32) -> Result<Page> {
        let dimensions = space::narrowed(&self.plan.dimensions, filter)?;
        let mut page = Page::default();
        let (mut place, end) = (first, count(&dimensions) as u64);
        while place < end && page.combinations.len() < limit as usize {
            let Some(values) = space::at(&dimensions, place) else { break };
            page.combinations.push(space::combination(&values)?);
            place += 1;
        }
        page.next = Some(place).filter(|place| *place < end);
        Ok(page)
    }

    /// A part of the combinations that earlier plans have left, from the place `first`, at most `limit`. May be empty before the
    /// end.
    ///
    /// # Errors
    /// None in practice: values were checked before.
    pub fn kept_combinations(&self, filter: &[(String, String)], first: u64, limit: u32) -> Result<Page> {
        let mut page = Page::default();
        let planned = space::Index::of(&self.plan.dimensions);
        let (mut skipped, mut place) = (0, first);
        for dimensions in &self.kept {
            let end = skipped + count(dimensions) as u64;
            while (skipped..end).contains(&place) {
                if page.combinations.len() >= limit as usize || place - first >= LOOKS {
                    page.next = Some(place);
                    return Ok(page);
                }
                if let Some(values) = space::at(dimensions, place - skipped) {
                    let wanted = |(name, value): &(String, String)| {
                        values.iter().any(|(other, known)| other == name && known.text == *value)
                    };
                    if !planned.has(&values) && filter.iter().all(wanted) {
                        page.combinations.push(space::combination(&values)?);
                    }
                }
                place += 1;
            }
            skipped = end;
        }
        Ok(page)
    }

    /// The pool's figures.
    pub fn figures(&self, tally: &Tally) -> Figures {
        Figures::new(self, tally)
    }
}

/// Adds dimensions to those of the same names, or to the end.
fn join(kept: &mut Vec<Vec<Dimension>>, more: Vec<Dimension>) {
    let Some(there) = kept.iter_mut().find(|there| same_names(there, &more)) else { return kept.push(more) };
    for dimension in more {
        let Some(known) = there.iter_mut().find(|known| known.name == dimension.name) else { continue };
        let new = dimension.values.into_iter().filter(|value| !known.values.iter().any(|it| it.text == value.text));
        known.values.extend(new.collect::<Vec<_>>());
    }
}

fn same_names(a: &[Dimension], b: &[Dimension]) -> bool {
    a.len() == b.len() && a.iter().all(|dimension| b.iter().any(|other| other.name == dimension.name))
}

/// How many combinations both have.
fn shared(a: &[Dimension], b: &[Dimension]) -> u128 {
    if !same_names(a, b) {
        return 0;
    }
    let of_both = |dimension: &Dimension| {
        let other = b.iter().find(|other| other.name == dimension.name);
        let is_there = |text: &str| other.is_some_and(|other| other.values.iter().any(|value| value.text == text));
        dimension.values.iter().filter(|value| is_there(&value.text)).count() as u128
    };
    a.iter().map(of_both).product()
}
