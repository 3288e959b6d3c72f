//! `stats --advice`: what more memory, less, or another policy would bring, as a table and in a sentence.

use larder::{Advice, Estimate};
use serde_json::{Value, json};

use super::units::show_size;

/// Requests below which nothing is advised.
const ENOUGH: u64 = 1_000;

/// Points of hit ratio below which a difference is none.
const MATTERS: f64 = 1.0;

const HOW: &str = "nothing is known yet: switch it on with LARDER_ADVICE=on, or advice = true in the configuration file, for a \
                   program that stays, and ask again when it has worked for a while";

/// The estimates for `--json`.
pub(super) fn document(advice: &Advice) -> Value {
    let line = |e: &Estimate| {
        json!({"policy": e.policy, "capacity_percent": e.capacity_percent, "requests": e.requests, "hits": e.hits,
            "hit_ratio": e.hit_ratio(), "bytes": e.bytes, "bytes_hit": e.bytes_hit, "byte_hit_ratio": e.byte_hit_ratio()})
    };
    known(advice).iter().map(line).collect()
}

/// The estimates for people.
pub(super) fn table(advice: &Advice) -> String {
    let [half, now, double, others @ ..] = known(advice) else { return format!("{HOW}\n") };
    let memory = |percent: u64| show_size((u128::from(advice.max_memory) * u128::from(percent) / 100) as u64);
    let line = |name: &str, of: &str, e: &Estimate| {
        format!("{name:<12}{of:>12}  {:>9.1} %  {:>14.1} %\n", e.hit_ratio(), e.byte_hit_ratio())
    };
    let head = |name: &str, of: &str| format!("{name:<12}{of:>12}    hit ratio    byte hit ratio\n");
    let mut text = format!("requests      {}\n\n", now.requests);
    text += &head("memory", "");
    for (name, percent, estimate) in [("half", 50, half), ("as now", 100, now), ("double", 200, double)] {
        text += &line(name, &memory(percent), estimate);
    }
    text += "\n";
    text += &head("policy", "");
    text += &line(&now.policy, "in force", now);
    for other in others {
        text += &line(&other.policy, "", other);
    }
    text + "\n" + &sentence(advice) + "\n"
}

/// What to do.
pub(super) fn sentence(advice: &Advice) -> String {
    let [half, now, double, others @ ..] = known(advice) else { return HOW.into() };
    if now.requests < ENOUGH {
        return format!("only {} requests were seen so far: ask again later", now.requests);
    }
    let gain = |other: &Estimate| other.hit_ratio() - now.hit_ratio();
    let mut advised = Vec::new();
    if gain(double) >= MATTERS {
        let (from, to) = (now.hit_ratio(), double.hit_ratio());
        advised.push(format!("doubling max-memory would turn {from:.0} % hits into {to:.0} %"));
    }
    let best = others.iter().max_by(|a, b| gain(a).total_cmp(&gain(b)));
    if let Some(best) = best.filter(|best| gain(best) >= MATTERS) {
        advised.push(format!("{} would have had {:.0} points more", best.policy, gain(best)));
    }
    match (advised.is_empty(), -gain(half) < MATTERS) {
        (false, _) => advised.join("; "),
        (true, true) => "nothing to gain: half of max-memory would do as well".into(),
        (true, false) => "nothing to gain".into(),
    }
}

fn known(advice: &Advice) -> &[Estimate] {
    if advice.is_empty() { &[] } else { &advice.estimates }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(requests: u64, hits: [u64; 4]) -> Advice {
        let lines = [("lru", 50), ("lru", 100), ("lru", 200), ("s3-fifo", 100)];
        let estimate = |((policy, capacity_percent), hits): ((&str, u32), u64)| Estimate {
            policy: policy.into(),
            capacity_percent,
            requests,
            hits,
            ..Estimate::default()
        };
        Advice {
            max_memory: 64,
            max_memory_entries: None,
            estimates: lines.into_iter().zip(hits).map(estimate).collect(),
        }
    }

    #[test]
    fn a_sentence_says_what_pays() {
        for (hits, expected) in [
            ([300, 410, 520, 400], "doubling max-memory would turn 41 % hits into 52 %"),
            ([300, 410, 415, 440], "s3-fifo would have had 3 points more"),
            (
                [300, 410, 520, 440],
                "doubling max-memory would turn 41 % hits into 52 %; s3-fifo would have had 3 points more",
            ),
            ([300, 410, 412, 411], "nothing to gain"),
            ([405, 410, 412, 411], "nothing to gain: half of max-memory would do as well"),
        ] {
            assert_eq!(sentence(&advice(1_000, hits)), expected);
        }
        assert_eq!(sentence(&advice(999, [0, 0, 900, 0])), "only 999 requests were seen so far: ask again later");
        for unknown in [Advice::default(), advice(0, [0; 4])] {
            assert!(sentence(&unknown).contains("LARDER_ADVICE=on") && table(&unknown).contains("switch it on"));
            assert_eq!(document(&unknown), json!([]));
        }
    }
}
