//! The same for futures, whatever runtime polls them: who waits leaves its waker with the flight, and a thread of the
//! library's own wakes it when its patience is over, or to ask for the lease again.
//!
//! A future that is dropped drops its flight and its lease with it, which frees who waits. The cache itself is called
//! while the future is polled: that takes microseconds, or a write to the disk.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::super::Cache;
use super::super::stopwatch::Stopwatch;
use super::lease::{self, Leave, Tried};
use super::look::{Held, Next};
use super::patience::{After, Patience};
use super::policy::{Answer, Compute, ComputeError, Computed, Refresh};
use crate::circle::Within;
use crate::flight::{Flying, Joined, Landed, Waiting};
use crate::store::Lease;
use crate::timer::wake_after;
use crate::workers::Place;

type Outcome<E> = Result<Option<Vec<u8>>, E>;

impl Cache {
    /// As [`compute`](Self::compute), for computations that are futures, on any runtime. The future does nothing until it is
    /// polled, and may be dropped at any time: another of those who wait then computes. With [`Refresh::Background`] and
    /// [`Compute::spawn`] a due value is renewed by a future of its own.
    ///
    /// # Errors
    /// As [`compute`](Self::compute).
    pub fn compute_async<E, F, U>(
        &self,
        key: impl AsRef<[u8]>,
        policy: &Compute,
        compute: F,
    ) -> Pin<Box<dyn Future<Output = Result<Computed, ComputeError<E>>> + Send>>
    where
        E: fmt::Display + Send + 'static,
        F: FnOnce() -> U + Send + 'static,
        U: Future<Output = Outcome<E>> + Send + 'static,
    {
        let (cache, key, policy) = (self.clone(), key.as_ref().to_vec(), policy.clone());
        Box::pin(async move {
            policy.validate()?;
            cache.run_async(&key, &policy, compute).await.map(Computed::from)
        })
    }

    async fn run_async<E, F, U>(&self, key: &[u8], policy: &Compute, compute: F) -> Result<Answer, ComputeError<E>>
    where
        E: fmt::Display + Send + 'static,
        F: FnOnce() -> U + Send + 'static,
        U: Future<Output = Outcome<E>> + Send + 'static,
    {
        let mut patience = Patience::new(self, policy);
        loop {
            let flying = match self.look(key, policy)? {
                Next::Known(answer) => return Ok(answer),
                Next::FailedBefore(message) => return Err(ComputeError::Elsewhere(message)),
                Next::Renew(flying, held) => {
                    if policy.refresh == Refresh::Background && policy.spawner.is_some() {
                        match self.inner.workers.take_place() {
                            Some(place) => self.spawn_refresh(key, policy, flying, &held, place, compute),
                            None => self.refuse_refresh(),
                        }
                        return Ok(held.answer());
                    }
                    let Leave::Given(lease) = self.leave_now(key, policy) else { return Ok(held.answer()) };
                    if !self.is_still(key, Some(held.version))? {
                        continue;
                    }
                    return self.perform_async(key, policy, flying, lease, Some(&held), compute).await;
                }
                Next::Missing => match self.inner.flights.join(self.id, key)? {
                    Joined::Compute(flying) => flying,
                    Joined::Wait(waiting) => {
                        let landed = wait(&waiting, &mut patience).await;
                        match self.after_wait(key, policy, waiting, landed, &mut patience)? {
                            After::Answer(shared) => return shared,
                            After::Again => continue,
                            After::Fly(flying) => flying,
                        }
                    }
                },
            };
            let lease = match self.wait_for_leave(key, policy) {
                Some(waiting) => leave(waiting, &mut patience).await,
                None => None,
            };
            if !self.is_still(key, None)?
                && let Some(answer) = self.look_again(key, policy)?
            {
                flying.land(answer.landing());
                return answer.into_result();
            }
            return self.perform_async(key, policy, flying, lease, None, compute).await;
        }
    }

    async fn perform_async<E, F, U>(
        &self,
        key: &[u8],
        policy: &Compute,
        flying: Flying,
        lease: Option<Lease>,
        held: Option<&Held>,
        compute: F,
    ) -> Result<Answer, ComputeError<E>>
    where
        E: fmt::Display,
        F: FnOnce() -> U,
        U: Future<Output = Outcome<E>>,
    {
        flying.begins();
        let watch = Stopwatch::start(&self.inner.clock);
        let outcome = within(flying.id(), compute).await;
        self.settle(key, policy, flying, lease, held, watch.elapsed(), outcome)
    }

    fn spawn_refresh<E, F, U>(
        &self,
        key: &[u8],
        policy: &Compute,
        flying: Flying,
        held: &Held,
        place: Place,
        compute: F,
    ) where
        E: fmt::Display + Send + 'static,
        F: FnOnce() -> U + Send + 'static,
        U: Future<Output = Outcome<E>> + Send + 'static,
    {
        let Some(spawn) = &policy.spawner else { return };
        let (loose, key, held) = (self.loose(), key.to_vec(), held.seen());
        let policy_of_task = policy.clone();
        spawn(Box::pin(async move {
            let _place = place;
            let policy = policy_of_task;
            let Some(cache) = loose.upgrade() else { return };
            let Leave::Given(lease) = cache.leave_now(&key, &policy) else { return };
            if !cache.is_still(&key, Some(held.version)).unwrap_or(false) {
                return;
            }
            let watch = Stopwatch::start(&cache.inner.clock);
            drop(cache);
            flying.begins();
            let outcome = within(flying.id(), compute).await;
            let Some(cache) = loose.upgrade() else { return };
            if let Err(e) = &outcome {
                tracing::warn!("a stale value was not renewed: {e}");
            }
            // What is answered, nobody hears.
            let _ = cache.settle(&key, &policy, flying, lease, Some(&held), watch.elapsed(), outcome);
        }));
    }
}

/// Runs a future as the computation of this number.
async fn within<U: Future>(id: u64, make: impl FnOnce() -> U) -> U::Output {
    let future = {
        let _within = Within::enter(id);
        make()
    };
    let mut future = pin!(future);
    poll_fn(|context| {
        let _within = Within::enter(id);
        future.as_mut().poll(context)
    })
    .await
}

/// Waits for a flight; `None` when that took too long.
async fn wait(waiting: &Waiting, patience: &mut Patience) -> Option<Landed> {
    let mut computes_already = false;
    poll_fn(|context| {
        waiting.poll(context, |computes| {
            if computes && !computes_already {
                computes_already = true;
                patience.restart();
            }
            patience.left()
        })
    })
    .await
}

/// Waits for leave to compute.
async fn leave(mut waiting: lease::Waiting<'_>, patience: &mut Patience) -> Option<Lease> {
    loop {
        match waiting.again(patience) {
            Tried::Leave(lease) => return lease,
            Tried::Again(pause) => rest(pause).await,
        }
    }
}

async fn rest(pause: Duration) {
    let until = Instant::now() + pause;
    poll_fn(|context| {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        wake_after(left, context.waker().clone());
        Poll::Pending
    })
    .await;
}
