//! Fears bytes that nobody wrote: a pool state or a combination that is cut off, flipped, made up, or of a later format. They
//! are refused or taken for nothing; none of them panics, hangs, makes a loop without end, or has what cannot be
//! read yet overwritten.
//!
//! Records are protected by checksums, these bytes are not: the host of a pool state may be given any, and an entry under a
//! combination's key may be anyone's.

use larder_engine::pools::{CONTENT_TYPE, Choice, Dimension, NewVariant, Plan, Pool, Round, Tally, Value, variant_key};
use larder_engine::{Config, Engine, ErrorCode, SetOptions};

const NOW: u64 = 1_750_000_000_000;
const COMBINATION: &[u8] = b"pool:a=b";
const ROUND: Round = Round { generation: NOW / 1000, per_generation: 3, cap: 5, is_settled: false };

/// SplitMix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Every prefix, every bit flipped, every byte and every word of four made extreme, and mixtures.
fn mutants(sound: &[u8]) -> Vec<Vec<u8>> {
    let mut mutants: Vec<Vec<u8>> = (0..sound.len()).map(|end| sound[..end].to_vec()).collect();
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut mutant = sound.to_vec();
            mutant[at] ^= 1 << bit;
            mutants.push(mutant);
        }
        for word in [[0; 4], [0xFF; 4], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80]] {
            let mut mutant = sound.to_vec();
            mutant.splice(at..(at + 4).min(sound.len()), word);
            mutants.push(mutant);
        }
    }
    let mut random = Random(sound.len() as u64);
    for _ in 0..3_000 {
        let mut mutant = sound.to_vec();
        for _ in 0..=random.below(4) {
            let (at, other) = (random.below(mutant.len()), random.below(sound.len()));
            match random.below(4) {
                0 => mutant[at] = random.next() as u8,
                1 => drop(mutant.drain(at..(at + random.below(60)).min(mutant.len()).max(at + 1).min(mutant.len()))),
                2 => mutant.extend_from_slice(&sound[other..]),
                _ => drop(mutant.splice(at..at, sound[other..].iter().copied().take(48))),
            }
            if mutant.is_empty() {
                break;
            }
        }
        mutants.push(mutant);
    }
    for len in 0..300 {
        let mut random_bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        mutants.push(random_bytes.clone());
        let mark = sound.len().min(4).min(len);
        random_bytes[..mark].copy_from_slice(&sound[..mark]);
        mutants.push(random_bytes);
    }
    mutants
}

fn dimension(name: &str, values: &[&str]) -> Dimension {
    let values = values.iter().map(|text| Value { text: (*text).to_owned(), literal: false }).collect();
    Dimension { name: name.to_owned(), values }
}

fn plan(dimensions: Vec<Dimension>) -> Plan {
    Plan { dimensions, ..Plan::default() }
}

/// A pool of its second plan, in its second round.
fn pool() -> Pool {
    let first = plan(vec![dimension("language", &["c", "go"]), dimension("lines", &["10", "20"])]);
    let mut pool = Pool::define(None, first).expect("valid");
    pool.begin(NOW, false);
    let second = plan(vec![dimension("language", &["go", "zig"]), dimension("lines", &["10"])]);
    let mut pool = Pool::define(Some(pool), second).expect("valid");
    pool.begin(NOW + 1, true);
    pool
}

#[test]
fn a_pool_state_is_refused_or_works() {
    let sound = pool().encode();
    assert_eq!(Pool::decode(&sound).expect("sound"), pool());
    let mut decoded = 0;
    for bytes in mutants(&sound) {
        let mut pool = match Pool::decode(&bytes) {
            Ok(pool) => pool,
            Err(e) => {
                assert!(matches!(e.code, ErrorCode::Corrupt | ErrorCode::NewerFormat), "{e:?}");
                continue;
            }
        };
        decoded += 1;
        assert_eq!(Pool::decode(&pool.encode()), Ok(pool.clone()), "what was read can be read again");
        assert!(pool.combination_count() <= 1_000_000 && pool.kept_count() <= 1_000_000);
        for first in [0, 1, pool.combination_count(), u64::MAX] {
            let page = pool.combinations(&[], first, 3).expect("no filter");
            assert!(page.combinations.len() <= 3);
            let page = pool.kept_combinations(&[], first, 3).expect("no filter");
            assert!(page.combinations.len() <= 3);
        }
        let tally = Tally { entries: u64::MAX, covered: u64::MAX, failed: u64::MAX };
        pool.figures(&tally);
        pool.figures(&Tally { covered: 1, ..tally });
        for now in [0, NOW, u64::MAX] {
            let before = pool.generation();
            pool.begin(now, true);
            assert!(pool.generation() > before || before == u64::MAX, "generations only grow");
            pool.next();
        }
        let defined = Pool::define(Some(pool.clone()), plan(vec![dimension("language", &["go"])]));
        assert!(defined.is_ok_and(|pool| pool.combination_count() == 1));
        pool.clear(true);
        assert_eq!(pool.kept_count(), 0);
    }
    assert!(decoded > 500, "flips in numbers go unnoticed: {decoded}");
}

#[test]
fn a_pool_state_that_keeps_a_sextillion_combinations_is_refused() {
    let ten: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    let ten: Vec<_> = ten.iter().map(String::as_str).collect();
    let most =
        Pool::define(None, plan((0..6).map(|n| dimension(&format!("d{n}"), &ten)).collect())).expect("a million");
    let other = plan(vec![dimension("other", &["x"])]);
    let sound = Pool::define(Some(most), other).expect("a million are kept").encode();
    // The dimensions that are kept stand at the end, behind their number.
    let kept_at = sound.windows(7).rposition(|window| window == b"\x06\x02\0\0\0d0").expect("they are there");
    let mut bytes = sound[..kept_at].to_vec();
    bytes.push(16);
    for n in 0..16 {
        bytes.extend_from_slice(&[3, 0, 0, 0]);
        bytes.extend_from_slice(format!("d{n:02}").as_bytes());
        bytes.extend_from_slice(&500_u32.to_le_bytes());
        (0..500).for_each(|value| {
            bytes.extend_from_slice(&[0, 3, 0, 0, 0]);
            bytes.extend_from_slice(format!("{value:03}").as_bytes());
        });
    }
    assert_eq!(Pool::decode(&bytes).map_err(|e| e.code), Err(ErrorCode::Corrupt));
}

#[test]
fn a_pool_state_of_a_later_format_is_named_as_such() {
    let mut bytes = pool().encode();
    bytes[3] += 1;
    assert_eq!(Pool::decode(&bytes).map_err(|e| e.code), Err(ErrorCode::NewerFormat));
}

fn engine(store: bool) -> Engine {
    let mut engine = Engine::open(Config { store, ..Config::default() }).expect("valid settings");
    engine.namespace("pools").expect("valid name");
    engine
}

fn as_combination() -> SetOptions {
    SetOptions { content_type: CONTENT_TYPE.to_owned(), ..SetOptions::default() }
}

/// The bytes of a combination with variants, failures and duplicates.
fn combination() -> Vec<u8> {
    let mut engine = engine(false);
    let older = Round { generation: ROUND.generation - 100, ..ROUND };
    for (round, value, score) in [(older, "a", None), (older, "a", None), (ROUND, "b", Some(2.0)), (ROUND, "c", None)] {
        let new = NewVariant { value: value.into(), score, ..NewVariant::default() };
        engine.add_variant(0, COMBINATION, &round, &new, None, NOW, None).expect("fits");
    }
    let failed = engine.fail(0, COMBINATION, &ROUND, (ROUND.generation, 3), "no answer", NOW + 1000, None, NOW, None);
    failed.expect("fits").expect("missing");
    engine.get(0, COMBINATION, NOW).expect("known").expect("there").value.into_owned()
}

/// All that can be asked of a combination.
fn exercise(engine: &mut Engine, stored: Option<&[u8]>) {
    for how in [(false, false), (true, true)].map(|(weighted, no_repeats)| Choice { weighted, no_repeats }) {
        if let Ok(Some(picked)) = engine.pick(0, COMBINATION, how, stored, NOW) {
            assert!(picked.hit.is_none(), "none of its variants is there");
        }
    }
    let before = engine.get(0, COMBINATION, NOW).expect("known").map(|hit| hit.value.into_owned());
    let looked = engine.look(0, COMBINATION, &ROUND, 1_800_000, stored, NOW);
    let is_newer = looked.is_err_and(|e| e.code == ErrorCode::NewerFormat);
    let lost = engine.lose(0, COMBINATION, (ROUND.generation, 1), stored, NOW, None);
    let place = (ROUND.generation, 2);
    let failed = engine.fail(0, COMBINATION, &ROUND, place, "no", NOW + 5, stored, NOW, None);
    let new = NewVariant { value: b"new".to_vec(), ..NewVariant::default() };
    let added = engine.add_variant(0, COMBINATION, &ROUND, &new, stored, NOW, None);
    engine.check().expect("no contradiction");
    if is_newer {
        let code = Some(ErrorCode::NewerFormat);
        assert_eq!([lost.err().map(|e| e.code), failed.err().map(|e| e.code), added.err().map(|e| e.code)], [code; 3]);
        let after = engine.get(0, COMBINATION, NOW).expect("known").map(|hit| hit.value.into_owned());
        assert_eq!(before, after, "what cannot be read is not overwritten");
    } else {
        let added = added.expect("it is made anew, or goes on");
        let info = engine.look(0, COMBINATION, &ROUND, 1_800_000, stored, NOW).expect("as it was just written");
        assert!(!info.broken && info.variants.len() <= 5);
        let key = variant_key(COMBINATION, added.generation, added.entry);
        assert!(added.duplicate || added.variant.is_none() || engine.exists(0, &key, NOW).expect("known"));
    }
}

#[test]
fn a_combination_is_taken_for_nothing_or_works() {
    let sound = combination();
    for bytes in mutants(&sound) {
        for store in [false, true] {
            let mut engine = engine(store);
            engine.set(0, COMBINATION, &bytes, &as_combination(), NOW, None).expect("fits");
            exercise(&mut engine, None);
        }
    }
}

#[test]
fn a_record_of_a_combination_is_taken_for_nothing_or_works() {
    let sound = combination();
    let mut writer = engine(true);
    for bytes in mutants(&sound).into_iter().step_by(5) {
        let record = writer.set(0, COMBINATION, &bytes, &as_combination(), NOW, None).expect("fits").record;
        for store in [false, true] {
            exercise(&mut engine(store), Some(&record));
        }
    }
    let record = writer.set(0, COMBINATION, &sound, &as_combination(), NOW, None).expect("fits").record;
    for bytes in mutants(&record).into_iter().step_by(5) {
        exercise(&mut engine(true), Some(&bytes));
    }
}

#[test]
fn a_combination_without_room_in_memory_does_not_hang_a_pick() {
    let mut writer = engine(true);
    let record = writer.set(0, COMBINATION, &combination(), &as_combination(), NOW, None).expect("fits").record;
    let mut small = Engine::open(Config { max_bytes: 200, ..Config::default() }).expect("valid settings");
    small.namespace("pools").expect("valid name");
    let picked =
        small.pick(0, COMBINATION, Choice::default(), Some(&record), NOW).map(|picked| picked.map(|it| it.variants));
    assert!(picked.is_err() || picked.is_ok_and(|variants| variants == Some(0)));
}

#[test]
fn a_damaged_record_is_reported_as_broken() {
    let mut engine = engine(true);
    let info = engine.look(0, COMBINATION, &ROUND, 1_800_000, Some(b"no record"), NOW).expect("known namespace");
    assert!(info.broken);
    assert_eq!(info.due, [1, 2, 3]);
    let info = engine.look(0, COMBINATION, &ROUND, 1_800_000, None, NOW).expect("known namespace");
    assert!(!info.broken);
}

#[test]
fn a_combination_of_a_later_format_is_not_overwritten() {
    let mut bytes = combination();
    bytes[3] += 1;
    let mut engine = engine(true);
    let record = engine.set(0, COMBINATION, &bytes, &as_combination(), NOW, None).expect("fits").record;
    exercise(&mut engine, None);
    assert_eq!(engine.get(0, COMBINATION, NOW).expect("known").expect("there").value, bytes);
    engine.forget(0, COMBINATION).expect("known namespace");
    exercise(&mut engine, Some(&record));
}
