//! Time that passes when told to, and caches on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::{Builder, Cache};
use tempfile::TempDir;

#[derive(Clone)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }

    pub fn on(&self, builder: Builder) -> Builder {
        let now = self.0.clone();
        builder.clock(move || now.load(Ordering::SeqCst))
    }

    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the clock back.
    pub fn go_back(&self, ms: u64) {
        self.0.fetch_sub(ms, Ordering::SeqCst);
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// A cache in memory and one on disk, for what must be the same in both.
    pub fn both(&self) -> Vec<(Cache, Option<TempDir>)> {
        let dir = tempfile::tempdir().expect("a directory");
        let stored = self.on(Cache::builder().directory(dir.path().join("store"))).open().expect("opens");
        vec![(self.on(Cache::builder()).open().expect("opens"), None), (stored, Some(dir))]
    }
}
