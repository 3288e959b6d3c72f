//! Fears that what is to be fetched is fetched in the wrong order, twice at a time, never, or for ever.

use larder_engine::ErrorCode;
use larder_engine::prefetch::{Enqueued, Failed, MAX_ITEMS, Queue, QueueFigures, Wanted};
use proptest::prelude::*;

const LEASE: u64 = 30_000;

fn wanted(key: &str, priority: f64) -> Wanted {
    Wanted { key: key.into(), priority, payload: key.to_uppercase().into() }
}

fn queue(items: &[(&str, f64)]) -> Queue {
    let mut queue = Queue::default();
    queue.enqueue(items.iter().map(|(key, priority)| wanted(key, *priority)).collect(), 100, 1_000).expect("valid");
    queue
}

fn keys(queue: &Queue) -> String {
    let each = queue.items().iter().map(|item| String::from_utf8_lossy(&item.wanted.key).into_owned());
    each.collect::<Vec<_>>().join(" ")
}

fn take(queue: &mut Queue, count: u32, now: u64) -> String {
    let taken = queue.take(count, LEASE, now).items;
    taken.iter().map(|item| String::from_utf8_lossy(&item.wanted.key).into_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_highest_priority_goes_first_and_of_equals_what_came_first() {
    let mut queue = queue(&[("a", 0.5), ("b", 0.9), ("c", 0.5), ("d", 0.0), ("e", 1.0), ("f", 0.9)]);
    assert_eq!(keys(&queue), "e b f a c d");
    assert_eq!(take(&mut queue, 2, 2_000), "e b");
    assert_eq!(take(&mut queue, 10, 2_000), "f a c d", "what is taken is not given out again");
    assert_eq!(take(&mut queue, 10, 2_000), "");
    assert_eq!(queue.take(1, LEASE, 2_000).next, Some(32_000));
    assert_eq!(queue.finish(&[b"e".to_vec(), b"none".to_vec()], false), 1);
    assert_eq!(queue.finish(&[b"b".to_vec()], true), 1);
    assert_eq!(take(&mut queue, 10, 31_999), "");
    assert_eq!(take(&mut queue, 10, 32_000), "f a c d", "nobody said a word in time");
    let figures = QueueFigures { length: 4, requests: 6, fetched: 1, unneeded: 1, ..QueueFigures::default() };
    assert_eq!(queue.figures(32_000), figures);
}

#[test]
fn what_is_wanted_again_has_the_higher_priority_and_the_newer_payload() {
    let mut queue = queue(&[("a", 0.5), ("b", 0.6)]);
    let again = Wanted { payload: b"newer".to_vec(), ..wanted("a", 0.9) };
    let lower = wanted("b", 0.1);
    let done = queue.enqueue(vec![again, lower, wanted("c", 0.3), wanted("c", 0.7)], 100, 2_000).expect("valid");
    assert_eq!(done, Enqueued { added: 1, merged: 3, dropped: 0 });
    assert_eq!(keys(&queue), "a c b");
    assert_eq!(queue.items()[0].wanted.payload, b"newer");
    assert_eq!(queue.items()[0].since, 1_000);
    assert_eq!((queue.figures(0).requests, queue.figures(0).merged), (6, 3));
}

#[test]
fn a_full_queue_lets_the_lowest_priority_go() {
    let mut queue = queue(&[("a", 0.5), ("b", 0.2), ("c", 0.9)]);
    let done = queue.enqueue(vec![wanted("d", 0.3), wanted("e", 0.1)], 3, 2_000).expect("valid");
    assert_eq!(done, Enqueued { added: 2, merged: 0, dropped: 2 });
    assert_eq!(keys(&queue), "c a d");
    assert_eq!(queue.figures(0).dropped, 2);
    let many = (0..20_000).map(|n| wanted(&format!("many-{n}"), 0.4)).collect();
    assert_eq!(queue.enqueue(many, u32::MAX, 3_000).expect("valid").dropped as usize, 20_003 - MAX_ITEMS);
    let large = |n: u32| Wanted { payload: vec![0; 64 << 10], ..wanted(&format!("large-{n}"), 1.0) };
    queue.enqueue((0..300).map(large).collect(), u32::MAX, 3_000).expect("valid");
    assert!(queue.encode().len() < 17 << 20, "{} bytes", queue.encode().len());
}

#[test]
fn what_fails_is_tried_again_later_and_given_up_in_the_end() {
    let mut queue = queue(&[("a", 0.5)]);
    assert_eq!(take(&mut queue, 1, 2_000), "a");
    assert_eq!(queue.fail(b"a", "no answer", 1_000, 5_000), Failed::Again(6_000));
    assert_eq!(queue.items()[0].reason, "no answer");
    assert_eq!(take(&mut queue, 1, 5_999), "");
    assert_eq!(take(&mut queue, 1, 6_000), "a");
    assert_eq!(queue.fail(b"a", &"ä".repeat(300), 1_000, 6_000), Failed::Again(8_000));
    assert_eq!(queue.items()[0].reason, "ä".repeat(128), "256 bytes, and no half letter");
    assert_eq!(take(&mut queue, 1, 8_000), "a");
    assert_eq!(queue.fail(b"a", "no answer", 1_000, 8_000), Failed::GivenUp);
    assert_eq!(queue.fail(b"a", "no answer", 1_000, 8_000), Failed::Unknown);
    let figures = QueueFigures { requests: 1, failures: 3, given_up: 1, ..QueueFigures::default() };
    assert_eq!(queue.figures(8_000), figures);
}

#[test]
fn what_kills_who_takes_it_is_given_up() {
    let mut queue = queue(&[("poison", 0.9), ("b", 0.5)]);
    for round in 1..=3 {
        assert_eq!(take(&mut queue, 1, round * 100_000), "poison");
    }
    assert_eq!(take(&mut queue, 1, 400_000), "b");
    assert_eq!(queue.figures(0).given_up, 1);
}

#[test]
fn a_clock_that_goes_back_does_not_keep_anything_waiting() {
    let mut queue = queue(&[("a", 0.5)]);
    assert_eq!(take(&mut queue, 1, u64::MAX - 5), "a");
    assert_eq!(take(&mut queue, 1, 1_000), "a", "that is no lease: it lies ages ahead");
    let far = queue.take(1, u64::MAX, 100_000_000_000);
    assert_eq!(far.next, None);
    assert_eq!(queue.take(1, 1, 100_000_000_000).next, Some(100_000_000_000 + 24 * 3_600_000), "a day at most");
}

#[test]
fn what_cannot_be_wanted_is_refused_and_nothing_is_queued() {
    let mut queue = queue(&[("a", 0.5)]);
    let before = queue.clone();
    let long = |len: usize| Wanted { key: vec![b'x'; len], priority: 0.5, payload: Vec::new() };
    let payload = Wanted { payload: vec![0; (64 << 10) + 1], ..wanted("b", 0.5) };
    let wrong = [wanted("b", -0.1), wanted("b", 1.1), wanted("b", f64::NAN), wanted("b", f64::INFINITY), payload];
    for wrong in wrong.into_iter().chain([long(0), long(65_536)]) {
        let refusal = queue.enqueue(vec![wanted("good", 0.5), wrong], 100, 1_000).expect_err("refused");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
        assert_eq!(queue, before);
    }
    assert!(queue.enqueue(vec![long(65_535)], 100, 1_000).is_ok());
}

#[derive(Debug, Clone)]
enum Op {
    Enqueue(Vec<(u8, u8)>),
    Take(u32),
    Finish(u8),
    Fail(u8),
    Remove(u8),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => prop::collection::vec((0..20u8, 0..5u8), 0..8).prop_map(Op::Enqueue),
        3 => (0..4u32).prop_map(Op::Take),
        2 => (0..20u8).prop_map(Op::Finish),
        2 => (0..20u8).prop_map(Op::Fail),
        1 => (0..20u8).prop_map(Op::Remove),
        2 => (0..50_000u64).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 1..60)
}

proptest! {
    #[test]
    fn every_item_is_accounted_for(ops in ops()) {
        let (mut queue, mut now, mut added, mut removed) = (Queue::default(), 1_000, 0u64, 0u64);
        for op in ops {
            match op {
                Op::Enqueue(items) => {
                    let items = items.into_iter().map(|(key, p)| wanted(&key.to_string(), f64::from(p) / 4.0));
                    added += u64::from(queue.enqueue(items.collect(), 12, now).expect("valid").added);
                }
                Op::Take(count) => {
                    let before: Vec<_> = queue.items().iter().filter(|item| item.waits <= now).cloned().collect();
                    let taken = queue.take(count, LEASE, now);
                    prop_assert!(taken.items.iter().all(|item| item.waits == now + LEASE));
                    prop_assert!(taken.items.iter().all(|item| before.iter().any(|b| b.wanted == item.wanted)));
                }
                Op::Finish(key) => {
                    queue.finish(&[key.to_string().into()], key % 2 == 0);
                }
                Op::Fail(key) => {
                    queue.fail(key.to_string().as_bytes(), "why", 1_000, now);
                }
                Op::Remove(key) => removed += u64::from(queue.remove(&[key.to_string().into()])),
                Op::Wait(span) => now += span,
            }
            let f = queue.figures(now);
            prop_assert_eq!(added, f.length + f.fetched + f.unneeded + f.given_up + f.dropped + removed);
            prop_assert!(f.length <= 12 && f.ready <= f.length);
            prop_assert_eq!(&Queue::decode(&queue.encode()).expect("its own bytes"), &queue);
        }
    }

    #[test]
    fn any_bytes_are_a_queue_or_refused(ops in prop::collection::vec((0..9u8, 0..5u8), 0..6), at: prop::sample::Index, byte: u8) {
        let items = ops.into_iter().map(|(key, p)| wanted(&key.to_string(), f64::from(p) / 4.0)).collect();
        let mut queue = Queue::default();
        queue.enqueue(items, 10, 1_000).expect("valid");
        let mut bytes = queue.encode();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(mut odd) = Queue::decode(&bytes) {
            prop_assert_eq!(odd.encode(), bytes.clone());
            odd.enqueue(vec![wanted("new", 0.5)], 10, 1_000).expect("valid");
            odd.take(9, LEASE, 5_000);
            odd.fail(b"1", "why", u64::MAX, u64::MAX);
        }
        prop_assert!(Queue::decode(&bytes[..place]).is_err());
    }
}

#[test]
fn a_newer_queue_is_refused_as_such() {
    assert_eq!(Queue::decode(b"LPQ\x02").expect_err("refused").code, ErrorCode::NewerFormat);
    assert_eq!(Queue::decode(b"LPX\x01").expect_err("refused").code, ErrorCode::Corrupt);
}
