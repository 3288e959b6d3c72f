//! What becomes of a computation's result: a value is stored, an absence or a failure remembered, and who waits is told.

use std::fmt;
use std::time::Duration;

use super::super::Cache;
use super::super::negative::Negative;
use super::super::options::{SetOptions, millis};
use super::look::{Held, TOOK, absent};
use super::policy::{Answer, Compute, ComputeError, Source};
use crate::flight::{Flying, Landed};
use crate::store::Lease;

/// Bytes of an error's text that are remembered.
const MESSAGE: usize = 1000;

/// How long a stale value is left alone after its renewal failed, if the policy does not say.
const REST: Duration = Duration::from_secs(1);

/// How long an absence lasts that only has to end a value: as short as can be.
const MOMENT: Duration = Duration::from_millis(1);

impl Cache {
    /// Ends a computation that took so long. `held` is the value that was to be renewed.
    #[expect(clippy::too_many_arguments, reason = "what a computation began with, and what came of it")]
    pub(super) fn settle<E: fmt::Display>(
        &self,
        key: &[u8],
        policy: &Compute,
        flying: Flying,
        lease: Option<Lease>,
        held: Option<&Held>,
        took: Duration,
        outcome: Result<Option<Vec<u8>>, E>,
    ) -> Result<Answer, ComputeError<E>> {
        self.inner.count_more(self.id, |counters| counters.computations += 1);
        let seen = held.map(|held| held.version);
        let settled = match outcome {
            Ok(Some(value)) => {
                let overtaken = flying.is_overtaken() || lease.as_ref().is_some_and(Lease::is_lost);
                if !flying.is_outdated() {
                    self.keep(key, policy, &value, took, overtaken);
                }
                flying.land(Landed::Value(value.as_slice().into()));
                let content_type = policy.options.content_type.clone();
                Ok(Answer { value: Some(value), content_type, source: Source::Computed })
            }
            Ok(None) => {
                // What is there says otherwise and must go, remembered or not.
                if let Some(ttl) = policy.absence.or(held.map(|_| MOMENT)).filter(|_| !flying.is_outdated()) {
                    self.note(key, Negative::Absent, "", ttl, seen, &policy.options);
                }
                flying.land(Landed::Absent);
                Ok(absent(Source::Computed))
            }
            Err(e) => self.settle_failure(key, policy, flying, seen, e),
        };
        // Given back only now: who waits for it finds what was stored.
        drop(lease);
        settled
    }

    fn settle_failure<E: fmt::Display>(
        &self,
        key: &[u8],
        policy: &Compute,
        flying: Flying,
        seen: Option<u64>,
        failure: E,
    ) -> Result<Answer, ComputeError<E>> {
        self.inner.count_more(self.id, |counters| counters.computations_failed += 1);
        let message = shorten(failure.to_string());
        // Asked now: its window may have passed while the computation ran, or somebody may have set another.
        let held = if seen.is_some() && !policy.plain { self.held(key).unwrap_or_default() } else { None };
        if seen.is_some() {
            let now = self.inner.clock.now();
            flying.rest(now.saturating_add(millis(policy.failure.unwrap_or(REST))), now);
        }
        match held {
            Some(held) if policy.stale_if_error => {
                flying.land(Landed::Failed(message.as_str().into()));
                Ok(held.answer_on_error(&message))
            }
            held => {
                // A value that may still be answered is worth more than the memory of a failure.
                if let (None, Some(ttl), false) = (held, policy.failure, flying.is_outdated()) {
                    self.note(key, Negative::Failed, &message, ttl, None, &policy.options);
                }
                flying.land(Landed::Failed(message.into()));
                Err(ComputeError::Failed(failure))
            }
        }
    }

    fn keep(&self, key: &[u8], policy: &Compute, value: &[u8], took: Duration, overtaken: bool) {
        let timed = policy.early.map(|_| policy.options.clone().metadata(TOOK, took.as_micros().to_string()));
        let options = timed.as_ref().unwrap_or(&policy.options);
        // Whoever computed in the place of one that was given up knows better.
        let kept = match overtaken {
            true => self.add(key, value, options).map(drop),
            false => self.set_with(key, value, options).map(drop),
        };
        if let Err(e) = kept {
            tracing::warn!("a computed value was not stored: {e}");
        }
    }

    fn note(
        &self,
        key: &[u8],
        negative: Negative,
        message: &str,
        ttl: Duration,
        seen: Option<u64>,
        options: &SetOptions,
    ) {
        if let Err(e) = self.remember(key, negative, message, ttl, seen, options) {
            tracing::warn!("it is not remembered that there is no value: {e}");
        }
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > MESSAGE {
        text.truncate(text.floor_char_boundary(MESSAGE));
    }
    text
}
