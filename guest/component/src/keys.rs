//! The interface `keys`: conversion only.

use std::cell::RefCell;

use larder_engine::keys::{self as engine, Key, Value};

use crate::bindings::exports::larder::cache::keys::{
    Guest, GuestHasher, Made, PathState, Stamp, TextSetting, Tier, Token,
};
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::{Answer, Convert};
use crate::{Component, convert};

#[derive(Default)]
pub(crate) struct Hashed(RefCell<engine::Hasher>);

impl GuestHasher for Hashed {
    fn new() -> Self {
        Self::default()
    }

    fn update(&self, bytes: Vec<u8>) {
        self.0.borrow_mut().update(&bytes);
    }

    fn length(&self) -> u64 {
        self.0.borrow().length()
    }

    fn digest(&self) -> Vec<u8> {
        self.0.borrow().digest().to_vec()
    }
}

impl Guest for Component {
    type Hasher = Hashed;

    fn parts(parts: Vec<Vec<u8>>) -> Result<Made, Error> {
        engine::parts(parts).answer()
    }

    fn dictionary(value: Vec<Token>) -> Result<Made, Error> {
        tree(value).and_then(|value| engine::dictionary(&value)).answer()
    }

    fn structured(value: Vec<Token>) -> Result<Made, Error> {
        tree(value).and_then(|value| engine::structured(&value)).answer()
    }

    fn path(path: Vec<u8>, state: PathState) -> Result<Made, Error> {
        let state = match &state {
            PathState::Unknown => engine::PathState::Unknown,
            &PathState::Stamp(Stamp { size, seconds, nanoseconds }) => {
                engine::PathState::Stamp { size, seconds, nanoseconds }
            }
            PathState::Content(content) => engine::PathState::Content(content),
            PathState::ContentHash(hash) => engine::PathState::ContentHash(hash),
        };
        engine::path(&path, &state).answer()
    }

    fn endpoint(endpoint: String, parameters: Vec<(String, String)>) -> Result<Made, Error> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        engine::endpoint(&endpoint, &parameters).answer()
    }

    fn text(operation: String, given: Vec<Token>, text: Vec<u8>, settings: Vec<TextSetting>) -> Result<Made, Error> {
        let settings = text_settings(&settings);
        options(given).and_then(|options| engine::text(&operation, &options, &text, &settings)).answer()
    }

    fn text_hashed(
        operation: String,
        given: Vec<Token>,
        length: u64,
        hash: Vec<u8>,
        settings: Vec<TextSetting>,
    ) -> Result<Made, Error> {
        let settings = text_settings(&settings);
        let key = |options: Value| engine::text_hashed(&operation, &options, length, &hash, &settings);
        options(given).and_then(key).answer()
    }

    fn operation_prefix(operation: String) -> Result<Vec<u8>, Error> {
        engine::operation_prefix(&operation).map(String::into_bytes).map_err(convert::error)
    }
}

impl Convert<Made> for Key {
    fn convert(self) -> Made {
        let tier = self.tier.map(|tier| match tier {
            engine::Tier::Small => Tier::Small,
            engine::Tier::Medium => Tier::Medium,
            engine::Tier::Large => Tier::Large,
            engine::Tier::Xlarge => Tier::Xlarge,
        });
        Made { key: self.text.into_bytes(), hashed: self.hashed, tier }
    }
}

fn tree(tokens: Vec<Token>) -> larder_engine::Result<Value> {
    Value::from_tokens(tokens.into_iter().map(|token| match token {
        Token::Null => engine::Token::Null,
        Token::Boolean(yes) => engine::Token::Bool(yes),
        Token::Integer(number) => engine::Token::Integer(number.into()),
        Token::Unsigned(number) => engine::Token::Integer(number.into()),
        Token::Float(number) => engine::Token::Float(number),
        Token::String(text) => engine::Token::Text(text),
        Token::Bytes(bytes) => engine::Token::Bytes(bytes),
        Token::List(count) => engine::Token::List(count),
        Token::Set(count) => engine::Token::Set(count),
        Token::Map(count) => engine::Token::Map(count),
    }))
}

/// No tokens are no options.
fn options(tokens: Vec<Token>) -> larder_engine::Result<Value> {
    if tokens.is_empty() { Ok(Value::Map(Vec::new())) } else { tree(tokens) }
}

fn text_settings(given: &[TextSetting]) -> engine::TextSettings {
    let mut settings = engine::TextSettings::default();
    for setting in given {
        match *setting {
            TextSetting::HashAbove(bytes) => settings.hash_above = bytes,
            TextSetting::Small(bytes) => settings.small = bytes,
            TextSetting::Medium(bytes) => settings.medium = bytes,
            TextSetting::Large(bytes) => settings.large = bytes,
        }
    }
    settings
}
