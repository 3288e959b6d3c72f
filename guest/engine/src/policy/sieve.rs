//! `sieve`: first in, first out, but a hand spares what was read since it last came by.
//!
//! One queue in the order of arrival, in which nothing ever moves: reading an entry only marks it. To find a victim the
//! hand goes from where it stands towards the young end, clears the marks it meets and stops at the first entry without
//! one; past the youngest it begins again at the oldest. Newcomers that nobody reads are sifted out quickly, what is
//! popular stays. No memory of what went: weak on loops and on pure recency. Source: Zhang, Yang, Yue, Vigfusson and
//! Rashmi, "SIEVE is simpler than LRU: an efficient turn-key eviction algorithm for web caches" (NSDI 2024).

use alloc::string::String;

use super::nodes::{List, Nodes};
use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Sieve {
    /// Whether each entry was read since the hand came by.
    nodes: Nodes<bool>,
    queue: List,
    /// Where to go on; `None` is the old end.
    hand: Option<u32>,
}

impl Policy for Sieve {
    fn inserted(&mut self, id: u32, _entry: &Entry) {
        self.nodes.fill(id, false);
        self.queue.push_front(&mut self.nodes, id);
    }

    #[inline]
    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        *self.nodes.get_mut(id) = true;
    }

    fn removed(&mut self, id: u32, _evicted: bool) {
        if self.hand == Some(id) {
            self.hand = self.nodes.before(id);
        }
        self.queue.unlink(&mut self.nodes, id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        let mut id = self.hand.or(self.queue.back())?;
        while core::mem::take(self.nodes.get_mut(id)) {
            id = self.nodes.before(id).or(self.queue.back())?;
        }
        self.hand = Some(id);
        self.hand
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        let count = self.queue.check(&self.nodes)?;
        match self.hand {
            Some(hand) if !self.queue.iter(&self.nodes).any(|id| id == hand) => Err("the hand is at nobody".into()),
            _ => Ok(count),
        }
    }
}
