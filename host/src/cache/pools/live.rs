//! Picking, or making a variant at once where there is none. However many threads and processes ask for an empty combination at
//! the same time, one makes the variant.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use super::items::Claimed;
use super::pick::variant_key;
use super::{Combination, NewVariant, Picked, Pool};
use crate::error::Error;
use crate::flight::{Joined, Landed};
use crate::generate::{Failure, FailureKind, Generator, Request, Stop};

/// How long to wait for another thread or process that makes what is missing; then this one makes it too.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pauses between two tries of claiming what another process makes.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Why there is no variant.
#[derive(Debug)]
#[non_exhaustive]
pub enum PickError {
    /// The generator failed.
    Failed(Failure),
    /// It failed for another thread that asked for the same; what it said.
    Elsewhere(String),
    /// The cache refused.
    Cache(Error),
}

impl fmt::Display for PickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "there is no variant, and none could be made: {failure}"),
            Self::Elsewhere(message) => write!(f, "there is no variant, and none could be made: {message}"),
            Self::Cache(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for PickError {}

impl Pool {
    /// Picks a variant; where there is none, makes one and stores it. One that cannot be stored is answered all the same.
    ///
    /// # Errors
    /// [`PickError::Failed`] and [`PickError::Elsewhere`] when there is none and none could be made; [`PickError::Cache`] as
    /// [`pick`](Self::pick).
    pub fn pick_or_generate(&self, combination: &Combination, generator: &dyn Generator) -> Result<Picked, PickError> {
        let stop = Stop::new().map_err(|e| Failure::new(FailureKind::NotStarted, format!("there is no pipe left: {e}")));
        self.pick_or_generate_until(combination, generator, &stop.map_err(PickError::Failed)?)
    }

    /// As [`pick_or_generate`](Self::pick_or_generate), with a request to stop.
    ///
    /// # Errors
    /// As [`pick_or_generate`](Self::pick_or_generate).
    pub fn pick_or_generate_until(
        &self,
        combination: &Combination,
        generator: &dyn Generator,
        stop: &Stop,
    ) -> Result<Picked, PickError> {
        loop {
            if let Some(picked) = self.pick(combination)? {
                return Ok(picked);
            }
            match self.inner().flights.join(self.cache.id, combination.key())? {
                Joined::Compute(flying) => {
                    flying.begins();
                    let made = self.make_now(combination, generator, stop);
                    flying.land(match &made {
                        Ok(picked) => Landed::Value(picked.value.as_slice().into()),
                        Err(e) => Landed::Failed(e.to_string().into()),
                    });
                    return made;
                }
                Joined::Wait(waiting) => {
                    let until = Instant::now() + PATIENCE;
                    let left = |_| until.checked_duration_since(Instant::now());
                    match waiting.wait(left) {
                        Some(Landed::Failed(message)) => return Err(PickError::Elsewhere(message.to_string())),
                        Some(_) => {}
                        None => return self.make_now(combination, generator, stop),
                    }
                }
            }
        }
    }

    fn make_now(&self, combination: &Combination, generator: &dyn Generator, stop: &Stop) -> Result<Picked, PickError> {
        let _claimed = self.claim_patiently(combination);
        // Whoever had the claim until now may have made one.
        if let Some(picked) = self.pick(combination)? {
            return Ok(picked);
        }
        let info = self.info()?;
        let now = self.inner().clock.now();
        // What the round lacks is made first.
        let missing = self.look_with(&info, combination)?.missing.first().copied();
        let (generation, entry) = missing.map_or((now / 1000, 1), |entry| (info.generation, entry));
        let request = Request::new(self.name(), combination.values(), generation, entry, stop);
        let variant = generator.generate(&request).map_err(PickError::Failed)?;
        tracing::info!(pool = self.name(), "made a variant of {combination} at once: there was none");
        let new = NewVariant::from(variant);
        let added = self.add_at(&info, combination, missing.map(|_| (generation, entry)), &new);
        let place = match added {
            Ok(added) => (added.generation, added.entry),
            Err(e) => {
                tracing::warn!(pool = self.name(), "a variant of {combination} was not stored: {e}");
                (generation, entry)
            }
        };
        Ok(Picked {
            content_type: new.variant.content_type.unwrap_or_default(),
            value: new.variant.value,
            generation: place.0,
            entry: place.1,
            cached_at: now,
            variants: 1,
            is_new: true,
        })
    }

    /// The right to make a variant at once, if it can be had before patience ends.
    fn claim_patiently(&self, combination: &Combination) -> Option<Claimed<'_>> {
        let hash = self.cache.hash(&variant_key(combination.key(), 0, 0));
        let until = Instant::now() + PATIENCE;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let claimed = self.claim(hash);
            if claimed.is_some() || Instant::now() >= until {
                return claimed;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
