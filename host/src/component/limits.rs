//! What a guest may take from the host: its linear memory up to a cap, and a small table.

use wasmtime::ResourceLimiter;

use crate::testing::Ask;

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
    deny: Option<Ask>,
}

impl Limits {
    /// `memory` in bytes.
    pub(crate) fn new(memory: usize, deny: Option<Ask>) -> Self {
        Self { memory, deny }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory && !self.deny.as_ref().is_some_and(|deny| deny()))
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
