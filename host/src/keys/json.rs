//! JSON as values to make keys of. What two readers of JSON could take differently is refused: a key that comes twice, and an
//! integer that only a float could hold, which many other integers would share.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Value;
use crate::error::{Error, Result};

/// The value of a JSON text.
pub(super) fn parse(text: &str) -> Result<Value> {
    let Read(value) =
        serde_json::from_str(text).map_err(|e| Error::invalid(format!("this is no JSON: {e}")).with(e))?;
    check_integers(text)?;
    Ok(value)
}

/// Refuses integers beyond 64 bits in a text that is JSON.
fn check_integers(text: &str) -> Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let tail = &rest[at..];
        let end = match tail.starts_with('"') {
            true => string_end(tail),
            false => {
                let end =
                    tail.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(tail.len());
                let number = &tail[..end];
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Err(Error::invalid(format!("the integer {number} has more than 64 bits; give it as text")));
                }
                end
            }
        };
        rest = &tail[end..];
    }
    Ok(())
}

/// Behind the closing quote of the string that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = true;
    let closing = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |at| at + 1)
}

/// The same value with sets, bytes and maps in place of the marks for them.
pub(super) fn unmark(value: Value) -> Result<Value> {
    match value {
        Value::List(values) => values.into_iter().map(unmark).collect::<Result<_>>().map(Value::List),
        Value::Map(mut entries) if entries.len() == 1 => match entries.pop_first() {
            Some((mark, content)) => unmark_one(mark, content),
            None => Ok(Value::none()),
        },
        Value::Map(entries) => unmark_entries(entries),
        other => Ok(other),
    }
}

fn unmark_one(mark: String, content: Value) -> Result<Value> {
    match (mark.as_str(), content) {
        ("set", Value::List(values)) => values.into_iter().map(unmark).collect::<Result<_>>().map(Value::Set),
        ("map", Value::Map(entries)) => unmark_entries(entries),
        ("bytes", Value::Text(digits)) => match bytes(&digits) {
            Some(bytes) => Ok(Value::Bytes(bytes)),
            None => Err(Error::invalid("behind the mark \"bytes\" belongs an even number of hexadecimal digits")),
        },
        ("set" | "map" | "bytes", _) => Err(Error::invalid(format!(
            "{{{mark:?}: …}} marks a set of an array, a map of an object or bytes of hexadecimal digits; write \
             {{\"map\": {{{mark:?}: …}}}} for a map with this key"
        ))),
        (_, content) => Ok(Value::map([(mark, unmark(content)?)])),
    }
}

fn unmark_entries(entries: BTreeMap<String, Value>) -> Result<Value> {
    let unmarked = entries.into_iter().map(|(name, value)| Ok((name, unmark(value)?)));
    unmarked.collect::<Result<_>>().map(Value::Map)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |c: char| c.to_digit(16).map(|digit| digit as u8);
    let digits: Vec<_> = digits.chars().map(digit).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What a reader of JSON hands over. Its depth is bounded by the reader.
struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((name, Read(value))) = map.next_entry::<String, _>()? {
            if entries.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the key {name:?} comes twice; give each key one value")));
            }
            entries.insert(name, value);
        }
        Ok(Value::Map(entries))
    }
}
