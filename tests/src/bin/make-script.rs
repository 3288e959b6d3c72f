//! Writes random calls with the answers of the natively linked engine, for hosts that this crate cannot call: `make-script SEED CALLS`.
//!
//! Each line is a vector (`tests/vectors/README.md`): the settings of a cache, and a thousand calls.

use std::env;
use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use larder_tests::interpret::record_of;
use larder_tests::random::Script;
use larder_tests::{Host, Native};
use serde_json::{Value, json};

const CALLS_A_CACHE: u64 = 1_000;
const CALLS_A_LOOK: u64 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1).map(|number| number.parse::<u64>());
    let (Some(seed), Some(calls)) = (numbers.next().transpose()?, numbers.next().transpose()?) else {
        return Err("usage: make-script SEED CALLS".into());
    };
    let (mut script, mut engine, mut out) = (Script::new(seed), Native::new(), BufWriter::new(stdout().lock()));
    for _ in 0..calls.div_ceil(CALLS_A_CACHE) {
        let settings = script.settings();
        let opened = engine.call("open", &settings);
        if opened != Value::Null {
            return Err(format!("open answers {opened}").into());
        }
        let mut steps = Vec::new();
        let mut make = |name: &str, args: Value| {
            let answer = engine.call(name, &args);
            steps.push(json!({ "call": name, "args": args, "answer": answer }));
            answer
        };
        make("prepare", script.predictor());
        for name in ["default", "other"] {
            make("namespace", json!({ "name": name }));
        }
        for place in 0..CALLS_A_CACHE {
            let (name, args) = script.call();
            let answer = make(name, args);
            record_of(&answer).into_iter().for_each(|record| script.remember(record));
            if place % CALLS_A_LOOK == 0 {
                make("stats", json!({}));
                make("advice", json!({}));
            }
        }
        serde_json::to_writer(&mut out, &json!({ "settings": settings["settings"], "steps": steps }))?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
