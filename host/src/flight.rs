//! One computation for each key among the threads and tasks of a process: the first who asks takes off, the others wait
//! until it has landed.
//!
//! A flight lands with a value, with the knowledge that there is none, or with a failure; dropped before, because its
//! computation panicked or its future was given up, it lands with nothing and whoever waits looks again. Who has waited too
//! long overtakes it: there is a new flight, the old one's waiters go over to it, and what the old one brings counts for less.
//! Threads wait on a condition variable, tasks leave their waker. Who would wait for itself is told so: see `circle`.

use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hashbrown::HashMap;

use crate::circle::{self, Wait};
use crate::error::Result;

/// Namespace and key.
type Key = (u32, Vec<u8>);

/// After a failed refresh so many keys are remembered to be left alone for a while; beyond, some are tried too soon.
const MAX_RESTING: usize = 1 << 14;

/// Numbers flights of all caches, so that circles through several are found.
static LAST: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
pub(crate) struct Flights {
    board: Mutex<HashMap<Key, Arc<Flight>, RandomState>>,
    /// Until when keys whose refresh failed are left alone, Unix milliseconds.
    resting: Mutex<HashMap<Key, u64, RandomState>>,
}

struct Flight {
    id: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    landed: Option<Landed>,
    /// Whether it computes already, or waits itself for leave to do so.
    computes: bool,
    /// Whether what is under its key was deleted since it took off.
    is_outdated: bool,
    wakers: Vec<Waker>,
}

/// How a flight ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Landed {
    /// With a value that all who waited may have.
    Value(Arc<[u8]>),
    /// With the knowledge that there is none.
    Absent,
    /// The computation failed, and this is what it said.
    Failed(Arc<str>),
    /// With nothing: the computation panicked or was dropped.
    Nothing,
    /// Somebody waited too long for it and computes anew.
    Overtaken,
}

/// What a caller is to do.
pub(crate) enum Joined {
    /// Compute; others wait for it.
    Compute(Flying),
    /// Wait for the one who does.
    Wait(Waiting),
}

/// A flight in the air. Dropped, it lands with nothing.
pub(crate) struct Flying {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
    /// The computation that needs this one.
    _needed: Option<Wait>,
}

/// A wait for a flight.
pub(crate) struct Waiting {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
    _wait: Option<Wait>,
}

impl Flights {
    /// Takes off for a key, or joins those who wait for the one who did.
    ///
    /// # Errors
    /// `InvalidArgument` when whoever computes the key waits, directly or through others, for the very computation that
    /// asks.
    pub(crate) fn join(self: &Arc<Self>, namespace: u32, key: &[u8]) -> Result<Joined> {
        let key = (namespace, key.to_vec());
        let mut board = lock(&self.board);
        match board.get(&key).cloned() {
            None => Ok(Joined::Compute(self.take_off(&mut board, key)?)),
            Some(flight) => {
                let wait = circle::wait_for(flight.id)?;
                Ok(Joined::Wait(Waiting { flights: self.clone(), key, flight, _wait: wait }))
            }
        }
    }

    /// Takes off for a key, unless somebody has or the key rests after a failure.
    pub(crate) fn join_if_first(self: &Arc<Self>, namespace: u32, key: &[u8], now: u64) -> Result<Option<Flying>> {
        let key = (namespace, key.to_vec());
        {
            let mut resting = lock(&self.resting);
            match resting.get(&key) {
                Some(until) if *until > now => return Ok(None),
                Some(_) => drop(resting.remove(&key)),
                None => {}
            }
        }
        let mut board = lock(&self.board);
        if board.contains_key(&key) {
            return Ok(None);
        }
        self.take_off(&mut board, key).map(Some)
    }

    /// A flight that nobody can join, for whoever has waited long enough.
    pub(crate) fn alone(self: &Arc<Self>, namespace: u32, key: &[u8]) -> Result<Flying> {
        self.fly((namespace, key.to_vec()))
    }

    fn take_off(self: &Arc<Self>, board: &mut HashMap<Key, Arc<Flight>, RandomState>, key: Key) -> Result<Flying> {
        let flying = self.fly(key)?;
        board.insert(flying.key.clone(), flying.flight.clone());
        Ok(flying)
    }

    fn fly(self: &Arc<Self>, key: Key) -> Result<Flying> {
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let flight = Arc::new(Flight { id, state: Mutex::default(), changed: Condvar::new() });
        Ok(Flying { flights: self.clone(), key, flight, _needed: circle::wait_for(id)? })
    }

    /// Notes that keys of a namespace, or of all, were deleted or made invalid. What is computed for them now is outdated by it.
    pub(crate) fn outdate(&self, namespace: Option<u32>, concerns: impl Fn(&[u8]) -> bool) {
        let board = lock(&self.board);
        if board.is_empty() {
            return;
        }
        let is_meant = |(of, key): &Key| namespace.is_none_or(|it| it == *of) && concerns(key);
        for (_, flight) in board.iter().filter(|(at, _)| is_meant(at)) {
            lock(&flight.state).is_outdated = true;
        }
    }

    /// Has refreshes of a key wait until a time, Unix milliseconds.
    fn rest(&self, key: &Key, until: u64, now: u64) {
        let mut resting = lock(&self.resting);
        if resting.len() >= MAX_RESTING {
            resting.retain(|_, until| *until > now);
            if resting.len() >= MAX_RESTING {
                resting.clear();
            }
        }
        resting.insert(key.clone(), until);
    }
}

impl Flying {
    /// What stands for this computation while it runs.
    pub(crate) fn id(&self) -> u64 {
        self.flight.id
    }

    /// Says that the computation begins: who waits has fresh patience.
    pub(crate) fn begins(&self) {
        self.flight.change(|state| state.computes = true);
    }

    /// Whether somebody else computes anew by now.
    pub(crate) fn is_overtaken(&self) -> bool {
        lock(&self.flight.state).landed == Some(Landed::Overtaken)
    }

    /// Whether what is under its key was deleted since it took off, by this process.
    pub(crate) fn is_outdated(&self) -> bool {
        lock(&self.flight.state).is_outdated
    }

    /// Has refreshes of this key wait until a time, Unix milliseconds.
    pub(crate) fn rest(&self, until: u64, now: u64) {
        self.flights.rest(&self.key, until, now);
    }

    /// Ends the flight for all who wait.
    pub(crate) fn land(self, landed: Landed) {
        self.flight.land(landed);
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        {
            let mut board = lock(&self.flights.board);
            if board.get(&self.key).is_some_and(|flight| flight.id == self.flight.id) {
                board.remove(&self.key);
            }
        }
        self.flight.land(Landed::Nothing);
    }
}

impl Flight {
    /// Only the first landing counts.
    fn land(&self, landed: Landed) {
        self.change(|state| {
            state.landed.get_or_insert(landed);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = lock(&self.state);
            change(&mut state);
            std::mem::take(&mut state.wakers)
        };
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Waiting {
    /// Waits until the flight has landed; `None` when that took too long. `left` says how long to wait at most until it is
    /// asked again, and `None` when the wait is over; it is told whether the flight computes by now.
    pub(crate) fn wait(&self, mut left: impl FnMut(bool) -> Option<Duration>) -> Option<Landed> {
        let mut state = lock(&self.flight.state);
        loop {
            if let Some(landed) = &state.landed {
                return Some(landed.clone());
            }
            let pause = left(state.computes)?;
            state = match self.flight.changed.wait_timeout(state, pause) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// As [`wait`](Self::wait), for a task, which must see to it itself that it is woken after that long.
    pub(crate) fn poll(
        &self,
        context: &Context<'_>,
        mut left: impl FnMut(bool) -> Option<Duration>,
    ) -> Poll<Option<Landed>> {
        let mut state = lock(&self.flight.state);
        if let Some(landed) = &state.landed {
            return Poll::Ready(Some(landed.clone()));
        }
        let Some(pause) = left(state.computes) else { return Poll::Ready(None) };
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        drop(state);
        crate::timer::wake_after(pause, context.waker().clone());
        Poll::Pending
    }

    /// Computes in place of the flight that this waited for too long, unless somebody else does so by now.
    pub(crate) fn overtake(self) -> Result<Joined> {
        let Self { flights, key, flight, _wait } = self;
        drop(_wait);
        let mut board = lock(&flights.board);
        if board.get(&key).is_some_and(|there| there.id == flight.id) {
            let flying = flights.take_off(&mut board, key)?;
            drop(board);
            flight.land(Landed::Overtaken);
            return Ok(Joined::Compute(flying));
        }
        drop(board);
        flights.join(key.0, &key.1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
