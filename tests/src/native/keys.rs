//! The interface `keys`, on the engine.

use larder_engine::keys::{self, Hasher, Key, PathState, TextSettings, Token, Value as Tree};
use larder_engine::{Error, Result};
use serde_json::{Value, json};

use super::answers::{Answer, answer};
use super::args::{Args, byte_string, case, text};
use crate::bytes::to_json;
use crate::host::{to_float, to_signed, to_unsigned, unsigned};

/// A call of a name that no other interface has.
pub(super) fn call(hasher: &mut Hasher, name: &str, a: Args<'_>) -> Value {
    match name {
        "hasher" => {
            *hasher = Hasher::default();
            Value::Null
        }
        "update" => {
            hasher.update(&a.bytes("bytes"));
            Value::Null
        }
        "length" => unsigned(hasher.length()),
        "digest" => to_json(&hasher.digest()),
        "parts" => answer(keys::parts(a.list("parts").iter().map(byte_string))),
        "dictionary" => answer(tree(a.list("value")).and_then(|value| keys::dictionary(&value))),
        "structured" => answer(tree(a.list("value")).and_then(|value| keys::structured(&value))),
        "path" => answer(path(a)),
        "endpoint" => {
            let pair = |pair: &'_ Value| (text(&pair[0]).to_owned(), text(&pair[1]).to_owned());
            let parameters: Vec<_> = a.list("parameters").iter().map(pair).collect();
            let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            answer(keys::endpoint(a.text("endpoint"), &parameters))
        }
        "text" => answer(
            options(a)
                .and_then(|(options, settings)| keys::text(a.text("operation"), &options, &a.bytes("text"), &settings)),
        ),
        "text-hashed" => answer(options(a).and_then(|(options, settings)| {
            keys::text_hashed(a.text("operation"), &options, a.number("length"), &a.bytes("hash"), &settings)
        })),
        "operation-prefix" => answer(keys::operation_prefix(a.text("operation"))),
        _ => panic!("the contract has no call {name:?}"),
    }
}

impl Answer for Key {
    fn answer(self) -> Value {
        let tier = self.tier.map(|tier| tier.name());
        json!({ "key": to_json(self.text.as_bytes()), "hashed": self.hashed, "tier": tier })
    }
}

impl Answer for String {
    fn answer(self) -> Value {
        to_json(self.as_bytes())
    }
}

fn path(a: Args<'_>) -> Result<Key> {
    let (path, (case, state)) = (a.bytes("path"), case(a.given("state")));
    match case {
        "unknown" => keys::path(&path, &PathState::Unknown),
        "content" => keys::path(&path, &PathState::Content(&byte_string(state))),
        "content-hash" => keys::path(&path, &PathState::ContentHash(&byte_string(state))),
        _ => {
            let stamp = Args(state);
            let (size, seconds) = (stamp.number("size"), stamp.signed("seconds"));
            keys::path(&path, &PathState::Stamp { size, seconds, nanoseconds: stamp.number("nanoseconds") as u32 })
        }
    }
}

fn options(a: Args<'_>) -> std::result::Result<(Tree, TextSettings), Error> {
    let mut settings = TextSettings::default();
    for (case, payload) in a.list("settings").iter().map(case) {
        let bytes = to_unsigned(payload);
        match case {
            "hash-above" => settings.hash_above = bytes,
            "small" => settings.small = bytes,
            "medium" => settings.medium = bytes,
            "large" => settings.large = bytes,
            _ => panic!("the contract has no text setting {case:?}"),
        }
    }
    let tokens = a.list("options");
    let options = if tokens.is_empty() { Tree::Map(Vec::new()) } else { tree(tokens)? };
    Ok((options, settings))
}

fn tree(tokens: &[Value]) -> Result<Tree> {
    let count = |payload: &Value| to_unsigned(payload) as u32;
    Tree::from_tokens(tokens.iter().map(case).map(|(case, payload)| match case {
        "null" => Token::Null,
        "boolean" => Token::Bool(payload.as_bool().expect("true or false")),
        "integer" => Token::Integer(to_signed(payload).into()),
        "unsigned" => Token::Integer(to_unsigned(payload).into()),
        "float" => Token::Float(to_float(payload)),
        "string" => Token::Text(text(payload).to_owned()),
        "bytes" => Token::Bytes(byte_string(payload)),
        "list" => Token::List(count(payload)),
        "set" => Token::Set(count(payload)),
        "map" => Token::Map(count(payload)),
        _ => panic!("the contract has no token {case:?}"),
    }))
}
