//! What there is before a computation, and whether it is due.
//!
//! Early refresh is XFetch: a fresh value is renewed when `now + took × beta × −ln(u) ≥ expires`, `u` drawn evenly from
//! (0, 1] by each caller for itself. So the chance rises exponentially towards the end, and one of many callers is early by
//! about the time that the computation takes. Vattani, Chierichetti and Lowenstein, "Optimal probabilistic cache stampede
//! prevention", VLDB 2015.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::Cache;
use super::super::negative::Negative;
use super::policy::{Answer, Compute, Known, Settled, Source};
use crate::component::bindings::{api, types};
use crate::error::Result;
use crate::flight::Flying;

/// The metadata pair that says how many microseconds a computation took.
pub(super) const TOOK: &str = "compute-us";

/// What a caller is to do.
pub(super) enum Next {
    /// Nothing: this is the answer.
    Known(Answer),
    /// Nothing: it failed before, with this message.
    FailedBefore(String),
    /// Renew what is there; nobody else does.
    Renew(Flying, Held),
    /// Compute, or wait for who does.
    Missing,
}

/// A value that is due and may be answered.
pub(super) struct Held {
    value: Vec<u8>,
    content_type: String,
    pub(super) version: u64,
    is_stale: bool,
}

impl Held {
    pub(super) fn answer(self) -> Answer {
        let source = if self.is_stale { Source::Stale } else { Source::Cached };
        Answer { value: Some(self.value), content_type: self.content_type, source }
    }

    /// The same without the value.
    pub(super) fn seen(&self) -> Self {
        Self { value: Vec::new(), content_type: String::new(), ..*self }
    }

    /// Answered because the computation failed.
    pub(super) fn answer_on_error(self, message: &str) -> Answer {
        let is_stale = self.is_stale;
        let answer = self.answer();
        if is_stale { Answer { source: Source::StaleOnError(message.to_owned()), ..answer } } else { answer }
    }
}

impl Cache {
    /// What is known of a key, without computing anything: a value, that there is none, that its computation failed, or
    /// nothing. Counts as a read.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn known(&self, key: impl AsRef<[u8]>) -> Result<Known> {
        let Some(hit) = self.find_any(key.as_ref())? else { return Ok(Known::Unknown) };
        Ok(match Negative::of(&hit.content_type) {
            None => Known::Value(hit.into()),
            Some(Negative::Absent) => Known::Absent,
            Some(Negative::Failed) => Known::Failed(text(&hit)),
        })
    }

    pub(super) fn look(&self, key: &[u8], policy: &Compute) -> Result<Next> {
        let Some(hit) = self.find_any(key)? else { return Ok(Next::Missing) };
        if let Some(negative) = Negative::of(&hit.content_type) {
            if policy.plain {
                return Ok(Next::Missing);
            }
            return Ok(match negative {
                Negative::Absent => Next::Known(absent(Source::Cached)),
                Negative::Failed => Next::FailedBefore(text(&hit)),
            });
        }
        let is_stale = hit.freshness == types::Freshness::Stale;
        let is_due = is_stale || self.is_due_early(key, &hit, policy)?;
        let held = Held { value: hit.value, content_type: hit.content_type, version: hit.version, is_stale };
        if !is_due {
            return Ok(Next::Known(held.answer()));
        }
        let now = self.inner.clock.now();
        Ok(match self.inner.flights.join_if_first(self.id, key, now)? {
            Some(flying) => Next::Renew(flying, held),
            None => Next::Known(held.answer()),
        })
    }

    /// What is there after all, if it makes a computation needless.
    pub(super) fn look_again(&self, key: &[u8], policy: &Compute) -> Result<Option<Settled>> {
        let Some(hit) = self.find_any(key)? else { return Ok(None) };
        Ok(match Negative::of(&hit.content_type) {
            Some(_) if policy.plain => None,
            Some(Negative::Absent) => Some(Settled::Answer(absent(Source::Cached))),
            Some(Negative::Failed) => Some(Settled::Failed(text(&hit))),
            None if hit.freshness == types::Freshness::Stale => None,
            None => Some(Settled::Answer(Answer {
                value: Some(hit.value),
                content_type: hit.content_type,
                source: Source::Cached,
            })),
        })
    }

    /// A value that may be answered although its computation failed.
    pub(super) fn held(&self, key: &[u8]) -> Result<Option<Held>> {
        let hit = self.find_any(key)?.filter(|hit| Negative::of(&hit.content_type).is_none());
        Ok(hit.map(|hit| Held {
            is_stale: hit.freshness == types::Freshness::Stale,
            value: hit.value,
            content_type: hit.content_type,
            version: hit.version,
        }))
    }

    /// Whether what is under a key has still this version, or is still nothing. Counts as no read.
    pub(super) fn is_still(&self, key: &[u8], version: Option<u64>) -> Result<bool> {
        Ok(self.peek(key)?.map(|info| info.version) == version)
    }

    fn is_due_early(&self, key: &[u8], hit: &api::Hit, policy: &Compute) -> Result<bool> {
        let (Some(beta), Some(expires)) = (policy.early, hit.expires) else { return Ok(false) };
        let took = self.peek(key)?.and_then(|info| {
            let pair = info.metadata.into_iter().find(|(name, _)| name == TOOK);
            pair.and_then(|(_, micros)| micros.parse::<u64>().ok())
        });
        let Some(took) = took else { return Ok(false) };
        let left = expires.saturating_sub(self.inner.clock.now());
        Ok(is_early(Duration::from_millis(left), Duration::from_micros(took), beta, self.inner.draw()))
    }
}

impl super::super::Inner {
    /// The next of a row of random numbers.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        // SplitMix64 (Steele, Lea and Flood 2014): the state counts, the answer is scrambled.
        let mut n = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        n ^ (n >> 31)
    }
}

/// The decision of XFetch for one of 2⁶⁴ draws.
fn is_early(left: Duration, took: Duration, beta: f64, draw: u64) -> bool {
    // In (0, 1]: 53 bits are what a double holds.
    let u = ((draw >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    took.as_secs_f64() * beta * -u.ln() >= left.as_secs_f64()
}

pub(super) fn absent(source: Source) -> Answer {
    Answer { value: None, content_type: String::new(), source }
}

fn text(hit: &api::Hit) -> String {
    String::from_utf8_lossy(&hit.value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of 100,000 even draws that are early is `e^(-left / (took × beta))`.
    #[test]
    fn the_chance_of_being_early_is_the_papers() {
        for (left, took, beta, expected) in [
            (0, 10, 1.0, 1.0),
            (10, 10, 1.0, 0.3679),
            (30, 10, 1.0, 0.0498),
            (30, 10, 3.0, 0.3679),
            (500, 10, 1.0, 0.0),
        ] {
            let early = (0..100_000_u64).filter(|n| {
                let draw = n * (u64::MAX / 100_000);
                is_early(Duration::from_secs(left), Duration::from_secs(took), beta, draw)
            });
            let share = early.count() as f64 / 100_000.0;
            assert!((share - expected).abs() < 0.001, "left {left}, took {took}, beta {beta}: {share}");
        }
        assert!(!is_early(Duration::from_secs(1), Duration::ZERO, 1.0, 0), "what takes no time is never early");
    }
}
