//! Fears that a predictor says what is not so: probabilities that are none, what it never saw, what it should have forgotten; that
//! it outgrows its memory, or that two processes lose what the other learnt.

use larder_engine::ErrorCode;
use larder_engine::prefetch::{Learnt, Prediction, Predictor, PredictorConfig};
use proptest::prelude::*;

const HOUR: u64 = 3_600_000;

fn open() -> Predictor {
    Predictor::open(PredictorConfig::default()).expect("valid settings")
}

/// Each character of `keys` is a key, asked for a second after the one before.
fn observe(predictor: &mut Predictor, session: u64, keys: &str) {
    keys.bytes().zip(1..).for_each(|(key, at)| predictor.observe(session, &[key], at * 1_000));
}

/// As `b 0.67, c 0.17`.
fn text(predictions: &[Prediction]) -> String {
    let each = |p: &Prediction| format!("{} {:.2}", String::from_utf8_lossy(&p.key), p.probability);
    predictions.iter().map(each).collect::<Vec<_>>().join(", ")
}

fn after(predictor: &Predictor, keys: &str) -> String {
    let keys: Vec<[u8; 1]> = keys.bytes().map(|key| [key]).collect();
    text(&predictor.predict(&keys, 10))
}

#[test]
fn one_observation_is_believed_by_half_and_nine_by_nine_tenths() {
    let mut predictor = open();
    observe(&mut predictor, 1, "ab");
    assert_eq!(after(&predictor, "a"), "b 0.50");
    (2..10).for_each(|session| observe(&mut predictor, session, "ab"));
    assert_eq!(after(&predictor, "a"), "b 0.90");
    observe(&mut predictor, 10, "ac");
    // Ten observations, two followers: 9 / 12 and 1 / 12.
    assert_eq!(after(&predictor, "a"), "b 0.75, c 0.08");
    assert_eq!(after(&predictor, "b"), "", "nothing followed it");
    assert_eq!(after(&predictor, "z"), "", "nobody asked for it");
    assert_eq!(text(&predictor.predict(&[b"a"], 1)), "b 0.75", "one was asked for");
    assert_eq!(text(&predictor.predict(&[] as &[&[u8]], 9)), "");
}

#[test]
fn two_keys_say_more_than_one() {
    let mut predictor = open();
    for session in 0..20 {
        observe(&mut predictor, session, if session % 2 == 0 { "xab" } else { "yac" });
    }
    assert_eq!(after(&predictor, "a"), "b 0.45, c 0.45", "of 20 and two followers");
    // Ten of ten behind x and a: 10 / 11, and of the rest what a alone says.
    assert_eq!(after(&predictor, "xa"), "b 0.95, c 0.04");
    assert_eq!(after(&predictor, "qxa"), "b 0.95, c 0.04", "only the last two count");
    assert_eq!(after(&predictor, "qa"), "b 0.45, c 0.45", "an unknown pair leaves it to the last");
}

#[test]
fn sessions_do_not_mix_and_a_pause_ends_a_sequence() {
    let mut predictor = open();
    for at in 0..5 {
        for (session, keys) in [(1, b"ab"), (2, b"cd")] {
            keys.iter().for_each(|key| predictor.observe(session, &[*key], at * HOUR));
        }
    }
    assert_eq!(after(&predictor, "a"), "b 0.83");
    assert_eq!(after(&predictor, "b"), "", "an hour lay between b and the next a");
    assert_eq!(after(&predictor, "c"), "d 0.83");
    predictor.observe(1, b"a", 100 * HOUR);
    assert_eq!(text(&predictor.next(1, 9, 100 * HOUR)), "b 0.83");
    assert_eq!(text(&predictor.next(1, 9, 101 * HOUR)), "", "who knows where that user is now");
    assert_eq!(text(&predictor.next(7, 9, 100 * HOUR)), "", "there is no such session");
    predictor.observe(2, b"c", 100 * HOUR);
    predictor.observe(3, b"c", 100 * HOUR);
    // Two are before d: 1 - (1/6)².
    assert_eq!(text(&predictor.outlook(9, 100 * HOUR)), "d 0.97, b 0.83");
}

#[test]
fn asking_again_for_the_same_key_says_nothing() {
    let mut predictor = open();
    observe(&mut predictor, 1, "aaaabbbb");
    assert_eq!(after(&predictor, "a"), "b 0.50");
    assert_eq!(predictor.learnt().observed, 1);
}

#[test]
fn a_load_that_changes_is_followed() {
    let mut predictor = open();
    (0..5_000).for_each(|session| observe(&mut predictor, session, "ab"));
    (0..2_000).for_each(|session| observe(&mut predictor, session, "ac"));
    let now = predictor.predict(&[b"a"], 1);
    assert_eq!(now[0].key, b"c", "5,000 older observations weigh less than 2,000 newer ones");
    let Learnt { observed, guessed, foreseen, .. } = predictor.learnt();
    assert_eq!((observed, guessed), (7_000, 6_999));
    assert!((4_999..6_500).contains(&foreseen), "{foreseen}");
}

#[test]
fn memory_is_bounded_and_what_was_used_last_stays() {
    for max_bytes in [16 << 10, 64 << 10, 1 << 20] {
        let mut predictor =
            Predictor::open(PredictorConfig { max_bytes, ..PredictorConfig::default() }).expect("valid");
        let (mut known, mut state) = (0, 1u64);
        for step in 0..60_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = format!("key-{}", if step % 3 == 0 { state >> 44 } else { step % 3 });
            predictor.observe(state >> 62, key.as_bytes(), step);
            known = known.max(predictor.learnt().keys);
            assert!(predictor.learnt().bytes <= max_bytes, "{:?}", predictor.learnt());
        }
        assert!(known > max_bytes / 500, "only {known} keys in {max_bytes} bytes");
        let likely = predictor.predict(&[b"key-1"], 1);
        assert_eq!(likely[0].key, b"key-2", "of {max_bytes} bytes");
    }
}

#[test]
fn what_is_saved_in_one_go_is_not_forgotten_in_one_go() {
    let mut large = open();
    for n in 0..20_000u32 {
        large.observe(1, format!("key-{n}").as_bytes(), 0);
    }
    let state = large.save(None).expect("saved");
    let config = PredictorConfig { max_bytes: 256 << 10, ..PredictorConfig::default() };
    let mut small = Predictor::open(config).expect("valid");
    small.load(&state).expect("sound");
    let likely = small.predict(&[b"key-19998"], 1);
    assert_eq!(likely[0].key, b"key-19999");
    assert!(small.predict(&[b"key-1"], 1).is_empty(), "what was learnt first goes first");
    assert!(small.learnt().bytes > 64 << 10, "{:?}", small.learnt());
}

#[test]
fn long_keys_do_not_break_the_bound() {
    let config = PredictorConfig { max_bytes: 16 << 10, ..PredictorConfig::default() };
    let mut predictor = Predictor::open(config).expect("valid");
    for step in 0..20_000u64 {
        let key = vec![(step % 251) as u8; 900 + (step % 200) as usize];
        predictor.observe(step % 4, &key, step);
        assert!(predictor.learnt().bytes <= 16 << 10, "{:?}", predictor.learnt());
    }
    assert!(predictor.learnt().observed > 500, "{:?}", predictor.learnt());
}

#[test]
fn two_processes_learn_from_each_other_and_lose_nothing() {
    let (mut one, mut other) = (open(), open());
    observe(&mut one, 1, "ab");
    observe(&mut other, 2, "ac");
    let stored = one.save(None).expect("saved");
    // Another process was quicker: this is not stored, and made again.
    other.save(None).expect("saved");
    one.load(&stored).expect("its own");
    let both = other.save(Some(&stored)).expect("saved");
    // While it is being stored, more comes.
    observe(&mut other, 3, "ac");
    other.load(&both).expect("its own");
    assert_eq!(after(&other, "a"), "c 0.40, b 0.20", "two of three");
    assert_eq!(other.learnt().unsaved, 1);
    one.load(&both).expect("the other's");
    assert_eq!(after(&one, "a"), "b 0.25, c 0.25");
    assert_eq!((one.learnt().unsaved, one.learnt().observed), (0, 2));
    let last = other.save(Some(&both)).expect("saved");
    one.load(&last).expect("the other's");
    assert_eq!(after(&one, "a"), "c 0.40, b 0.20");
    // A process that begins goes on where a session was.
    let mut third = open();
    third.load(&last).expect("sound");
    assert_eq!(text(&third.next(1, 9, 3_000)), after(&one, "b"));
    third.observe(1, b"d", 3_000);
    assert_eq!(after(&third, "b"), "d 0.50");
}

#[test]
fn settings_outside_their_range_are_refused() {
    for (max_bytes, gap) in [(0, 1), ((16 << 10) - 1, 1), ((256 << 20) + 1, 1), (1 << 20, 0)] {
        let refusal = Predictor::open(PredictorConfig { max_bytes, gap, seed: 0 }).expect_err("refused");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
    }
}

fn calls() -> impl Strategy<Value = Vec<(u64, u8, u64)>> {
    prop::collection::vec((0..4u64, 0..12u8, prop_oneof![9 => 0..1_000u64, 1 => Just(HOUR)]), 1..400)
}

fn replay(predictor: &mut Predictor, calls: &[(u64, u8, u64)]) -> u64 {
    let mut now = 0;
    for (session, key, step) in calls {
        now += step;
        predictor.observe(*session, &[*key], now);
    }
    now
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn probabilities_are_probabilities(calls in calls()) {
        let mut predictor = open();
        let now = replay(&mut predictor, &calls);
        for first in 0..12u8 {
            for second in 0..12u8 {
                let all = predictor.predict(&[[first], [second]], u32::MAX);
                prop_assert!(all.iter().all(|p| p.probability > 0.0 && p.probability < 1.0));
                prop_assert!(all.iter().map(|p| p.probability).sum::<f64>() < 1.0);
                prop_assert!(all.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
                prop_assert!(all.iter().all(|p| p.key != [second]), "nothing follows itself");
            }
        }
        prop_assert!(predictor.outlook(u32::MAX, now).iter().all(|p| p.probability > 0.0 && p.probability < 1.0));
    }

    #[test]
    fn what_is_saved_and_loaded_predicts_the_same(calls in calls()) {
        let mut predictor = open();
        let now = replay(&mut predictor, &calls);
        let state = predictor.save(None).expect("saved");
        let mut again = open();
        again.load(&state).expect("sound");
        prop_assert_eq!(again.save(Some(&state)).expect("saved"), state.clone());
        for key in 0..12u8 {
            let both = [again.predict(&[[key]], 20), predictor.predict(&[[key]], 20)];
            prop_assert_eq!(&both[0], &both[1]);
        }
        // Sessions come in another order, and products of floats with them.
        let outlook = |predictor: &Predictor| {
            let all = predictor.outlook(u32::MAX, now).into_iter().map(|p| (p.key, p.probability));
            all.collect::<std::collections::BTreeMap<_, _>>()
        };
        let (one, other) = (outlook(&again), outlook(&predictor));
        prop_assert!(one.keys().eq(other.keys()));
        prop_assert!(one.values().zip(other.values()).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn any_bytes_are_a_state_or_refused(calls in calls(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut predictor = open();
        let now = replay(&mut predictor, &calls);
        let mut state = predictor.save(None).expect("saved");
        let place = at.index(state.len());
        state[place] = byte;
        let mut other = open();
        if other.load(&state).is_ok() {
            replay(&mut other, &calls);
            prop_assert!(other.outlook(9, now).iter().all(|p| p.probability > 0.0 && p.probability <= 1.0));
        }
        let before = other.learnt();
        if other.load(&state[..cut.index(state.len())]).is_err() {
            prop_assert_eq!(other.learnt(), before, "a refusal changes nothing");
        }
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open().load(&bytes).is_err());
        prop_assert!(open().load(&[b"LPM\x01", &bytes[..]].concat()).is_err() || bytes.len() > 32);
        let newer = open().load(b"LPM\x02anything").expect_err("refused");
        prop_assert_eq!(newer.code, ErrorCode::NewerFormat);
    }
}

#[test]
fn however_much_is_learnt_between_two_saves_it_is_kept() {
    let mut predictor = open();
    (0..50_000).for_each(|session| observe(&mut predictor, session, if session < 40_000 { "ab" } else { "cd" }));
    let state = predictor.save(None).expect("saved");
    predictor.load(&state).expect("its own");
    assert_eq!((predictor.learnt().observed, predictor.learnt().unsaved), (50_000, 0));
    assert_eq!([after(&predictor, "a"), after(&predictor, "c")], ["b 1.00", "d 1.00"]);
    // A save that was not stored, and one that was.
    observe(&mut predictor, 1, "ef");
    predictor.save(Some(&state)).expect("saved");
    observe(&mut predictor, 2, "ef");
    let both = predictor.save(Some(&state)).expect("saved");
    predictor.load(&both).expect("its own");
    assert_eq!((predictor.learnt().observed, after(&predictor, "e").as_str()), (50_002, "f 0.67"));
}

#[test]
fn a_state_with_counts_that_nobody_makes_is_refused() {
    let mut predictor = open();
    observe(&mut predictor, 1, "ab");
    let mut state = predictor.save(None).expect("saved");
    // The one context: its keys, how often it was seen, when last, its one follower and how often that came.
    let context = 4 + 3 * 8 + 4 + 2 * 5 + 4;
    for at in [context + 8, context + 25] {
        assert_eq!(state[at..at + 4], 1u32.to_le_bytes(), "the layout is another");
        state[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    }
    let mut other = open();
    (1..5).for_each(|session| observe(&mut other, session, "ab"));
    assert_eq!(other.load(&state).expect_err("refused").code, ErrorCode::Corrupt);
    assert_eq!(other.save(Some(&state)).expect_err("refused").code, ErrorCode::Corrupt);
}
