//! Notices that something never ends: the process is stopped, with words on what it was doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// After so long, something hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Watches one thread of a harness.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    born: Instant,
    /// Milliseconds after birth at which the round began, plus one; 0 between rounds.
    since: AtomicU64,
    round: AtomicU64,
}

impl Watchdog {
    /// Watches what is called `what` in messages.
    ///
    /// # Panics
    /// When no thread can be started.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        let watched = Arc::new(Watched { born: Instant::now(), since: AtomicU64::new(0), round: AtomicU64::new(0) });
        let weak = Arc::downgrade(&watched);
        let watch = move || {
            while let Some(watched) = weak.upgrade() {
                let since = watched.since.load(Ordering::Acquire);
                let now = watched.born.elapsed().as_millis() as u64;
                if since > 0 && now.saturating_sub(since) > LIMIT.as_millis() as u64 {
                    eprintln!("{what}: round {} does not end", watched.round.load(Ordering::Relaxed));
                    std::process::abort();
                }
                drop(watched);
                thread::sleep(Duration::from_millis(250));
            }
        };
        thread::Builder::new().name("watchdog".into()).spawn(watch).expect("a thread");
        Self(watched)
    }

    /// Runs a round; answers how long it took too.
    pub fn round<T>(&self, round: u64, act: impl FnOnce() -> T) -> (T, Duration) {
        let began = self.0.born.elapsed();
        self.0.round.store(round, Ordering::Relaxed);
        self.0.since.store(began.as_millis() as u64 + 1, Ordering::Release);
        let answer = act();
        self.0.since.store(0, Ordering::Release);
        (answer, self.0.born.elapsed() - began)
    }
}
