//! Byte strings in JSON: `{"text": "…"}`, `{"hex": "…"}`, `{"repeat": ["hex", times]}`, `{"saved": "name"}`.
//!
//! Whoever reads a vector may meet any of them; between interpreter and host there is only `hex`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

/// Records that earlier answers left under a name.
pub type Saved = BTreeMap<String, Vec<u8>>;

/// The form that hosts take and give.
#[must_use]
pub fn to_json(bytes: &[u8]) -> Value {
    json!({ "hex": to_hex(bytes) })
}

/// The bytes of [`to_json`]'s form.
#[must_use]
pub fn from_json(value: &Value) -> Option<Vec<u8>> {
    match value.as_object()?.get("hex")? {
        Value::String(digits) => from_hex(digits),
        _ => None,
    }
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("a string takes everything");
    }
    digits
}

/// The bytes of an even number of hexadecimal digits.
#[must_use]
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok()).collect()
}

/// The bytes that a vector's author wrote down in one of the forms; `None` when `value` is none of them.
///
/// # Panics
/// When a form is malformed, or nothing was saved under the name.
#[must_use]
pub fn written(value: &Value, saved: &Saved) -> Option<Vec<u8>> {
    let (form, content) = match value.as_object() {
        Some(object) if object.len() == 1 => object.iter().next()?,
        _ => return None,
    };
    let decoded = match form.as_str() {
        "text" => content.as_str().map(|text| text.as_bytes().to_vec()),
        "hex" => from_json(value),
        "repeat" => {
            let unit = content[0].as_str().and_then(from_hex);
            unit.zip(content[1].as_u64()).map(|(unit, times)| unit.repeat(times as usize))
        }
        "saved" => {
            let name = content.as_str().unwrap_or_default();
            Some(saved.get(name).unwrap_or_else(|| panic!("no earlier step saved {name:?}")).clone())
        }
        _ => return None,
    };
    Some(decoded.unwrap_or_else(|| panic!("{value} is a malformed byte string")))
}

/// The same value with every byte string in it as `hex`.
#[must_use]
pub fn resolved(value: &Value, saved: &Saved) -> Value {
    if let Some(bytes) = written(value, saved) {
        return to_json(&bytes);
    }
    match value {
        Value::Array(items) => items.iter().map(|item| resolved(item, saved)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), resolved(field, saved))).collect(),
        other => other.clone(),
    }
}
