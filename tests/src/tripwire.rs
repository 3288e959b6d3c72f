//! A wire through all the places where something may be made to fail: it counts how often it is touched, and trips where
//! it was told to.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::testing::Ask;

/// See the module. Touches are numbered from 0.
#[derive(Debug, Default)]
pub struct Tripwire {
    touched: AtomicU64,
    tripped: AtomicU64,
    from: AtomicU64,
    to: AtomicU64,
}

impl Tripwire {
    /// A wire that trips at the touches in `range`.
    #[must_use]
    pub fn new(range: Range<u64>) -> Arc<Self> {
        let wire = Arc::new(Self::default());
        wire.from.store(range.start, Ordering::SeqCst);
        wire.to.store(range.end, Ordering::SeqCst);
        wire
    }

    /// The hook that touches it.
    #[must_use]
    pub fn ask(self: &Arc<Self>) -> Ask {
        let wire = self.clone();
        Arc::new(move || wire.touch())
    }

    fn touch(&self) -> bool {
        let at = self.touched.fetch_add(1, Ordering::SeqCst);
        let trips = (self.from.load(Ordering::SeqCst)..self.to.load(Ordering::SeqCst)).contains(&at);
        self.tripped.fetch_add(u64::from(trips), Ordering::SeqCst);
        trips
    }

    /// Lets it trip `after` more touches, `times` in a row.
    pub fn arm(&self, after: u64, times: u64) {
        let from = self.touched() + after;
        self.from.store(from, Ordering::SeqCst);
        self.to.store(from.saturating_add(times), Ordering::SeqCst);
    }

    /// Lets it trip no more.
    pub fn disarm(&self) {
        self.to.store(0, Ordering::SeqCst);
    }

    /// How often it was touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.touched.load(Ordering::SeqCst)
    }

    /// How often it tripped.
    #[must_use]
    pub fn tripped(&self) -> u64 {
        self.tripped.load(Ordering::SeqCst)
    }
}
