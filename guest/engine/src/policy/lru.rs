//! `lru`: the least recently used entry goes first.
//!
//! One list, most recent in front. Reading moves an entry to the front; the victim is the back. Simple and strong on
//! recency, helpless against loops longer than the cache and against scans.

use super::Policy;
use super::list::List;
use crate::slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Lru(List);

impl Policy for Lru {
    fn inserted(&mut self, slab: &mut Slab, id: u32) {
        self.0.push_front(slab, id);
    }

    #[inline]
    fn accessed(&mut self, slab: &mut Slab, id: u32) {
        if !self.0.is_front(id) {
            self.0.unlink(slab, id);
            self.0.push_front(slab, id);
        }
    }

    fn removed(&mut self, slab: &mut Slab, id: u32) {
        self.0.unlink(slab, id);
    }

    fn victim(&self, _slab: &Slab) -> Option<u32> {
        self.0.back()
    }

    fn clear(&mut self) {
        self.0 = List::default();
    }

    fn check(&self, slab: &Slab) -> Result<u32, String> {
        self.0.check(slab)
    }
}
