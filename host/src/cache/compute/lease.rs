//! Leave to compute: the lease in the store, waited for within the caller's patience.

use std::thread;
use std::time::Duration;

use super::super::Cache;
use super::patience::Patience;
use super::policy::Compute;
use crate::error::Result;
use crate::store::{Claimant, Lease};

/// The pauses between two tries grow up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);

/// Whether one may compute now.
pub(super) enum Leave {
    /// Yes, and with a lease if one is needed and can be had.
    Given(Option<Lease>),
    /// Another process computes.
    Taken,
}

/// A wait for leave.
pub(super) struct Waiting<'a> {
    cache: &'a Cache,
    claimant: Claimant,
    pause: Duration,
}

/// What a try brought.
pub(super) enum Tried {
    Leave(Option<Lease>),
    /// Try again after so long.
    Again(Duration),
}

impl Cache {
    /// The right to compute what is under a key, among all processes that share the store: waits until no other has it.
    /// Ends when dropped, or with the process. `None` for a cache without a store.
    ///
    /// # Errors
    /// I/O errors.
    pub fn lease(&self, key: impl AsRef<[u8]>) -> Result<Option<Lease>> {
        self.inner.store.as_ref().map(|store| store.lease(self.hash(key.as_ref()))).transpose()
    }

    /// Leave to compute, if it can be had at once.
    pub(super) fn leave_now(&self, key: &[u8], policy: &Compute) -> Leave {
        let Some(mut claimant) = self.claimant(key, policy) else { return Leave::Given(None) };
        match claimant.take() {
            Ok(Some(lease)) => Leave::Given(Some(lease)),
            Ok(None) => Leave::Taken,
            Err(e) => {
                self.without_lease(&e);
                Leave::Given(None)
            }
        }
    }

    /// Waits for leave to compute, at the longest until the caller's patience is over.
    pub(super) fn leave(&self, key: &[u8], policy: &Compute, patience: &mut Patience) -> Option<Lease> {
        let mut waiting = self.wait_for_leave(key, policy)?;
        loop {
            match waiting.again(patience) {
                Tried::Leave(lease) => return lease,
                Tried::Again(pause) => thread::sleep(pause),
            }
        }
    }

    /// A wait for leave to compute; `None` where none is needed or can be had.
    pub(super) fn wait_for_leave<'a>(&'a self, key: &[u8], policy: &Compute) -> Option<Waiting<'a>> {
        let claimant = self.claimant(key, policy)?;
        Some(Waiting { cache: self, claimant, pause: SHORTEST_PAUSE })
    }

    fn claimant(&self, key: &[u8], policy: &Compute) -> Option<Claimant> {
        let store = self.inner.store.as_ref().filter(|store| policy.among_processes && store.has_leases())?;
        store.claimant(self.hash(key)).inspect_err(|e| self.without_lease(e)).ok()
    }

    fn without_lease(&self, reason: &crate::Error) {
        tracing::debug!("computing although another process may be doing the same: {reason}");
    }
}

impl Waiting<'_> {
    /// Tries once.
    pub(super) fn again(&mut self, patience: &mut Patience) -> Tried {
        let changes = self.claimant.changes;
        let taken = self.claimant.take();
        if self.claimant.changes > changes && matches!(taken, Ok(None)) {
            // Somebody overtook who had it: this is another computation than the one that was waited for.
            patience.renew();
        }
        let taken = match (taken, patience.left()) {
            (Ok(None), Some(left)) => {
                let pause = self.pause.min(left);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                return Tried::Again(pause);
            }
            (Ok(None), None) => {
                patience.give_up(self.cache);
                self.claimant.overtake()
            }
            (taken, _) => taken,
        };
        Tried::Leave(taken.unwrap_or_else(|e| {
            self.cache.without_lease(&e);
            None
        }))
    }
}
