//! The interface `keys`.

use alloc::vec::Vec;

use larder_engine::Result;
use larder_engine::keys::{self, Key, PathState, TextSettings, Tier, Token, Value};

use crate::convert::unknown_case;
use crate::unknown;
use crate::wire::{Reader, Writer};

pub(crate) fn call(number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        0 => made(writer, keys::parts(reader.list(Reader::bytes))?),
        1 => made(writer, keys::dictionary(&tree(reader)?)?),
        2 => made(writer, keys::structured(&tree(reader)?)?),
        3 => {
            let path = reader.bytes();
            let state = path_state(reader);
            made(writer, keys::path(path, &state)?);
        }
        4 => {
            let endpoint = reader.text();
            let parameters = reader.list(|reader| (reader.text(), reader.text()));
            let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            made(writer, keys::endpoint(&endpoint, &parameters)?);
        }
        5 => {
            let (operation, options, text) = (reader.text(), options(reader)?, reader.bytes());
            made(writer, keys::text(&operation, &options, text, &settings(reader))?);
        }
        7 => writer.bytes(keys::operation_prefix(&reader.text())?.as_bytes()),
        _ => return Err(unknown()),
    }
    Ok(())
}

pub(crate) fn made(writer: &mut Writer, key: Key) {
    writer.text(&key.text);
    writer.bool(key.hashed);
    writer.option(key.tier, |writer, tier| {
        writer.u8(match tier {
            Tier::Small => 0,
            Tier::Medium => 1,
            Tier::Large => 2,
            Tier::Xlarge => 3,
        });
    });
}

fn tokens(reader: &mut Reader<'_>) -> Vec<Token> {
    reader.list(|reader| match reader.u8() {
        0 => Token::Null,
        1 => Token::Bool(reader.bool()),
        2 => Token::Integer(reader.i64().into()),
        3 => Token::Integer((reader.i64() as u64).into()),
        4 => Token::Float(reader.f64()),
        5 => Token::Text(reader.text()),
        6 => Token::Bytes(reader.bytes().to_vec()),
        7 => Token::List(reader.u32()),
        8 => Token::Set(reader.u32()),
        9 => Token::Map(reader.u32()),
        _ => unknown_case(),
    })
}

fn tree(reader: &mut Reader<'_>) -> Result<Value> {
    Value::from_tokens(tokens(reader))
}

/// No tokens are no options.
pub(crate) fn options(reader: &mut Reader<'_>) -> Result<Value> {
    let tokens = tokens(reader);
    if tokens.is_empty() { Ok(Value::Map(Vec::new())) } else { Value::from_tokens(tokens) }
}

fn path_state<'a>(reader: &mut Reader<'a>) -> PathState<'a> {
    match reader.u8() {
        0 => PathState::Unknown,
        1 => PathState::Stamp { size: reader.u64(), seconds: reader.i64(), nanoseconds: reader.u32() },
        2 => PathState::Content(reader.bytes()),
        3 => PathState::ContentHash(reader.bytes()),
        _ => unknown_case(),
    }
}

pub(crate) fn settings(reader: &mut Reader<'_>) -> TextSettings {
    let mut settings = TextSettings::default();
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => settings.hash_above = reader.u64(),
            1 => settings.small = reader.u64(),
            2 => settings.medium = reader.u64(),
            3 => settings.large = reader.u64(),
            _ => unknown_case(),
        }
    }
    settings
}
