//! Spans of time: by a steady clock, or by the one that the cache was given.

use std::time::{Duration, Instant};

use super::Clock;

/// Nobody tells when a given clock goes on, so it is asked this often.
const LOOK: Duration = Duration::from_millis(2);

/// Measures from when it was started.
#[derive(Debug, Clone)]
pub(super) struct Stopwatch {
    clock: Clock,
    began: Began,
}

#[derive(Debug, Clone, Copy)]
enum Began {
    At(Instant),
    /// Unix milliseconds.
    Given(u64),
}

impl Stopwatch {
    pub(super) fn start(clock: &Clock) -> Self {
        let began = match clock {
            Clock::System => Began::At(Instant::now()),
            Clock::Custom(now) => Began::Given(now()),
        };
        Self { clock: clock.clone(), began }
    }

    pub(super) fn restart(&mut self) {
        *self = Self::start(&self.clock);
    }

    pub(super) fn elapsed(&self) -> Duration {
        match self.began {
            Began::At(then) => then.elapsed(),
            Began::Given(then) => Duration::from_millis(self.clock.now().saturating_sub(then)),
        }
    }

    /// How long to pause before asking again, as long as `limit` is not over.
    pub(super) fn left_of(&self, limit: Duration) -> Option<Duration> {
        let left = limit.checked_sub(self.elapsed()).filter(|left| !left.is_zero())?;
        Some(match self.began {
            Began::At(_) => left,
            Began::Given(_) => left.min(LOOK),
        })
    }
}
