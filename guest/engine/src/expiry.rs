//! The index by expiry: a binary heap of slot numbers, earliest end first, in which every slot knows its place. Of slots
//! that end together the one written first comes first, so that which goes does not hang on the heap's history.
//!
//! Entries that never end are not in it. Because a slot knows its place, removing or moving one costs O(log n) and
//! leaves no garbage behind; entries set with one time-to-live arrive in order and cost O(1).

use alloc::string::String;
use alloc::vec::Vec;

use crate::policy::nodes::NIL;
use crate::slab::Slab;
use crate::time::NEVER;

#[derive(Debug, Default)]
pub(crate) struct ExpiryHeap(Vec<u32>);

impl ExpiryHeap {
    /// Brings the slot's place in line with its times: in, out, up or down.
    pub(crate) fn update(&mut self, slab: &mut Slab, id: u32) {
        let slot = slab.slot(id);
        match (slot.heap_at, slot.gone_at()) {
            (NIL, NEVER) => {}
            (NIL, _) => {
                self.0.push(id);
                self.rise(slab, self.0.len() - 1);
            }
            (_, NEVER) => self.remove(slab, id),
            (at, _) => self.settle(slab, at as usize),
        }
    }

    pub(crate) fn remove(&mut self, slab: &mut Slab, id: u32) {
        let at = slab.slot(id).heap_at;
        if at == NIL {
            return;
        }
        slab.slot_mut(id).heap_at = NIL;
        if let Some(last) = self.0.pop()
            && last != id
        {
            self.put(slab, at as usize, last);
            self.settle(slab, at as usize);
        }
    }

    /// The slot that ends first, and when.
    pub(crate) fn first(&self, slab: &Slab) -> Option<(u32, u64)> {
        self.0.first().map(|&id| (id, slab.slot(id).gone_at()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    fn put(&mut self, slab: &mut Slab, at: usize, id: u32) {
        self.0[at] = id;
        slab.slot_mut(id).heap_at = at as u32;
    }

    fn settle(&mut self, slab: &mut Slab, at: usize) {
        let id = self.0[at];
        self.rise(slab, at);
        self.sink(slab, slab.slot(id).heap_at as usize);
    }

    fn rise(&mut self, slab: &mut Slab, mut at: usize) {
        let id = self.0[at];
        let end = order(slab, id);
        while at > 0 {
            let parent = (at - 1) / 2;
            let above = self.0[parent];
            if order(slab, above) <= end {
                break;
            }
            self.put(slab, at, above);
            at = parent;
        }
        self.put(slab, at, id);
    }

    fn sink(&mut self, slab: &mut Slab, mut at: usize) {
        let id = self.0[at];
        let end = order(slab, id);
        loop {
            let left = 2 * at + 1;
            let Some(child) = (left..self.0.len().min(left + 2)).min_by_key(|&c| order(slab, self.0[c])) else {
                break;
            };
            let below = self.0[child];
            if order(slab, below) >= end {
                break;
            }
            self.put(slab, at, below);
            at = child;
        }
        self.put(slab, at, id);
    }

    /// Order and places, for the self-check.
    pub(crate) fn check(&self, slab: &Slab) -> Result<(), String> {
        for (at, &id) in self.0.iter().enumerate() {
            let slot = slab.slot(id);
            if !slot.is_occupied() || slot.heap_at as usize != at {
                return Err(text!("expiry heap place ", at, " and slot ", id, " disagree"));
            }
            if at > 0 && order(slab, self.0[(at - 1) / 2]) > order(slab, id) {
                return Err(text!("expiry heap is out of order at ", at));
            }
        }
        Ok(())
    }
}

/// When a slot ends, and which was written first of those that end together.
#[inline]
fn order(slab: &Slab, id: u32) -> (u64, u64) {
    let slot = slab.slot(id);
    (slot.gone_at(), slot.version())
}
