//! One computation for each key: the first caller computes, the others wait for it.

use std::hash::RandomState;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use hashbrown::HashMap;

use crate::error::{Error, Result};

type Key = (u32, Vec<u8>);

#[derive(Default)]
pub(crate) struct Flights(Mutex<Board>);

#[derive(Default)]
struct Board {
    flights: HashMap<Key, Arc<Flight>, RandomState>,
    /// Who waits for whom.
    waiting: HashMap<ThreadId, ThreadId, RandomState>,
}

struct Flight {
    owner: ThreadId,
    landed: Mutex<Landed>,
    changed: Condvar,
}

/// How a flight ended.
#[derive(Clone, Default)]
enum Landed {
    #[default]
    NotYet,
    /// With a value that all who waited may have.
    With(Arc<[u8]>),
    /// Without one: the computation failed or panicked.
    Without,
}

/// What a caller is to do.
pub(crate) enum Role<'a> {
    /// Compute; others wait until this is dropped, also when the computation panics.
    Compute(Flying<'a>),
    /// Somebody else computed this meanwhile.
    Landed(Arc<[u8]>),
    /// Somebody else tried and failed; look again.
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
    /// `InvalidArgument` when whoever computes the key waits, directly or through others, for this very thread.
    pub(crate) fn join(&self, namespace: u32, key: &[u8]) -> Result<Role<'_>> {
        let key = (namespace, key.to_vec());
        let me = thread::current().id();
        let flight = {
            let mut board = lock(&self.0);
            let Some(flight) = board.flights.get(&key).cloned() else {
                let flight = Arc::new(Flight { owner: me, landed: Mutex::default(), changed: Condvar::new() });
                board.flights.insert(key.clone(), flight.clone());
                return Ok(Role::Compute(Flying { flights: self, key, flight }));
            };
            // Nobody waits in a circle as long as nobody begins to.
            let mut owner = Some(flight.owner);
            while let Some(other) = owner {
                if other == me {
                    return Err(Error::invalid("the computation of this key waits for this very computation"));
                }
                owner = board.waiting.get(&other).copied();
            }
            board.waiting.insert(me, flight.owner);
            flight
        };
        let mut landed = lock(&flight.landed);
        while matches!(*landed, Landed::NotYet) {
            landed = flight.changed.wait(landed).unwrap_or_else(PoisonError::into_inner);
        }
        let landed = landed.clone();
        lock(&self.0).waiting.remove(&me);
        Ok(match landed {
            Landed::With(value) => Role::Landed(value),
            _ => Role::LookAgain,
        })
    }
}

impl Flying<'_> {
    /// Ends the flight with a value for all who wait.
    pub(crate) fn land(self, value: &[u8]) {
        *lock(&self.flight.landed) = Landed::With(value.into());
    }
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        lock(&self.flights.0).flights.remove(&self.key);
        let mut landed = lock(&self.flight.landed);
        if matches!(*landed, Landed::NotYet) {
            *landed = Landed::Without;
        }
        self.flight.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
