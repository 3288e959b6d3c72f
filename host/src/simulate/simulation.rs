//! A simulated cache in a guest of its own: it may use as much memory as a guest can have, and a trap ends only it.

use std::fmt;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::{Batch, Unit};
use crate::component::bindings::Larder;
use crate::component::bindings::exports::larder::cache::simulation as wit;
use crate::component::{Limits, Loaded, Room};
use crate::error::{Error, ErrorKind, Result};
use crate::testing::Hooks;

/// All that 32 bits address, and more than any answer takes.
const ROOM: Room = Room { memory: 4 << 30, answer: 1 << 20 };

/// The policies that a cache can have, by name.
///
/// # Errors
/// `Trap` when the component cannot be started.
pub fn policies() -> Result<Vec<String>> {
    let loaded = Loaded::with_hooks(&Hooks::default()).map_err(Error::trap)?;
    let (mut store, larder) = loaded.instantiate(ROOM).map_err(Error::trap)?;
    larder.larder_cache_simulation().call_policies(&mut store).map_err(Error::trap)
}

/// What a simulated cache counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Requests made.
    pub requests: u64,
    /// Requests for a key that was there.
    pub hits: u64,
    /// Bytes requested; a size of 0 counts as 1.
    pub bytes: u64,
    /// Of those, bytes that were there.
    pub bytes_hit: u64,
    /// Misses whose entry was not taken in: larger than the capacity, or worth less than what was there.
    pub refused: u64,
}

/// A simulated cache: keys and sizes, no values. The component counts, in up to 4 GiB of memory of its own.
///
/// ```
/// use larder::simulate::{Batch, Simulation, Unit};
///
/// # fn main() -> larder::Result<()> {
/// let mut cache = Simulation::open("lru", "balanced", Unit::Entries, 2, 0)?;
/// let mut batch = Batch::default();
/// for key in [1, 2, 1, 3, 2] {
///     batch.push(key, 1);
/// }
/// cache.requests(&batch)?;
/// assert_eq!(cache.totals()?.hits, 1);
/// # Ok(())
/// # }
/// ```
pub struct Simulation {
    store: Store<Limits>,
    larder: Larder,
    simulation: ResourceAny,
    /// Ticks until a call is given up.
    deadline: u64,
    /// What is simulated, for messages.
    what: String,
}

impl Simulation {
    /// An empty cache of `capacity` entries or bytes. Policy and objective are named as in [`Simulate`](super::Simulate);
    /// those that know the future are none. Equal seeds give equal counts.
    ///
    /// # Errors
    /// `InvalidArgument` for a policy or objective that there is not, or more than 2³² − 1 entries.
    pub fn open(policy: &str, objective: &str, unit: Unit, capacity: u64, seed: u64) -> Result<Self> {
        let loaded = Loaded::with_hooks(&Hooks::default()).map_err(Error::trap)?;
        let (mut store, larder) = loaded.instantiate(ROOM).map_err(Error::trap)?;
        let counted = match unit {
            Unit::Entries => wit::Unit::Entries,
            Unit::Bytes => wit::Unit::Bytes,
        };
        let methods = larder.larder_cache_simulation();
        let opened = methods.simulation().call_open(&mut store, policy, objective, counted, capacity, seed);
        let simulation = opened.map_err(Error::trap)??;
        let what = format!("{policy} with {capacity} {}", unit.name());
        Ok(Self { store, larder, simulation, deadline: loaded.deadline(), what })
    }

    /// Makes requests. Some thousands at a time are best; a call that takes longer than 20 s is stopped.
    ///
    /// # Errors
    /// `Trap` when the cache takes more memory than there is.
    pub fn requests(&mut self, batch: &Batch) -> Result<()> {
        self.store.set_epoch_deadline(self.deadline);
        let sizes = if batch.is_sized() { batch.sizes() } else { &[] };
        let methods = self.larder.larder_cache_simulation();
        let made = methods.simulation().call_requests(&mut self.store, self.simulation, batch.keys(), sizes);
        made.map_err(|trap| self.stopped(trap))
    }

    /// What was counted so far.
    ///
    /// # Errors
    /// `Trap` when the component was stopped before.
    pub fn totals(&mut self) -> Result<Totals> {
        self.store.set_epoch_deadline(self.deadline);
        let methods = self.larder.larder_cache_simulation();
        let totals = methods.simulation().call_totals(&mut self.store, self.simulation);
        let wit::Totals { requests, hits, bytes, bytes_hit, refused } = totals.map_err(|trap| self.stopped(trap))?;
        Ok(Totals { requests, hits, bytes, bytes_hit, refused })
    }

    fn stopped(&self, trap: wasmtime::Error) -> Error {
        let message = format!(
            "the simulation of {} was stopped, most likely because it took more memory than the 4 GiB there are; \
             simulate a smaller cache",
            self.what
        );
        Error::new(ErrorKind::Trap, message).with(trap.into_boxed_dyn_error())
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulation").field(&self.what).finish()
    }
}
