//! A prefix that reaches more than its operation would make others' entries invalid; one that reaches less would serve old ones.

use larder_engine::ErrorCode;
use larder_engine::keys::{self, MAX_HASH_ABOVE, MAX_KEY, MAX_OPERATION, TextSettings, Value};
use proptest::prelude::*;

use crate::inputs::{Input, input};

proptest! {
    #[test]
    fn the_prefix_of_an_operation_begins_its_keys_and_no_others(input in input(), operation in "[:|%a#=é]{1,3}") {
        let prefix = keys::operation_prefix(&operation).expect("short");
        let its_own = matches!(&input, Input::Text(name, ..) if *name == operation);
        prop_assert_eq!(input.key().text.starts_with(&prefix), its_own, "{}", prefix);
        if let Input::Text(name, ..) = &input {
            prop_assert!(input.key().text.starts_with(&keys::operation_prefix(name).expect("short")));
        }
    }
}

#[test]
fn operations_that_begin_alike_have_prefixes_that_do_not() {
    let names = ["a", "aa", "a|", "a||", "a|=", "a:", "a%", "a%7C", "a%7C|", "|", "||", "é", "a é", "A"];
    let prefixes = names.map(|name| keys::operation_prefix(name).expect("short"));
    for (at, prefix) in prefixes.iter().enumerate() {
        let reached = prefixes.iter().enumerate().filter(|(_, other)| other.starts_with(prefix.as_str()));
        assert_eq!(reached.map(|(other, _)| other).collect::<Vec<_>>(), [at], "{prefix}");
    }
}

#[test]
fn the_longest_key_fits() {
    let none = Value::Map(Vec::new());
    let settings = TextSettings { hash_above: MAX_HASH_ABOVE, ..TextSettings::default() };
    let text = vec![0; MAX_HASH_ABOVE as usize];
    let options = Value::Map(vec![("\n".repeat(64), Value::Null)]);
    for options in [none, options] {
        let key = keys::text(&"|".repeat(MAX_OPERATION), &options, &text, &settings).expect("a key");
        assert!(key.text.len() <= MAX_KEY, "{}", key.text.len());
    }
}

#[test]
fn names_settings_and_options_out_of_range_are_refused() {
    let none = Value::Map(Vec::new());
    let fine = TextSettings::default();
    let refused = |operation: &str, options: &Value, settings: &TextSettings| {
        let refusal = keys::text(operation, options, b"t", settings).expect_err("out of range");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument, "{refusal}");
        let long = keys::text_hashed(operation, options, 1 << 40, &[0; 32], settings).expect_err("out of range");
        assert_eq!(long.code, ErrorCode::InvalidArgument, "{long}");
    };
    refused("", &none, &fine);
    refused(&"o".repeat(MAX_OPERATION + 1), &none, &fine);
    refused("o", &Value::List(Vec::new()), &fine);
    refused("o", &none, &TextSettings { hash_above: MAX_HASH_ABOVE + 1, ..fine.clone() });
    refused("o", &none, &TextSettings { small: 5_001, ..fine.clone() });
    refused("o", &none, &TextSettings { large: 4_999, ..fine.clone() });
    for (length, hash) in [(1_000, 32), (0, 32), (1_001, 31), (1_001, 0), (1_001, 33)] {
        let refusal = keys::text_hashed("o", &none, length, &vec![0; hash], &fine).expect_err("out of range");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument, "{length} {hash}");
    }
    keys::text_hashed("o", &none, 1_001, &[0; 32], &fine).expect("in range");
}
