//! One computation for each key, among threads, tasks and processes.
//!
//! Who finds nothing takes off (`flight`), takes the lease in the store, looks again, computes, stores and lands. Who comes
//! meanwhile waits, or takes a value that is stale but usable. Waiting has a limit, after which the waiter computes itself.
//! What this process deletes while it is computed is answered and not stored: it was computed from what is outdated.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `policy` | what a caller says, and what it is answered |
//! | `look` | what there is before a computation; early refresh |
//! | `outcome` | what becomes of a result |
//! | `patience` | how long a caller waits |
//! | `lease` | leave to compute, among processes |
//! | `later` | refreshing in the background |
//! | `ahead` | computing what nobody has asked for yet |
//! | `task` | the same for futures |

mod ahead;
mod later;
mod lease;
mod look;
mod outcome;
mod patience;
mod policy;
mod task;

use std::fmt;

pub(super) use ahead::Ahead;
pub use policy::{Compute, ComputeError, Computed, Known, Refresh, Source};

use super::Cache;
use super::options::SetOptions;
use super::stopwatch::Stopwatch;
use crate::circle::Within;
use crate::error::{Error, Result};
use crate::flight::{Flying, Joined, Landed, Waiting};
use crate::store::Lease;
use lease::Leave;
use look::{Held, Next};
use patience::{After, Patience};
use policy::Answer;

/// Hands a computation to the background: the value that is there, and what makes a new one.
type Defer<F> = fn(&Cache, &[u8], &Compute, Flying, &Held, F);

impl Cache {
    /// The value under a key, or the one that `compute` makes, stored with `options`. However many threads and processes
    /// ask for a missing key, one computes and the others wait, up to a minute; then they compute themselves. A value within
    /// its stale window is computed anew by one and answered to the others.
    ///
    /// [`compute`](Self::compute) is the same with more to choose.
    ///
    /// # Errors
    /// `InvalidArgument` when `compute` asks for the same key, or for one whose computation waits for it; else as
    /// [`get`](Self::get). A value that cannot be stored is returned all the same.
    pub fn get_or_insert_with(
        &self,
        key: impl AsRef<[u8]>,
        options: &SetOptions,
        compute: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>> {
        self.get_or_try_insert_with(key, options, || Ok::<_, Error>(compute()))
    }

    /// As [`get_or_insert_with`](Self::get_or_insert_with), for a computation that can fail. A failure is not stored; who
    /// waited for it tries in turn.
    ///
    /// # Errors
    /// The computation's, and those of [`get_or_insert_with`](Self::get_or_insert_with).
    pub fn get_or_try_insert_with<E: From<Error>>(
        &self,
        key: impl AsRef<[u8]>,
        options: &SetOptions,
        compute: impl FnOnce() -> std::result::Result<Vec<u8>, E>,
    ) -> std::result::Result<Vec<u8>, E> {
        self.get_or_try_insert(key.as_ref(), options, compute).map(|(value, _)| value)
    }

    /// As [`get_or_try_insert_with`](Self::get_or_try_insert_with); answers the content type too.
    pub(super) fn get_or_try_insert<E: From<Error>>(
        &self,
        key: &[u8],
        options: &SetOptions,
        compute: impl FnOnce() -> std::result::Result<Vec<u8>, E>,
    ) -> std::result::Result<(Vec<u8>, String), E> {
        let policy = Compute { plain: true, ..Compute::new(options.clone()) };
        // The failure is the caller's own: it needs no text for others.
        let computed = self.run(key, &policy, || compute().map(Some).map_err(Own), None);
        match computed {
            Ok(Answer { value: Some(value), content_type, .. }) => Ok((value, content_type)),
            Ok(_) => Err(Error::new(crate::ErrorKind::Internal, "a plain computation ended without a value").into()),
            Err(ComputeError::Failed(Own(e))) => Err(e),
            Err(ComputeError::Elsewhere(message)) => Err(Error::new(crate::ErrorKind::Internal, message).into()),
            Err(ComputeError::Cache(e)) => Err(e.into()),
        }
    }

    /// What is under a key, or what `compute` makes: a value, or `None` for "there is none". What is stale, absent or failed
    /// is dealt with as `policy` says.
    ///
    /// ```
    /// # use larder::{Cache, Compute, Refresh, SetOptions, Source};
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    /// let policy = Compute::new(SetOptions::new().ttl(hour).stale(24 * hour))
    ///     .refresh(Refresh::Background)
    ///     .remember_absence(minute)
    ///     .remember_failure(minute);
    /// let cache = Cache::builder().open()?;
    /// let user = cache.compute("user:42", &policy, || Ok::<_, std::io::Error>(Some(b"Ada".to_vec())))?;
    /// assert_eq!((user.value.as_deref(), user.source), (Some(&b"Ada"[..]), Source::Computed));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ComputeError::Failed`] with the computation's own error, [`ComputeError::Elsewhere`] when it failed for somebody
    /// else, now or as long ago as is remembered; [`ComputeError::Cache`] as
    /// [`get_or_insert_with`](Self::get_or_insert_with), and `InvalidArgument` for a policy outside its range. A value that
    /// cannot be stored is returned all the same.
    pub fn compute<E, F>(
        &self,
        key: impl AsRef<[u8]>,
        policy: &Compute,
        compute: F,
    ) -> std::result::Result<Computed, ComputeError<E>>
    where
        E: fmt::Display,
        F: FnOnce() -> std::result::Result<Option<Vec<u8>>, E> + Send + 'static,
    {
        policy.validate()?;
        let defer = (policy.refresh == Refresh::Background).then_some(Self::refresh_later as Defer<F>);
        self.run(key.as_ref(), policy, compute, defer).map(Computed::from)
    }

    fn run<E: fmt::Display, F: FnOnce() -> std::result::Result<Option<Vec<u8>>, E>>(
        &self,
        key: &[u8],
        policy: &Compute,
        compute: F,
        defer: Option<Defer<F>>,
    ) -> std::result::Result<Answer, ComputeError<E>> {
        let mut patience = Patience::new(self, policy);
        loop {
            let flying = match self.look(key, policy)? {
                Next::Known(answer) => return Ok(answer),
                Next::FailedBefore(message) => return Err(ComputeError::Elsewhere(message)),
                Next::Renew(flying, held) => {
                    if let Some(defer) = defer {
                        defer(self, key, policy, flying, &held, compute);
                        return Ok(held.answer());
                    }
                    let Leave::Given(lease) = self.leave_now(key, policy) else { return Ok(held.answer()) };
                    if !self.is_still(key, Some(held.version))? {
                        continue;
                    }
                    return self.perform(key, policy, flying, lease, Some(&held), compute);
                }
                Next::Missing => match self.inner.flights.join(self.id, key)? {
                    Joined::Compute(flying) => flying,
                    Joined::Wait(waiting) => {
                        let landed = wait(&waiting, &mut patience);
                        match self.after_wait(key, policy, waiting, landed, &mut patience)? {
                            After::Answer(shared) => return shared,
                            After::Again => continue,
                            After::Fly(flying) => flying,
                        }
                    }
                },
            };
            let lease = self.leave(key, policy, &mut patience);
            // Whoever had the lease until now, or was quicker, may have stored what is missing.
            if !self.is_still(key, None)?
                && let Some(answer) = self.look_again(key, policy)?
            {
                flying.land(answer.landing());
                return answer.into_result();
            }
            return self.perform(key, policy, flying, lease, None, compute);
        }
    }

    fn perform<E: fmt::Display>(
        &self,
        key: &[u8],
        policy: &Compute,
        flying: Flying,
        lease: Option<Lease>,
        held: Option<&Held>,
        compute: impl FnOnce() -> std::result::Result<Option<Vec<u8>>, E>,
    ) -> std::result::Result<Answer, ComputeError<E>> {
        flying.begins();
        let watch = Stopwatch::start(&self.inner.clock);
        let outcome = {
            let _within = Within::enter(flying.id());
            compute()
        };
        self.settle(key, policy, flying, lease, held, watch.elapsed(), outcome)
    }
}

/// Waits for a flight; `None` when that took too long.
fn wait(waiting: &Waiting, patience: &mut Patience) -> Option<Landed> {
    let mut computes_already = false;
    waiting.wait(|computes| {
        if computes && !computes_already {
            computes_already = true;
            patience.restart();
        }
        patience.left()
    })
}

/// An error that nobody else is told of.
struct Own<E>(E);

impl<E> fmt::Display for Own<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the computation failed")
    }
}
