//! Anything that serialises as a value to make keys of. Not by way of JSON, which has no bytes and takes `NaN` for null.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Value;
use crate::error::{Error, Result};

/// The value of something.
pub(super) fn value(of: &(impl Serialize + ?Sized)) -> Result<Value> {
    of.serialize(Writer).map_err(|Refusal(message)| Error::invalid(message))
}

/// Why something has no value: a sentence.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl serde::ser::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Written<T = Value> = std::result::Result<T, Refusal>;

struct Writer;

/// A list or a map on its way, and the name of the variant that it is the content of.
struct Many<T> {
    so_far: T,
    name: Option<String>,
    variant: Option<&'static str>,
}

impl<T: Default> Many<T> {
    fn new(variant: Option<&'static str>) -> Written<Self> {
        Ok(Self { so_far: T::default(), name: None, variant })
    }
}

fn of_variant(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(variant) => Value::map([(variant, content)]),
        None => content,
    }
}

impl Many<Vec<Value>> {
    fn push(&mut self, value: &(impl Serialize + ?Sized)) -> Written<()> {
        self.so_far.push(value.serialize(Writer)?);
        Ok(())
    }

    fn finish(self) -> Written {
        Ok(of_variant(self.variant, Value::List(self.so_far)))
    }
}

impl Many<BTreeMap<String, Value>> {
    fn insert(&mut self, name: String, value: &(impl Serialize + ?Sized)) -> Written<()> {
        if self.so_far.contains_key(&name) {
            return Err(Refusal(format!("a map has the key {name:?} twice; give each key one value")));
        }
        self.so_far.insert(name, value.serialize(Writer)?);
        Ok(())
    }

    fn finish(self) -> Written {
        Ok(of_variant(self.variant, Value::Map(self.so_far)))
    }
}

macro_rules! integers {
    ($($name:ident $type:ty,)*) => {
        $(fn $name(self, number: $type) -> Written {
            Ok(Value::Integer(number.into()))
        })*
    };
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Refusal;
    type SerializeSeq = Many<Vec<Value>>;
    type SerializeTuple = Many<Vec<Value>>;
    type SerializeTupleStruct = Many<Vec<Value>>;
    type SerializeTupleVariant = Many<Vec<Value>>;
    type SerializeMap = Many<BTreeMap<String, Value>>;
    type SerializeStruct = Many<BTreeMap<String, Value>>;
    type SerializeStructVariant = Many<BTreeMap<String, Value>>;

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
    }

    fn serialize_u128(self, number: u128) -> Written {
        let refusal = |_| Refusal(format!("the integer {number} has more than 64 bits; give it as text"));
        number.try_into().map(Value::Integer).map_err(refusal)
    }

    fn serialize_bool(self, yes: bool) -> Written {
        Ok(Value::Bool(yes))
    }

    fn serialize_f32(self, number: f32) -> Written {
        Ok(Value::Float(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Written {
        Ok(Value::Float(number))
    }

    fn serialize_char(self, character: char) -> Written {
        Ok(Value::Text(character.into()))
    }

    fn serialize_str(self, text: &str) -> Written {
        Ok(Value::Text(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Written {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(of_variant(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Written<Self::SerializeSeq> {
        Many::new(None)
    }

    fn serialize_tuple(self, _len: usize) -> Written<Self::SerializeTuple> {
        Many::new(None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Written<Self::SerializeTupleStruct> {
        Many::new(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Written<Self::SerializeTupleVariant> {
        Many::new(Some(variant))
    }

    fn serialize_map(self, _len: Option<usize>) -> Written<Self::SerializeMap> {
        Many::new(None)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Written<Self::SerializeStruct> {
        Many::new(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Written<Self::SerializeStructVariant> {
        Many::new(Some(variant))
    }
}

macro_rules! lists {
    ($($trait:ident $method:ident,)*) => {
        $(impl $trait for Many<Vec<Value>> {
            type Ok = Value;
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
                self.push(value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

lists! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! structs {
    ($($trait:ident,)*) => {
        $(impl $trait for Many<BTreeMap<String, Value>> {
            type Ok = Value;
            type Error = Refusal;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written<()> {
                self.insert(name.to_owned(), value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

structs! { SerializeStruct, SerializeStructVariant, }

impl SerializeMap for Many<BTreeMap<String, Value>> {
    type Ok = Value;
    type Error = Refusal;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written<()> {
        match key.serialize(Writer)? {
            Value::Text(name) => {
                self.name = Some(name);
                Ok(())
            }
            other => Err(Refusal(format!("the key of a map is {other:?}; make it text"))),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        let name = self.name.take().ok_or_else(|| Refusal::custom("a map has a value without a key"))?;
        self.insert(name, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}
