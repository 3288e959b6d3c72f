//! `lru`: the least recently used entry goes first.
//!
//! One list, most recent in front. Reading moves an entry to the front; the victim is the back. Simple and strong on
//! recency, helpless against loops longer than the cache and against scans.

use alloc::string::String;

use super::nodes::{List, Nodes};
use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Lru {
    nodes: Nodes<()>,
    list: List,
}

impl Policy for Lru {
    fn inserted(&mut self, id: u32, _entry: &Entry) {
        self.nodes.fill(id, ());
        self.list.push_front(&mut self.nodes, id);
    }

    #[inline]
    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
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
