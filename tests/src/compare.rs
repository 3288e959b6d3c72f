//! Whether an answer is the expected one.
//!
//! A field that the expectation leaves out must be blank: `none`, 0, false, empty. So expectations stay short and still
//! say everything. A long byte string may be given by its XXH3-64 and its length.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::bytes::{self, Saved};

/// Compares an answer with what a vector expects.
///
/// # Errors
/// Where they differ, in words.
pub fn compare(expected: &Value, actual: &Value, saved: &Saved) -> Result<(), String> {
    differences(expected, actual, saved, "answer")
}

fn differences(expected: &Value, actual: &Value, saved: &Saved, at: &str) -> Result<(), String> {
    let differ = || Err(format!("{at}: expected {expected}, got {actual}"));
    if let Some(bytes) = bytes::from_json(actual) {
        let same = match &expected["xxh3"] {
            Value::String(digits) => {
                *digits == format!("{:016x}", xxh3_64(&bytes)) && expected["len"].as_u64() == Some(bytes.len() as u64)
            }
            _ => bytes::written(expected, saved).is_some_and(|wanted| wanted == bytes),
        };
        return if same { Ok(()) } else { differ() };
    }
    match (expected, actual) {
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            let mut pairs = wanted.iter().zip(got).enumerate();
            pairs.try_for_each(|(place, (w, g))| differences(w, g, saved, &format!("{at}[{place}]")))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            if let Some(unknown) = wanted.keys().find(|&name| !got.contains_key(name)) {
                return Err(format!("{at} has no {unknown}: expected {expected}, got {actual}"));
            }
            got.iter().try_for_each(|(name, field)| match wanted.get(name) {
                Some(wish) => differences(wish, field, saved, &format!("{at}.{name}")),
                None if is_blank(field) => Ok(()),
                None => Err(format!("{at}.{name}: expected nothing, got {field}")),
            })
        }
        _ if expected == actual => Ok(()),
        _ => differ(),
    }
}

/// `none`, 0, false, empty.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => bytes::from_json(value).is_some_and(|bytes| bytes.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_out_must_be_blank() {
        let saved = Saved::new();
        let answer = json!({ "version": 1, "gone": null, "record": { "hex": "" } });
        assert_eq!(compare(&json!({ "version": 1 }), &answer, &saved), Ok(()));
        for wrong in [json!({}), json!({ "version": 2 }), json!({ "version": 1, "gone": 5 }), json!({ "odd": 0 })] {
            assert!(compare(&wrong, &answer, &saved).is_err(), "{wrong}");
        }
        assert!(compare(&json!({ "version": 1 }), &json!({ "error": "expired" }), &saved).is_err());
        assert!(compare(&json!(null), &answer, &saved).is_err());
    }

    #[test]
    fn bytes_are_compared_in_every_form() {
        let saved = Saved::from([("r".to_owned(), b"aa".to_vec())]);
        let answer = json!({ "hex": "6161" });
        let digest = format!("{:016x}", xxh3_64(b"aa"));
        for right in [
            json!({ "text": "aa" }),
            json!({ "hex": "6161" }),
            json!({ "repeat": ["61", 2] }),
            json!({ "saved": "r" }),
            json!({ "xxh3": digest, "len": 2 }),
        ] {
            assert_eq!(compare(&right, &answer, &saved), Ok(()), "{right}");
        }
        for wrong in [json!({ "text": "a" }), json!({ "repeat": ["61", 3] }), json!({ "xxh3": digest, "len": 3 })] {
            assert!(compare(&wrong, &answer, &saved).is_err(), "{wrong}");
        }
    }
}
