//! `ttl`: nobody goes for want of space; only what is past its time does.
//!
//! For caches whose entries must stay for as long as they were promised to. A cache that is full of entries that live
//! refuses new ones.

use alloc::string::String;

use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Ttl {
    entries: u32,
}

impl Policy for Ttl {
    fn inserted(&mut self, _id: u32, _entry: &Entry) {
        self.entries += 1;
    }

    fn accessed(&mut self, _id: u32, _worth: &dyn Worth) {}

    fn removed(&mut self, _id: u32, _evicted: bool) {
        self.entries -= 1;
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        None
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        Ok(self.entries)
    }
}
