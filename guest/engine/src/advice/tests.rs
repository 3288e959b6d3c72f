//! Fears that shadows grow with the cache, or remember what is gone.

use super::{Advice, ITSELF, Kind, LARGEST, MOST_ENDS, Request, Sampling, hits, share};
use crate::policy::{Entry, Objective, PolicyKind};
use crate::rng::mix;
use crate::time::NEVER;

fn request(advice: &mut Advice, key: u64, weight: u32, gone: u64, kind: Kind, room: u64, now: u64) {
    let hash = mix(key) as u32;
    if advice.count(hash, weight, kind, now, now) {
        let request =
            Request { entry: Entry { hash, weight, worth: 1.0 }, gone, renews: kind == Kind::Overwritten, kind };
        advice.show(&request, room, now);
    }
}

fn missed(advice: &Advice) -> Vec<u64> {
    advice.shadows.iter().map(|shadow| shadow.missed.number).collect()
}

#[test]
fn a_shadow_holds_no_more_than_it_may_however_large_the_cache() {
    let mut advice = Advice::new(PolicyKind::Lru, Objective::Balanced, 7);
    for key in 0..200_000 {
        request(&mut advice, key, 1 + (key % 9) as u32, key + 1_000_000, Kind::Missed, 400_000, 0);
        if key % 1_000 == 0 {
            assert_eq!(advice.check(), Ok(()));
        }
    }
    assert_eq!(advice.check(), Ok(()));
    assert!(advice.sampling.stands_for() > 8, "{:?}", advice.sampling);
    let largest = advice.shadows.iter().map(|shadow| shadow.directory.len(0)).max().unwrap_or_default();
    assert!((LARGEST / 4..=LARGEST).contains(&largest), "{largest}");
}

#[test]
fn ends_are_known_of_few_even_if_every_key_ends() {
    let mut advice = Advice::new(PolicyKind::Fifo, Objective::Balanced, 7);
    for key in 0..100_000 {
        request(&mut advice, key, 1, key + 10, Kind::Missed, 100, key);
        assert!(advice.shadows.iter().all(|shadow| shadow.ends() <= MOST_ENDS));
    }
    assert_eq!((advice.sampling.stands_for(), advice.check()), (1, Ok(())));
}

#[test]
fn what_is_over_or_deleted_is_no_hit() {
    let mut advice = Advice::new(PolicyKind::Lru, Objective::Balanced, 7);
    let all = |n| vec![n; advice_len()];
    request(&mut advice, 1, 1, 100, Kind::Missed, 10, 0);
    request(&mut advice, 1, 1, 150, Kind::Missed, 10, 50);
    assert_eq!(missed(&advice), all(1), "asked for again in time");
    request(&mut advice, 1, 1, NEVER, Kind::Missed, 10, 150);
    assert_eq!(missed(&advice), all(2), "its time was over");
    advice.forget(mix(1) as u32);
    request(&mut advice, 1, 1, NEVER, Kind::Missed, 10, 151);
    assert_eq!(missed(&advice), all(3), "it was deleted");
    request(&mut advice, 2, 1, NEVER, Kind::Overwritten, 10, 152);
    assert_eq!((missed(&advice), advice.requests.number), (all(3), 4), "nobody read");
    request(&mut advice, 2, 1, NEVER, Kind::Hit, 10, 153);
    assert_eq!(missed(&advice), all(3), "though nobody read it, it is there");
}

fn advice_len() -> usize {
    Advice::new(PolicyKind::Lru, Objective::Balanced, 7).shadows.len()
}

#[test]
fn the_first_three_are_the_policy_in_force_and_no_policy_is_tried_twice() {
    for policy in PolicyKind::ALL {
        let estimates = Advice::new(policy, Objective::Balanced, 0).estimates();
        let tried: Vec<_> = estimates.iter().map(|e| (e.policy, e.capacity_percent)).collect();
        assert_eq!(tried[..3], [(policy, 50), (policy, 100), (policy, 200)]);
        assert_eq!(tried[ITSELF], (policy, 100));
        assert!(tried[3..].iter().all(|other| other.0 != policy && other.1 == 100), "{tried:?}");
    }
}

#[test]
fn arithmetic_holds_at_the_edges() {
    let mut sampling = Sampling::new(0);
    assert_eq!(share(u64::MAX, 200, sampling), u64::MAX);
    (0..3).for_each(|_| sampling.halve());
    assert_eq!(share(1_000, 50, sampling), 62);
    assert_eq!(hits(100, 40, 50, 80), 75);
    assert_eq!(hits(100, 40, 50, 0), 60);
    assert_eq!(hits(100, u64::MAX, u64::MAX, 1), 0);
}

#[test]
fn a_policy_that_lets_nobody_go_may_be_left_with_more_than_it_has_room_for() {
    let mut advice = Advice::new(PolicyKind::Ttl, Objective::Balanced, 7);
    for key in 0..10 {
        request(&mut advice, key, 10, NEVER, Kind::Missed, 100, 0);
    }
    request(&mut advice, 0, 10, NEVER, Kind::Hit, 20, 1);
    assert_eq!(advice.check(), Ok(()), "the room became less");
}
