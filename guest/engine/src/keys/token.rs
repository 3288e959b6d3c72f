//! A value as a flat list of tokens, for boundaries that cannot carry a tree.
//!
//! A value that holds others is one token with their number, and theirs follow, in depth first order: the list `[1, [2]]` is
//! `List(2) Integer(1) List(1) Integer(2)`. A map's number is that of its entries; each is a `Text`, its key, and a value.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result};

use super::value::{Value, deeper, too_many};
use super::{MAX_DEPTH, MAX_VALUES};

/// A value, or the beginning of one that holds others.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// Nothing.
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
    /// A list of so many values, which follow.
    List(u32),
    /// A set of so many values, which follow.
    Set(u32),
    /// A map of so many entries, which follow: a text and a value each.
    Map(u32),
}

impl Value {
    /// The value that a list of tokens says.
    ///
    /// # Errors
    /// `InvalidArgument` when tokens are missing or left over, a map's key is not a text, or there are more than
    /// [`MAX_DEPTH`] levels; `TooLarge` above [`MAX_VALUES`] tokens.
    pub fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Result<Self> {
        let mut reader = Reader { tokens: tokens.into_iter(), read: 0 };
        let value = reader.value(0)?;
        match reader.tokens.next() {
            None => Ok(value),
            Some(_) => Err(Error::invalid("the tokens say more than one value; wrap them in a list")),
        }
    }
}

struct Reader<I> {
    tokens: I,
    read: usize,
}

impl<I: Iterator<Item = Token>> Reader<I> {
    fn next(&mut self) -> Result<Token> {
        self.read += 1;
        if self.read > MAX_VALUES {
            return Err(too_many());
        }
        self.tokens
            .next()
            .ok_or_else(|| Error::invalid("the tokens end within a value; give as many as were announced"))
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        Ok(match self.next()? {
            Token::Null => Value::Null,
            Token::Bool(yes) => Value::Bool(yes),
            Token::Integer(number) => Value::Integer(number),
            Token::Float(number) => Value::Float(number),
            Token::Text(text) => Value::Text(text),
            Token::Bytes(bytes) => Value::Bytes(bytes),
            Token::List(count) => Value::List(self.values(count, depth)?),
            Token::Set(count) => Value::Set(self.values(count, depth)?),
            Token::Map(count) => {
                deeper(depth)?;
                // The announced number is anybody's guess: nothing is allocated for it.
                let mut entries = Vec::new();
                for _ in 0..count {
                    let Token::Text(name) = self.next()? else {
                        return Err(Error::invalid("the key of a map is a text; give it as one"));
                    };
                    entries.push((name, self.value(depth + 1)?));
                }
                Value::Map(entries)
            }
        })
    }

    fn values(&mut self, count: u32, depth: usize) -> Result<Vec<Value>> {
        deeper(depth)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }
}

const _: () = assert!(MAX_DEPTH < 1_000, "a value is read and written by recursion");
