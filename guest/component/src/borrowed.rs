//! The calls made most, exported by hand: `get`, `get-short`, `admit`, `set` and `pick`.
//!
//! What generated code returns is copied into memory of its own and freed by a second call from the host ("post-return").
//! These answers point to where the bytes are, in the engine or in [`Kept`], and need neither. That is sound because a
//! host reads an answer before it makes the next call into the instance, which is what the canonical ABI demands of it.
//!
//! The layouts are those that the canonical ABI gives to the contract's types; `tests/` compares every answer with the
//! contract's, so that a change of the contract without one here does not go unnoticed.

use std::borrow::Cow;
use std::cell::UnsafeCell;

use larder_engine::pools::Choice;
use larder_engine::{Engine, Error, Freshness, Hit, Picked, Result, Stored};

use crate::Instance;
use crate::bindings::exports::larder::cache::cache::{CacheBorrow, Dependency, DependencyKind, SetOption};
use crate::bindings::exports::larder::cache::types::Durability;
use crate::convert;

/// What the last answer points to, for as long as the host reads it.
#[derive(Default)]
pub(crate) struct Kept(UnsafeCell<Contents>);

#[derive(Default)]
struct Contents {
    answer: Answer,
    bytes: Vec<u8>,
    text: String,
}

/// `result<option<hit>, error>`, `result<hit, error>`, `result<stored, error>` and `result<option<picked>, error>` in linear memory.
#[repr(C, align(8))]
#[derive(Default)]
struct Answer {
    words: [u64; 12],
}

/// A slice as the ABI sees it: address in the low half, length in the high half of a word.
fn slice(bytes: &[u8]) -> u64 {
    bytes.as_ptr() as u64 | (bytes.len() as u64) << 32
}

impl Answer {
    fn error(&mut self, code: u8, text: &str) {
        self.words[0] = 1;
        self.words[1] = u64::from(code) | (text.as_ptr() as u64) << 32;
        self.words[2] = text.len() as u64;
    }

    /// The words from `at` on become the hit.
    fn hit(&mut self, at: usize, hit: &Hit<'_>, value: &[u8], content_type: &str) {
        let stale = u64::from(hit.freshness == Freshness::Stale);
        let expires = [u64::from(hit.expires.is_some()), hit.expires.unwrap_or(0)];
        let flags = stale | u64::from(hit.renew) << 8 | u64::from(hit.depends) << 16;
        self.words[at..at + 4].copy_from_slice(&[
            slice(value),
            slice(content_type.as_bytes()),
            hit.version,
            hit.created,
        ]);
        self.words[at + 4..at + 7].copy_from_slice(&[expires[0], expires[1], flags]);
    }

    fn stored(&mut self, stored: &Stored, record: &[u8]) {
        let gone = [u64::from(stored.gone.is_some()), stored.gone.unwrap_or(0)];
        self.words[..5].copy_from_slice(&[0, stored.version, gone[0], gone[1], slice(record)]);
    }
}

impl Contents {
    fn refuse(&mut self, refusal: Error) -> *const Answer {
        let refusal = convert::error(refusal);
        self.text = refusal.message;
        self.answer.error(refusal.code as u8, &self.text);
        &raw const self.answer
    }

    /// Answers with a hit whose bytes stay where they are; those that are nowhere else are kept here.
    fn answer_hit(&mut self, first: usize, mut hit: Hit<'_>) -> *const Answer {
        let value = match std::mem::take(&mut hit.value) {
            Cow::Borrowed(value) => value,
            Cow::Owned(value) => {
                self.bytes = value;
                self.bytes.as_slice()
            }
        };
        let content_type = match &hit.content_type {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => {
                self.text.clone_from(text);
                self.text.as_str()
            }
        };
        self.answer.words[0] = 0;
        self.answer.hit(first, &hit, value, content_type);
        &raw const self.answer
    }

    fn answer_option(&mut self, found: Result<Option<Hit<'_>>>) -> *const Answer {
        match found {
            Ok(Some(hit)) => {
                self.answer.words[1] = 1;
                self.answer_hit(2, hit)
            }
            Ok(None) => {
                self.answer.words[..2].fill(0);
                &raw const self.answer
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn answer_picked(&mut self, picked: Result<Option<Picked<'_>>>) -> *const Answer {
        let picked = match picked {
            Ok(picked) => picked,
            Err(refusal) => return self.refuse(refusal),
        };
        let Some(picked) = picked else {
            self.answer.words[..2].fill(0);
            return &raw const self.answer;
        };
        let counts = u64::from(picked.entry) | u64::from(picked.variants) << 32;
        self.answer.words[1..5].copy_from_slice(&[1, picked.generation, counts, u64::from(picked.hit.is_some())]);
        match picked.hit {
            Some(hit) => self.answer_hit(5, hit),
            None => {
                self.answer.words[0] = 0;
                &raw const self.answer
            }
        }
    }
}

/// The instance behind a handle, for one call.
///
/// # Safety
/// `rep` is what the host was given by `open` and has not dropped, and no other call into the instance is under way: the
/// canonical ABI forbids it.
unsafe fn with(rep: *const u8, call: impl FnOnce(&mut Engine, &mut Contents) -> *const Answer) -> *const Answer {
    // SAFETY: as the caller guarantees; the borrow ends with this function.
    let borrow = unsafe { CacheBorrow::lift(rep) };
    let Instance(engine, kept) = borrow.get::<Instance>();
    // SAFETY: calls do not overlap, so nobody else looks at what is kept.
    call(&mut engine.borrow_mut(), unsafe { &mut *kept.0.get() })
}

/// Bytes that the host put into memory from `cabi_realloc`, which become ours.
///
/// # Safety
/// The host allocated exactly `len` bytes at `ptr`, or `len` is 0.
unsafe fn take(ptr: *mut u8, len: usize) -> Vec<u8> {
    // SAFETY: as the caller guarantees; an empty list has no allocation.
    if len == 0 { Vec::new() } else { unsafe { Vec::from_raw_parts(ptr, len, len) } }
}

#[unsafe(export_name = "larder:cache/cache@0.1.0#[method]cache.get")]
unsafe extern "C" fn get(rep: *const u8, namespace: u32, key: *mut u8, key_len: usize, now: u64) -> *const Answer {
    // SAFETY: the canonical ABI calls with exactly these.
    unsafe {
        let key = take(key, key_len);
        with(rep, |engine, kept| kept.answer_option(engine.get(namespace, &key, now)))
    }
}

#[unsafe(export_name = "larder:cache/cache@0.1.0#[method]cache.get-short")]
unsafe extern "C" fn get_short(
    rep: *const u8,
    namespace: u32,
    len: u32,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    now: u64,
) -> *const Answer {
    let mut key = [0; 32];
    for (place, word) in key.chunks_exact_mut(8).zip([a, b, c, d]) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    // SAFETY: the canonical ABI calls with exactly these.
    unsafe {
        with(rep, |engine, kept| match key.get(..len as usize) {
            Some(key) => kept.answer_option(engine.get(namespace, key, now)),
            None => kept.refuse(Error::invalid("a short key has at most 32 bytes")),
        })
    }
}

#[unsafe(export_name = "larder:cache/cache@0.1.0#[method]cache.admit")]
unsafe extern "C" fn admit(
    rep: *const u8,
    namespace: u32,
    key: *mut u8,
    key_len: usize,
    record: *mut u8,
    record_len: usize,
    now: u64,
) -> *const Answer {
    // SAFETY: the canonical ABI calls with exactly these.
    unsafe {
        let (key, record) = (take(key, key_len), take(record, record_len));
        with(rep, |engine, kept| match engine.admit(namespace, &key, &record, now) {
            Ok(hit) => kept.answer_hit(1, hit),
            Err(refusal) => kept.refuse(refusal),
        })
    }
}

#[unsafe(export_name = "larder:cache/cache@0.1.0#[method]cache.set")]
unsafe extern "C" fn set(
    rep: *const u8,
    namespace: u32,
    key: *mut u8,
    key_len: usize,
    value: *mut u8,
    value_len: usize,
    options: *mut RawOption,
    options_len: usize,
    now: u64,
    has_sequence: u32,
    sequence: u64,
) -> *const Answer {
    // SAFETY: the canonical ABI calls with exactly these.
    unsafe {
        let (key, value) = (take(key, key_len), take(value, value_len));
        let options = convert::options(take_options(options, options_len));
        let sequence = (has_sequence != 0).then_some(sequence);
        with(rep, |engine, kept| match engine.set(namespace, &key, &value, &options, now, sequence) {
            Ok(mut stored) => {
                kept.bytes = std::mem::take(&mut stored.record);
                kept.answer.stored(&stored, &kept.bytes);
                &raw const kept.answer
            }
            Err(refusal) => kept.refuse(refusal),
        })
    }
}

#[unsafe(export_name = "larder:cache/pools@0.1.0#pick")]
unsafe extern "C" fn pick(
    rep: *const u8,
    namespace: u32,
    combination: *mut u8,
    combination_len: usize,
    how: u32,
    has_stored: u32,
    stored: *mut u8,
    stored_len: usize,
    now: u64,
) -> *const Answer {
    let how = Choice { weighted: how & 1 != 0, no_repeats: how & 2 != 0 };
    // SAFETY: the canonical ABI calls with exactly these.
    unsafe {
        let combination = take(combination, combination_len);
        let stored = (has_stored != 0).then(|| take(stored, stored_len));
        let stored = stored.as_deref();
        with(rep, |engine, kept| kept.answer_picked(engine.pick(namespace, &combination, how, stored, now)))
    }
}

/// `set-option` in linear memory.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct RawOption {
    case: u8,
    payload: [u64; 3],
}

/// # Safety
/// The host allocated exactly `len` options at `ptr`, each as the canonical ABI lays it out, or `len` is 0.
unsafe fn take_options(ptr: *mut RawOption, len: usize) -> Vec<SetOption> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller guarantees, for the list and for the texts it points to.
    unsafe {
        let raw = Vec::from_raw_parts(ptr, len, len);
        let bytes = |word: u64| take(word as u32 as usize as *mut u8, (word >> 32) as usize);
        // The host checks that texts are UTF-8 before it hands them over.
        let text = |word: u64| String::from_utf8(bytes(word)).unwrap_or_default();
        let option = |RawOption { case, payload: [first, second, third] }| match case {
            0 => SetOption::Ttl(first),
            1 => SetOption::Tti(first),
            2 => SetOption::Stale(first),
            3 => SetOption::ContentType(text(first)),
            4 => SetOption::Metadata((text(first), text(second))),
            5 => SetOption::Tag(text(first)),
            6 => SetOption::Durability(match first as u8 {
                0 => Durability::Memory,
                1 => Durability::Process,
                _ => Durability::Sync,
            }),
            7 => SetOption::Cost(first),
            // Kind, name and stamp: five words of four bytes.
            8 => SetOption::Dependency(Dependency {
                kind: match first as u8 {
                    0 => DependencyKind::File,
                    1 => DependencyKind::Glob,
                    _ => DependencyKind::Environment,
                },
                name: text(first >> 32 | second << 32),
                stamp: bytes(second >> 32 | third << 32),
            }),
            _ => SetOption::Prefetched,
        };
        raw.into_iter().map(option).collect()
    }
}
