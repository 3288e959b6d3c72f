//! Fears that the contract grows and no vector notices: a function, an option or a refusal that nobody plays.

use std::collections::BTreeSet;

use larder_tests::{Vector, vector};
use serde_json::Value;
use wit_parser::{InterfaceId, Resolve, TypeDefKind};

/// The refusal that no call answers with: it would be a bug.
const NEVER_ANSWERED: [&str; 1] = ["internal"];

/// The contract, and an interface of it.
fn contract(interface: &str) -> (Resolve, InterfaceId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("larder.wit", larder::WIT).expect("the contract parses");
    let id = resolve.packages[package].interfaces[interface];
    (resolve, id)
}

/// The names of the cases of a variant or enum, or of the flags of flags.
fn cases(interface: &str, name: &str) -> Vec<String> {
    let (resolve, id) = contract(interface);
    let ty = resolve.interfaces[id].types[name];
    match &resolve.types[ty].kind {
        TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| case.name.clone()).collect(),
        TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| flag.name.clone()).collect(),
        TypeDefKind::Enum(words) => words.cases.iter().map(|case| case.name.clone()).collect(),
        other => panic!("{name} has no cases: {other:?}"),
    }
}

/// Adds the keys of all objects and all texts in `value`: every word that a vector uses.
fn collect_words(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            words.insert(name.clone());
            collect_words(field, words);
        }),
        Value::Array(items) => items.iter().for_each(|item| collect_words(item, words)),
        Value::String(text) => drop(words.insert(text.clone())),
        _ => {}
    }
}

fn words(of: impl Fn(&Vector, &mut BTreeSet<String>)) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    vector::all().iter().for_each(|vector| of(vector, &mut words));
    words
}

#[test]
fn every_function_of_the_contract_is_called() {
    let called = words(|vector, words| words.extend(vector.steps.iter().map(|step| step.call.clone())));
    for interface in ["cache", "keys", "pools", "prefetch"] {
        let (resolve, id) = contract(interface);
        for full_name in resolve.interfaces[id].functions.keys() {
            let name = full_name.rsplit_once(['.', ']']).map_or(full_name.as_str(), |(_, name)| name);
            assert!(called.contains(name), "no vector calls {full_name}");
        }
    }
}

#[test]
fn every_setting_and_every_option_is_given() {
    let given = words(|vector, words| {
        collect_words(&vector.settings, words);
        vector.steps.iter().for_each(|step| collect_words(&step.args, words));
    });
    for name in ["setting", "set-option", "namespace-default", "ban-rule", "dependency-kind"] {
        for case in cases("cache", name) {
            assert!(given.contains(&case), "no vector gives the {name} {case}");
        }
    }
    for name in ["token", "path-state", "text-setting"] {
        for case in cases("keys", name) {
            assert!(given.contains(&case), "no vector gives the {name} {case}");
        }
    }
    for name in ["plan-option", "choice"] {
        for case in cases("pools", name) {
            assert!(given.contains(&case), "no vector gives the {name} {case}");
        }
    }
    for case in cases("prefetch", "predictor-setting") {
        assert!(given.contains(&case), "no vector gives the predictor-setting {case}");
    }
    for name in ["codec", "compression", "durability"] {
        for case in cases("types", name) {
            assert!(given.contains(&case), "no vector gives the {name} {case}");
        }
    }
}

#[test]
fn every_refusal_is_answered() {
    let answered = words(|vector, words| vector.steps.iter().for_each(|step| collect_words(&step.answer, words)));
    for tier in cases("keys", "tier") {
        assert!(answered.contains(&tier), "the tier {tier} in the vectors' answers");
    }
    for case in cases("prefetch", "failed") {
        assert!(answered.contains(&case), "a failure that ends as {case} in the vectors' answers");
    }
    for code in cases("types", "error-code") {
        let possible = !NEVER_ANSWERED.contains(&code.as_str());
        assert_eq!(answered.contains(&code), possible, "the refusal {code} in the vectors' answers");
    }
}
