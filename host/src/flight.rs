//! One computation for each key: the first caller computes, the others wait for it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use hashbrown::HashMap;

use crate::error::{Error, Result};

type Key = (u32, Vec<u8>);

#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<Key, Arc<Flight>, std::hash::RandomState>>);

struct Flight {
    owner: ThreadId,
    landed: Mutex<bool>,
    changed: Condvar,
}

/// What a caller is to do.
pub(crate) enum Role<'a> {
    /// Compute; others wait until this is dropped, also when the computation panics.
    Compute(Flying<'a>),
    /// Somebody else computed meanwhile; look again.
    LookAgain,
}

pub(crate) struct Flying<'a> {
    flights: &'a Flights,
    key: Key,
    flight: Arc<Flight>,
}

impl Flights {
    /// Takes off for a key, or waits for the one who did.
    ///
    /// # Errors
    /// `InvalidArgument` when this very thread is computing the key already: it would wait for itself.
    pub(crate) fn join(&self, namespace: u32, key: &[u8]) -> Result<Role<'_>> {
        let key = (namespace, key.to_vec());
        let flight = {
            let mut all = lock(&self.0);
            match all.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let owner = thread::current().id();
                    let flight = Arc::new(Flight { owner, landed: Mutex::new(false), changed: Condvar::new() });
                    all.insert(key.clone(), flight.clone());
                    return Ok(Role::Compute(Flying { flights: self, key, flight }));
                }
            }
        };
        if flight.owner == thread::current().id() {
            return Err(Error::invalid("the computation of this key asks for the key itself"));
        }
        let mut landed = lock(&flight.landed);
        while !*landed {
            landed = flight.changed.wait(landed).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Role::LookAgain)
    }
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        lock(&self.flights.0).remove(&self.key);
        *lock(&self.flight.landed) = true;
        self.flight.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
