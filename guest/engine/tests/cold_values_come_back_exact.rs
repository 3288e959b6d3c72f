//! Fears a value that comes back from the cold tier as another one, a tier that passes its bound while it inflates, and
//! sums that drift: a day of churn on virtual time, beside a plain map, with the self-check.

use std::collections::HashMap;

use larder_engine::{Config, Engine, PolicyKind, SetOptions, Statistics};
use proptest::prelude::*;

/// Marsaglia's xorshift64, so that the calls are the same for ever.
struct Script(u64);

impl Script {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// Small numbers often, large ones seldom.
    fn skewed(&mut self, limit: u64) -> u64 {
        let most = 1 + self.below(limit);
        self.below(most)
    }

    /// An answer of an API: what differs between them is little. `style` is what all of one time have in common.
    fn answer(&mut self, style: u64) -> Vec<u8> {
        let items = 1 + self.skewed(9);
        let item = |_| {
            let (id, price, stock) = (self.below(1 << 30), self.below(10_000), self.below(2) == 0);
            format!(
                "{{\"identifier_{style}\":{id},\"price_in_cents\":{price},\"currency\":\"EUR\",\"available\":{stock}}}"
            )
        };
        format!("{{\"results\":[{}],\"next_page\":null}}", (0..items).map(item).collect::<Vec<_>>().join(","))
            .into_bytes()
    }

    fn value(&mut self, style: u64) -> Vec<u8> {
        match self.below(20) {
            0 => (0..self.below(1_000)).map(|_| self.below(256) as u8).collect(),
            1 => b"a line that comes again and again\n".repeat(self.below(200) as usize),
            2 => self.below(1 << 40).to_string().into_bytes(),
            _ => self.answer(style),
        }
    }
}

/// Plays calls on an engine and on a map, which forgets nothing, and answers the statistics at the end.
fn churn(config: Config, seed: u64, calls: u64, step: u64) -> Statistics {
    let max_bytes = config.max_bytes;
    let mut engine = Engine::open(config).expect("valid settings");
    let spaces = [0, 1].map(|n| engine.namespace(&format!("ns{n}")).expect("a namespace"));
    let (mut script, mut known, mut now) = (Script(seed | 1), HashMap::new(), 1_000_000_000);
    for call in 0..calls {
        now += script.below(2 * step);
        // Halfway the values begin to look otherwise.
        let style = 7 + u64::from(call > calls / 2);
        let (ns, number) = (script.below(2), script.skewed(1_500));
        let key = format!("key:{number}").into_bytes();
        match script.below(100) {
            0..60 => {
                let hit = engine.get(spaces[ns as usize], &key, now).expect("known namespace");
                if let Some(hit) = hit {
                    let value: &Vec<u8> = known.get(&(ns, number)).expect("nothing is there that was not set");
                    assert_eq!(&*hit.value, value, "call {call}, key {number}");
                }
            }
            60..90 => {
                let value = script.value(style);
                let options = SetOptions {
                    ttl: (script.below(3) == 0).then(|| 1 + script.below(900 * step)),
                    ..Default::default()
                };
                engine.set(spaces[ns as usize], &key, &value, &options, now, None).expect("written");
                known.insert((ns, number), value);
            }
            90..92 => {
                engine.delete(spaces[ns as usize], &key, None, now).expect("deleted");
                known.remove(&(ns, number));
            }
            92 => drop(engine.touch(spaces[ns as usize], &key, Some(500 * step), None, now, None).expect("known")),
            93 if call % 50 == 0 => drop(engine.clear(Some(spaces[ns as usize])).expect("known")),
            _ => drop(engine.maintain(now, 1 << script.below(18))),
        }
        let bytes = engine.stats(None).expect("of all").bytes;
        assert!(bytes <= max_bytes, "call {call}: {bytes} bytes of {max_bytes}");
        if call % 64 == 0 || call + 1 == calls {
            engine.check().unwrap_or_else(|what| panic!("call {call}: {what}"));
        }
    }
    let stats = engine.stats(None).expect("of all");
    for ns in spaces {
        engine.clear(Some(ns)).expect("known");
        engine.check().expect("sound");
    }
    let Statistics { bytes, entries, cold_entries, cold_bytes, dictionary_bytes, .. } =
        engine.stats(None).expect("of all");
    assert_eq!([bytes, entries, cold_entries, cold_bytes, dictionary_bytes], [0; 5], "nothing stays behind");
    stats
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases.div_ceil(16), ..ProptestConfig::default() })]

    #[test]
    fn in_tiers_of_any_size(
        policy in prop::sample::select(&PolicyKind::ALL[..]), seed: u64, max_bytes in 2_000..400_000u64, level in 1..=9u8,
    ) {
        let config = Config { policy, seed, max_bytes, compression_level: level, max_entry_size: 100_000, ..Config::default() };
        churn(Config { store: true, cold_tier: true, ..config }, seed, 1_500, 1_000);
    }
}

#[test]
fn over_a_day_under_every_policy() {
    const CALLS: u64 = 30_000;
    for policy in PolicyKind::ALL {
        let config = Config { policy, max_bytes: 300_000, store: true, cold_tier: true, ..Config::default() };
        let stats = churn(config, 5, CALLS, 24 * 3_600_000 / CALLS);
        assert!(stats.cooled > 1_000 && stats.warmed > 100 && stats.cold_hits > 1_000, "{policy:?}: {stats:?}");
        assert!(stats.dictionary_bytes > 0 && stats.cold_damaged == 0, "{policy:?}: {stats:?}");
        assert!(stats.cold_bytes * 3 < stats.cold_values, "{policy:?}: {stats:?}");
    }
}
