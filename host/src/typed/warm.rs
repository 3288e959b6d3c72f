//! `Warmer`: work on many items in the background, by a bounded number of threads.
//!
//! Workers take items in their order from one counter. Each item has its own outcome: a failure or a panic costs no other item.
//! Who cancels lets the items end that were begun; the others are given back as cancelled. The handle does not have to be kept:
//! without it the work goes on to its end.

use std::any::Any;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// How many threads work, and how they begin.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// use larder::Cache;
/// use larder::typed::{Memo, Outcome, Warmer};
///
/// let cache = Cache::builder().open()?;
/// let squares = Memo::<u64, u64>::new(&cache, "squares")?;
/// let memo = squares.clone();
/// let warming = Warmer::new().workers(4).start(1..=100, move |n| memo.get_or_compute(n, || Ok::<_, larder::Error>(n * n)))?;
/// let outcomes = warming.wait();
/// assert!(outcomes.iter().all(|warmed| matches!(warmed.outcome, Outcome::Done(_))));
/// assert_eq!(squares.get(&9)?, Some(81));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Warmer {
    workers: NonZero<usize>,
}

impl Default for Warmer {
    fn default() -> Self {
        Self { workers: NonZero::<usize>::MIN.saturating_add(3) }
    }
}

impl Warmer {
    /// Four workers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Threads that work at the same time, at least one; no more are started than there are items.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = NonZero::new(workers).unwrap_or(NonZero::<usize>::MIN);
        self
    }

    /// Begins, and returns at once.
    ///
    /// # Errors
    /// `Io` when the system gives not even one thread.
    pub fn start<I, T, E>(
        &self,
        items: impl IntoIterator<Item = I>,
        work: impl Fn(&I) -> std::result::Result<T, E> + Send + Sync + 'static,
    ) -> Result<Warming<I, T, E>>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let items: Vec<I> = items.into_iter().collect();
        let shared = Arc::new(Shared {
            outcomes: Mutex::new(State { outcomes: items.iter().map(|_| None).collect(), ..State::default() }),
            items,
            next: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            ended: Condvar::new(),
        });
        let work = Arc::new(work);
        for number in 0..self.workers.get().min(shared.items.len()) {
            let (mine, work) = (shared.clone(), work.clone());
            // Counted before it begins, so that who waits does not take the work for done.
            lock(&shared.outcomes).workers += 1;
            let worker = move || mine.run(&*work);
            let started = thread::Builder::new().name(format!("larder-warm-{number}")).spawn(worker);
            if let Err(e) = started {
                lock(&shared.outcomes).workers -= 1;
                if number == 0 {
                    let message = format!("no thread could be started for warming: {e}; try again later");
                    return Err(Error::new(ErrorKind::Io, message).with(e));
                }
                tracing::debug!("warming goes on with {number} workers: {e}");
                break;
            }
        }
        Ok(Warming { shared })
    }
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T, E> {
    /// It was worked on.
    Done(T),
    /// It failed.
    Failed(E),
    /// The work panicked, with this message.
    Panicked(String),
    /// It was not begun.
    Cancelled,
}

/// An item and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmed<I, T, E> {
    /// The item.
    pub item: I,
    /// What became of it.
    pub outcome: Outcome<T, E>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Items.
    pub total: usize,
    /// Of these, how many have ended, failures included.
    pub ended: usize,
    /// Of these, how many failed or panicked.
    pub failed: usize,
}

/// Work on its way.
#[derive(Debug)]
pub struct Warming<I, T, E> {
    shared: Arc<Shared<I, T, E>>,
}

#[derive(Debug)]
struct Shared<I, T, E> {
    items: Vec<I>,
    next: AtomicUsize,
    cancelled: AtomicBool,
    outcomes: Mutex<State<T, E>>,
    /// Told when an item ends and when a worker does.
    ended: Condvar,
}

#[derive(Debug)]
struct State<T, E> {
    /// By item; none as long as it has not ended.
    outcomes: Vec<Option<Outcome<T, E>>>,
    ended: usize,
    failed: usize,
    /// Workers at work.
    workers: usize,
}

impl<T, E> Default for State<T, E> {
    fn default() -> Self {
        Self { outcomes: Vec::new(), ended: 0, failed: 0, workers: 0 }
    }
}

impl<I, T, E> Shared<I, T, E> {
    fn run(&self, work: &impl Fn(&I) -> std::result::Result<T, E>) {
        while !self.cancelled.load(Ordering::Relaxed) {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(place) else { break };
            let outcome = match catch_unwind(AssertUnwindSafe(|| work(item))) {
                Ok(Ok(done)) => Outcome::Done(done),
                Ok(Err(e)) => Outcome::Failed(e),
                Err(panic) => Outcome::Panicked(message(&*panic)),
            };
            let mut state = lock(&self.outcomes);
            state.ended += 1;
            state.failed += usize::from(!matches!(outcome, Outcome::Done(_)));
            if let Some(mine) = state.outcomes.get_mut(place) {
                *mine = Some(outcome);
            }
            self.ended.notify_all();
        }
        lock(&self.outcomes).workers -= 1;
        self.ended.notify_all();
    }
}

impl<I, T, E> Warming<I, T, E> {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        let state = lock(&self.shared.outcomes);
        Progress { total: self.shared.items.len(), ended: state.ended, failed: state.failed }
    }

    /// Lets no further item begin.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether no worker is at work any more.
    pub fn is_finished(&self) -> bool {
        lock(&self.shared.outcomes).workers == 0
    }

    /// Waits until all have ended, or those that were begun before it was cancelled.
    pub fn wait(self) -> Vec<Warmed<I, T, E>>
    where
        I: Clone,
    {
        self.wait_showing(Duration::MAX, |_| {})
    }

    /// As [`wait`](Self::wait), and tells `show` how far it is: every `interval`, and at the end.
    pub fn wait_showing(self, interval: Duration, mut show: impl FnMut(Progress)) -> Vec<Warmed<I, T, E>>
    where
        I: Clone,
    {
        while !self.wait_for(interval) {
            show(self.progress());
        }
        show(self.progress());
        let outcomes = std::mem::take(&mut lock(&self.shared.outcomes).outcomes);
        let items = self.shared.items.iter().cloned();
        let warmed = items.zip(outcomes);
        warmed.map(|(item, outcome)| Warmed { item, outcome: outcome.unwrap_or(Outcome::Cancelled) }).collect()
    }

    /// Waits for the end, but no longer than `limit`; whether it has come.
    pub fn wait_for(&self, limit: Duration) -> bool {
        let state = lock(&self.shared.outcomes);
        let at_work = |state: &mut State<T, E>| state.workers > 0;
        let waited = self.shared.ended.wait_timeout_while(state, limit, at_work);
        waited.unwrap_or_else(PoisonError::into_inner).0.workers == 0
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
