//! Fears the largest plans: a page that is missing near the end, a walk that never ends, kept combinations that are shown twice or
//! not at all, and a refusal that does not say how many combinations there would be.

use std::collections::BTreeSet;

use larder_engine::ErrorCode;
use larder_engine::pools::{Dimension, Page, Plan, Pool, Value};

fn dimension(name: &str, values: std::ops::Range<usize>) -> Dimension {
    let value = |n: usize| Value { text: n.to_string(), literal: true };
    Dimension { name: name.to_owned(), values: values.map(value).collect() }
}

fn plan(dimensions: Vec<Dimension>) -> Plan {
    Plan { dimensions, ..Plan::default() }
}

/// A million combinations of a long dimension and a short one.
fn long() -> Plan {
    plan(vec![dimension("a", 0..10_000), dimension("b", 0..100)])
}

/// How many combinations the pages have, how many pages there are, and whether any comes twice.
fn walk(limit: u32, page: impl Fn(u64, u32) -> Page) -> (usize, usize) {
    let (mut keys, mut pages, mut next) = (BTreeSet::new(), 0, Some(0));
    while let Some(first) = next {
        let Page { combinations, next: then } = page(first, limit);
        assert!(combinations.len() <= limit as usize);
        assert!(then.is_none_or(|then| then > first), "a page leads on");
        for combination in combinations {
            assert!(keys.insert(combination.key), "a combination is shown once");
        }
        (pages, next) = (pages + 1, then);
    }
    (keys.len(), pages)
}

#[test]
fn every_combination_is_on_one_page() {
    for plan in [long(), plan((0..6).map(|n| dimension(&format!("d{n}"), 0..10)).collect())] {
        let pool = Pool::define(None, plan).expect("a million");
        assert_eq!(pool.combination_count(), 1_000_000);
        let page = |first, limit| pool.combinations(&[], first, limit).expect("no filter");
        assert_eq!(walk(999, page), (1_000_000, 1_002));
        let last = page(999_997, 3);
        assert_eq!((last.combinations.len(), last.next), (3, None));
        let before = page(999_996, 3);
        assert_eq!((before.combinations.len(), before.next), (3, Some(999_999)));
        for beyond in [1_000_000, 1_000_001, u64::MAX] {
            assert_eq!(page(beyond, 3), Page::default());
        }
    }
}

#[test]
fn filters_leave_their_share() {
    let pool = Pool::define(None, long()).expect("a million");
    let filter = [("a".to_owned(), "9999".to_owned())];
    let page = |first, limit| pool.combinations(&filter, first, limit).expect("it has the value");
    assert_eq!(walk(33, page), (100, 4));
    let filter = [("b".to_owned(), "99".to_owned())];
    let page = |first, limit| pool.combinations(&filter, first, limit).expect("it has the value");
    assert_eq!(walk(1_000, page), (10_000, 10));
}

#[test]
fn what_is_kept_of_a_million_is_found() {
    let pool = Pool::define(None, long()).expect("a million");
    let fewer = plan(vec![dimension("b", 0..99), dimension("a", 1..10_000)]);
    let pool = Pool::define(Some(pool), fewer).expect("fewer");
    // All with the last value of the one or the first of the other, or both.
    assert_eq!(pool.kept_count(), 10_000 + 100 - 1);
    let page = |first, limit| pool.kept_combinations(&[], first, limit).expect("no filter");
    assert_eq!(walk(1_000, page).0, 10_099);
    let other = plan(vec![dimension("c", 0..2)]);
    let pool = Pool::define(Some(pool), other.clone()).expect("a million are kept");
    assert_eq!(pool.kept_count(), 1_000_000);
    let refused = Pool::define(Some(pool.clone()), plan(vec![dimension("d", 0..2)])).map_err(|e| e.code);
    assert_eq!(refused.map(|_| ()), Err(ErrorCode::TooLarge), "two more would be kept");
    let mut cleared = pool;
    cleared.clear(false);
    Pool::define(Some(cleared), plan(vec![dimension("d", 0..2)])).expect("clearing makes room");
}

#[test]
fn too_many_are_refused_with_their_number() {
    let of = |dimensions: usize, values| (0..dimensions).map(|n| dimension(&format!("d{n}"), 0..values)).collect();
    for (dimensions, number) in [(of(9, 10), "1000000000"), (of(16, 1000), "more than 10^38")] {
        let refused = Pool::define(None, plan(dimensions)).expect_err("too many");
        assert_eq!(refused.code, ErrorCode::TooLarge);
        assert!(refused.message.contains(&format!("has {number} combinations")), "{}", refused.message);
    }
    let just = plan(vec![dimension("a", 0..1_000), dimension("b", 0..1_001)]);
    assert_eq!(Pool::define(None, just).map_err(|e| e.code), Err(ErrorCode::TooLarge));
}

#[test]
fn names_and_values_have_64_kib() {
    let value = |n: usize, len: usize| Value { text: format!("{n:0len$}"), literal: false };
    // 255 values of 256 bytes, one of 255, and the name of one.
    let mut values: Vec<_> = (0..255).map(|n| value(n, 256)).collect();
    values.push(value(999, 255));
    let fits = plan(vec![Dimension { name: "a".to_owned(), values: values.clone() }]);
    Pool::define(None, fits).expect("65,536 bytes");
    let beyond = plan(vec![Dimension { name: "ab".to_owned(), values }]);
    assert_eq!(Pool::define(None, beyond).map_err(|e| e.code), Err(ErrorCode::TooLarge));
}
