//! Group `keys`: making a key against hashing the bytes that it is made of twice, once to look up and once to store.

use std::hint::black_box;

use anyhow::{Result, ensure};
use larder::keys::{Keys, Value};
use larder_engine::keys as engine;

use crate::measure::{nanoseconds_each, rounds};
use crate::report::Report;
use crate::setup::Setup;

/// What a key is made of.
enum Input {
    Parts,
    Text(usize),
    Dictionary,
    /// Two sets of so many paths each.
    Sets(usize),
}

const INPUTS: [(&str, Input); 8] = [
    ("three parts", Input::Parts),
    ("dictionary of 10", Input::Dictionary),
    ("text of 100 B", Input::Text(100)),
    ("1,000 B", Input::Text(1_000)),
    ("10 KB", Input::Text(10_000)),
    ("100 KB", Input::Text(100_000)),
    ("1 MB", Input::Text(1_000_000)),
    ("two sets of 1,000 paths", Input::Sets(1_000)),
];

/// What is measured, made once.
struct Prepared {
    bytes: Vec<u8>,
    value: Value,
    tree: engine::Value,
    input: &'static Input,
    operations: usize,
}

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let keys = Keys::new()?;
    let budget = if setup.quick { 1_000_000 } else { 20_000_000 };
    let prepared: Vec<_> = INPUTS.iter().map(|(_, input)| prepare(input, budget)).collect();
    for input in &prepared {
        ensure!(larder_key(&keys, input)? == native_key(input)?, "the component and the engine make one key");
    }
    let mut contestants = ["bytes hashed twice", "larder::keys", "engine linked natively"];
    let figures = rounds(&mut contestants, setup.rounds, |name, _| {
        let each = |input: &Prepared| -> Result<f64> {
            let mut outcome = Ok(String::new());
            let elapsed = nanoseconds_each(input.operations, || {
                for _ in 0..input.operations {
                    let input = black_box(input);
                    match *name {
                        "larder::keys" => outcome = larder_key(&keys, input),
                        "engine linked natively" => outcome = native_key(input),
                        _ => {
                            black_box(blake3::hash(black_box(&input.bytes)));
                            black_box(blake3::hash(black_box(&input.bytes)));
                        }
                    }
                }
            });
            outcome.map(|_| elapsed)
        };
        prepared.iter().map(each).collect()
    })?;
    report.add("## keys");
    report.add(
        "Nanoseconds for a key, in brackets how many times as long as hashing the bytes that it is made of twice with BLAKE3 in this process, \
         vector units included. `larder::keys` calls the component for each key and hashes texts above 1,000 B in the host; the \
         engine linked natively is the price of the sandbox, and copies and hashes with the same code as the host.",
    );
    report.figures("ns", &contestants, &INPUTS.map(|(name, _)| name), &figures, 0);
    Ok(())
}

fn prepare(input: &'static Input, budget: usize) -> Prepared {
    let text = |text: &str| engine::Value::Text(text.to_owned());
    let path = |n: usize| format!("src/module_{}/file_{n}.rs", n % 37);
    let (value, tree, bytes) = match input {
        Input::Parts => (Value::Null, engine::Value::Null, b"userprofile123".to_vec()),
        Input::Text(length) => {
            let bytes = (0..*length).map(|at| b"the quick brown fox "[at % 20]).collect();
            (Value::Null, engine::Value::Null, bytes)
        }
        Input::Dictionary => {
            let entries = (0..10).map(|n| (format!("parameter_{n}"), format!("value {n}")));
            let value = Value::map(entries.clone());
            let bytes = entries.clone().flat_map(|(name, value)| (name + &value).into_bytes()).collect();
            (value, engine::Value::Map(entries.map(|(name, value)| (name, text(&value))).collect()), bytes)
        }
        Input::Sets(count) => {
            let names = |from: usize| (from..from + count).map(path);
            let value = Value::map([("chat_files", Value::set(names(0))), ("other_files", Value::set(names(*count)))]);
            let set = |from| engine::Value::Set(names(from).map(|name| text(&name)).collect());
            let tree = [("chat_files", set(0)), ("other_files", set(*count))].map(|(name, set)| (name.to_owned(), set));
            let bytes = names(0).chain(names(*count)).flat_map(String::into_bytes).collect();
            (value, engine::Value::Map(tree.into()), bytes)
        }
    };
    let operations = (budget / (bytes.len() + 500)).max(5);
    Prepared { bytes, value, tree, input, operations }
}

fn larder_key(keys: &Keys, input: &Prepared) -> Result<String> {
    let key = match input.input {
        Input::Parts => keys.parts(["user", "profile", "123"])?,
        Input::Text(_) => keys.text("summarize", &Value::none(), &input.bytes)?,
        Input::Dictionary => keys.dictionary_of(&input.value)?,
        Input::Sets(_) => keys.structured(&input.value)?,
    };
    Ok(key.as_str().to_owned())
}

fn native_key(input: &Prepared) -> Result<String> {
    let settings = engine::TextSettings::default();
    let key = match input.input {
        Input::Parts => engine::parts(["user", "profile", "123"])?,
        Input::Text(_) => engine::text("summarize", &engine::Value::Map(Vec::new()), &input.bytes, &settings)?,
        Input::Dictionary => engine::dictionary(&input.tree)?,
        Input::Sets(_) => engine::structured(&input.tree)?,
    };
    Ok(key.text)
}
