//! The calls made most: arguments are numbers, the key is in the input, the answer is a few words that say where its parts lie. They point into
//! the engine or into the output, and hold until the next call.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use larder_engine::{Freshness, Hit, SetOptions};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::wire::{Reader, Writer, whole};
use crate::{State, convert, with};

/// A status that says that there is nothing.
const NONE: u32 = 0;
/// A refusal: the output is its status and message.
const REFUSED: u32 = 1;

/// Looks up the key that is the first `len` bytes of the input. 0 if it is not there, 1 if that is refused, else where eight words lie: value
/// and its length, content type and its length, 1 for stale, 2 for renew and 4 for depends added up, and the version in two halves.
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

/// Stores what is in the input: a key of `key` bytes, a value of `value` bytes, and options of `options` bytes, or none. 1 if it is refused, else where
/// four words lie: the version in two halves, the record and its length.
#[wasm_bindgen]
pub fn set(namespace: u32, key: u32, value: u32, options: u32, now: f64) -> u32 {
    with(|state| {
        let State { engine, input, output, parts, .. } = state;
        let (key, value, options) = (key as usize, value as usize, options as usize);
        let text = input.get(..key).unwrap_or_default();
        let bytes = input.get(key..key + value).unwrap_or_default();
        let given = match options {
            0 => Ok(SetOptions::default()),
            _ => convert::options(&mut Reader::new(input.get(key + value..key + value + options).unwrap_or_default())),
        };
        let stored = given.and_then(|given| engine.set(namespace, text, bytes, &given, whole(now), None));
        match stored {
            Ok(stored) => {
                *output = stored.record;
                parts[..2].copy_from_slice(&halves(stored.version));
                parts[2..4].copy_from_slice(&[output.as_ptr() as u32, output.len() as u32]);
                parts.as_ptr() as u32
            }
            Err(refusal) => refuse(output, &refusal),
        }
    })
}

fn point_to(mut hit: Hit<'_>, parts: &mut [u32; 8], output: &mut Vec<u8>) {
    // An inflated value lies nowhere else.
    if let Cow::Owned(value) = &mut hit.value {
        *output = core::mem::take(value);
    }
    let value: &[u8] = match &hit.value {
        Cow::Borrowed(value) => value,
        Cow::Owned(_) => output,
    };
    let stale = u32::from(hit.freshness == Freshness::Stale);
    let flags = stale | u32::from(hit.renew) << 1 | u32::from(hit.depends) << 2;
    let [low, high] = halves(hit.version);
    let (content_type, len) = (hit.content_type.as_ptr() as u32, hit.content_type.len() as u32);
    *parts = [value.as_ptr() as u32, value.len() as u32, content_type, len, flags, low, high, 0];
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
