//! Histories made by hand, of which it is known whether an order explains them.

use super::*;

fn operation(began: u64, ended: u64, call: Call, answer: Answer) -> Operation {
    Operation { who: 0, key: 0, call, answer, began, ended }
}

#[track_caller]
fn explained(history: &[(u64, u64, Call, Answer)]) {
    let operations = history.iter().map(|&(began, ended, call, answer)| operation(began, ended, call, answer));
    check(operations.collect()).unwrap_or_else(|violation| panic!("{violation}"));
}

#[track_caller]
fn not_explained(history: &[(u64, u64, Call, Answer)]) -> Violation {
    let operations = history.iter().map(|&(began, ended, call, answer)| operation(began, ended, call, answer));
    check(operations.collect()).expect_err("no order explains this")
}

use Answer::{Absent, Counted, Deleted, Found, Refused, Written};
use Call::{Add, CompareAndSet, Delete, Increment, Lookup, Replace, Set};

#[test]
fn a_read_sees_the_write_that_ended_before() {
    explained(&[(0, 1, Set(7), Written(1)), (2, 3, Lookup, Found(7, 1))]);
    not_explained(&[(0, 1, Set(7), Written(1)), (2, 3, Lookup, Absent)]);
    not_explained(&[(0, 1, Set(7), Written(1)), (2, 3, Lookup, Found(8, 1))]);
    not_explained(&[(0, 1, Lookup, Found(7, 1)), (2, 3, Set(7), Written(1))]);
}

#[test]
fn a_read_beside_a_write_may_see_either() {
    explained(&[(0, 9, Set(7), Written(1)), (2, 3, Lookup, Found(7, 1))]);
    explained(&[(0, 9, Set(7), Written(1)), (2, 3, Lookup, Absent)]);
    // But not the new value and then the old one.
    not_explained(&[(0, 9, Set(7), Written(1)), (2, 3, Lookup, Found(7, 1)), (4, 5, Lookup, Absent)]);
    explained(&[(0, 9, Set(7), Written(1)), (2, 5, Lookup, Found(7, 1)), (4, 6, Lookup, Absent)]);
}

#[test]
fn a_stale_read_is_a_violation() {
    let history = [(0, 1, Set(7), Written(1)), (2, 3, Set(8), Written(2)), (4, 5, Lookup, Found(7, 1))];
    let violation = not_explained(&history);
    assert_eq!(violation.explained, [0, 1], "{violation}");
    assert_eq!(violation.operations.len(), 3);
}

#[test]
fn an_increment_is_lost_to_nobody() {
    explained(&[(0, 9, Increment(1), Counted(2)), (0, 9, Increment(1), Counted(1)), (10, 11, Lookup, Found(2, 5))]);
    not_explained(&[(0, 9, Increment(1), Counted(1)), (0, 9, Increment(1), Counted(1))]);
    not_explained(&[(0, 1, Increment(1), Counted(1)), (2, 3, Delete, Deleted(true)), (4, 5, Increment(1), Counted(2))]);
}

#[test]
fn one_of_two_adds_wins() {
    explained(&[(0, 9, Add(1), Written(1)), (0, 9, Add(2), Refused), (10, 11, Lookup, Found(1, 1))]);
    not_explained(&[(0, 9, Add(1), Written(1)), (0, 9, Add(2), Written(2))]);
    not_explained(&[(0, 9, Add(1), Refused), (0, 9, Add(2), Refused)]);
    explained(&[(0, 9, Add(1), Written(1)), (0, 9, Add(2), Written(2)), (0, 9, Delete, Deleted(true))]);
}

#[test]
fn replace_and_delete_need_something() {
    explained(&[(0, 1, Replace(1), Refused), (2, 3, Delete, Deleted(false))]);
    not_explained(&[(0, 1, Replace(1), Written(1))]);
    not_explained(&[(0, 1, Delete, Deleted(true))]);
    not_explained(&[(0, 1, Set(7), Written(1)), (2, 3, Replace(8), Refused)]);
    explained(&[(0, 1, Set(7), Written(1)), (2, 3, Replace(8), Written(2)), (4, 5, Delete, Deleted(true))]);
    not_explained(&[(0, 1, Set(7), Written(1)), (2, 3, Delete, Deleted(true)), (4, 5, Delete, Deleted(true))]);
}

#[test]
fn compare_and_set_wins_for_one_version_once() {
    let set = (0, 1, Set(7), Written(4));
    explained(&[set, (2, 3, CompareAndSet(4, 8), Written(5)), (4, 5, CompareAndSet(4, 9), Refused)]);
    not_explained(&[set, (2, 9, CompareAndSet(4, 8), Written(5)), (2, 9, CompareAndSet(4, 9), Written(6))]);
    not_explained(&[set, (2, 3, CompareAndSet(4, 8), Refused)]);
    not_explained(&[set, (2, 3, CompareAndSet(3, 8), Written(5))]);
    not_explained(&[(0, 1, CompareAndSet(1, 8), Written(5))]);
    explained(&[(0, 1, CompareAndSet(1, 8), Refused)]);
}

#[test]
fn a_version_that_was_not_told_is_learnt() {
    let counted = [(0, 1, Set(7), Written(4)), (2, 3, Increment(1), Counted(8))];
    let then = |more: &[_]| [&counted[..], more].concat();
    explained(&then(&[(4, 5, Lookup, Found(8, 6)), (6, 7, CompareAndSet(6, 9), Written(8))]));
    not_explained(&then(&[(4, 5, Lookup, Found(8, 6)), (6, 7, Lookup, Found(8, 7))]));
    // The increment made a new version.
    not_explained(&then(&[(4, 5, Lookup, Found(8, 4))]));
    not_explained(&then(&[(4, 5, CompareAndSet(4, 9), Written(6))]));
    explained(&then(&[(4, 5, CompareAndSet(4, 9), Refused), (6, 7, CompareAndSet(5, 9), Written(6))]));
}

#[test]
fn versions_grow() {
    not_explained(&[(0, 1, Set(7), Written(4)), (2, 3, Set(8), Written(4))]);
    not_explained(&[(0, 1, Set(7), Written(4)), (2, 3, Delete, Deleted(true)), (4, 5, Add(7), Written(3))]);
    explained(&[(0, 9, Set(7), Written(4)), (0, 9, Set(8), Written(3)), (10, 11, Lookup, Found(7, 4))]);
    not_explained(&[(0, 9, Set(7), Written(4)), (0, 9, Set(8), Written(3)), (10, 11, Lookup, Found(8, 3))]);
}

#[test]
fn a_long_history_that_all_overlaps_is_judged_soon() {
    // Each order is tried but once for each set of operations done.
    let mut history: Vec<_> = (1..=20).map(|sum| (0, 9, Increment(1), Counted(sum))).collect();
    explained(&history);
    history.push((10, 11, Lookup, Found(19, 30)));
    not_explained(&history);
}
