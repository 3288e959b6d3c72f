//! How long a caller waits for others: for a flight of its own process, for the lease of another one.

use std::time::Duration;

use super::super::Cache;
use super::super::stopwatch::Stopwatch;
use super::look::absent;
use super::policy::{Answer, Compute, ComputeError, Source};
use crate::error::Result;
use crate::flight::{Flying, Joined, Landed, Waiting};

/// How often a wait may begin anew because the computation waited for is another one now.
const RENEWALS: u32 = 1;

/// What is left of a caller's patience.
pub(super) struct Patience {
    watch: Stopwatch,
    limit: Duration,
    renewals: u32,
    is_counted: bool,
}

impl Patience {
    pub(super) fn new(cache: &Cache, policy: &Compute) -> Self {
        let watch = Stopwatch::start(&cache.inner.clock);
        Self { watch, limit: policy.wait, renewals: 0, is_counted: false }
    }

    /// How long to pause before asking again; `None` when it is over.
    pub(super) fn left(&self) -> Option<Duration> {
        self.watch.left_of(self.limit)
    }

    /// Begins anew, because what is waited for only begins now.
    pub(super) fn restart(&mut self) {
        self.watch.restart();
    }

    /// Begins anew for another computation; false when that was so before.
    pub(super) fn renew(&mut self) -> bool {
        let may = self.renewals < RENEWALS;
        if may {
            self.renewals += 1;
            self.watch.restart();
        }
        may
    }

    /// Counts a caller who will not wait any longer, once.
    pub(super) fn give_up(&mut self, cache: &Cache) {
        if !self.is_counted {
            self.is_counted = true;
            cache.inner.count_more(cache.id, |counters| counters.waits_given_up += 1);
        }
    }
}

/// What comes after a wait.
pub(super) enum After<E> {
    Answer(std::result::Result<Answer, ComputeError<E>>),
    /// Look again.
    Again,
    /// Compute oneself.
    Fly(Flying),
}

impl Cache {
    /// What to do after a wait for a flight that landed so, or did not land in time.
    pub(super) fn after_wait<E>(
        &self,
        key: &[u8],
        policy: &Compute,
        waiting: Waiting,
        landed: Option<Landed>,
        patience: &mut Patience,
    ) -> Result<After<E>> {
        let landed = match landed {
            // There is another flight now, which deserves its time.
            Some(Landed::Overtaken) if patience.renew() => return Ok(After::Again),
            Some(Landed::Overtaken) => None,
            landed => landed,
        };
        let Some(landed) = landed else {
            patience.give_up(self);
            return Ok(match waiting.overtake()? {
                Joined::Compute(flying) => After::Fly(flying),
                Joined::Wait(_) if patience.renew() => After::Again,
                Joined::Wait(_) => After::Fly(self.inner.flights.alone(self.id, key)?),
            });
        };
        let shared = match landed {
            Landed::Value(value) => Ok(Answer {
                value: Some(value.to_vec()),
                content_type: policy.options.content_type.clone(),
                source: Source::Shared,
            }),
            Landed::Absent if !policy.plain => Ok(absent(Source::Shared)),
            Landed::Failed(message) if !policy.plain => Err(ComputeError::Elsewhere(message.to_string())),
            Landed::Absent | Landed::Failed(_) | Landed::Nothing | Landed::Overtaken => return Ok(After::Again),
        };
        self.inner.count_more(self.id, |counters| counters.computations_shared += 1);
        Ok(After::Answer(shared))
    }
}
