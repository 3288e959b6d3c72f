//! Fears a draw that favours some variants: old ones, young ones, those at the ends, or those that were not picked last.
//!
//! Every draw is seeded, so a run repeats itself; each sample is large enough for the 0.1 % critical value of chi-square to
//! tell a bias of a few percent. What is expected is `larder:cache/pools`: all alike, or in proportion to their scores.

use larder_engine::pools::{Choice, NewVariant, Round};
use larder_engine::{Config, Engine};

const NOW: u64 = 1_750_000_000_000;
const FIRST: u64 = NOW / 1000;
const COMBINATION: &[u8] = b"pool:language=go";
const PICKS: usize = 120_000;

/// The value that chi-square exceeds once in a thousand times, by degrees of freedom, 1 to 11.
const CRITICAL: [f64; 11] = [10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88, 29.59, 31.26];

/// A cache whose combination has variants of these scores, three of a generation.
fn engine(seed: u64, scores: &[Option<f64>]) -> Engine {
    let mut engine = Engine::open(Config { seed, ..Config::default() }).expect("valid settings");
    engine.namespace("pools").expect("valid name");
    for (at, score) in scores.iter().enumerate() {
        let generation = FIRST + 10_800 * (at as u64 / 3);
        let round = Round { generation, per_generation: 3, cap: 12, is_settled: false };
        let new = NewVariant { value: vec![at as u8], score: *score, ..NewVariant::default() };
        let added = engine.add_variant(0, COMBINATION, &round, &new, None, NOW, None).expect("fits");
        assert_eq!((added.generation, added.entry, added.duplicate), (generation, at as u32 % 3 + 1, false));
    }
    engine
}

fn pick(engine: &mut Engine, how: Choice) -> usize {
    let picked = engine.pick(0, COMBINATION, how, None, NOW).expect("known namespace").expect("in memory");
    usize::from(picked.hit.expect("in memory").value[0])
}

fn drawn(engine: &mut Engine, how: Choice, variants: usize) -> Vec<f64> {
    let mut counts = vec![0.0; variants];
    (0..PICKS).for_each(|_| counts[pick(engine, how)] += 1.0);
    counts
}

fn chi_square(counts: &[f64], weights: &[f64]) -> f64 {
    let (all, sum) = (counts.iter().sum::<f64>(), weights.iter().sum::<f64>());
    counts.iter().zip(weights).map(|(count, weight)| (count - all * weight / sum).powi(2) / (all * weight / sum)).sum()
}

fn assert_in_proportion(counts: &[f64], weights: &[f64], what: &str) {
    let (found, limit) = (chi_square(counts, weights), CRITICAL[counts.len() - 2]);
    assert!(found < limit, "{what}: chi-square {found:.2} is above {limit}: {counts:?}");
}

#[test]
fn twelve_variants_of_four_generations_are_picked_alike() {
    for seed in [0, 1, 0xC0DE] {
        let counts = drawn(&mut engine(seed, &[None; 12]), Choice::default(), 12);
        assert_in_proportion(&counts, &[1.0; 12], &format!("seed {seed}"));
    }
}

#[test]
fn the_test_itself_notices_a_small_bias() {
    let mut counts = [PICKS as f64 / 12.0; 12];
    (counts[0], counts[11]) = (counts[0] * 1.06, counts[11] * 0.94);
    assert!(chi_square(&counts, &[1.0; 12]) > CRITICAL[10], "6 % more of the oldest, 6 % less of the youngest");
}

#[test]
fn any_number_of_variants_is_picked_alike() {
    for variants in 2..=12 {
        let counts = drawn(&mut engine(7, &vec![None; variants]), Choice::default(), variants);
        assert_in_proportion(&counts, &vec![1.0; variants], &format!("{variants} variants"));
    }
}

#[test]
fn a_repeated_call_answers_otherwise_as_often_as_the_documents_say() {
    for (variants, percent) in [(3, 67.0), (6, 83.0), (9, 89.0), (12, 92.0)] {
        let mut engine = engine(11, &vec![None; variants]);
        let mut last = pick(&mut engine, Choice::default());
        let mut different = 0.0;
        for _ in 0..PICKS {
            let next = pick(&mut engine, Choice::default());
            different += f64::from(u8::from(next != last));
            last = next;
        }
        let found = different / PICKS as f64 * 100.0;
        assert!((found - percent).abs() < 0.9, "{variants} variants: {found:.2} %, not {percent} %");
        let exact = 100.0 - 100.0 / variants as f64;
        assert!((found - exact).abs() < 0.5, "{variants} variants: {found:.2} %, not {exact:.2} %");
    }
}

#[test]
fn scores_are_weights() {
    let scores = [1.0, 2.0, 3.0, 4.0, 0.5, 0.5, 10.0, 1.0, 1.0, 7.0, 3.0, 2.0];
    let how = Choice { weighted: true, no_repeats: false };
    let counts = drawn(&mut engine(3, &scores.map(Some)), how, 12);
    assert_in_proportion(&counts, &scores, "weighted");
    let counts = drawn(&mut engine(3, &scores.map(Some)), Choice::default(), 12);
    assert_in_proportion(&counts, &[1.0; 12], "scores count only where they are asked for");
}

#[test]
fn a_variant_without_a_score_counts_as_the_average() {
    let how = Choice { weighted: true, no_repeats: false };
    let counts = drawn(&mut engine(5, &[Some(1.0), None, Some(5.0), None]), how, 4);
    assert_in_proportion(&counts, &[1.0, 3.0, 5.0, 3.0], "averages");
    let counts = drawn(&mut engine(5, &[None; 6]), how, 6);
    assert_in_proportion(&counts, &[1.0; 6], "no scores at all");
}

#[test]
fn a_score_of_zero_is_never_picked_unless_all_are() {
    let how = Choice { weighted: true, no_repeats: false };
    let counts = drawn(&mut engine(5, &[Some(0.0), Some(2.0), Some(3.0)]), how, 3);
    assert_eq!(counts[0], 0.0);
    let counts = drawn(&mut engine(5, &[Some(0.0); 3]), how, 3);
    assert_in_proportion(&counts, &[1.0; 3], "all of them zero");
    let counts = drawn(&mut engine(5, &[Some(f64::MAX), Some(f64::MAX), Some(f64::MAX)]), how, 3);
    assert_in_proportion(&counts, &[1.0; 3], "a sum beyond all numbers");
}

#[test]
fn without_repeats_none_comes_twice_in_a_row_and_all_come_alike() {
    for variants in 2..=12 {
        for weighted in [false, true] {
            let mut engine = engine(13, &vec![weighted.then_some(1.0); variants]);
            let how = Choice { weighted, no_repeats: true };
            let mut counts = vec![0.0; variants];
            // Counts of what follows each, which are independent of one another where those of all picks are not.
            let mut after = vec![vec![0.0; variants]; variants];
            let mut last = pick(&mut engine, how);
            for _ in 0..PICKS {
                let next = pick(&mut engine, how);
                assert_ne!(next, last, "{variants} variants");
                (counts[next], after[last][next]) = (counts[next] + 1.0, after[last][next] + 1.0);
                last = next;
            }
            let even = PICKS as f64 / variants as f64;
            assert!(counts.iter().all(|count| (count - even).abs() < even * 0.05), "{variants} variants: {counts:?}");
            for (last, mut counts) in after.into_iter().enumerate().filter(|_| variants > 2) {
                counts.remove(last);
                // One of a hundred such tests may pass the limit of one in a thousand: twice the limit means more.
                let (found, limit) = (chi_square(&counts, &vec![1.0; variants - 1]), CRITICAL[variants - 3] * 1.5);
                assert!(found < limit, "{variants} variants, after {last}: {found:.2}");
            }
        }
    }
}

#[test]
fn combinations_do_not_disturb_each_other() {
    let mut engine = engine(17, &[None; 3]);
    let round = Round { generation: FIRST, per_generation: 3, cap: 12, is_settled: false };
    for at in 0..3 {
        let new = NewVariant { value: vec![at], ..NewVariant::default() };
        engine.add_variant(0, b"pool:language=c", &round, &new, None, NOW, None).expect("fits");
    }
    let how = Choice { weighted: false, no_repeats: true };
    let mut last = [usize::MAX; 2];
    for _ in 0..10_000 {
        for (combination, last) in [COMBINATION, b"pool:language=c"].into_iter().zip(&mut last) {
            let picked = engine.pick(0, combination, how, None, NOW).expect("known").expect("in memory");
            let next = usize::from(picked.hit.expect("in memory").value[0]);
            assert_ne!(next, std::mem::replace(last, next));
        }
    }
}
