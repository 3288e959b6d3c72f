//! Fears the edges of times: entries that live a millisecond too long, or wrap around and die at once.

use larder_engine::{Config, Engine, ErrorCode, Freshness, NamespaceDefaults, SetOptions};

const NOW: u64 = 1_790_000_000_000;
const THOUSAND_YEARS: u64 = 1_000 * 365 * 86_400_000;

fn engine() -> Engine {
    let mut engine = Engine::open(Config::default()).expect("defaults are valid");
    engine.namespace("ns").expect("valid name");
    engine
}

fn ttl(ms: u64) -> SetOptions {
    SetOptions { ttl: Some(ms), ..SetOptions::default() }
}

fn freshness(engine: &mut Engine, at: u64) -> Option<Freshness> {
    let hit = engine.get(0, b"k", at).expect("known namespace").map(|hit| hit.freshness);
    engine.check().expect("sound");
    hit
}

#[test]
fn a_time_of_zero_is_refused_and_the_entry_stays() {
    let mut engine = engine();
    engine.set(0, b"k", b"old", &SetOptions::default(), NOW, None).expect("fits");
    let idle_zero = SetOptions { tti: Some(0), ..SetOptions::default() };
    for options in [ttl(0), idle_zero] {
        let refusal = engine.set(0, b"k", b"new", &options, NOW, None).expect_err("zero");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
    }
    assert_eq!(engine.touch(0, b"k", Some(0), None, NOW, None).expect_err("zero").code, ErrorCode::InvalidArgument);
    let hit = engine.get(0, b"k", NOW).expect("known namespace").expect("still there");
    assert_eq!((&*hit.value, hit.expires), (&b"old"[..], None));
    for defaults in [
        NamespaceDefaults { ttl: Some(0), ..NamespaceDefaults::default() },
        NamespaceDefaults { tti: Some(0), ..NamespaceDefaults::default() },
        NamespaceDefaults { jitter: 101, ..NamespaceDefaults::default() },
    ] {
        assert_eq!(engine.set_defaults(0, defaults).expect_err("out of range").code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn one_millisecond_is_exactly_one_millisecond() {
    let mut engine = engine();
    let stored = engine.set(0, b"k", b"v", &ttl(1), NOW, None).expect("fits");
    assert_eq!((stored.gone, engine.next_expiry()), (Some(NOW + 1), Some(NOW + 1)));
    assert_eq!(freshness(&mut engine, NOW), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + 1), None);
    assert_eq!(engine.next_expiry(), None);
}

#[test]
fn a_thousand_years_are_kept_exactly() {
    let mut engine = engine();
    engine.set(0, b"k", b"v", &ttl(THOUSAND_YEARS), NOW, None).expect("fits");
    assert_eq!(freshness(&mut engine, NOW + THOUSAND_YEARS - 1), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + THOUSAND_YEARS), None);
}

#[test]
fn the_largest_times_mean_never() {
    let options =
        SetOptions { ttl: Some(u64::MAX), tti: Some(u64::MAX), stale: Some(u64::MAX), ..SetOptions::default() };
    let mut engine = engine();
    let stored = engine.set(0, b"k", b"v", &options, NOW, None).expect("fits");
    assert_eq!((stored.gone, engine.next_expiry()), (None, None));
    assert_eq!(freshness(&mut engine, NOW + 5 * THOUSAND_YEARS), Some(Freshness::Fresh));
    let info = engine.inspect(0, b"k", NOW).expect("known namespace").expect("there");
    assert_eq!((info.expires, info.gone), (None, None));
}

#[test]
fn a_never_by_option_overrides_the_default() {
    let mut engine = engine();
    engine.set_defaults(0, NamespaceDefaults { ttl: Some(5), ..NamespaceDefaults::default() }).expect("valid");
    let by_default = engine.set(0, b"k", b"v", &SetOptions::default(), NOW, None).expect("fits");
    assert_eq!(by_default.gone, Some(NOW + 5));
    let by_option = engine.set(0, b"k", b"v", &ttl(u64::MAX), NOW, None).expect("fits");
    assert_eq!(by_option.gone, None);
}

#[test]
fn new_defaults_leave_the_entries_that_are_there() {
    let mut engine = engine();
    engine.set(0, b"k", b"v", &ttl(100), NOW, None).expect("fits");
    let defaults = NamespaceDefaults { ttl: Some(1), tti: Some(1), stale: Some(1), jitter: 0 };
    engine.set_defaults(0, defaults).expect("valid");
    assert_eq!(freshness(&mut engine, NOW + 99), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + 100), None);
}

#[test]
fn the_stale_window_begins_and_ends_on_the_millisecond() {
    let mut engine = engine();
    let options = SetOptions { stale: Some(30), ..ttl(10) };
    let stored = engine.set(0, b"k", b"v", &options, NOW, None).expect("fits");
    assert_eq!(stored.gone, Some(NOW + 40));
    assert_eq!(freshness(&mut engine, NOW + 9), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + 10), Some(Freshness::Stale));
    assert_eq!(freshness(&mut engine, NOW + 39), Some(Freshness::Stale));
    assert_eq!(engine.stats(Some(0)).expect("known namespace").stale_hits, 2);
    assert_eq!(freshness(&mut engine, NOW + 40), None);
}

#[test]
fn a_stale_window_of_zero_overrides_the_default() {
    let mut engine = engine();
    engine.set_defaults(0, NamespaceDefaults { stale: Some(30), ..NamespaceDefaults::default() }).expect("valid");
    let options = SetOptions { stale: Some(0), ..ttl(10) };
    engine.set(0, b"k", b"v", &options, NOW, None).expect("fits");
    assert_eq!(freshness(&mut engine, NOW + 10), None);
}

#[test]
fn a_touch_makes_a_stale_entry_fresh_and_an_eternal_one_mortal() {
    let mut engine = engine();
    let options = SetOptions { stale: Some(30), ..ttl(10) };
    engine.set(0, b"k", b"v", &options, NOW, None).expect("fits");
    let touched = engine.touch(0, b"k", Some(10), None, NOW + 20, None).expect("valid").expect("there");
    assert_eq!(touched.gone, Some(NOW + 60), "the stale window follows");
    assert_eq!(freshness(&mut engine, NOW + 29), Some(Freshness::Fresh));
    engine.touch(0, b"k", Some(u64::MAX), None, NOW + 29, None).expect("valid").expect("there");
    assert_eq!(freshness(&mut engine, NOW + THOUSAND_YEARS), Some(Freshness::Fresh));
    engine.touch(0, b"k", Some(1), None, NOW, None).expect("valid").expect("there");
    assert_eq!(freshness(&mut engine, NOW + 31), None);
}

#[test]
fn a_clock_that_goes_back_harms_nobody() {
    let mut engine = engine();
    engine.set(0, b"k", b"v", &SetOptions { tti: Some(50), ..ttl(100) }, NOW, None).expect("fits");
    assert_eq!(freshness(&mut engine, NOW - 1_000), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, 0), Some(Freshness::Fresh));
    assert_eq!(engine.cleanup(0, u32::MAX), 0);
    assert_eq!(freshness(&mut engine, NOW + 49), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + 98), Some(Freshness::Fresh));
    assert_eq!(freshness(&mut engine, NOW + 100), None, "idle or not, the time to live ends it");
}

#[test]
fn entries_that_end_together_go_in_the_order_of_their_writing() {
    let mut engine = engine();
    let spaces: Vec<_> = (0..20).map(|n| engine.namespace(&format!("ns{n}")).expect("valid name")).collect();
    // Written under numbers in another order than they came in, and some once more.
    for (turn, n) in (0..20).chain([3, 17, 8]).enumerate() {
        let version = 1 + (n as u64 * 7 + turn as u64 / 20 * 11) % 20 + turn as u64 / 20 * 100;
        engine.set(spaces[n], b"k", b"v", &ttl(10), NOW, Some(version)).expect("fits");
    }
    let version = |engine: &mut Engine, n: usize| {
        engine.inspect(spaces[n], b"k", NOW).expect("known namespace").map_or(0, |info| info.version)
    };
    let mut order: Vec<usize> = (0..20).collect();
    order.sort_by_key(|&n| version(&mut engine, n));
    for n in order {
        assert_eq!(engine.cleanup(NOW + 10, 1), 1);
        assert_eq!(engine.stats(Some(spaces[n])).expect("known namespace").expired, 1, "namespace {n} is next");
    }
}
