//! Numbers in the order of what they stand for, one after the other: whoever wants only the first few pays only for those.
//!
//! A heap that is taken apart: O(n) to begin with and O(log n) for each. In one place and behind a reference, because code for
//! sorting is dear in a component.

use alloc::vec::Vec;

/// A heap of numbers, the first in the order on top; equals come by themselves.
pub(crate) struct Ascending<'a> {
    heap: Vec<u32>,
    before: &'a dyn Fn(u32, u32) -> bool,
}

impl<'a> Ascending<'a> {
    /// `before` says whether the first number comes before the second.
    pub(crate) fn new(numbers: Vec<u32>, before: &'a dyn Fn(u32, u32) -> bool) -> Self {
        let mut ascending = Self { heap: numbers, before };
        for at in (0..ascending.heap.len() / 2).rev() {
            ascending.sink(at);
        }
        ascending
    }

    fn is_before(&self, a: u32, b: u32) -> bool {
        (self.before)(a, b) || a < b && !(self.before)(b, a)
    }

    #[inline(never)]
    fn sink(&mut self, mut at: usize) {
        let number = self.heap[at];
        loop {
            let mut child = 2 * at + 1;
            if child + 1 < self.heap.len() && self.is_before(self.heap[child + 1], self.heap[child]) {
                child += 1;
            }
            if child >= self.heap.len() || !self.is_before(self.heap[child], number) {
                break;
            }
            self.heap[at] = self.heap[child];
            at = child;
        }
        self.heap[at] = number;
    }
}

impl Iterator for Ascending<'_> {
    type Item = u32;

    #[inline(never)]
    fn next(&mut self) -> Option<u32> {
        let first = *self.heap.first()?;
        let last = self.heap.pop()?;
        if let Some(top) = self.heap.first_mut() {
            *top = last;
            self.sink(0);
        }
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_order_and_equals_by_themselves() {
        for len in 0..200u32 {
            let key = |n: u32| n.wrapping_mul(7919) % 13;
            let before = |a, b| key(a) < key(b);
            let mut expected: Vec<u32> = (0..len).collect();
            expected.sort_by_key(|&n| (key(n), n));
            assert_eq!(Ascending::new((0..len).rev().collect(), &before).collect::<Vec<_>>(), expected);
        }
    }
}
