//! One variant of a round: claimed among threads and processes, made, and stored or noted as failed. A claim ends with its
//! process, however that ends; what was claimed and not made stays due.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::options::millis;
use super::super::{Inner, lock};
use super::change::NewVariant;
use super::pick::variant_key;
use super::round::Work;
use super::{Added, Combination, Pool};
use crate::error::Result;
use crate::generate::{Failure, FailureKind, Generator, Request, Variant};
use crate::store::Lease;

/// A service that wants to be left alone for longer is tried again with the plan's retries.
const SHORT: Duration = Duration::from_secs(60);
/// How often a variant is asked for again after such a pause.
const PAUSES: u32 = 3;

/// A variant that is due.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) combination: Combination,
    pub(super) entry: u32,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Made(Added),
    Failed,
    /// Somebody else makes it, or has.
    Elsewhere,
    /// It was not tried, and stays due.
    Left,
}

/// The right to make a variant; ends when dropped.
pub(super) struct Claimed<'a> {
    inner: &'a Inner,
    hash: u64,
    _lease: Option<Lease>,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        lock(&self.inner.pools.claimed).remove(&self.hash);
    }
}

impl Pool {
    /// Claims a hash among all threads and processes; `None` when somebody else has it.
    pub(super) fn claim(&self, hash: u64) -> Option<Claimed<'_>> {
        let inner = self.inner();
        if !lock(&inner.pools.claimed).insert(hash) {
            return None;
        }
        let mut claim = Claimed { inner, hash, _lease: None };
        let Some(store) = inner.store.as_ref().filter(|store| store.has_leases()) else { return Some(claim) };
        match store.claimant(hash).and_then(|mut claimant| claimant.take()) {
            Ok(Some(lease)) => {
                claim._lease = Some(lease);
                Some(claim)
            }
            Ok(None) => None,
            Err(e) => {
                tracing::debug!("made although another process may be doing the same: {e}");
                Some(claim)
            }
        }
    }

    /// Makes one variant of a round.
    pub(super) fn make(&self, work: &Work<'_>, item: &Item) -> Result<Outcome> {
        let Item { combination, entry } = item;
        let place = (work.info.generation, *entry);
        if work.is_over() {
            return Ok(Outcome::Left);
        }
        let hash = self.cache.hash(&variant_key(combination.key(), place.0, place.1));
        let Some(_claimed) = self.claim(hash) else { return Ok(Outcome::Elsewhere) };
        // Whoever had the claim until now may have made it, or failed; and the pool may have been cleared.
        let info = self.known()?;
        if work.is_past(&info) {
            return Ok(Outcome::Left);
        }
        if !self.look_with(&info, combination)?.due.contains(entry) {
            return Ok(Outcome::Elsewhere);
        }
        let failure = match self.ask_generator(work, combination, place) {
            None => return Ok(Outcome::Left),
            Some(Err(failure)) if failure.kind == FailureKind::Stopped => return Ok(Outcome::Left),
            Some(Err(failure)) => failure,
            Some(Ok(variant)) => {
                let new = NewVariant { variant, options: work.options.options.clone() };
                match self.add_at(&*self.known()?, combination, Some(place), &new) {
                    Ok(added) => return Ok(Outcome::Made(added)),
                    Err(e) if is_about_the_variant(&e) => Failure::new(FailureKind::BadAnswer, e.to_string()),
                    Err(e) => return Err(e),
                }
            }
        };
        tracing::error!(pool = self.name(), "failed to generate entry {entry} for {combination}: {failure}");
        let after = failure.retry_after.unwrap_or_default().max(work.info.plan.retry);
        let retry_at = self.inner().clock.now().saturating_add(millis(after));
        self.fail(&*self.known()?, combination, place, &failure.to_string(), retry_at)?;
        Ok(Outcome::Failed)
    }

    /// Asks the generator, again if it wants to be left alone for a short while. `None` when there is no call left to make.
    fn ask_generator(
        &self,
        work: &Work<'_>,
        combination: &Combination,
        (generation, entry): (u64, u32),
    ) -> Option<std::result::Result<Variant, Failure>> {
        let stop = &work.options.stop;
        let mut pauses = 0;
        loop {
            if !work.may_call() {
                return None;
            }
            let request = Request::new(self.name(), combination.values(), generation, entry, stop);
            let asked = generate(work.generator, &request);
            let pause = match &asked {
                Err(failure) => failure.retry_after.filter(|pause| *pause <= SHORT && pauses < PAUSES),
                Ok(_) => None,
            };
            let Some(pause) = pause else { return Some(asked) };
            pauses += 1;
            tracing::info!(pool = self.name(), "the service wants to be left alone for {pause:?}");
            work.pause(pause);
        }
    }
}

/// A generator that panics has failed, like any other, and so has one that makes nothing.
pub(super) fn generate(generator: &dyn Generator, request: &Request<'_>) -> std::result::Result<Variant, Failure> {
    let asked = catch_unwind(AssertUnwindSafe(|| generator.generate(request)));
    match asked {
        Ok(Ok(variant)) if variant.value.is_empty() => Err(Failure::new(FailureKind::Empty, "it made nothing")),
        Ok(asked) => asked,
        Err(_) => Err(Failure::new(FailureKind::Other, "it panicked")),
    }
}

/// Whether the variant is at fault, and not the store.
fn is_about_the_variant(e: &crate::Error) -> bool {
    use crate::ErrorKind::{InvalidArgument, KeyTooLarge, TooLarge};
    matches!(e.kind(), InvalidArgument | KeyTooLarge | TooLarge)
}
