//! Threads for what nobody waits for: started as there is work, never more than so many, gone when there is none.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Jobs that wait for a thread, for each thread there may be. Beyond, work is refused.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded number of threads.
pub(crate) struct Workers {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: VecDeque<Job>,
}

impl Workers {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// Has a job done by and by; false when there is too much to do, and the job is dropped.
    pub(crate) fn start(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> bool {
        let mut state = self.state();
        if state.waiting.len() >= self.most * QUEUE {
            return false;
        }
        state.waiting.push_back(Box::new(job));
        if state.running >= self.most {
            return true;
        }
        let workers = self.clone();
        match std::thread::Builder::new().name("larder-refresh".into()).spawn(move || workers.work()) {
            Ok(_) => {
                state.running += 1;
                true
            }
            Err(e) => {
                tracing::warn!("there is no thread for work in the background: {e}");
                let stays = state.running > 0;
                // Dropped once nothing is locked: what it holds may have business here.
                let refused = if stays { None } else { state.waiting.pop_back() };
                drop(state);
                drop(refused);
                stays
            }
        }
    }

    /// Takes one of the places without a thread, for work that runs elsewhere; `None` when all are taken.
    pub(crate) fn take_place(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if state.running >= self.most {
            return None;
        }
        state.running += 1;
        Some(Place(self.clone()))
    }

    fn work(&self) {
        loop {
            let Some(job) = self.next() else { return };
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("work in the background panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.running -= 1;
        }
        job
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places. Given back when dropped.
pub(crate) struct Place(Arc<Workers>);

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever queued while the place was taken must not wait for ever: a thread takes over if there is work.
        let mut state = self.0.state();
        state.running -= 1;
        let Some(job) = state.waiting.pop_front() else { return };
        drop(state);
        self.0.start(job);
    }
}
