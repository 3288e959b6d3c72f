//! The contract's arguments as JSON into the engine's types.

use larder_engine::{
    Compression, Config, Dependency, DependencyKind, Durability, Item, NamespaceDefaults, NamespaceId, Objective,
    PolicyKind, Result, Rule, SetOptions, Summary,
};
use serde_json::Value;

use crate::bytes;
use crate::host::{to_float, to_signed, to_unsigned};

/// The arguments of a call, by name.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(pub(super) &'a Value);

impl<'a> Args<'a> {
    pub(super) fn given(self, name: &str) -> &'a Value {
        self.0.get(name).unwrap_or_else(|| panic!("the argument {name} is missing in {}", self.0))
    }

    fn if_given(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn namespace(self) -> NamespaceId {
        self.number("namespace") as NamespaceId
    }

    pub(super) fn number(self, name: &str) -> u64 {
        to_unsigned(self.given(name))
    }

    pub(super) fn signed(self, name: &str) -> i64 {
        to_signed(self.given(name))
    }

    pub(super) fn optional(self, name: &str) -> Option<u64> {
        self.if_given(name).map(to_unsigned)
    }

    pub(super) fn text(self, name: &str) -> &'a str {
        text(self.given(name))
    }

    pub(super) fn yes(self, name: &str) -> bool {
        let given = self.given(name);
        given.as_bool().unwrap_or_else(|| panic!("{given} is neither true nor false"))
    }

    pub(super) fn bytes(self, name: &str) -> Vec<u8> {
        self.if_given(name).map(byte_string).unwrap_or_default()
    }

    pub(super) fn optional_bytes(self, name: &str) -> Option<Vec<u8>> {
        self.if_given(name).map(byte_string)
    }

    pub(super) fn list(self, name: &str) -> &'a [Value] {
        self.if_given(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The key in the arguments of `get-short`.
    pub(super) fn short_key(self) -> Option<Vec<u8>> {
        let words = ["a", "b", "c", "d"].map(|word| self.number(word).to_le_bytes());
        words.concat().get(..self.number("len") as usize).map(<[u8]>::to_vec)
    }

    pub(super) fn keys(self) -> Vec<Vec<u8>> {
        self.list("keys").iter().map(byte_string).collect()
    }
}

pub(super) fn byte_string(value: &Value) -> Vec<u8> {
    bytes::from_json(value).unwrap_or_else(|| panic!("{value} is not a byte string"))
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

/// Case and payload of a variant.
pub(super) fn case(value: &Value) -> (&str, &Value) {
    let fields = value.as_object().filter(|fields| fields.len() == 1);
    let (case, payload) = fields.and_then(|fields| fields.iter().next()).expect("a variant has one case");
    (case, payload)
}

pub(super) fn config(settings: &[Value]) -> Result<Config> {
    let mut config = Config::default();
    for (case, payload) in settings.iter().map(case) {
        match case {
            "max-bytes" => config.max_bytes = to_unsigned(payload),
            "max-entries" => config.max_entries = Some(to_unsigned(payload) as u32),
            "max-entry-size" => config.max_entry_size = to_unsigned(payload) as usize,
            "max-key-size" => config.max_key_size = to_unsigned(payload) as usize,
            "policy" => config.policy = PolicyKind::parse(text(payload))?,
            "objective" => config.objective = Objective::parse(text(payload))?,
            "codec" => config.codec = codec(text(payload)),
            "compression-threshold" => config.compression_threshold = to_unsigned(payload) as usize,
            "compression-level" => config.compression_level = to_unsigned(payload) as u8,
            "cold-tier" => config.cold_tier = payload.as_bool().expect("cold-tier is true or false"),
            "advice" => config.advice = payload.as_bool().expect("advice is true or false"),
            "store" => config.store = payload.as_bool().expect("store is true or false"),
            "seed" => config.seed = to_unsigned(payload),
            _ => panic!("the contract has no setting {case:?}"),
        }
    }
    Ok(config)
}

fn codec(name: &str) -> Compression {
    match name {
        "none" => Compression::None,
        "deflate" => Compression::Deflate,
        "lz4" => Compression::Lz4,
        "auto" => Compression::Auto,
        _ => panic!("the contract has no codec {name:?}"),
    }
}

/// Keys with probabilities.
pub(super) fn predictions(given: &[Value]) -> Vec<(Vec<u8>, f64)> {
    given.iter().map(|pair| (byte_string(&pair[0]), to_float(&pair[1]))).collect()
}

pub(super) fn defaults(given: &[Value]) -> NamespaceDefaults {
    let mut defaults = NamespaceDefaults::default();
    for (case, payload) in given.iter().map(case) {
        let number = to_unsigned(payload);
        match case {
            "ttl" => defaults.ttl = Some(number),
            "tti" => defaults.tti = Some(number),
            "stale" => defaults.stale = Some(number),
            "jitter" => defaults.jitter = number as u8,
            _ => panic!("the contract has no namespace default {case:?}"),
        }
    }
    defaults
}

pub(super) fn options(given: &[Value]) -> SetOptions {
    let mut options = SetOptions::default();
    for (case, payload) in given.iter().map(case) {
        match case {
            "ttl" => options.ttl = Some(to_unsigned(payload)),
            "tti" => options.tti = Some(to_unsigned(payload)),
            "stale" => options.stale = Some(to_unsigned(payload)),
            "content-type" => text(payload).clone_into(&mut options.content_type),
            "metadata" => options.metadata.push((text(&payload[0]).to_owned(), text(&payload[1]).to_owned())),
            "tag" => options.tags.push(text(payload).to_owned()),
            "dependency" => options.dependencies.push(dependency(payload)),
            "cost" => options.cost = Some(to_unsigned(payload)),
            "prefetched" => options.prefetched = true,
            "durability" => {
                options.durability = match text(payload) {
                    "memory" => Durability::Memory,
                    "process" => Durability::Process,
                    "sync" => Durability::Sync,
                    other => panic!("the contract has no durability {other:?}"),
                }
            }
            _ => panic!("the contract has no option {case:?}"),
        }
    }
    options
}

fn dependency(given: &Value) -> Dependency {
    let a = Args(given);
    let kind = match a.text("kind") {
        "file" => DependencyKind::File,
        "glob" => DependencyKind::Glob,
        "environment" => DependencyKind::Environment,
        other => panic!("the contract has no dependency {other:?}"),
    };
    Dependency { kind, name: a.text("name").to_owned(), stamp: a.bytes("stamp") }
}

pub(super) fn rule(given: &Value) -> Rule {
    match case(given) {
        ("all", _) => Rule::All,
        ("tag", tag) => Rule::Tag(text(tag).to_owned()),
        ("all-tags", tags) => {
            Rule::AllTags(tags.as_array().expect("a list of tags").iter().map(|tag| text(tag).to_owned()).collect())
        }
        ("prefix", prefix) => Rule::Prefix(byte_string(prefix)),
        ("glob", pattern) => Rule::Glob(byte_string(pattern)),
        ("file", path) => Rule::File(text(path).to_owned()),
        (other, _) => panic!("the contract has no rule {other:?}"),
    }
}

pub(super) fn item(given: &Value) -> Item {
    let a = Args(given);
    Item { key: a.bytes("key"), value: a.bytes("value"), options: options(a.list("options")) }
}

pub(super) fn summary(given: &Value) -> Summary {
    let a = Args(given);
    Summary {
        size: a.number("size"),
        version: a.number("version"),
        accessed: a.number("accessed"),
        gone: a.optional("gone"),
    }
}
