//! `predicted`: the entry that is least likely to be asked for goes first.
//!
//! The probabilities come from outside, from a predictor for instance ([`crate::prefetch`]), and hold until others take their
//! place: a prediction that did not come true must not keep its entry for ever. What nobody expects has the probability 0, and of
//! equals the least recently used goes; so without predictions this is `lru`.

use alloc::string::String;
use alloc::vec::Vec;

use super::ranks::Ranks;
use super::{Entry, Policy, Worth};

#[derive(Debug, Default)]
pub(crate) struct Predicted {
    ranks: Ranks,
    /// Entries with a probability; some may be gone, and others have come under their numbers.
    expected: Vec<u32>,
}

impl Policy for Predicted {
    fn inserted(&mut self, id: u32, _entry: &Entry) {
        self.ranks.insert(id, 0.0);
    }

    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        self.ranks.set(id, self.ranks.rank(id));
    }

    fn removed(&mut self, id: u32, _evicted: bool) {
        self.ranks.remove(id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.ranks.first()
    }

    fn expect(&mut self, expected: &[(u32, f64)]) {
        for id in core::mem::take(&mut self.expected) {
            if self.ranks.has(id) {
                self.ranks.rerank(id, 0.0);
            }
        }
        for &(id, probability) in expected {
            self.ranks.rerank(id, probability);
            self.expected.push(id);
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        self.ranks.check()
    }
}
