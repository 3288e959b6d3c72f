//! Refreshing in the background: by the cache's workers, which hold on to the cache only while they use it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::super::stopwatch::Stopwatch;
use super::super::{Cache, Inner};
use super::lease::Leave;
use super::look::Held;
use super::policy::Compute;
use crate::circle::Within;
use crate::flight::Flying;

/// A handle that does not keep the cache open.
pub(super) struct Loose {
    inner: Weak<Inner>,
    id: u32,
    hash: u64,
    recorded: u64,
}

impl Loose {
    pub(super) fn upgrade(&self) -> Option<Cache> {
        let inner = self.inner.upgrade()?;
        Some(Cache { inner, id: self.id, hash: self.hash, recorded: self.recorded, learner: None })
    }
}

impl Cache {
    pub(super) fn loose(&self) -> Loose {
        Loose { inner: Arc::downgrade(&self.inner), id: self.id, hash: self.hash, recorded: self.recorded }
    }

    /// Has a worker renew a value. When they have too much to do, it stays due.
    pub(super) fn refresh_later<E, F>(&self, key: &[u8], policy: &Compute, flying: Flying, held: &Held, compute: F)
    where
        E: fmt::Display,
        F: FnOnce() -> Result<Option<Vec<u8>>, E> + Send + 'static,
    {
        let (loose, key, policy, held) = (self.loose(), key.to_vec(), policy.clone(), held.seen());
        let job = move || {
            let Some(cache) = loose.upgrade() else { return };
            let Leave::Given(lease) = cache.leave_now(&key, &policy) else { return };
            // Another process may have been quicker.
            if !cache.is_still(&key, Some(held.version)).unwrap_or(false) {
                return;
            }
            let watch = Stopwatch::start(&cache.inner.clock);
            drop(cache);
            flying.begins();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let _within = Within::enter(flying.id());
                compute().map_err(|e| e.to_string())
            }));
            let outcome = outcome.unwrap_or_else(|_| Err("the computation panicked".to_owned()));
            let Some(cache) = loose.upgrade() else { return };
            if let Err(e) = &outcome {
                tracing::warn!("a stale value was not renewed: {e}");
            }
            // What is answered, nobody hears.
            let _ = cache.settle(&key, &policy, flying, lease, Some(&held), watch.elapsed(), outcome);
        };
        if !self.inner.workers.start(job) {
            self.refuse_refresh();
        }
    }

    pub(super) fn refuse_refresh(&self) {
        self.inner.count_more(self.id, |counters| counters.refreshes_refused += 1);
    }
}
