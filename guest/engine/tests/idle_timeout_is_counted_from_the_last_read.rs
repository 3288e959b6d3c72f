//! Fears that entries in use go idle: in the memory tier, or in the store because nobody renewed their record.

use larder_engine::{Config, Engine, ErrorCode, Freshness, SetOptions};

const NOW: u64 = 1_790_000_000_000;
const IDLE: u64 = 1_000;

fn engine(store: bool) -> Engine {
    let mut engine = Engine::open(Config { store, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn idle() -> SetOptions {
    SetOptions { tti: Some(IDLE), ..SetOptions::default() }
}

fn is_hit(engine: &mut Engine, at: u64) -> bool {
    engine.get(0, b"k", at).expect("known namespace").is_some()
}

#[test]
fn an_entry_that_is_read_stays_and_one_that_is_not_goes() {
    let mut engine = engine(false);
    engine.set(0, b"k", b"v", &idle(), NOW, None).expect("fits");
    for reads in 1..10 {
        assert!(is_hit(&mut engine, NOW + reads * (IDLE - 1)), "read {reads}");
        engine.check().expect("sound");
    }
    let last = NOW + 9 * (IDLE - 1);
    assert_eq!(engine.next_expiry(), Some(last + IDLE));
    assert!(!is_hit(&mut engine, last + IDLE));
}

#[test]
fn looking_without_reading_refreshes_nothing() {
    let mut engine = engine(false);
    engine.set(0, b"k", b"v", &idle(), NOW, None).expect("fits");
    assert_eq!(engine.exists(0, b"k", NOW + IDLE - 1), Ok(true));
    assert!(engine.inspect(0, b"k", NOW + IDLE - 1).expect("known namespace").is_some());
    engine.scan(None, b"", 0, 10, NOW + IDLE - 1).expect("of all");
    assert_eq!(engine.exists(0, b"k", NOW + IDLE), Ok(false));
}

#[test]
fn the_shorter_of_both_times_counts() {
    let mut engine = engine(false);
    let options = SetOptions { ttl: Some(IDLE / 2), stale: Some(IDLE), ..idle() };
    assert_eq!(engine.set(0, b"k", b"v", &options, NOW, None).expect("fits").gone, Some(NOW + IDLE));
    let hit = engine.get(0, b"k", NOW + IDLE - 1).expect("known namespace").expect("stale");
    assert_eq!(hit.freshness, Freshness::Stale);
    assert_eq!(engine.next_expiry(), Some(NOW + IDLE / 2 + IDLE), "now the stale window ends first");
}

#[test]
fn a_record_that_was_not_renewed_is_expired() {
    let mut engine = engine(true);
    let record = engine.set(0, b"k", b"v", &idle(), NOW, None).expect("fits").record;
    engine.forget(0, b"k").expect("known namespace");
    assert_eq!(engine.admit(0, b"k", &record, NOW + IDLE).expect_err("idle").code, ErrorCode::Expired);
    assert!(engine.admit(0, b"k", &record, NOW + IDLE - 1).is_ok());
}

/// Reads every `pace` milliseconds, as many times as it takes to outlive the first record five times, and renews the
/// record when asked to. The record kept must be alive whenever the entry is.
fn reads_at_a_pace_of(pace: u64) {
    let mut engine = engine(true);
    let mut record = engine.set(0, b"k", b"v", &idle(), NOW, None).expect("fits").record;
    for now in (NOW..NOW + 5 * IDLE).step_by(pace as usize) {
        let hit = engine.get(0, b"k", now).expect("known namespace").expect("read all the time");
        if hit.renew {
            record = engine.touch(0, b"k", None, None, now, None).expect("valid").expect("there").record;
        }
        let gone = larder_engine::describe(&record).expect("sound").gone.expect("goes idle");
        assert!(gone > now, "read every {pace} ms, and its record goes idle at {}", now - NOW);
    }
}

#[test]
fn a_host_is_asked_to_renew_at_a_slow_pace() {
    reads_at_a_pace_of(IDLE / 2);
}

#[test]
fn a_host_is_asked_to_renew_at_a_quick_pace() {
    reads_at_a_pace_of(IDLE / 20);
}

#[test]
fn a_fresh_record_needs_no_renewal() {
    let mut engine = engine(true);
    engine.set(0, b"k", b"v", &idle(), NOW, None).expect("fits");
    assert!(!engine.get(0, b"k", NOW + 1).expect("known namespace").expect("there").renew);
    engine.set(0, b"k", b"v", &SetOptions::default(), NOW, None).expect("fits");
    let late = engine.get(0, b"k", NOW + 100 * IDLE).expect("known namespace").expect("there").renew;
    assert!(!late, "without an idle time-out there is nothing to renew");
}
