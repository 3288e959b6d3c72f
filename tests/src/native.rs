//! The engine, natively linked: every call of the contract, made on `larder-engine`.

mod answers;
mod args;
mod keys;
mod pools;
mod prefetch;

use larder_engine::keys::Hasher;
use larder_engine::prefetch::{Predictor, PredictorConfig};
use larder_engine::{Config, Engine, Hit, PolicyKind};
use serde_json::Value;

use crate::Host;
use crate::host::refusal;
use answers::{Answer, Bytes, answer};
use args::Args;

/// A natively linked engine.
pub struct Native {
    engine: Engine,
    hasher: Hasher,
    predictor: Predictor,
}

impl Native {
    /// One with the default settings.
    ///
    /// # Panics
    /// When the engine refuses its own defaults.
    #[must_use]
    pub fn new() -> Self {
        let engine = Engine::open(Config::default()).expect("the defaults are valid");
        let predictor = Predictor::open(PredictorConfig::default()).expect("the defaults are valid");
        Self { engine, hasher: Hasher::default(), predictor }
    }

    fn open(&mut self, args: Args<'_>) -> larder_engine::Result<()> {
        self.engine = Engine::open(args::config(args.list("settings"))?)?;
        Ok(())
    }
}

impl Default for Native {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for Native {
    fn name(&self) -> &'static str {
        "the native engine"
    }

    fn call(&mut self, name: &str, args: &Value) -> Value {
        let a = Args(args);
        match name {
            "open" => answer(self.open(a)),
            "matches" => larder_engine::matches(&a.bytes("pattern"), &a.bytes("key")).answer(),
            "describe" => answer(larder_engine::describe(&a.bytes("record"))),
            "verify" => answer(larder_engine::verify(&a.bytes("record"), a.number("limit") as usize)),
            "get" | "get-short" | "admit" | "exists" | "ttl" | "inspect" | "get-many" | "scan" => self.read(name, a),
            "add" | "replace" | "compare-and-set" | "increment" | "touch" => self.modify(name, a),
            "set" | "set-many" | "restore" | "delete" | "delete-many" | "forget" => self.write(name, a),
            _ => self.maintain(name, a),
        }
    }
}

impl Native {
    fn read(&mut self, name: &str, a: Args<'_>) -> Value {
        let (engine, now) = (&mut self.engine, a.number("now"));
        match name {
            "get" => answer(engine.get(a.namespace(), &a.bytes("key"), now)),
            "get-short" => match a.short_key() {
                Some(key) => answer(engine.get(a.namespace(), &key, now)),
                None => refusal("invalid-argument"),
            },
            "admit" => answer(engine.admit(a.namespace(), &a.bytes("key"), &a.bytes("record"), now)),
            "exists" => answer(engine.exists(a.namespace(), &a.bytes("key"), now)),
            "ttl" => answer(engine.ttl(a.namespace(), &a.bytes("key"), now)),
            "inspect" => answer(engine.inspect(a.namespace(), &a.bytes("key"), now)),
            "get-many" => {
                let keys = a.keys();
                let hits: larder_engine::Result<Vec<Option<Hit<'_>>>> =
                    engine.get_many(a.namespace(), keys.iter().map(Vec::as_slice), now);
                answer(hits)
            }
            _ => {
                let (cursor, limit) = (a.number("cursor") as u32, a.number("limit") as u32);
                answer(engine.scan(a.optional("namespace").map(|ns| ns as u32), &a.bytes("prefix"), cursor, limit, now))
            }
        }
    }

    fn modify(&mut self, name: &str, a: Args<'_>) -> Value {
        let (ns, key, now) = (a.namespace(), a.bytes("key"), a.number("now"));
        let (stored, sequence) = (a.optional_bytes("stored"), a.optional("sequence"));
        let (options, stored) = (args::options(a.list("options")), stored.as_deref());
        let engine = &mut self.engine;
        match name {
            "add" => answer(engine.add(ns, &key, &a.bytes("value"), &options, stored, now, sequence)),
            "replace" => answer(engine.replace(ns, &key, &a.bytes("value"), &options, stored, now, sequence)),
            "compare-and-set" => {
                let (expected, value) = (a.number("expected"), a.bytes("value"));
                answer(engine.compare_and_set(ns, &key, expected, &value, &options, stored, now, sequence))
            }
            "increment" => answer(engine.increment(ns, &key, a.signed("delta"), &options, stored, now, sequence)),
            _ => answer(engine.touch(ns, &key, a.optional("ttl"), stored, now, sequence)),
        }
    }

    fn write(&mut self, name: &str, a: Args<'_>) -> Value {
        let (engine, ns, sequence) = (&mut self.engine, a.namespace(), a.optional("sequence"));
        match name {
            "set" => {
                let options = args::options(a.list("options"));
                answer(engine.set(ns, &a.bytes("key"), &a.bytes("value"), &options, a.number("now"), sequence))
            }
            "set-many" => {
                let items: Vec<_> = a.list("items").iter().map(args::item).collect();
                let outcomes = engine.set_many(ns, &items, a.number("now"), sequence);
                outcomes.into_iter().map(answer).collect()
            }
            "restore" => answer(engine.restore(ns, &a.bytes("record"), a.number("now"), sequence)),
            "delete" => {
                answer(engine.delete(ns, &a.bytes("key"), a.optional_bytes("stored").as_deref(), a.number("now")))
            }
            "delete-many" => answer(engine.delete_many(ns, a.keys().iter().map(Vec::as_slice), a.number("now"))),
            _ => answer(engine.forget(ns, &a.bytes("key"))),
        }
    }

    fn maintain(&mut self, name: &str, a: Args<'_>) -> Value {
        let engine = &mut self.engine;
        let some_namespace = || a.optional("namespace").map(|ns| ns as u32);
        match name {
            "namespace" => answer(engine.namespace(a.text("name"))),
            "set-defaults" => answer(engine.set_defaults(a.namespace(), args::defaults(a.list("defaults")))),
            "clear" => answer(engine.clear(some_namespace())),
            "cleanup" => engine.cleanup(a.number("now"), a.number("limit") as u32).answer(),
            "maintain" => engine.maintain(a.number("now"), a.number("budget") as u32).answer(),
            "next-expiry" => engine.next_expiry().answer(),
            "set-policy" => answer(PolicyKind::parse(a.text("name")).map(|policy| engine.set_policy(policy))),
            "ban" => {
                let rules = a.list("rules").iter().map(args::rule).collect();
                answer(engine.ban(some_namespace(), rules, a.number("now"), a.optional("sequence")))
            }
            "take-bans" => answer(engine.take_bans(&a.bytes("record"))),
            "reap-bans" => {
                let record = engine.reap_bans(a.number("until"), a.number("now"), a.optional("sequence"));
                answer(record.map(Bytes))
            }
            "is-banned" => answer(engine.is_banned(&a.bytes("record"))),
            "bans" => engine.bans().answer(),
            "resize" => engine.resize(a.number("max-bytes"), a.number("now")).answer(),
            "carry" => {
                let (cursor, size) = (a.number("cursor") as u32, a.number("size") as u32);
                engine.carry(cursor, size, a.number("now")).answer()
            }
            "evict-unlikely" => {
                let (predictions, count) = (args::predictions(a.list("predictions")), a.number("count") as u32);
                answer(engine.evict_unlikely(a.namespace(), &predictions, count, a.number("now")))
            }
            "expect" => {
                answer(engine.expect(a.namespace(), &args::predictions(a.list("predictions")), a.number("now")))
            }
            "evict" => engine.evict(a.number("count") as u32).answer(),
            "advice" => engine.advice().answer(),
            "stats" => answer(engine.stats(some_namespace())),
            "judge" => {
                let candidates: Vec<_> = a.list("candidates").iter().map(args::summary).collect();
                engine.judge(&candidates, a.number("needed"), a.number("now")).answer()
            }
            "check" => answer(engine.check()),
            _ => pools::call(engine, name, a)
                .or_else(|| prefetch::call(&mut self.predictor, name, a))
                .unwrap_or_else(|| keys::call(&mut self.hasher, name, a)),
        }
    }
}
