//! Inputs of all kinds, and what makes two of them the same: said here a second time, without a line of the engine's.

use std::collections::{BTreeMap, BTreeSet};

use larder_engine::keys::{self, Key, PathState, TextSettings, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a key is made of.
#[derive(Debug, Clone)]
pub enum Input {
    Parts(Vec<Vec<u8>>),
    Dictionary(Value),
    Structured(Value),
    Path(Vec<u8>, State),
    Endpoint(String, Vec<(String, String)>),
    Text(String, Value, Vec<u8>, TextSettings),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Unknown,
    Stamp(u64, i64, u32),
    Content(Vec<u8>),
}

/// Two inputs are the same if and only if these are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    Null,
    Bool(bool),
    Integer(i128),
    /// Bits of a float; those of 0 for −0, `None` for all that are no number.
    Float(Option<u64>),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Meaning>),
    Set(BTreeSet<Meaning>),
    Map(BTreeMap<String, Meaning>),
    Parts(Vec<Vec<u8>>),
    Dictionary(Box<Meaning>),
    Structured(Box<Meaning>),
    Path(Vec<u8>, State),
    Endpoint(String, BTreeMap<String, Vec<String>>),
    /// Operation, options, text, and of a long one its tier: 0 to 3.
    Operation(String, Box<Meaning>, Vec<u8>, Option<u8>),
}

impl Input {
    pub fn key(&self) -> Key {
        let key = match self {
            Self::Parts(parts) => keys::parts(parts),
            Self::Dictionary(value) => keys::dictionary(value),
            Self::Structured(value) => keys::structured(value),
            Self::Path(path, State::Unknown) => keys::path(path, &PathState::Unknown),
            &Self::Path(ref path, State::Stamp(size, seconds, nanoseconds)) => {
                keys::path(path, &PathState::Stamp { size, seconds, nanoseconds })
            }
            Self::Path(path, State::Content(content)) => keys::path(path, &PathState::Content(content)),
            Self::Endpoint(endpoint, parameters) => {
                let parameters: Vec<_> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                keys::endpoint(endpoint, &parameters)
            }
            Self::Text(operation, options, text, settings) => keys::text(operation, options, text, settings),
        };
        key.unwrap_or_else(|refusal| panic!("{self:?}: {refusal}"))
    }

    pub fn meaning(&self) -> Meaning {
        match self.clone() {
            Self::Parts(parts) => Meaning::Parts(parts),
            Self::Dictionary(value) => Meaning::Dictionary(Box::new(meaning(&value))),
            Self::Structured(value) => Meaning::Structured(Box::new(meaning(&value))),
            Self::Path(path, state) => Meaning::Path(path, state),
            Self::Endpoint(endpoint, parameters) => {
                let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
                parameters.into_iter().for_each(|(name, value)| by_name.entry(name).or_default().push(value));
                Meaning::Endpoint(endpoint, by_name)
            }
            Self::Text(operation, options, text, settings) => {
                let length = text.len() as u64;
                let tiers = [settings.small, settings.medium, settings.large];
                let tier = tiers.iter().filter(|&&largest| length > largest).count() as u8;
                let tier = (length > settings.hash_above).then_some(tier);
                Meaning::Operation(operation, Box::new(meaning(&options)), text, tier)
            }
        }
    }
}

pub fn meaning(value: &Value) -> Meaning {
    match value {
        Value::Null => Meaning::Null,
        Value::Bool(yes) => Meaning::Bool(*yes),
        Value::Integer(number) => Meaning::Integer(*number),
        Value::Float(number) => Meaning::Float((!number.is_nan()).then(|| (number + 0.0).to_bits())),
        Value::Text(text) => Meaning::Text(text.clone()),
        Value::Bytes(bytes) => Meaning::Bytes(bytes.clone()),
        Value::List(values) => Meaning::List(values.iter().map(meaning).collect()),
        Value::Set(values) => Meaning::Set(values.iter().map(meaning).collect()),
        Value::Map(entries) => {
            Meaning::Map(entries.iter().map(|(name, value)| (name.clone(), meaning(value))).collect())
        }
    }
}

/// Short texts of the characters that separators and escapes are made of, so that many nearly collide.
fn tricky() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[:|%&=#/\",(){}a0n\n\u{9b}]{0,3}",
        1 => prop::sample::select(vec!["%7C", "%257C", "hash:", "nan", "1.0", "text:a|", "endpoint:", "parts:"]).prop_map(str::to_owned),
        1 => ("[ab|%é]", 300..700_usize).prop_map(|(unit, times)| unit.repeat(times)),
    ]
}

fn tricky_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => tricky().prop_map(String::into_bytes),
        1 => vec(prop::sample::select(vec![b'a', b'%', 0xC2, 0x9B, 0xFF, 0xC3, 0xA9]), 0..3),
    ]
}

fn named() -> impl Strategy<Value = String> {
    tricky().prop_map(|text| if text.is_empty() { "a".to_owned() } else { text })
}

pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![-2..3_i128, Just(-(1 << 63)), Just((1 << 64) - 1)].prop_map(Value::Integer),
        prop_oneof![
            prop::sample::select(vec![
                0.0,
                -0.0,
                1.0,
                -1.0,
                1e21,
                0.1,
                f64::NAN,
                -f64::NAN,
                f64::INFINITY,
                f64::MIN_POSITIVE
            ]),
            any::<f64>(),
        ]
        .prop_map(Value::Float),
        tricky().prop_map(Value::Text),
        tricky_bytes().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            vec(inner.clone(), 0..4).prop_map(Value::Set),
            map_of(inner),
        ]
    })
}

fn map_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(tricky(), values, 0..3).prop_map(|map| Value::Map(map.into_iter().collect()))
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Unknown),
        (0..3_u64, -2..3_i64, 0..3_u32).prop_map(|(size, s, ns)| State::Stamp(size, s, ns)),
        tricky_bytes().prop_map(State::Content),
    ]
}

fn operation() -> impl Strategy<Value = String> {
    "[:|%a#=é]{1,3}"
}

fn settings() -> impl Strategy<Value = TextSettings> {
    let other = TextSettings { hash_above: 2, small: 1, medium: 2, large: 3 };
    let third = TextSettings { hash_above: 0, small: 2, medium: 2, large: 2 };
    prop_oneof![Just(TextSettings::default()), Just(other), Just(third)]
}

pub fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        vec(tricky_bytes(), 1..4).prop_map(Input::Parts),
        map_of(value()).prop_map(Input::Dictionary),
        value().prop_map(Input::Structured),
        (named(), state()).prop_map(|(path, state)| Input::Path(path.into_bytes(), state)),
        (named(), vec((tricky(), tricky()), 0..4)).prop_map(|(endpoint, params)| Input::Endpoint(endpoint, params)),
        (operation(), map_of(value()), tricky_bytes(), settings()).prop_map(|(o, m, t, s)| Input::Text(o, m, t, s)),
    ]
}
