//! What a caller says about a computation, and what it is answered.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::super::options::{Hit, SetOptions};
use crate::error::{Error, Result};
use crate::flight::Landed;

/// A future that nobody waits for.
type Detached = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How what is under a key is computed, kept and renewed; for [`Cache::compute`](crate::Cache::compute) and
/// [`Cache::compute_async`](crate::Cache::compute_async). Made once, used for many keys.
#[derive(Clone)]
pub struct Compute {
    pub(super) options: SetOptions,
    pub(super) wait: Duration,
    pub(super) refresh: Refresh,
    pub(super) early: Option<f64>,
    pub(super) absence: Option<Duration>,
    pub(super) failure: Option<Duration>,
    pub(super) stale_if_error: bool,
    pub(super) among_processes: bool,
    pub(super) spawner: Option<Arc<dyn Fn(Detached) + Send + Sync>>,
    /// For callers that know values and errors of their own only: what is remembered instead of a value is computed, and
    /// who waited for a failure tries itself.
    pub(super) plain: bool,
}

/// Who renews a value that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Refresh {
    /// The first who meets it, and waits for the new one; others are answered the old one meanwhile.
    #[default]
    Caller,
    /// A worker (at most [`Builder::refresh_workers`](crate::Builder::refresh_workers) at once); all are answered the old one
    /// at once. When the workers have too much to do, it stays due. Futures need [`Compute::spawn`] for it.
    Background,
}

impl Compute {
    /// Values are stored with `options`: its stale window is how long a value past its time to live may still be
    /// answered.
    pub fn new(options: SetOptions) -> Self {
        Self {
            options,
            wait: Duration::from_secs(60),
            refresh: Refresh::Caller,
            early: None,
            absence: None,
            failure: None,
            stale_if_error: true,
            among_processes: true,
            spawner: None,
            plain: false,
        }
    }

    /// How long to wait for another thread's, task's or process's computation before computing oneself. Default a minute.
    /// Who takes over begins the wait of the others anew, once, so that nobody waits for longer than three times this.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Who renews a value within its stale window. Default [`Refresh::Caller`].
    pub fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        self
    }

    /// Renews a fresh value at random before its time is over, the likelier the nearer that is and the longer its computation
    /// took, so that many callers do not miss it at once (XFetch: Vattani, Chierichetti and Lowenstein, VLDB 2015). 1 is what
    /// the paper recommends; more is earlier. Costs a second look-up with each hit, and a metadata pair `compute-us`, the
    /// microseconds that the computation took. Default: not.
    pub fn early(mut self, beta: f64) -> Self {
        self.early = Some(beta);
        self
    }

    /// Remembers for so long that there is no value. Default: not at all.
    pub fn remember_absence(mut self, ttl: Duration) -> Self {
        self.absence = Some(ttl);
        self
    }

    /// Remembers for so long that the computation failed, and what its error said (1,000 bytes of it). Where a stale value is
    /// answered instead, it is not computed anew for so long by this process; a second, by default. Default otherwise: not at
    /// all.
    pub fn remember_failure(mut self, ttl: Duration) -> Self {
        self.failure = Some(ttl);
        self
    }

    /// Whether a value within its stale window is answered when the computation fails. Default true.
    pub fn stale_if_error(mut self, yes: bool) -> Self {
        self.stale_if_error = yes;
        self
    }

    /// Whether one computation is enough for all processes that share the store. Costs a file that is made, locked and
    /// removed. Default true.
    pub fn among_processes(mut self, yes: bool) -> Self {
        self.among_processes = yes;
        self
    }

    /// Hands futures to a runtime (`tokio::spawn`, for instance), so that [`Refresh::Background`] works with
    /// [`Cache::compute_async`](crate::Cache::compute_async). Without it, futures refresh as [`Refresh::Caller`] says.
    pub fn spawn(mut self, spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static) -> Self {
        self.spawner = Some(Arc::new(spawn));
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.early.is_some_and(|beta| !beta.is_finite() || beta <= 0.0) {
            return Err(Error::invalid("early refresh takes a number above 0; 1 is a good one"));
        }
        if self.absence == Some(Duration::ZERO) || self.failure == Some(Duration::ZERO) {
            return Err(Error::invalid("what is remembered for no time is not remembered; leave it out"));
        }
        Ok(())
    }
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute")
            .field("options", &self.options)
            .field("wait", &self.wait)
            .field("refresh", &self.refresh)
            .field("early", &self.early)
            .field("absence", &self.absence)
            .field("failure", &self.failure)
            .field("stale_if_error", &self.stale_if_error)
            .field("among_processes", &self.among_processes)
            .finish_non_exhaustive()
    }
}

/// What was found or computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The value; `None` when it is known that there is none.
    pub value: Option<Vec<u8>>,
    /// Where that comes from.
    pub source: Source,
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It was there.
    Cached,
    /// It was there, past its time to live and within its stale window. It is being renewed, or will be.
    Stale,
    /// As `Stale`, because the computation failed; what it said.
    StaleOnError(String),
    /// It was computed by this call.
    Computed,
    /// It was computed by somebody whom this call waited for.
    Shared,
}

/// What is known of a key without computing anything; see [`Cache::known`](crate::Cache::known).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Known {
    /// A value.
    Value(Hit),
    /// It was computed, and there is none.
    Absent,
    /// Its computation failed; what it said.
    Failed(String),
    /// Nothing.
    Unknown,
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum ComputeError<E> {
    /// The computation failed.
    Failed(E),
    /// It failed for somebody else, who was waited for or whose failure is remembered; what it said.
    Elsewhere(String),
    /// The cache failed.
    Cache(Error),
}

impl<E> From<Error> for ComputeError<E> {
    fn from(e: Error) -> Self {
        Self::Cache(e)
    }
}

impl<E: fmt::Display> fmt::Display for ComputeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(e) => write!(f, "the computation failed: {e}"),
            Self::Elsewhere(message) => write!(f, "the computation failed for another caller: {message}"),
            Self::Cache(e) => e.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ComputeError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(e) => Some(e),
            Self::Elsewhere(_) => None,
            Self::Cache(e) => Some(e),
        }
    }
}

/// An answer, and the content type that belongs to it.
pub(super) struct Answer {
    pub(super) value: Option<Vec<u8>>,
    pub(super) content_type: String,
    pub(super) source: Source,
}

impl From<Answer> for Computed {
    fn from(answer: Answer) -> Self {
        Self { value: answer.value, source: answer.source }
    }
}

/// What another one brought about.
pub(super) enum Settled {
    Answer(Answer),
    Failed(String),
}

impl Settled {
    /// How a flight lands that found this when it was about to compute.
    pub(super) fn landing(&self) -> Landed {
        match self {
            Self::Answer(Answer { value: Some(value), .. }) => Landed::Value(value.as_slice().into()),
            Self::Answer(_) => Landed::Absent,
            Self::Failed(message) => Landed::Failed(message.as_str().into()),
        }
    }

    pub(super) fn into_result<E>(self) -> std::result::Result<Answer, ComputeError<E>> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Failed(message) => Err(ComputeError::Elsewhere(message)),
        }
    }
}
