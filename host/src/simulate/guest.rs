//! A simulated cache in a guest of its own: it may use as much memory as a guest can have, and a trap ends only it.

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

/// A simulated cache.
pub(super) struct Guest {
    store: Store<Limits>,
    larder: Larder,
    simulation: ResourceAny,
    /// Ticks until a call is given up.
    deadline: u64,
    /// What is simulated, for messages.
    what: String,
}

/// The policies that a cache can have, by name.
///
/// # Errors
/// `Trap` when the component cannot be started.
pub fn policies() -> Result<Vec<String>> {
    let loaded = Loaded::with_hooks(&Hooks::default()).map_err(Error::trap)?;
    let (mut store, larder) = loaded.instantiate(ROOM).map_err(Error::trap)?;
    larder.larder_cache_simulation().call_policies(&mut store).map_err(Error::trap)
}

impl Guest {
    pub(super) fn open(policy: &str, objective: &str, unit: Unit, capacity: u64, seed: u64) -> Result<Self> {
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

    /// Makes requests.
    pub(super) fn requests(&mut self, batch: &Batch) -> Result<()> {
        self.store.set_epoch_deadline(self.deadline);
        let sizes = if batch.is_sized() { batch.sizes() } else { &[] };
        let methods = self.larder.larder_cache_simulation();
        let made = methods.simulation().call_requests(&mut self.store, self.simulation, batch.keys(), sizes);
        made.map_err(|trap| self.stopped(trap))
    }

    /// What was counted so far.
    pub(super) fn totals(&mut self) -> Result<wit::Totals> {
        self.store.set_epoch_deadline(self.deadline);
        let methods = self.larder.larder_cache_simulation();
        let totals = methods.simulation().call_totals(&mut self.store, self.simulation);
        totals.map_err(|trap| self.stopped(trap))
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
