//! Computing what nobody has asked for yet.

use super::super::Cache;
use super::super::options::SetOptions;
use super::super::stopwatch::Stopwatch;
use super::lease::Leave;
use super::policy::{Compute, ComputeError};
use crate::circle::Within;
use crate::error::Result;
use crate::generate::{Failure, Variant};

/// What came of it.
pub(in super::super) enum Ahead {
    Computed,
    /// It is there, or somebody computes it.
    Needless,
    Failed(String),
}

impl Cache {
    /// Computes what is under a key and stores it with `options`, unless it is there and fresh, or somebody computes it. Who asks for
    /// it meanwhile waits for this computation, as for any other. Counts as no read.
    pub(in super::super) fn compute_ahead(
        &self,
        key: &[u8],
        options: &SetOptions,
        compute: impl FnOnce() -> std::result::Result<Variant, Failure>,
    ) -> Result<Ahead> {
        if self.is_fresh(key)? {
            return Ok(Ahead::Needless);
        }
        let now = self.inner.clock.now();
        let Some(flying) = self.inner.flights.join_if_first(self.id, key, now)? else { return Ok(Ahead::Needless) };
        let mut policy = Compute { plain: true, ..Compute::new(options.clone()) };
        let Leave::Given(lease) = self.leave_now(key, &policy) else { return Ok(Ahead::Needless) };
        // Whoever had the lease until now may have stored it.
        if self.is_fresh(key)? {
            return Ok(Ahead::Needless);
        }
        flying.begins();
        let watch = Stopwatch::start(&self.inner.clock);
        let outcome = {
            let _within = Within::enter(flying.id());
            compute()
        };
        let outcome = outcome.map(|Variant { value, content_type, .. }| {
            if let Some(content_type) = content_type {
                policy.options = policy.options.clone().content_type(content_type);
            }
            Some(value)
        });
        match self.settle(key, &policy, flying, lease, None, watch.elapsed(), outcome) {
            Ok(_) => Ok(Ahead::Computed),
            Err(ComputeError::Failed(failure)) => Ok(Ahead::Failed(failure.to_string())),
            Err(ComputeError::Elsewhere(reason)) => Ok(Ahead::Failed(reason)),
            Err(ComputeError::Cache(e)) => Err(e),
        }
    }

    /// Whether a value is there that nobody need renew, or the knowledge that there is none.
    fn is_fresh(&self, key: &[u8]) -> Result<bool> {
        let now = self.inner.clock.now();
        Ok(self.peek(key)?.is_some_and(|info| info.expires.is_none_or(|end| end > now)))
    }
}
