//! The interface `pools`, on the engine.

use larder_engine::pools::{
    Choice, Combination, CombinationInfo, Dimension, Figures, NewVariant, Page, Plan, Pool, Round, Tally,
    Value as PlanValue, VariantInfo, variant_key,
};
use larder_engine::{Added, Engine, Picked, Result};
use serde_json::{Value, json};

use super::answers::{Answer, Bytes, answer};
use super::args::{self, Args, case, text};
use crate::bytes::to_json;
use crate::host::{to_float, to_unsigned, unsigned};

/// A call of this interface; `None` when it has none of that name.
pub(super) fn call(engine: &mut Engine, name: &str, a: Args<'_>) -> Option<Value> {
    Some(match name {
        "define" => answer(define(a)),
        "inspect-pool" => answer(pool(a)),
        "combination-key" => answer(pool(a).and_then(|pool| pool.combination_key(&values(a))).map(Bytes)),
        "combinations" => answer(combinations(a)),
        "settle" => answer(pool(a).map(|mut pool| pool.settle(a.number("generation")).then(|| state(&pool)))),
        "begin" => answer(pool(a).map(|mut pool| pool.begin(a.number("now"), a.yes("force")).then(|| state(&pool)))),
        "clear-pool" => answer(pool(a).map(|mut pool| {
            pool.clear(a.yes("regenerate"));
            state(&pool)
        })),
        "statistics" => {
            let tally = Args(a.given("tally"));
            let (entries, covered, failed) = (tally.number("entries"), tally.number("covered"), tally.number("failed"));
            answer(pool(a).map(|pool| pool.figures(&Tally { entries, covered, failed })))
        }
        "variant-key" => {
            Bytes(variant_key(&a.bytes("combination"), a.number("generation"), a.number("entry") as u32)).answer()
        }
        "pick" | "add-variant" | "fail" | "lose" | "look" => combination(engine, name, a),
        _ => return None,
    })
}

fn combination(engine: &mut Engine, name: &str, a: Args<'_>) -> Value {
    let (ns, key, now) = (a.namespace(), a.bytes("combination"), a.number("now"));
    let stored = a.optional_bytes("stored");
    let (stored, sequence) = (stored.as_deref(), a.optional("sequence"));
    match name {
        "pick" => {
            let up = |flag: &str| a.list("how").iter().any(|name| text(name) == flag);
            let how = Choice { weighted: up("weighted"), no_repeats: up("no-repeats") };
            answer(engine.pick(ns, &key, how, stored, now))
        }
        "add-variant" => {
            let given = Args(a.given("variant"));
            let new = NewVariant {
                place: given.0.get("place").filter(|place| !place.is_null()).map(place),
                value: given.bytes("value"),
                score: given.0.get("score").filter(|score| !score.is_null()).map(to_float),
                options: args::options(given.list("options")),
            };
            answer(engine.add_variant(ns, &key, &round(a), &new, stored, now, sequence))
        }
        "fail" => {
            let (place, reason, retry_at) = (place(a.given("place")), a.text("reason"), a.number("retry-at"));
            answer(engine.fail(ns, &key, &round(a), place, reason, retry_at, stored, now, sequence))
        }
        "lose" => answer(engine.lose(ns, &key, place(a.given("place")), stored, now, sequence)),
        _ => answer(engine.look(ns, &key, &round(a), a.number("longest-retry"), stored, now)),
    }
}

fn pool(a: Args<'_>) -> Result<Pool> {
    Pool::decode(&a.bytes("state"))
}

fn state(pool: &Pool) -> Bytes {
    Bytes(pool.encode())
}

fn define(a: Args<'_>) -> Result<Bytes> {
    let before = a.optional_bytes("state").map(|state| Pool::decode(&state)).transpose()?;
    let value =
        |value: &Value| PlanValue { text: text(&value["text"]).to_owned(), literal: Args(value).yes("literal") };
    let dimension = |dimension: &Value| Dimension {
        name: text(&dimension["name"]).to_owned(),
        values: Args(dimension).list("values").iter().map(value).collect(),
    };
    let mut plan = Plan { dimensions: a.list("dimensions").iter().map(dimension).collect(), ..Plan::default() };
    for (case, payload) in a.list("options").iter().map(case) {
        let yes = || payload.as_bool().expect("true or false");
        match case {
            "per-generation" => plan.per_generation = to_unsigned(payload) as u32,
            "cap" => plan.cap = to_unsigned(payload) as u32,
            "interval" => plan.interval = to_unsigned(payload),
            "retry" => plan.retry = to_unsigned(payload),
            "batch" => plan.batch = to_unsigned(payload) as u32,
            "weighted" => plan.weighted = yes(),
            "repeats" => plan.repeats = yes(),
            _ => panic!("the contract has no plan option {case:?}"),
        }
    }
    Pool::define(before, plan).map(|pool| state(&pool))
}

fn values(a: Args<'_>) -> Vec<(String, String)> {
    a.list("values").iter().map(|pair| (text(&pair[0]).to_owned(), text(&pair[1]).to_owned())).collect()
}

fn combinations(a: Args<'_>) -> Result<Page> {
    let (pool, values, first, limit) = (pool(a)?, values(a), a.number("first"), a.number("limit") as u32);
    match a.yes("kept") {
        false => pool.combinations(&values, first, limit),
        true => pool.kept_combinations(&values, first, limit),
    }
}

fn place(given: &Value) -> (u64, u32) {
    (to_unsigned(&given[0]), to_unsigned(&given[1]) as u32)
}

fn round(a: Args<'_>) -> Round {
    let given = Args(a.given("round"));
    Round {
        generation: given.number("generation"),
        per_generation: given.number("per-generation") as u32,
        cap: given.number("cap") as u32,
        is_settled: given.yes("settled"),
    }
}

fn value(value: PlanValue) -> Value {
    json!({ "text": value.text, "literal": value.literal })
}

impl Answer for Pool {
    fn answer(self) -> Value {
        let (plan, round) = (self.plan().clone(), self.round());
        let dimension = |dimension: Dimension| {
            let values: Vec<_> = dimension.values.into_iter().map(value).collect();
            json!({ "name": dimension.name, "values": values })
        };
        let dimensions: Vec<_> = plan.dimensions.into_iter().map(dimension).collect();
        json!({
            "plan": {
                "dimensions": dimensions, "per-generation": plan.per_generation, "cap": plan.cap,
                "interval": unsigned(plan.interval), "retry": unsigned(plan.retry), "batch": plan.batch,
                "weighted": plan.weighted, "repeats": plan.repeats,
            },
            "combinations": unsigned(self.combination_count()),
            "kept": unsigned(self.kept_count()),
            "round": {
                "generation": unsigned(round.generation), "per-generation": round.per_generation, "cap": round.cap,
                "settled": round.is_settled,
            },
            "started": unsigned(self.started()),
            "next": unsigned(self.next()),
        })
    }
}

impl Answer for Page {
    fn answer(self) -> Value {
        json!({ "combinations": self.combinations.answer(), "next": self.next.answer() })
    }
}

impl Answer for Combination {
    fn answer(self) -> Value {
        let values: Vec<_> = self.values.into_iter().map(|(name, it)| json!([name, value(it)])).collect();
        json!({ "key": to_json(&self.key), "values": values })
    }
}

impl Answer for Figures {
    fn answer(self) -> Value {
        json!({
            "cached-entries": unsigned(self.cached_entries),
            "unique-combinations-covered": unsigned(self.unique_combinations_covered),
            "total-combinations": unsigned(self.total_combinations),
            "entries-per-generation": self.entries_per_generation,
            "max-entries-per-combination": self.max_entries_per_combination,
            "max-possible-entries": unsigned(self.max_possible_entries),
            "avg-entries-per-combination-tenths": unsigned(self.avg_entries_per_combination_tenths),
            "combination-coverage-percentage": self.combination_coverage_percentage,
            "entry-coverage-percentage": self.entry_coverage_percentage,
            "failed-combinations": unsigned(self.failed_combinations),
            "last-generation": self.last_generation.answer(),
        })
    }
}

impl Answer for Picked<'_> {
    fn answer(self) -> Value {
        let (generation, entry, variants) = (unsigned(self.generation), self.entry, self.variants);
        json!({ "generation": generation, "entry": entry, "variants": variants, "hit": self.hit.answer() })
    }
}

impl Answer for Added {
    fn answer(self) -> Value {
        let pruned: Vec<_> = self.pruned.into_iter().map(Bytes).collect();
        json!({
            "duplicate": self.duplicate,
            "generation": unsigned(self.generation),
            "entry": self.entry,
            "variant": self.variant.map(|(key, stored)| json!([to_json(&key), stored.answer()])),
            "combination": self.combination.answer(),
            "pruned": pruned.answer(),
        })
    }
}

impl Answer for VariantInfo {
    fn answer(self) -> Value {
        json!({
            "generation": unsigned(self.generation), "entry": self.entry, "cached-at": unsigned(self.cached_at),
            "size": self.size, "score": self.score,
        })
    }
}

impl Answer for CombinationInfo {
    fn answer(self) -> Value {
        json!({
            "variants": self.variants.answer(), "missing": self.missing, "due": self.due,
            "retry-at": self.retry_at.answer(), "failures": self.failures, "reason": self.reason,
            "duplicates": unsigned(self.duplicates), "broken": self.broken,
        })
    }
}
