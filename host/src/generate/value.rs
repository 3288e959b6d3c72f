//! What a dimension is set to: text, or a number or truth value of JSON.
//!
//! Both are kept as text, which is what programs get and what is compared. Whether it is a literal only decides how it
//! is written in JSON: `10` or `"10"`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a dimension. Equality and order are those of its text.
///
/// ```
/// use larder::generate::Value;
///
/// let lines = Value::from(10);
/// assert_eq!((lines.as_str(), lines.is_literal()), ("10", true));
/// assert_eq!(serde_json::to_string(&lines)?, "10");
/// assert_eq!(serde_json::to_string(&Value::from("10"))?, "\"10\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Value {
    text: String,
    is_literal: bool,
}

impl Value {
    /// A literal as it is written in JSON: a number of at most 64 bits, `true` or `false`. `None` for anything else.
    pub fn literal(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_whole = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let is_literal = match serde_json::from_str(&text) {
            Ok(serde_json::Value::Bool(_)) => true,
            // An integer that JSON readers would round is better off as text.
            Ok(serde_json::Value::Number(n)) => !(is_whole && n.is_f64()),
            _ => false,
        };
        let has_space = text.contains(|c: char| c.is_ascii_whitespace());
        (is_literal && !has_space).then_some(Self { text, is_literal })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is written without quotes in JSON.
    pub fn is_literal(&self) -> bool {
        self.is_literal
    }

    /// As it stands in JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let literal = if self.is_literal { serde_json::from_str(&self.text).ok() } else { None };
        literal.unwrap_or_else(|| serde_json::Value::String(self.text.clone()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self { text, is_literal: false }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self { text: number.to_string(), is_literal: true }
    }
}

impl From<f64> for Value {
    /// A literal if the number is finite; JSON has no others, they are text.
    fn from(number: f64) -> Self {
        match serde_json::Number::from_f64(number) {
            Some(finite) => Self { text: finite.to_string(), is_literal: true },
            None => number.to_string().into(),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self { text: truth.to_string(), is_literal: true }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_literal { self.to_json().serialize(serializer) } else { serializer.serialize_str(&self.text) }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a finite number, true or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value { text: number.to_string(), is_literal: true })
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        if number.is_finite() { Ok(number.into()) } else { Err(E::invalid_value(de::Unexpected::Float(number), &self)) }
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_json_would_read_back_is_a_literal() {
        for text in ["0", "-7", "1.50", "1e3", "true", "false", "18446744073709551615"] {
            assert!(Value::literal(text).is_some_and(|v| v.is_literal() && v.as_str() == text), "{text}");
        }
        for text in ["", " 1", "1\n", "01", "+1", "1e999", "NaN", "null", "\"a\"", "[1]", "18446744073709551616", "1 2"]
        {
            assert!(Value::literal(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn values_are_written_as_what_they_are() {
        let values = [Value::from("a\"b"), 3.into(), 2.0.into(), f64::NAN.into(), true.into()];
        assert_eq!(serde_json::to_string(&values).expect("json"), r#"["a\"b",3,2.0,"NaN",true]"#);
        let read: Vec<Value> = serde_json::from_str(r#"["3",3,-3,0.5,false,18446744073709551615]"#).expect("values");
        let texts: Vec<_> = read.iter().map(|v| (v.as_str(), v.is_literal())).collect();
        let last = ("18446744073709551615", true);
        assert_eq!(texts, [("3", false), ("3", true), ("-3", true), ("0.5", true), ("false", true), last]);
        assert_eq!(read[0], read[1]);
        assert!(serde_json::from_str::<Value>("null").is_err());
    }

    #[cfg(feature = "cli")]
    #[test]
    fn infinite_numbers_of_a_file_are_refused() {
        let read = |text: &str| toml::from_str::<std::collections::BTreeMap<String, Value>>(text);
        assert!(read("a = inf").is_err() && read("a = nan").is_err());
        assert_eq!(read("a = 1.0").expect("finite")["a"].as_str(), "1.0");
    }
}
