//! A doubly linked list through the slots' own links: O(1) to add, take out and move, no allocation.

use crate::slab::Slab;
use crate::slot::NIL;

#[derive(Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }
}

impl List {
    /// The slot at the far end from `push_front`.
    pub(crate) fn back(&self) -> Option<u32> {
        (self.tail != NIL).then_some(self.tail)
    }

    #[inline]
    pub(crate) fn is_front(&self, id: u32) -> bool {
        self.head == id
    }

    pub(crate) fn push_front(&mut self, slab: &mut Slab, id: u32) {
        let old = self.head;
        let slot = slab.slot_mut(id);
        slot.prev = NIL;
        slot.next = old;
        match old {
            NIL => self.tail = id,
            _ => slab.slot_mut(old).prev = id,
        }
        self.head = id;
        self.len += 1;
    }

    pub(crate) fn unlink(&mut self, slab: &mut Slab, id: u32) {
        let slot = slab.slot_mut(id);
        let (prev, next) = (slot.prev, slot.next);
        slot.prev = NIL;
        slot.next = NIL;
        match prev {
            NIL => self.head = next,
            _ => slab.slot_mut(prev).next = next,
        }
        match next {
            NIL => self.tail = prev,
            _ => slab.slot_mut(next).prev = prev,
        }
        self.len -= 1;
    }

    /// Walks the list both ways at once and counts it.
    pub(crate) fn check(&self, slab: &Slab) -> Result<u32, String> {
        let (mut id, mut before, mut count) = (self.head, NIL, 0);
        while id != NIL {
            let slot = slab.slot(id);
            if !slot.is_occupied() || slot.prev != before {
                return Err(format!("list is broken at slot {id}"));
            }
            count += 1;
            if count > self.len {
                return Err("list is longer than its count".into());
            }
            (before, id) = (id, slot.next);
        }
        if before != self.tail || count != self.len {
            return Err(format!("list of {} ends after {count}", self.len));
        }
        Ok(count)
    }
}
