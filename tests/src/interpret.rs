//! Plays vectors on a host and says what differs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use crate::Host;
use crate::bytes::{self, Saved};
use crate::compare::compare;
use crate::vector::{self, Vector};

/// Plays every vector, each on the host that `new` makes.
///
/// # Panics
/// When an answer is not the expected one, or the cache contradicts itself. All mismatches are in the message.
pub fn play_all<H: Host>(new: impl Fn() -> H) {
    let vectors = vector::all();
    assert!(!vectors.is_empty(), "there are vectors");
    let mut mismatches = Vec::new();
    for vector in &vectors {
        let played = catch_unwind(AssertUnwindSafe(|| play(vector, &mut new())));
        mismatches.extend(played.unwrap_or_else(|_| vec![format!("{}: a panic, see above", vector.file)]));
    }
    assert!(mismatches.is_empty(), "{} mismatches:\n{}", mismatches.len(), mismatches.join("\n"));
}

/// Plays one vector to its end, and answers what differed.
pub fn play(vector: &Vector, host: &mut impl Host) -> Vec<String> {
    let mut mismatches = Vec::new();
    let mut saved = Saved::new();
    let opened = host.call("open", &json!({ "settings": vector.settings }));
    if opened != Value::Null {
        return vec![format!("{} on {}: open answers {opened}", vector.file, host.name())];
    }
    for (place, step) in vector.steps.iter().enumerate() {
        let answer = host.call(&step.call, &bytes::resolved(&step.args, &saved));
        let mut complain = |what: String| {
            let (file, host, call, args) = (&vector.file, host.name(), &step.call, &step.args);
            mismatches.push(format!("{file} on {host}, step {place}: {call} {args}\n    {what}"));
        };
        if let Err(difference) = compare(&step.answer, &answer, &saved) {
            complain(difference);
        }
        for (field, name) in &step.save {
            match bytes_of(answer.get(field).unwrap_or(&answer)) {
                Some(bytes) => drop(saved.insert(name.clone(), bytes)),
                None => complain(format!("has no record to save as {name:?}: {answer}")),
            }
        }
        let contradiction = host.call("check", &json!({}));
        if contradiction != Value::Null {
            mismatches.push(format!("{} after step {place}: check answers {contradiction}", vector.file));
            break;
        }
    }
    mismatches
}

/// What is saved of an answer or of a field of one: itself when it is bytes, else its record; of key and write the write's.
fn bytes_of(answer: &Value) -> Option<Vec<u8>> {
    let answer = answer.get(1).unwrap_or(answer);
    bytes::from_json(answer).or_else(|| record_of(answer))
}

/// The record in the answer of a write.
#[must_use]
pub fn record_of(answer: &Value) -> Option<Vec<u8>> {
    let stored = answer.get("stored").unwrap_or(answer);
    stored.get("record").and_then(bytes::from_json).filter(|record| !record.is_empty())
}
