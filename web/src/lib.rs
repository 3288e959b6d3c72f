//! Larder's engine for JavaScript. Converts and nothing else: what the calls mean is said in `wit/` and decided in
//! `larder-engine`. Empty on other targets than Wasm.
//!
//! An instance of this module is one cache. Whoever calls writes the arguments where `input` says, calls, and reads the answer where it
//! lies: numbers travel as numbers, everything else as bytes in linear memory, so that no call needs glue that allocates
//! on the other side. The calls made most have functions of their own (`hot`); all others go through `call` in the
//! form that `wire` describes. After a trap the instance is not to be used any more.
//!
//! It has no standard library: with a panic handler that says nothing, no text of a panic and no place of one is in the module.
#![cfg(target_family = "wasm")]
#![no_std]

extern crate alloc;

mod calls;
#[cfg(feature = "contract")]
mod contract;
mod convert;
mod hot;
#[cfg(feature = "keys")]
mod keys;
#[cfg(feature = "pools")]
mod pools;
#[cfg(feature = "prediction")]
mod prefetch;
#[cfg(feature = "simulation")]
mod simulation;
mod wire;

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::panic::PanicInfo;

use dlmalloc::GlobalDlmalloc;
use larder_engine::{Config, Engine, Error};
use wasm_bindgen::prelude::wasm_bindgen;

use wire::{Reader, Writer};

/// The cache of this instance, and the memory that it shares with its caller.
struct State {
    engine: Engine,
    #[cfg(feature = "contract")]
    hasher: larder_engine::keys::Hasher,
    #[cfg(feature = "prediction")]
    predictor: Option<larder_engine::prefetch::Predictor>,
    #[cfg(feature = "simulation")]
    simulation: Option<larder_engine::Simulation>,
    /// Arguments of the next call.
    input: Vec<u8>,
    /// The answer to the last one.
    output: Vec<u8>,
    /// Where the parts of the last answer of a hot call lie.
    parts: [u32; 9],
}

/// What the only thread has to itself.
struct Alone(RefCell<Option<State>>);

#[cfg(target_feature = "atomics")]
compile_error!("an instance of this module has one thread");

// SAFETY: without the atomics of WebAssembly a module is not shared between threads.
unsafe impl Sync for Alone {}

static STATE: Alone = Alone(RefCell::new(None));

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// A panic is a trap; who called answers with that.
#[panic_handler]
fn trap(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The status of a call that this build leaves out: it follows those of the contract's refusals.
const LEFT_OUT: u32 = 14;

/// Bytes that fit into the input before it is asked for more.
const ROOM: usize = 1 << 10;

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    let mut state = STATE.0.borrow_mut();
    if state.is_none() {
        *state = Some(first());
    }
    match &mut *state {
        Some(state) => work(state),
        None => unreachable!("it was made"),
    }
}

/// What an instance begins with. Outside of [`with`], of which each call has a copy.
#[cold]
#[inline(never)]
fn first() -> State {
    State {
        // The defaults are valid; whoever calls opens a cache with settings of its own.
        engine: Engine::open(Config::default()).unwrap_or_else(|_| unreachable!("the defaults are valid")),
        #[cfg(feature = "contract")]
        hasher: larder_engine::keys::Hasher::default(),
        #[cfg(feature = "prediction")]
        predictor: None,
        #[cfg(feature = "simulation")]
        simulation: None,
        input: vec![0; ROOM],
        output: Vec::new(),
        parts: [0; 9],
    }
}

/// Where arguments of so many bytes are to be written. Valid until the next call.
#[wasm_bindgen]
pub fn input(len: u32) -> u32 {
    with(|state| {
        if state.input.len() < len as usize {
            state.input.resize(len as usize, 0);
        } else if state.input.len() > 1 << 20 && len < 1 << 16 {
            // One large value should not hold its memory for ever.
            state.input = vec![0; ROOM.max(len as usize)];
        }
        state.input.as_ptr() as u32
    })
}

/// Where the answer of the last [`call`] lies.
#[wasm_bindgen]
pub fn output() -> u32 {
    with(|state| state.output.as_ptr() as u32)
}

/// How many bytes it has.
#[wasm_bindgen(js_name = outputLength)]
pub fn output_length() -> u32 {
    with(|state| state.output.len() as u32)
}

/// Makes the call with this number, whose arguments are the first `len` bytes of the input. 0 if it was answered; else one more than the
/// refusal's code, or [`LEFT_OUT`], and the output is the message.
#[wasm_bindgen]
pub fn call(number: u32, len: u32) -> u32 {
    with(|state| {
        if !calls::is_here(number) {
            state.output = b"this build of larder leaves the call out".to_vec();
            return LEFT_OUT;
        }
        let input = core::mem::take(&mut state.input);
        let mut writer = Writer::new(core::mem::take(&mut state.output));
        let mut reader = Reader::new(input.get(..len as usize).unwrap_or_default());
        let done = calls::call(state, number, &mut reader, &mut writer);
        state.input = input;
        let status = match done {
            Ok(()) => 0,
            Err(refusal) => writer.refuse(&refusal),
        };
        state.output = writer.into_bytes();
        status
    })
}

fn unknown() -> Error {
    Error::invalid("this build has no such call")
}
