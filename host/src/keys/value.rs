//! Values to make keys of, and their way into the component: a flat list of tokens.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{json, serialize};
use crate::component::bindings::exports::larder::cache::keys::Token;
use crate::error::{Error, Result};

/// Something to make a key of.
///
/// Integer 1 and float 1.0 are two values, as are text and bytes. The floats 0.0 and −0.0 are one, and so are all that are not
/// a number.
///
/// ```
/// use larder::keys::{Keys, Value};
///
/// # fn main() -> larder::Result<()> {
/// let value = Value::map([("files", Value::set(["b.rs", "a.rs", "b.rs"])), ("max_tokens", 1024.into())]);
/// let key = Keys::new()?.structured(&value)?;
/// assert_eq!(key.as_str(), r#"structured:{"files":("a.rs","b.rs"),"max_tokens":1024}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number, −2⁶³ to 2⁶⁴ − 1.
    Integer(i128),
    /// A number that is measured.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in an order that matters.
    List(Vec<Value>),
    /// Values whose order does not matter and of which each counts once.
    Set(Vec<Value>),
    /// Values with names whose order does not matter.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// A list.
    pub fn list<V: Into<Self>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    /// A set.
    pub fn set<V: Into<Self>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::Set(values.into_iter().map(Into::into).collect())
    }

    /// A map. Of a name given twice the last counts.
    pub fn map<N: Into<String>, V: Into<Self>>(entries: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::Map(entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// No options: a map without entries.
    pub fn none() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// The value that something serialises as. Structs and maps become maps, `None` null, variants of an enum their name or a map
    /// from it; a `HashSet` becomes a list in an order that changes, so make that a [`Value::Set`] or a `BTreeSet`.
    ///
    /// # Errors
    /// `InvalidArgument` for keys of a map that are not text or come twice, and integers of more than 64 bits.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        serialize::value(value)
    }

    /// The value of a JSON text: numbers without `.` and `e` are integers, others floats.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no JSON, a key that comes twice, and integers of more than 64 bits.
    pub fn from_json(text: &str) -> Result<Self> {
        json::parse(text)
    }

    /// As [`from_json`](Self::from_json), with marks for what JSON lacks: `{"set": […]}` is a set, `{"bytes": "00ff"}` are bytes,
    /// and `{"map": {…}}` is a map that is not taken for a mark, whatever is its only key.
    ///
    /// # Errors
    /// As `from_json`; `InvalidArgument` too for a mark with something else behind it.
    pub fn from_marked_json(text: &str) -> Result<Self> {
        json::parse(text).and_then(json::unmark)
    }

    /// The value as tokens, and about how many bytes they take in the component.
    pub(super) fn tokens(&self) -> Result<(Vec<Token>, usize)> {
        enum Next<'a> {
            Value(&'a Value),
            Name(&'a str),
        }
        let (mut tokens, mut size) = (Vec::new(), 0);
        // What is still to come, the next one last; a tree may be deeper than the stack.
        let mut rest = vec![Next::Value(self)];
        while let Some(next) = rest.pop() {
            let token = match next {
                Next::Name(name) => Token::String(name.to_owned()),
                Next::Value(Self::Null) => Token::Null,
                Next::Value(&Self::Bool(yes)) => Token::Boolean(yes),
                Next::Value(&Self::Integer(number)) => integer(number)?,
                Next::Value(&Self::Float(number)) => Token::Float(number),
                Next::Value(Self::Text(text)) => Token::String(text.clone()),
                Next::Value(Self::Bytes(bytes)) => Token::Bytes(bytes.clone()),
                Next::Value(Self::List(values)) => {
                    rest.extend(values.iter().rev().map(Next::Value));
                    Token::List(count(values.len())?)
                }
                Next::Value(Self::Set(values)) => {
                    rest.extend(values.iter().rev().map(Next::Value));
                    Token::Set(count(values.len())?)
                }
                Next::Value(Self::Map(entries)) => {
                    let reversed = entries.iter().rev();
                    rest.extend(reversed.flat_map(|(name, value)| [Next::Value(value), Next::Name(name)]));
                    Token::Map(count(entries.len())?)
                }
            };
            size += size_of::<Token>();
            size += match &token {
                Token::String(text) => text.len(),
                Token::Bytes(bytes) => bytes.len(),
                _ => 0,
            };
            tokens.push(token);
        }
        Ok((tokens, size))
    }
}

/// The tokens of options: none of no entries.
pub(super) fn options(options: &Value) -> Result<(Vec<Token>, usize)> {
    match options {
        Value::Map(entries) if entries.is_empty() => Ok((Vec::new(), 0)),
        options => options.tokens(),
    }
}

fn integer(number: i128) -> Result<Token> {
    let signed = i64::try_from(number).map(Token::Integer);
    let either = signed.or_else(|_| u64::try_from(number).map(Token::Unsigned));
    either.map_err(|_| Error::invalid(format!("the integer {number} has more than 64 bits; give it as text")))
}

fn count(values: usize) -> Result<u32> {
    u32::try_from(values).map_err(|_| Error::invalid("a value has too many elements; give a hash of them"))
}

macro_rules! from {
    ($($type:ty: $from:expr;)*) => {
        $(
            impl From<$type> for Value {
                fn from(value: $type) -> Self {
                    $from(value)
                }
            }
        )*
    };
}

from! {
    bool: Self::Bool;
    i32: |number: i32| Self::Integer(number.into());
    i64: |number: i64| Self::Integer(number.into());
    u32: |number: u32| Self::Integer(number.into());
    u64: |number: u64| Self::Integer(number.into());
    f64: Self::Float;
    String: Self::Text;
    &str: |text: &str| Self::Text(text.to_owned());
    Vec<Value>: Self::List;
    BTreeMap<String, Value>: Self::Map;
}
