//! What every runner offers: one call in, one answer out, both as JSON in the words of `wit/cache.wit`.
//!
//! The form is the one of `vectors/README.md`, with every byte string as `{"hex": "…"}`. Arguments that are `none` or an
//! empty list may be left out; answers are complete.

use serde_json::{Value, json};

/// A build of Larder that holds one open cache at a time.
pub trait Host {
    /// What to call it in a message.
    fn name(&self) -> &'static str;

    /// Makes a call and answers what came back. `open` puts a new cache in place of the one that was open and answers
    /// `null`.
    ///
    /// # Panics
    /// When the contract has no such call, or the arguments are not the call's.
    fn call(&mut self, name: &str, args: &Value) -> Value;
}

/// A refusal in an answer.
#[must_use]
pub fn refusal(code: &str) -> Value {
    json!({ "error": code })
}

/// A number that JSON's readers all read exactly, below 2^53; otherwise its decimal digits as a string.
#[must_use]
pub fn unsigned(number: u64) -> Value {
    if number < 1 << 53 { json!(number) } else { json!(number.to_string()) }
}

/// As [`unsigned`], with a sign.
#[must_use]
pub fn signed(number: i64) -> Value {
    if number.unsigned_abs() < 1 << 53 { json!(number) } else { json!(number.to_string()) }
}

/// The number that [`unsigned`] or a vector's author wrote.
///
/// # Panics
/// When it is none, or above 64 bits.
#[must_use]
pub fn to_unsigned(value: &Value) -> u64 {
    let digits = || value.as_str().and_then(|digits| digits.parse().ok());
    value.as_u64().or_else(digits).unwrap_or_else(|| panic!("{value} is not an unsigned number"))
}

/// The number that [`signed`] or a vector's author wrote.
///
/// # Panics
/// When it is none, or outside 64 bits.
#[must_use]
pub fn to_signed(value: &Value) -> i64 {
    let digits = || value.as_str().and_then(|digits| digits.parse().ok());
    value.as_i64().or_else(digits).unwrap_or_else(|| panic!("{value} is not a number"))
}

/// The number that a vector's author wrote, or the name of one that JSON cannot write: `inf`, `-inf`, `nan`.
///
/// # Panics
/// When it is neither.
#[must_use]
pub fn to_float(value: &Value) -> f64 {
    let name = || match value.as_str()? {
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        "nan" => Some(f64::NAN),
        _ => None,
    };
    value.as_f64().or_else(name).unwrap_or_else(|| panic!("{value} is not a float"))
}
