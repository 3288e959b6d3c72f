//! Fears that a combination grows beyond its cap, that a younger variant goes before an older one, or that what went is still
//! answered: by the combination, by its own key, or to whoever asks what went.

use larder_engine::pools::{Choice, CombinationInfo, NewVariant, Round, variant_key};
use larder_engine::{Added, Config, Engine, ErrorCode};

const NOW: u64 = 1_750_000_000_000;
const COMBINATION: &[u8] = b"pool:a=b";

fn engine() -> Engine {
    let mut engine = Engine::open(Config::default()).expect("valid settings");
    engine.namespace("pools").expect("valid name");
    engine
}

fn round(generation: u64, per_generation: u32, cap: u32) -> Round {
    Round { generation, per_generation, cap, is_settled: false }
}

fn add(engine: &mut Engine, round: Round, place: Option<(u64, u32)>, value: &str, score: Option<f64>) -> Added {
    let new = NewVariant { place, value: value.into(), score, ..NewVariant::default() };
    let added = engine.add_variant(0, COMBINATION, &round, &new, None, NOW, None).expect("fits");
    engine.check().expect("no contradiction");
    for key in &added.pruned {
        assert!(!engine.exists(0, key, NOW).expect("known namespace"), "what went is not in memory");
    }
    added
}

fn look(engine: &mut Engine, round: Round) -> CombinationInfo {
    engine.look(0, COMBINATION, &round, 1_800_000, None, NOW).expect("known namespace")
}

fn places(info: &CombinationInfo) -> Vec<(u64, u32)> {
    info.variants.iter().map(|variant| (variant.generation, variant.entry)).collect()
}

fn keys(places: &[(u64, u32)]) -> Vec<Vec<u8>> {
    places.iter().map(|(generation, entry)| variant_key(COMBINATION, *generation, *entry)).collect()
}

#[test]
fn a_pool_grows_by_three_to_twelve_and_then_turns_over() {
    let mut engine = engine();
    for generation in 1..=9 {
        let mut pruned = Vec::new();
        for entry in 1..=3 {
            let added = add(&mut engine, round(generation, 3, 12), None, &format!("{generation} {entry}"), None);
            assert_eq!((added.generation, added.entry), (generation, entry));
            pruned.extend(added.pruned);
        }
        let oldest: Vec<_> =
            if generation > 4 { (1..=3).map(|entry| (generation - 4, entry)).collect() } else { vec![] };
        assert_eq!(pruned, keys(&oldest), "of generation {generation}");
        let info = look(&mut engine, round(generation, 3, 12));
        let first = generation.saturating_sub(3).max(1);
        let left: Vec<_> = (first..=generation).flat_map(|g| (1..=3).map(move |entry| (g, entry))).collect();
        assert_eq!(places(&info), left);
        assert_eq!(info.missing, Vec::<u32>::new());
    }
}

#[test]
fn of_the_oldest_the_lowest_score_goes_first_and_none_is_lower_than_all() {
    let mut engine = engine();
    let scores = [Some(3.0), None, Some(0.0), Some(7.0), None, Some(0.0)];
    for (at, score) in scores.into_iter().enumerate() {
        add(&mut engine, round(1, 6, 10), Some((1, at as u32 + 1)), &format!("old {at}"), score);
    }
    let mut order = Vec::new();
    for at in 0..12 {
        // Lower than any of the old, and yet safe: they are younger.
        let added =
            add(&mut engine, round(2, 6, 6), Some((2, at + 1)), &format!("new {at}"), Some(f64::from(at) / 100.0));
        order.extend(added.pruned);
    }
    let expected = [(1, 2), (1, 5), (1, 3), (1, 6), (1, 1), (1, 4), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (2, 6)];
    assert_eq!(order, keys(&expected));
}

#[test]
fn a_lower_cap_prunes_with_the_next_variant() {
    let mut engine = engine();
    for entry in 1..=12 {
        add(&mut engine, round(entry, 1, 12), None, &format!("{entry}"), None);
    }
    let added = add(&mut engine, round(20, 1, 2), None, "last", None);
    assert_eq!(added.pruned, keys(&(1..=11).map(|generation| (generation, 1)).collect::<Vec<_>>()));
    assert_eq!(places(&look(&mut engine, round(20, 1, 2))), [(12, 1), (20, 1)]);
}

#[test]
fn one_that_is_itself_the_oldest_beyond_the_cap_is_not_kept() {
    let mut engine = engine();
    for entry in 1..=3 {
        add(&mut engine, round(5, 3, 3), None, &format!("{entry}"), None);
    }
    let added = add(&mut engine, round(5, 3, 3), Some((4, 1)), "late", Some(100.0));
    assert_eq!((added.duplicate, added.variant), (false, None));
    assert_eq!(added.pruned, keys(&[(4, 1)]));
    assert_eq!(places(&look(&mut engine, round(5, 3, 3))), [(5, 1), (5, 2), (5, 3)]);
}

#[test]
fn a_duplicate_prunes_nothing_and_a_replacement_neither() {
    let mut engine = engine();
    for entry in 1..=3 {
        add(&mut engine, round(5, 3, 3), None, &format!("{entry}"), None);
    }
    let twin = add(&mut engine, round(6, 3, 3), None, "2", None);
    assert_eq!((twin.duplicate, twin.variant, twin.pruned.len()), (true, None, 0));
    let replaced = add(&mut engine, round(6, 3, 3), Some((5, 2)), "another", None);
    assert_eq!((replaced.duplicate, replaced.pruned.len()), (false, 0));
    let freed = add(&mut engine, round(6, 3, 3), None, "2", None);
    assert!(!freed.duplicate, "what was replaced is there no more");
}

#[test]
fn what_is_refused_leaves_all_as_it_was() {
    let mut engine = Engine::open(Config { max_entry_size: 250, ..Config::default() }).expect("valid settings");
    engine.namespace("pools").expect("valid name");
    // The combination outgrows an entry before it reaches its cap.
    let mut refused = None;
    for entry in 1..=12 {
        let new = NewVariant { value: vec![entry], ..NewVariant::default() };
        let before = look(&mut engine, round(1, 12, 12));
        if let Err(e) = engine.add_variant(0, COMBINATION, &round(1, 12, 12), &new, None, NOW, None) {
            assert_eq!(look(&mut engine, round(1, 12, 12)), before);
            refused = Some((e.code, before));
            break;
        }
    }
    let (code, before) = refused.expect("12 lines do not fit into 250 bytes");
    assert_eq!(code, ErrorCode::TooLarge);
    let last = before.variants.last().expect("some fitted");
    let new = NewVariant { place: Some((last.generation, last.entry)), value: vec![0; 300], ..NewVariant::default() };
    engine.add_variant(0, COMBINATION, &round(1, 12, 12), &new, None, NOW, None).expect_err("too large");
    for variant in &before.variants {
        let key = variant_key(COMBINATION, variant.generation, variant.entry);
        assert!(engine.exists(0, &key, NOW).expect("known namespace"), "{} is still there", variant.entry);
    }
    engine.check().expect("no contradiction");
}

#[test]
fn two_thousand_go_at_once() {
    let mut engine = engine();
    for at in 0..2_000_u32 {
        let round = round(1 + u64::from(at) / 1000, 1000, 10_000);
        add_quietly(&mut engine, round, at);
    }
    let added = add(&mut engine, round(3, 1, 1), None, "the only one", None);
    assert_eq!(added.pruned.len(), 2_000);
    let picked = engine.pick(0, COMBINATION, Choice::default(), None, NOW).expect("known").expect("there");
    assert_eq!((picked.generation, picked.variants), (3, 1));
}

fn add_quietly(engine: &mut Engine, round: Round, at: u32) {
    let new = NewVariant { value: at.to_le_bytes().to_vec(), ..NewVariant::default() };
    engine.add_variant(0, COMBINATION, &round, &new, None, NOW, None).expect("fits");
}
