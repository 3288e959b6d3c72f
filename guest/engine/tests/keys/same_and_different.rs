//! Two inputs have one key if and only if they mean the same.

use std::collections::BTreeMap;

use larder_engine::keys::{self, Hasher, MAX_KEY, PathState, TextSettings, Token, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::inputs::{Input, State, input, value};

/// The same value with everything that has no order turned round, and elements of sets given twice.
fn turned(value: &Value) -> Value {
    match value {
        Value::List(values) => Value::List(values.iter().map(turned).collect()),
        Value::Set(values) => Value::Set(values.iter().chain(values).rev().map(turned).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().rev().map(|(name, value)| (name.clone(), turned(value))).collect())
        }
        Value::Float(0.0) => Value::Float(-0.0),
        Value::Float(number) if number.is_nan() => Value::Float(-number),
        other => other.clone(),
    }
}

fn turned_input(input: &Input) -> Input {
    match input.clone() {
        Input::Dictionary(value) => Input::Dictionary(turned(&value)),
        Input::Structured(value) => Input::Structured(turned(&value)),
        Input::Text(operation, options, text, settings) => Input::Text(operation, turned(&options), text, settings),
        Input::Endpoint(endpoint, mut parameters) => {
            parameters.sort_by(|(a, _), (b, _)| b.cmp(a));
            Input::Endpoint(endpoint, parameters)
        }
        other => other,
    }
}

fn tokens(value: &Value, out: &mut Vec<Token>) {
    out.push(match value {
        Value::Null => Token::Null,
        Value::Bool(yes) => Token::Bool(*yes),
        Value::Integer(number) => Token::Integer(*number),
        Value::Float(number) => Token::Float(*number),
        Value::Text(text) => Token::Text(text.clone()),
        Value::Bytes(bytes) => Token::Bytes(bytes.clone()),
        Value::List(values) => Token::List(values.len() as u32),
        Value::Set(values) => Token::Set(values.len() as u32),
        Value::Map(entries) => Token::Map(entries.len() as u32),
    });
    match value {
        Value::List(values) | Value::Set(values) => values.iter().for_each(|value| tokens(value, out)),
        Value::Map(entries) => entries.iter().for_each(|(name, value)| {
            out.push(Token::Text(name.clone()));
            tokens(value, out);
        }),
        _ => {}
    }
}

/// All texts of up to so many of these characters.
fn texts(characters: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|text| characters.iter().map(move |c| format!("{text}{c}"))).collect();
        all.extend_from_slice(&last);
    }
    all
}

/// What was made of an input, given as input: where a separator is not escaped, the same key comes out again.
fn read_as_input(key: &str) -> Vec<Input> {
    let none = || Value::Map(Vec::new());
    let mut inputs = vec![Input::Endpoint(key.to_owned(), Vec::new())];
    for (at, _) in key.match_indices([':', '|', '/', '#']) {
        let rest = &key[at + 1..];
        inputs.push(Input::Parts(vec![rest.into()]));
        inputs.push(Input::Structured(Value::Text(rest.trim_matches('"').to_owned())));
        if !rest.is_empty() {
            inputs.push(Input::Path(rest.into(), State::Unknown));
            inputs.push(Input::Endpoint(rest.to_owned(), Vec::new()));
        }
        if let Some((name, value)) = rest.split_once('=').filter(|_| at > 0) {
            inputs.push(Input::Endpoint(key[..at].to_owned(), vec![(name.to_owned(), value.to_owned())]));
        }
        if let Some(operation) = key[..at].strip_prefix("text:").filter(|name| !name.is_empty() && name.len() < 256) {
            let text = rest.split_once('=').map_or(rest, |(_, text)| text);
            inputs.push(Input::Text(operation.to_owned(), none(), text.into(), TextSettings::default()));
        }
    }
    inputs
}

#[test]
fn all_small_endpoints_and_parameters_have_keys_of_their_own() {
    let all = texts(&['a', '|', '&', '='], 2);
    let pair = |name: &String, value: &String| (name.clone(), value.clone());
    let pairs: Vec<_> = all.iter().flat_map(|name| all.iter().map(move |value| pair(name, value))).collect();
    let mut inputs = Vec::new();
    for endpoint in all.iter().filter(|text| !text.is_empty()) {
        inputs.push(Input::Endpoint(endpoint.clone(), Vec::new()));
        inputs.extend(pairs.iter().map(|pair| Input::Endpoint(endpoint.clone(), vec![pair.clone()])));
    }
    let two = |first: &(String, String), second| Input::Endpoint("/".to_owned(), vec![first.clone(), second]);
    inputs.extend(pairs.iter().flat_map(|first| pairs.iter().map(|second| two(first, second.clone()))));
    let mut seen = BTreeMap::new();
    for input in &inputs {
        if let Some(other) = seen.insert(input.key().text, input) {
            assert_eq!(other.meaning(), input.meaning(), "{other:?} and {input:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_key_given_as_input_makes_another(input in input()) {
        let key = input.key().text;
        for other in read_as_input(&key) {
            prop_assert_eq!(other.key().text == key, other.meaning() == input.meaning(), "{:?} and {:?}", other, input);
        }
    }

    #[test]
    fn inputs_of_different_meaning_never_share_a_key(inputs in vec(input(), 200)) {
        let mut seen = BTreeMap::new();
        for input in &inputs {
            if let Some(other) = seen.insert(input.key().text, input) {
                prop_assert_eq!(other.meaning(), input.meaning(), "{:?} and {:?}", other, input);
            }
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter_where_they_mean_nothing(input in input()) {
        let turned = turned_input(&input);
        prop_assert_eq!(input.meaning(), turned.meaning());
        prop_assert_eq!(input.key(), turned.key());
    }

    #[test]
    fn keys_are_short_lines_of_text(input in input()) {
        let key = input.key();
        prop_assert!((1..=MAX_KEY).contains(&key.text.len()));
        prop_assert!(!key.text.chars().any(char::is_control), "{:?}", key.text);
    }

    #[test]
    fn tokens_say_the_value_that_they_were_made_of(value in value()) {
        let mut given = Vec::new();
        tokens(&value, &mut given);
        let read = Value::from_tokens(given).expect("whole");
        prop_assert_eq!(keys::structured(&read), keys::structured(&value));
    }

    #[test]
    fn bytes_in_pieces_hash_like_the_whole(pieces in vec(vec(any::<u8>(), 0..3_000), 0..5)) {
        let mut hasher = Hasher::default();
        pieces.iter().for_each(|piece| hasher.update(piece));
        let whole = pieces.concat();
        prop_assert_eq!(hasher.length(), whole.len() as u64);
        let given = keys::path(b"p", &PathState::Content(&whole)).expect("a key");
        prop_assert_eq!(keys::path(b"p", &PathState::ContentHash(&hasher.digest())), Ok(given));
        let (settings, none) = (TextSettings::default(), Value::Map(Vec::new()));
        if whole.len() as u64 > settings.hash_above {
            let key = keys::text_hashed("o", &none, hasher.length(), &hasher.digest(), &settings);
            prop_assert_eq!(keys::text("o", &none, &whole, &settings), key);
        }
    }
}
