//! Writes random calls with the answers of the natively linked engine, for hosts that this crate cannot call: `make-script SEED CALLS`, and
//! behind them the names of calls and settings that such a host does not have.
//!
//! Each line is a vector (`tests/vectors/README.md`): the settings of a cache, and a thousand calls.

use std::env;
use std::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::iter;

use larder_tests::interpret::record_of;
use larder_tests::random::Script;
use larder_tests::{Host, Native};
use serde_json::{Value, json};

const CALLS_A_CACHE: u64 = 1_000;
const CALLS_A_LOOK: u64 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(seed), Some(calls)) = (args.next(), args.next()) else {
        return Err("usage: make-script SEED CALLS [NAME]...".into());
    };
    let (seed, calls) = (seed.parse()?, calls.parse::<u64>()?);
    let lacking: Vec<String> = args.collect();
    let is_there = |name: &str| !lacking.iter().any(|lacking| lacking == name);
    let (mut script, mut engine, mut out) = (Script::new(seed), Native::new(), BufWriter::new(stdout().lock()));
    for _ in 0..calls.div_ceil(CALLS_A_CACHE) {
        let mut settings = script.settings();
        if let Some(Value::Array(settings)) = settings.get_mut("settings") {
            settings.retain(|setting| setting.as_object().is_some_and(|it| it.keys().all(|name| is_there(name))));
        }
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
            let (name, args) =
                iter::repeat_with(|| script.call()).find(|(name, _)| is_there(name)).ok_or("no call is left")?;
            let answer = make(name, args);
            record_of(&answer).into_iter().for_each(|record| script.remember(record));
            if place % CALLS_A_LOOK == 0 {
                ["stats", "advice"].into_iter().filter(|name| is_there(name)).for_each(|name| {
                    make(name, json!({}));
                });
            }
        }
        serde_json::to_writer(&mut out, &json!({ "settings": settings["settings"], "steps": steps }))?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
