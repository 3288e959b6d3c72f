//! JSON into the component model's values, guided by their type, and back.

use serde_json::{Map, Value};
use wasmtime::component::types::Flags;
use wasmtime::component::{Type, Val};

use crate::bytes;
use crate::host::{refusal, signed, to_float, to_signed, to_unsigned, unsigned};

/// `value` as a value of type `ty`. `null` is `none` or an empty list.
pub(super) fn to_val(value: &Value, ty: &Type) -> Val {
    match ty {
        Type::Bool => Val::Bool(value.as_bool().unwrap_or_else(|| panic!("{value} is neither true nor false"))),
        Type::U8 => Val::U8(narrow(value)),
        Type::U32 => Val::U32(narrow(value)),
        Type::U64 => Val::U64(to_unsigned(value)),
        Type::S64 => Val::S64(to_signed(value)),
        Type::Float64 => Val::Float64(to_float(value)),
        Type::String => Val::String(text(value)),
        Type::List(list) => Val::List(to_list(value, &list.ty())),
        Type::Record(record) => {
            let field = |name: &str| value.get(name).unwrap_or(&Value::Null);
            let fields = record.fields();
            Val::Record(fields.map(|f| (f.name.to_owned(), to_val(field(f.name), &f.ty))).collect())
        }
        Type::Tuple(tuple) => Val::Tuple(tuple.types().enumerate().map(|(at, ty)| to_val(&value[at], &ty)).collect()),
        Type::Variant(variant) => {
            let given = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
            let (name, payload) = given.unwrap_or_else(|| panic!("{value} is not one case of a variant"));
            let case = variant.cases().find(|case| case.name == name);
            let case = case.unwrap_or_else(|| panic!("the contract has no {name:?}"));
            Val::Variant(name.clone(), case.ty.map(|ty| Box::new(to_val(payload, &ty))))
        }
        Type::Enum(_) => Val::Enum(text(value)),
        Type::Flags(flags) => Val::Flags(to_flags(value, flags)),
        Type::Option(option) => {
            let given = Some(value).filter(|value| !value.is_null());
            Val::Option(given.map(|value| Box::new(to_val(value, &option.ty()))))
        }
        other => panic!("no argument of the contract has the type {other:?}"),
    }
}

fn narrow<T: TryFrom<u64>>(value: &Value) -> T {
    to_unsigned(value).try_into().unwrap_or_else(|_| panic!("{value} does not fit"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text")).to_owned()
}

/// The names of the flags that are up.
fn to_flags(value: &Value, flags: &Flags) -> Vec<String> {
    let names: Vec<_> = value.as_array().into_iter().flatten().map(text).collect();
    let unknown = names.iter().find(|name| flags.names().all(|known| known != name.as_str()));
    assert_eq!(unknown, None, "a flag that the contract does not have");
    names
}

fn to_list(value: &Value, ty: &Type) -> Vec<Val> {
    match (value, ty) {
        (Value::Null, _) => Vec::new(),
        (Value::Array(items), _) => items.iter().map(|item| to_val(item, ty)).collect(),
        (_, Type::U8) => {
            let bytes = bytes::from_json(value).unwrap_or_else(|| panic!("{value} is not a byte string"));
            bytes.into_iter().map(Val::U8).collect()
        }
        _ => panic!("{value} is not a list"),
    }
}

/// A value of type `ty` as JSON.
pub(super) fn to_json(value: Val, ty: &Type) -> Value {
    match (value, ty) {
        (Val::Bool(yes), _) => yes.into(),
        (Val::U32(number), _) => number.into(),
        (Val::U64(number), _) => unsigned(number),
        (Val::S64(number), _) => signed(number),
        (Val::Float64(number), _) => number.into(),
        (Val::String(text) | Val::Enum(text), _) => text.into(),
        (Val::List(items), Type::List(list)) => match list.ty() {
            Type::U8 => bytes::to_json(&items.iter().map(byte).collect::<Vec<_>>()),
            of => items.into_iter().map(|item| to_json(item, &of)).collect(),
        },
        (Val::Record(fields), Type::Record(record)) => {
            let fields = fields.into_iter().zip(record.fields());
            fields.map(|((name, value), f)| (name, to_json(value, &f.ty))).collect::<Map<_, _>>().into()
        }
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            items.into_iter().zip(tuple.types()).map(|(item, ty)| to_json(item, &ty)).collect()
        }
        (Val::Option(given), Type::Option(option)) => inner(given, Some(option.ty())),
        (Val::Variant(case, payload), Type::Variant(variant)) => {
            let ty = variant.cases().find(|known| known.name == case).and_then(|known| known.ty);
            Map::from_iter([(case, inner(payload, ty))]).into()
        }
        (Val::Result(Ok(value)), Type::Result(result)) => inner(value, result.ok()),
        (Val::Result(Err(Some(error))), _) => refused(*error),
        (other, ty) => panic!("no answer of the contract is {other:?} of type {ty:?}"),
    }
}

fn inner(value: Option<Box<Val>>, ty: Option<Type>) -> Value {
    value.zip(ty).map_or(Value::Null, |(value, ty)| to_json(*value, &ty))
}

fn byte(item: &Val) -> u8 {
    let Val::U8(byte) = item else { panic!("{item:?} is not a byte") };
    *byte
}

/// The code of an `error`, its first field.
fn refused(error: Val) -> Value {
    let Val::Record(fields) = error else { panic!("{error:?} is not an error of the contract") };
    match fields.into_iter().next() {
        Some((_, Val::Enum(code))) => refusal(&code),
        other => panic!("an error begins with its code, not with {other:?}"),
    }
}
