//! `fifo`: the entry that was written first goes first.
//!
//! One list in the order of writing; overwriting an entry moves it to the young end, reading does not.

use alloc::string::String;

use super::nodes::{List, Nodes};
use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Fifo {
    nodes: Nodes<()>,
    list: List,
}

impl Policy for Fifo {
    fn inserted(&mut self, id: u32, _entry: &Entry) {
        self.nodes.fill(id, ());
        self.list.push_front(&mut self.nodes, id);
    }

    fn accessed(&mut self, _id: u32, _worth: &dyn Worth) {}

    fn overwritten(&mut self, id: u32, _entry: &Entry) {
        self.list.move_to_front(&mut self.nodes, id);
    }

    fn removed(&mut self, id: u32, _evicted: bool) {
        self.list.unlink(&mut self.nodes, id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.list.back()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        self.list.check(&self.nodes)
    }
}
