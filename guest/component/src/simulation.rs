//! The interface `simulation`: conversion only.

use std::cell::RefCell;

use larder_engine::{self as engine, Objective, PolicyKind};

use crate::bindings::exports::larder::cache::simulation::{Guest, GuestSimulation, Simulation, Totals, Unit};
use crate::bindings::exports::larder::cache::types::Error;
use crate::{Component, convert};

pub(crate) struct Simulated(RefCell<engine::Simulation>);

impl Guest for Component {
    type Simulation = Simulated;

    fn policies() -> Vec<String> {
        PolicyKind::ALL.iter().map(|kind| kind.name().to_owned()).collect()
    }
}

impl GuestSimulation for Simulated {
    fn open(policy: String, objective: String, unit: Unit, capacity: u64, seed: u64) -> Result<Simulation, Error> {
        let unit = match unit {
            Unit::Entries => engine::Unit::Entries,
            Unit::Bytes => engine::Unit::Bytes,
        };
        let open = || {
            let (policy, objective) = (PolicyKind::parse(&policy)?, Objective::parse(&objective)?);
            engine::Simulation::open(policy, unit, capacity, objective, seed)
        };
        open().map(|simulation| Simulation::new(Self(RefCell::new(simulation)))).map_err(convert::error)
    }

    fn requests(&self, keys: Vec<u64>, sizes: Vec<u32>) {
        let mut simulation = self.0.borrow_mut();
        for (&key, &size) in keys.iter().zip(&sizes) {
            simulation.request(key, size);
        }
        for &key in keys.iter().skip(sizes.len()) {
            simulation.request(key, 1);
        }
    }

    fn totals(&self) -> Totals {
        let engine::Totals { requests, hits, bytes, bytes_hit, refused } = self.0.borrow().totals();
        Totals { requests, hits, bytes, bytes_hit, refused }
    }
}
