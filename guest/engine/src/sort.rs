//! Sorting numbers by what they stand for. In one place, because a sort is 8 KB of a component.

use std::cmp::Ordering;

/// Sorts `numbers` by `compare`, and equals by themselves.
#[inline(never)]
pub(crate) fn sort(numbers: &mut [u32], compare: &dyn Fn(u32, u32) -> Ordering) {
    numbers.sort_unstable_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
}
