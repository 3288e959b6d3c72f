//! Values that keys are made of, and the one way in which each is written.
//!
//! | value | written |
//! | --- | --- |
//! | null, true, false | `null`, `true`, `false` |
//! | integer | decimal digits, `-` in front if negative |
//! | float | the shortest decimal that reads back as it, always with `.` or `e`; `inf`, `-inf`, `nan` |
//! | text | in `"`, with `"` and `|` escaped |
//! | bytes | in `'`, two lower-case hexadecimal digits each |
//! | list | `[a,b]`, in its order |
//! | set | `(a,b)`, sorted by the bytes as written, each once |
//! | map | `{"k":v,"l":w}`, sorted by the bytes of the keys as written |
//!
//! Integer 1 and float 1.0 are two values (`1` and `1.0`), as are text and bytes. The floats 0.0 and −0.0 compare equal and are
//! one value, `0.0`; so are all that are not a number, `nan`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, ErrorCode, Result};
use crate::text::Part as _;

use super::escape::{Reserved, escape_text};
use super::order::{self, Piece};
use super::{MAX_DEPTH, MAX_VALUES, float, hasher, within_bounds};

/// Something to make a key of.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
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
    /// Values in an order that matters.
    List(Vec<Value>),
    /// Values whose order does not matter and of which each counts once.
    Set(Vec<Value>),
    /// Values with names whose order does not matter. Each name once.
    Map(Vec<(String, Value)>),
}

/// The range of integers: what 64 bits hold, with a sign or without.
const INTEGERS: core::ops::RangeInclusive<i128> = -(1 << 63)..=(1 << 64) - 1;

impl Value {
    /// Appends the value to `out` as the table above says.
    pub(super) fn write(&self, out: &mut String) -> Result<()> {
        Writer { out, values: 0 }.value(self, 0)
    }
}

struct Writer<'a> {
    out: &'a mut String,
    /// How many values were met.
    values: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        self.count(1)?;
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Integer(number) if INTEGERS.contains(number) => number.append(self.out),
            Value::Integer(number) => {
                return Err(Error::invalid(text!("the integer ", number, " has more than 64 bits; give it as text")));
            }
            Value::Float(number) => self.float(*number),
            Value::Text(text) => self.text(text)?,
            Value::Bytes(bytes) => {
                within_bounds(self.out.len().saturating_add(bytes.len().saturating_mul(2)))?;
                self.out.push('\'');
                self.out.push_str(&hasher::hex(bytes));
                self.out.push('\'');
            }
            Value::List(values) => {
                self.out.push('[');
                self.elements(values, depth)?;
                self.out.push(']');
            }
            Value::Set(values) => {
                self.out.push('(');
                let pieces = self.elements(values, depth)?;
                order::sort(self.out, pieces, ',', true);
                self.out.push(')');
            }
            Value::Map(entries) => {
                self.out.push('{');
                self.map(entries, depth)?;
                self.out.push('}');
            }
        }
        within_bounds(self.out.len())
    }

    fn count(&mut self, values: usize) -> Result<()> {
        self.values = self.values.saturating_add(values);
        match self.values <= MAX_VALUES {
            true => Ok(()),
            false => Err(too_many()),
        }
    }

    fn float(&mut self, number: f64) {
        match number {
            number if number.is_nan() => self.out.push_str("nan"),
            0.0 => self.out.push_str("0.0"),
            number => float::write(number, self.out),
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        const RESERVED: Reserved = Reserved::new(b"\"|");
        self.out.push('"');
        escape_text(text, &RESERVED, self.out)?;
        self.out.push('"');
        Ok(())
    }

    /// Writes the values with commas between them; answers where each lies.
    fn elements(&mut self, values: &[Value], depth: usize) -> Result<Vec<Piece>> {
        deeper(depth)?;
        let mut pieces = Vec::new();
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            let begin = self.out.len();
            self.value(value, depth + 1)?;
            let end = self.out.len();
            pieces.push(Piece { begin, name_end: end, end });
        }
        Ok(pieces)
    }

    fn map(&mut self, entries: &[(String, Value)], depth: usize) -> Result<()> {
        deeper(depth)?;
        self.count(entries.len())?;
        let mut pieces = Vec::new();
        for (at, (name, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            let begin = self.out.len();
            self.text(name)?;
            let name_end = self.out.len();
            self.out.push(':');
            self.value(value, depth + 1)?;
            pieces.push(Piece { begin, name_end, end: self.out.len() });
        }
        match order::sort(self.out, pieces, ',', false) {
            true => Err(Error::invalid("a map has a key twice; give each key one value")),
            false => Ok(()),
        }
    }
}

/// Refuses one level too many.
pub(super) fn deeper(depth: usize) -> Result<()> {
    match depth < MAX_DEPTH {
        true => Ok(()),
        false => Err(Error::invalid(text!("a value has at most ", MAX_DEPTH, " levels; make it flatter"))),
    }
}

pub(super) fn too_many() -> Error {
    Error::new(
        ErrorCode::TooLarge,
        text!("a key is made of at most ", MAX_VALUES, " values; give a hash of the largest part"),
    )
}
