//! What a guest may take from the host: its linear memory up to a cap, and a small table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::testing::{Ask, Hooks};

const TABLE_ELEMENTS: usize = 10_000;

/// What one guest may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of linear memory.
    pub(crate) memory: usize,
    /// Bytes that it may hand to the host in one call. A guest that claims more ends in a trap instead of an allocation.
    pub(crate) answer: usize,
}

/// The limits of one shard's guest.
pub(crate) struct Limits {
    memory: usize,
    /// Bytes of linear memory that it has.
    taken: usize,
    deny: Option<Ask>,
    told: Option<Arc<AtomicUsize>>,
}

impl Limits {
    /// `memory` in bytes.
    pub(crate) fn new(memory: usize, hooks: &Hooks) -> Self {
        Self { memory, taken: 0, deny: hooks.deny_memory.clone(), told: hooks.linear_memory.clone() }
    }

    /// Bytes of linear memory that the guest has.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory && !self.deny.as_ref().is_some_and(|deny| deny());
        if granted {
            self.taken = desired;
        }
        if let Some(told) = self.told.as_ref().filter(|_| granted) {
            told.store(desired, Ordering::Relaxed);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        8
    }

    fn tables(&self) -> usize {
        4
    }

    fn memories(&self) -> usize {
        1
    }
}
