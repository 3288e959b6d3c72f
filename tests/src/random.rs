//! Random calls from a seed: few namespaces, few keys, short times, so that calls get in each other's way.
//!
//! The same calls for the same seed, for ever. Calls that take a record get one that an earlier call answered with,
//! sometimes damaged, sometimes of another key.

use larder_engine::PolicyKind;
use serde_json::{Value, json};

use crate::bytes;
use crate::scale::Random;

const KEYS: [&str; 9] = ["a", "ab", "abc", "b", "ba", "user:1", "user:2", "user:10", "\u{0}\u{ff}"];
const RECORDS_KEPT: usize = 24;

/// Draws calls.
pub struct Script {
    state: Random,
    now: u64,
    records: Vec<Vec<u8>>,
}

impl Script {
    /// The calls of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: Random(seed), now: 1_790_000_000_000, records: Vec::new() }
    }

    /// Settings to open a cache with: small tiers, so that something is always evicted.
    pub fn settings(&mut self) -> Value {
        let mut settings = vec![
            json!({ "codec": "deflate" }),
            json!({ "seed": self.next().to_string() }),
            json!({ "policy": self.policy() }),
            json!({ "store": self.chance(70) }),
            json!({ "max-entry-size": 3_000 }),
            json!({ "compression-level": 1 + self.below(9) }),
            json!({ "compression-threshold": self.one_of(&[0, 64, 1_024]) }),
            json!({ "advice": self.chance(30) }),
            json!({ "cold-tier": self.chance(50) }),
            json!({ "max-bytes": self.one_of(&[0, 400, 2_000, 8_000, 1_000_000]) }),
        ];
        if self.chance(30) {
            settings.push(json!({ "max-entries": self.below(12) }));
        }
        json!({ "settings": settings })
    }

    /// Settings to make a predictor with.
    pub fn predictor(&mut self) -> Value {
        json!({ "settings": [{ "seed": self.next().to_string() }, { "max-bytes": 1 << 14 }, { "gap": 100 }] })
    }

    /// The next call.
    pub fn call(&mut self) -> (&'static str, Value) {
        self.now = match self.below(20) {
            0 => self.now - self.below(50),
            1..10 => self.now,
            _ => self.now + self.below(60),
        };
        let mut args = json!({ "namespace": self.below(2), "key": self.key(), "now": self.now });
        let name = self.name();
        match name {
            "set" => self.add_write(&mut args),
            "get-short" => self.add_short_key(&mut args),
            "add" | "replace" | "compare-and-set" | "increment" => {
                self.add_write(&mut args);
                self.add_stored(&mut args);
                args["expected"] = json!(self.below(60));
                args["delta"] = if self.chance(90) { json!(self.below(99)) } else { json!(i64::MAX.to_string()) };
            }
            "touch" => {
                self.add_stored(&mut args);
                self.sometimes(&mut args, "ttl", 60, |script| json!(script.below(300)));
            }
            "admit" | "restore" | "describe" | "verify" | "is-banned" | "take-bans" => {
                args["record"] = self.record();
                args["limit"] = json!(self.below(4_000));
            }
            "delete" => self.add_stored(&mut args),
            "get-many" | "delete-many" => args["keys"] = (0..self.below(4)).map(|_| self.key()).collect(),
            "set-many" => {
                args["items"] = (0..self.below(4)).map(|_| self.item()).collect();
                self.add_sequence(&mut args);
            }
            "scan" | "clear" | "stats" => {
                args["prefix"] = bytes::to_json(self.one_of(&["", "a", "user:", "none"]).as_bytes());
                args["cursor"] = json!(self.below(6));
                args["limit"] = json!(self.below(5));
                if self.chance(50) {
                    args["namespace"] = Value::Null;
                }
            }
            "cleanup" => args["limit"] = json!(self.below(4)),
            "maintain" => args["budget"] = json!(self.below(8_000)),
            "resize" => args["max-bytes"] = json!(self.one_of(&[0u64, 500, 2_000, 1_000_000])),
            "carry" => {
                args["cursor"] = json!(self.below(6));
                args["size"] = json!(self.below(2_000));
            }
            "evict" => args["count"] = json!(self.below(3)),
            "evict-unlikely" | "expect" => {
                args["predictions"] = (0..self.below(5)).map(|_| self.prediction()).collect();
                args["count"] = json!(self.below(3));
            }
            "observe" | "predict" | "next" | "outlook" => {
                args["session"] = json!(self.below(4));
                args["after"] = (0..self.below(4)).map(|_| self.key()).collect();
                args["limit"] = json!(self.below(5));
            }
            "enqueue" => {
                args["wanted"] = (0..self.below(4)).map(|_| self.wanted()).collect();
                args["capacity"] = json!(self.below(4));
            }
            "ban" => {
                args["rules"] = (0..self.below(3)).map(|_| self.rule()).collect();
                self.add_sequence(&mut args);
            }
            "reap-bans" => {
                args["until"] = json!(self.below(3_000));
                self.add_sequence(&mut args);
            }
            "set-policy" => args["name"] = json!(self.policy()),
            "set-defaults" => args["defaults"] = self.defaults(),
            "judge" => self.add_candidates(&mut args),
            _ => {}
        }
        (name, args)
    }

    /// Keeps the record of an answer for calls to come.
    pub fn remember(&mut self, record: Vec<u8>) {
        if self.records.len() == RECORDS_KEPT {
            let place = self.below(RECORDS_KEPT as u64) as usize;
            self.records.swap_remove(place);
        }
        self.records.push(record);
    }

    fn name(&mut self) -> &'static str {
        match self.below(108) {
            0..20 => self.one_of(&["get", "get-short"]),
            20..42 => "set",
            42..50 => "admit",
            50..54 => self.one_of(&["add", "replace"]),
            54..58 => "compare-and-set",
            58..63 => "increment",
            63..68 => "touch",
            68..72 => "delete",
            72..79 => self.one_of(&["get-many", "set-many", "delete-many"]),
            79..83 => self.one_of(&["describe", "verify", "restore", "restore"]),
            83..88 => self.one_of(&["exists", "ttl", "inspect", "forget"]),
            88..92 => self.one_of(&["scan", "scan", "scan", "clear"]),
            92..96 => self.one_of(&[
                "ban",
                "ban",
                "is-banned",
                "take-bans",
                "reap-bans",
                "bans",
                "resize",
                "carry",
                "cleanup",
                "evict",
                "next-expiry",
                "stats",
                "set-policy",
                "maintain",
                "maintain",
                "maintain",
            ]),
            96..98 => "judge",
            98..103 => "observe",
            103..106 => self.one_of(&["predict", "next", "outlook", "learnt", "save", "enqueue"]),
            106 => self.one_of(&["evict-unlikely", "expect"]),
            _ => "set-defaults",
        }
    }

    fn policy(&mut self) -> &'static str {
        PolicyKind::ALL[self.below(PolicyKind::ALL.len() as u64) as usize].name()
    }

    fn add_write(&mut self, args: &mut Value) {
        args["value"] = self.value();
        args["options"] = self.options();
        self.add_sequence(args);
    }

    fn add_sequence(&mut self, args: &mut Value) {
        self.sometimes(args, "sequence", 15, |script| json!(script.below(2_000)));
    }

    fn add_stored(&mut self, args: &mut Value) {
        self.sometimes(args, "stored", 40, Self::record);
        self.add_sequence(args);
    }

    /// The key as four numbers; now and then a length that no short key has.
    fn add_short_key(&mut self, args: &mut Value) {
        let key = self.one_of(&KEYS).as_bytes();
        let mut words = [0; 32];
        words[..key.len()].copy_from_slice(key);
        for (name, word) in ["a", "b", "c", "d"].iter().zip(words.chunks_exact(8)) {
            args[name] = json!(u64::from_le_bytes(word.try_into().expect("eight bytes")).to_string());
        }
        args["len"] = if self.chance(2) { json!(33 + self.below(200)) } else { json!(key.len()) };
    }

    fn add_candidates(&mut self, args: &mut Value) {
        let now = self.now;
        let mut candidate = || {
            let gone = if self.chance(50) { json!(now - 50 + self.below(100)) } else { Value::Null };
            json!({ "size": self.below(500), "version": self.below(50), "accessed": self.below(9), "gone": gone })
        };
        args["candidates"] = (0..8).map(|_| candidate()).collect();
        args["needed"] = json!(self.below(2_500));
    }

    fn key(&mut self) -> Value {
        bytes::to_json(self.one_of(&KEYS).as_bytes())
    }

    /// A number, a text that compresses, or noise; now and then too large.
    fn value(&mut self) -> Value {
        let value = match self.below(10) {
            0..3 => self.below(1_000).to_string().into_bytes(),
            3..8 => format!("{} is {}; ", self.below(9), self.below(99)).repeat(self.below(160) as usize).into_bytes(),
            8 => (0..self.below(1_500)).map(|_| self.next() as u8).collect(),
            _ => vec![b'x'; 2_990 + self.below(20) as usize],
        };
        bytes::to_json(&value)
    }

    fn options(&mut self) -> Value {
        let mut options = Vec::new();
        for name in ["ttl", "tti", "stale"] {
            if self.chance(30) {
                options.push(json!({ name: self.below(200) }));
            }
        }
        if self.chance(20) {
            options.push(json!({ "content-type": "text/plain" }));
            options.push(json!({ "metadata": ["model", self.below(5).to_string()] }));
            options.push(json!({ "tag": self.one_of(&["t", "u"]) }));
        }
        if self.chance(10) {
            let kind = self.one_of(&["file", "glob", "environment"]);
            let stamp = bytes::to_json(b"as it was");
            options.push(json!({ "dependency": { "kind": kind, "name": "/src/a", "stamp": stamp } }));
        }
        if self.chance(30) {
            options.push(json!({ "durability": self.one_of(&["memory", "process", "sync"]) }));
        }
        if self.chance(10) {
            options.push(json!({ "prefetched": null }));
        }
        options.into()
    }

    fn rule(&mut self) -> Value {
        match self.below(12) {
            0 => json!({ "all": null }),
            1..5 => json!({ "tag": self.one_of(&["t", "u", ""]) }),
            5 => json!({ "all-tags": ["t", "u"] }),
            6..8 => json!({ "prefix": bytes::to_json(self.one_of(&["a", "user:"]).as_bytes()) }),
            8..10 => json!({ "glob": bytes::to_json(self.one_of(&["a*", "*[0-4]", "?"]).as_bytes()) }),
            _ => json!({ "file": "/src/a" }),
        }
    }

    /// A key with a probability; now and then one that is none.
    fn prediction(&mut self) -> Value {
        let quarters = if self.chance(95) { 5 } else { 9 };
        let probability = self.below(quarters) as f64 / 4.0;
        json!([self.key(), probability])
    }

    fn wanted(&mut self) -> Value {
        let priority = self.below(6) as f64 / 4.0;
        json!({ "key": self.key(), "priority": priority, "payload": self.key() })
    }

    fn item(&mut self) -> Value {
        json!({ "key": self.key(), "value": self.value(), "options": self.options() })
    }

    fn defaults(&mut self) -> Value {
        let mut defaults = vec![json!({ "jitter": self.below(102) })];
        for name in ["ttl", "tti", "stale"] {
            if self.chance(40) {
                defaults.push(json!({ name: self.below(300) }));
            }
        }
        defaults.into()
    }

    /// A record that was answered earlier; one in four is damaged.
    fn record(&mut self) -> Value {
        let place = self.below(self.records.len().max(1) as u64) as usize;
        let mut record = self.records.get(place).cloned().unwrap_or_default();
        if !record.is_empty() && self.chance(25) {
            let at = self.below(record.len() as u64) as usize;
            match self.below(3) {
                0 => record.truncate(at),
                1 => record.push(0),
                _ => record[at] ^= 1 << self.below(8),
            }
        }
        bytes::to_json(&record)
    }

    fn sometimes(&mut self, args: &mut Value, name: &str, percent: u64, draw: impl FnOnce(&mut Self) -> Value) {
        if self.chance(percent) {
            args[name] = draw(self);
        }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }

    fn next(&mut self) -> u64 {
        self.state.draw()
    }
}
