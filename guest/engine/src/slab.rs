//! Slots by number, in chunks of 1,024: growing copies nothing and wastes at most one chunk.
//!
//! A slot's number stays its own until it is freed, which is what lets a scan use it as a cursor.

use alloc::string::String;
use alloc::vec::Vec;

use crate::policy::nodes::NIL;
use crate::slot::Slot;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

#[derive(Debug)]
pub(crate) struct Slab {
    chunks: Vec<Vec<Slot>>,
    free: u32,
    occupied: u32,
}

impl Slab {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new(), free: NIL, occupied: 0 }
    }

    /// Occupied slots.
    pub(crate) fn len(&self) -> u32 {
        self.occupied
    }

    /// One more than the highest number in use so far.
    pub(crate) fn end(&self) -> u32 {
        match self.chunks.last() {
            None => 0,
            Some(last) => ((self.chunks.len() - 1) * CHUNK + last.len()) as u32,
        }
    }

    /// Takes a vacant slot. The caller guarantees that it fills the slot at once.
    pub(crate) fn allocate(&mut self) -> u32 {
        self.occupied += 1;
        if self.free != NIL {
            let id = self.free;
            let slot = self.slot_mut(id);
            let next = core::mem::replace(&mut slot.heap_at, NIL);
            self.free = next;
            return id;
        }
        let id = self.end();
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(Slot::vacant());
        }
        id
    }

    /// Gives a slot back. The caller guarantees that no list, heap or index refers to it any more.
    pub(crate) fn free(&mut self, id: u32) {
        let next = self.free;
        let slot = self.slot_mut(id);
        slot.vacate();
        slot.heap_at = next;
        self.free = id;
        self.occupied -= 1;
    }

    #[inline(always)]
    pub(crate) fn slot(&self, id: u32) -> &Slot {
        &self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    #[inline(always)]
    pub(crate) fn slot_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    /// Occupied slots from number `from` on.
    pub(crate) fn occupied_from(&self, from: u32) -> impl Iterator<Item = (u32, &Slot)> {
        (from..self.end()).map(|id| (id, self.slot(id))).filter(|(_, slot)| slot.is_occupied())
    }

    /// Counts the free list, for the self-check.
    pub(crate) fn count_free(&self) -> Result<u32, String> {
        let (mut count, mut id) = (0, self.free);
        while id != NIL {
            if self.slot(id).is_occupied() {
                return Err(text!("free list holds the occupied slot ", id));
            }
            count += 1;
            if count > self.end() {
                return Err("free list runs in a circle".into());
            }
            id = self.slot(id).heap_at;
        }
        Ok(count)
    }
}
