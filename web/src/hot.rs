//! The calls made most: arguments are numbers, the key is in the input, the answer is a few words that say where its parts lie. They point into
//! the engine or into the output, and hold until the next call.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use larder_engine::{ErrorCode, Freshness, Hit, SetOptions, Stored, checksum, names};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::wire::{Reader, Writer, whole};
use crate::{State, convert, with};

/// Content types that values of JavaScript have, by their numbers, so that they need not travel as texts.
const TYPES: [&str; 3] = ["", "application/octet-stream", "application/json"];
/// The number of any other.
const OTHER: u32 = 3;

/// A status that says that there is nothing.
const NONE: u32 = 0;
/// A refusal: the output is its status and message.
const REFUSED: u32 = 1;
/// Bytes of the largest value that any cache holds.
const MAX_VALUE: usize = 1 << 30;

/// Looks up the key that is the first `len` bytes of the input. 0 if it is not there, 1 if that is refused, else where seven words lie: value
/// and its length, content type and its length, 1 for stale, 2 for renew, 4 for depends and 8 times the number of the content type added up, and
/// the version in two halves.
#[wasm_bindgen]
pub fn get(namespace: u32, len: u32, now: f64) -> u32 {
    with(|state| {
        let State { engine, input, output, parts, .. } = state;
        let Some(key) = input.get(..len as usize) else { return NONE };
        match engine.get(namespace, key, whole(now)) {
            Ok(Some(hit)) => {
                point_to(hit, parts, output);
                parts.as_ptr() as u32
            }
            Ok(None) => NONE,
            Err(refusal) => refuse(output, &refusal),
        }
    })
}

/// Whether the key is there: 1 or 0; 2 if that is refused.
#[wasm_bindgen]
pub fn has(namespace: u32, len: u32, now: f64) -> u32 {
    with(|state| {
        let State { engine, input, output, .. } = state;
        let key = input.get(..len as usize).unwrap_or_default();
        match engine.exists(namespace, key, whole(now)) {
            Ok(is_there) => u32::from(is_there),
            Err(refusal) => 1 + refuse(output, &refusal),
        }
    })
}

/// Stores what is in the input: a key of `key` bytes, a value of `value` bytes of the content type with the number `kind`, and options of `options`
/// bytes, or none; under this sequence number, or with 0 under one of the engine's own. 1 if it is refused, else where six words lie: the version in two halves, the
/// record and its length, and in two halves when it is gone, all bits set for never.
#[wasm_bindgen]
pub fn set(namespace: u32, key: u32, value: u32, kind: u32, options: u32, now: f64, sequence: f64) -> u32 {
    with(|state| {
        let State { engine, input, output, parts, .. } = state;
        let (key, value, options) = (key as usize, value as usize, options as usize);
        let text = input.get(..key).unwrap_or_default();
        let bytes = input.get(key..key + value).unwrap_or_default();
        let given = match options {
            0 => SetOptions {
                content_type: TYPES.get(kind as usize).copied().unwrap_or_default().into(),
                ..SetOptions::default()
            },
            _ => convert::options(&mut Reader::new(input.get(key + value..key + value + options).unwrap_or_default())),
        };
        let sequence = (sequence > 0.0).then(|| whole(sequence));
        let stored = engine.set(namespace, text, bytes, &given, whole(now), sequence);
        match stored {
            Ok(stored) => {
                point_to_stored(stored, parts, output);
                parts.as_ptr() as u32
            }
            Err(refusal) => refuse(output, &refusal),
        }
    })
}

/// Stores the entry of a record from elsewhere, the first `len` bytes of the input, in the namespace that it names, with its own times; under this
/// sequence number, or with 0 under one of the engine's own. Answers as `set`, with three words more: the namespace's number, and the key and its length.
#[wasm_bindgen]
pub fn restore(len: u32, now: f64, sequence: f64) -> u32 {
    with(|state| {
        let State { engine, input, output, parts, .. } = state;
        let record = input.get(..len as usize).unwrap_or_default();
        let sequence = (sequence > 0.0).then(|| whole(sequence));
        let restored = names(record).and_then(|(name, key)| {
            let namespace = engine.namespace(name)?;
            Ok((namespace, key, engine.restore(namespace, record, whole(now), sequence)?))
        });
        match restored {
            Ok((namespace, key, stored)) => {
                point_to_stored(stored, parts, output);
                parts[6..].copy_from_slice(&[namespace, key.as_ptr() as u32, key.len() as u32]);
                parts.as_ptr() as u32
            }
            Err(refusal) => refuse(output, &refusal),
        }
    })
}

/// A hash of the first `len` bytes of the input, 53 bits, with a seed of as many bits.
#[wasm_bindgen]
pub fn hash(len: u32, seed: f64) -> f64 {
    with(|state| {
        let hash = checksum(state.input.get(..len as usize).unwrap_or_default());
        ((hash >> 11) ^ whole(seed)) as f64
    })
}

/// Takes records into memory that lie in the first `len` bytes of the input, each behind its length (4): those of a namespace with
/// this number that can be. Answers how many that are.
#[wasm_bindgen]
pub fn load(namespace: u32, len: u32, now: f64) -> u32 {
    with(|state| {
        let State { engine, input, .. } = state;
        let mut reader = Reader::new(input.get(..len as usize).unwrap_or_default());
        let mut taken = 0;
        while !reader.is_at_end() {
            taken += u32::from(engine.load(namespace, reader.bytes(), whole(now)).is_ok());
        }
        taken
    })
}

/// Whether the record that is the first `len` bytes of the input is whole, and its entry neither over nor banned: 1 or 0.
#[wasm_bindgen]
pub fn sound(len: u32, now: f64) -> u32 {
    with(|state| {
        let record = state.input.get(..len as usize).unwrap_or_default();
        u32::from(state.engine.is_sound(record, MAX_VALUE, whole(now)))
    })
}

/// When the entry of the record that is the first `len` bytes of the input was last read, as far as memory knows: Unix milliseconds, or 0. -1 for a
/// record that is damaged or was made invalid; what a newer version wrote is for it to judge.
#[wasm_bindgen]
pub fn accessed(len: u32) -> f64 {
    with(|state| {
        let record = state.input.get(..len as usize).unwrap_or_default();
        match state.engine.accessed(record) {
            Ok(accessed) => accessed as f64,
            Err(refusal) if refusal.code == ErrorCode::NewerFormat => 0.0,
            Err(_) => -1.0,
        }
    })
}

/// Tells the predictor, once there is one, that a session asked for the key that is the first `len` bytes of the input. Sessions have numbers below 2⁵³.
#[cfg(feature = "prediction")]
#[wasm_bindgen]
pub fn observe(session: f64, len: u32, now: f64) {
    with(|state| {
        let State { predictor, input, .. } = state;
        if let Some(predictor) = predictor {
            predictor.observe(whole(session), input.get(..len as usize).unwrap_or_default(), whole(now));
        }
    });
}

fn point_to_stored(stored: Stored, parts: &mut [u32; 9], output: &mut Vec<u8>) {
    *output = stored.record;
    parts[..2].copy_from_slice(&halves(stored.version));
    parts[2..4].copy_from_slice(&[output.as_ptr() as u32, output.len() as u32]);
    parts[4..6].copy_from_slice(&halves(stored.gone.unwrap_or(u64::MAX)));
}

fn point_to(mut hit: Hit<'_>, parts: &mut [u32; 9], output: &mut Vec<u8>) {
    // An inflated value lies nowhere else.
    if let Cow::Owned(value) = &mut hit.value {
        *output = core::mem::take(value);
    }
    let value: &[u8] = match &hit.value {
        Cow::Borrowed(value) => value,
        Cow::Owned(_) => output,
    };
    let stale = u32::from(hit.freshness == Freshness::Stale);
    let kind = TYPES.iter().position(|it| *it == hit.content_type).map_or(OTHER, |at| at as u32);
    let flags = stale | u32::from(hit.renew) << 1 | u32::from(hit.depends) << 2 | kind << 3;
    let [low, high] = halves(hit.version);
    let (content_type, len) = (hit.content_type.as_ptr() as u32, hit.content_type.len() as u32);
    *parts = [value.as_ptr() as u32, value.len() as u32, content_type, len, flags, low, high, 0, 0];
}

fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

fn refuse(output: &mut Vec<u8>, refusal: &larder_engine::Error) -> u32 {
    let mut writer = Writer::new(core::mem::take(output));
    writer.refusal(refusal);
    *output = writer.into_bytes();
    REFUSED
}
