//! `fifo`: the entry that was written first goes first.
//!
//! One list in the order of writing; overwriting an entry moves it to the young end, reading does not.

use super::Policy;
use super::list::List;
use crate::slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Fifo(List);

impl Policy for Fifo {
    fn inserted(&mut self, slab: &mut Slab, id: u32) {
        self.0.push_front(slab, id);
    }

    fn accessed(&mut self, _slab: &mut Slab, _id: u32) {}

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
