//! The one guest that makes keys: instantiated once, used by one thread at a time, replaced when a call ends in a trap or was
//! so large that it leaves the guest with much memory.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Result as Called;

use crate::component::bindings::exports::larder::cache::keys as wit;
use crate::component::bindings::{Larder, types};
use crate::component::{Limits, Loaded, Room};
use crate::error::{Error, Result};
use crate::testing::Hooks;

/// Many times the largest value, whose tokens take more than what is written of them. A key is small.
const ROOM: Room = Room { memory: 512 << 20, answer: 1 << 20 };

/// A guest that was given more bytes than this in one call is not kept.
const KEPT: usize = 1 << 20;

/// What the component's functions take first.
pub(super) type Store<'a> = &'a mut wasmtime::Store<Limits>;
/// What most of them answer.
pub(super) type Made = Called<std::result::Result<wit::Made, types::Error>>;

pub(super) struct Guest {
    loaded: Arc<Loaded>,
    kept: Mutex<Option<(wasmtime::Store<Limits>, Larder)>>,
}

impl Guest {
    pub(super) fn new() -> Result<Self> {
        let loaded = Loaded::with_hooks(&Hooks::default()).map_err(Error::trap)?;
        let first = loaded.instantiate(ROOM).map_err(Error::trap)?;
        Ok(Self { loaded, kept: Mutex::new(Some(first)) })
    }

    /// Calls the component, with arguments of about `size` bytes.
    pub(super) fn call<T>(
        &self,
        size: usize,
        call: impl FnOnce(&wit::Guest, Store<'_>) -> Called<std::result::Result<T, types::Error>>,
    ) -> Result<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken, so that neither a trap nor a panic leaves a broken one behind.
        let (mut store, larder) = match kept.take() {
            Some(guest) => guest,
            None => self.loaded.instantiate(ROOM).map_err(Error::trap)?,
        };
        store.set_epoch_deadline(self.loaded.deadline());
        let answer = call(larder.larder_cache_keys(), &mut store).map_err(Error::trap)?;
        if size <= KEPT {
            *kept = Some((store, larder));
        }
        Ok(answer?)
    }
}
