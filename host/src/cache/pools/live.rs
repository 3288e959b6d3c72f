//! Picking, or making a variant at once where there is none. However many threads and processes ask for an empty combination at
//! the same time, one makes the variant.

use std::fmt;
use std::time::{Duration, Instant};

use super::items::{Claimed, generate};
use super::pick::variant_key;
use super::{Accumulate, Combination, NewVariant, Picked, Pool};
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

impl From<Error> for PickError {
    fn from(e: Error) -> Self {
        Self::Cache(e)
    }
}

impl Pool {
    /// Picks a variant; where there is none, makes one and stores it. One that cannot be stored is answered all the same.
    ///
    /// # Errors
    /// [`PickError::Failed`] and [`PickError::Elsewhere`] when there is none and none could be made; [`PickError::Cache`] as
    /// [`pick`](Self::pick).
    pub fn pick_or_generate(&self, combination: &Combination, generator: &dyn Generator) -> Result<Picked, PickError> {
        let options =
            Accumulate::new().map_err(|e| Failure::new(FailureKind::NotStarted, format!("there is no pipe left: {e}")));
        self.pick_or_generate_with(combination, generator, &options.map_err(PickError::Failed)?)
    }

    /// As [`pick_or_generate`](Self::pick_or_generate), with a request to stop and the options of the entry: what else is asked
    /// of a round does not count here.
    ///
    /// # Errors
    /// As [`pick_or_generate`](Self::pick_or_generate).
    pub fn pick_or_generate_with(
        &self,
        combination: &Combination,
        generator: &dyn Generator,
        options: &Accumulate,
    ) -> Result<Picked, PickError> {
        let stop = &options.stop;
        loop {
            if let Some(picked) = self.pick(combination)? {
                return Ok(picked);
            }
            match self.inner().flights.join(self.cache.id, combination.key())? {
                Joined::Compute(flying) => {
                    flying.begins();
                    let made = self.make_now(combination, generator, options);
                    flying.land(match &made {
                        Ok(picked) => Landed::Value(picked.value.as_slice().into()),
                        Err(e) => Landed::Failed(e.to_string().into()),
                    });
                    return made;
                }
                Joined::Wait(waiting) => {
                    let until = Instant::now() + PATIENCE;
                    let left = |_| {
                        let left = until.checked_duration_since(Instant::now()).filter(|_| !stop.is_stopped());
                        left.map(|left| left.min(LONGEST_PAUSE))
                    };
                    match waiting.wait(left) {
                        Some(Landed::Failed(message)) => return Err(PickError::Elsewhere(message.to_string())),
                        Some(_) => {}
                        None => return self.make_now(combination, generator, options),
                    }
                }
            }
        }
    }

    fn make_now(
        &self,
        combination: &Combination,
        generator: &dyn Generator,
        options: &Accumulate,
    ) -> Result<Picked, PickError> {
        let stop = &options.stop;
        let hash = |(generation, entry)| self.cache.hash(&variant_key(combination.key(), generation, entry));
        let _live = patiently(stop, || Ok(self.claim(hash((0, 0)))))?;
        let info = self.known()?;
        // What the round lacks is made first. Where others make all of that, they bring one sooner than this one could.
        let turn = patiently(stop, || {
            // Whoever had the claim until now may have made one.
            if let Some(picked) = self.pick(combination)? {
                return Ok(Some(Turn::There(picked)));
            }
            let missing = self.look_with(&info, combination)?.missing;
            if missing.is_empty() {
                return Ok(Some(Turn::Make(None)));
            }
            let places = missing.into_iter().map(|entry| (info.generation, entry));
            Ok(places.filter_map(|place| Some(Turn::Make(Some((place, self.claim(hash(place))?))))).next())
        })?;
        let claimed = match turn {
            Some(Turn::There(picked)) => return Ok(picked),
            _ if stop.is_stopped() => return Err(stopped()),
            Some(Turn::Make(claimed)) => claimed,
            None => None,
        };
        let place = claimed.as_ref().map(|(place, _)| *place);
        let now = self.inner().clock.now();
        let (generation, entry) = place.unwrap_or((now / 1000, 1));
        let request = Request::new(self.name(), combination.values(), generation, entry, stop);
        let variant = generate(generator, &request).map_err(PickError::Failed)?;
        tracing::info!(pool = self.name(), "made a variant of {combination} at once: there was none");
        let new = NewVariant { variant, options: options.options.clone() };
        let added = self.known().and_then(|info| self.add_at(&info, combination, place, &new));
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
}

/// Whose turn it is to make a variant.
enum Turn<'a> {
    /// It is made.
    There(Picked),
    /// One's own, in this place if the round lacks one.
    Make(Option<((u64, u32), Claimed<'a>)>),
}

/// What `attempt` brings at last. `None` when patience ends before it brings something, or somebody says stop.
fn patiently<T>(stop: &Stop, mut attempt: impl FnMut() -> crate::Result<Option<T>>) -> Result<Option<T>, PickError> {
    let until = Instant::now() + PATIENCE;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let brought = attempt()?;
        if brought.is_some() || Instant::now() >= until || stop.wait(pause) {
            return Ok(brought);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn stopped() -> PickError {
    PickError::Failed(Failure::new(FailureKind::Stopped, "somebody asked to stop"))
}
