//! The interface `simulation`: conversion only. An instance simulates one cache; requests come as numbers in the input, as many at a time as the caller
//! likes.

use alloc::string::String;

use larder_engine::{Objective, PolicyKind, Result, Simulation, Totals, Unit, checksum};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{State, with};

/// Bytes of a key's number, and of a size.
const KEY: usize = 8;
const SIZE: usize = 4;

/// Opens an empty cache. The input is the policy's name, of `policy` bytes, and the objective's, of `objective` bytes; `capacity` counts bytes if
/// `bytes` is not 0, else entries. 0 if it was opened; 1 if that is refused, and the output is why.
#[wasm_bindgen(js_name = simulationOpen)]
pub fn open(policy: u32, objective: u32, bytes: u32, capacity: f64, seed: f64) -> u32 {
    with(|state| {
        let State { simulation, input, output, .. } = state;
        let (policy, objective) = (policy as usize, objective as usize);
        let text = |from: usize, to: usize| String::from_utf8_lossy(input.get(from..to).unwrap_or_default());
        let unit = if bytes == 0 { Unit::Entries } else { Unit::Bytes };
        let opened = || -> Result<Simulation> {
            let kind = PolicyKind::parse(&text(0, policy))?;
            let objective = Objective::parse(&text(policy, policy + objective))?;
            Simulation::open(kind, unit, capacity as u64, objective, seed as u64)
        };
        match opened() {
            Ok(opened) => {
                *simulation = Some(opened);
                0
            }
            Err(refusal) => {
                output.clear();
                output.extend_from_slice(refusal.message.as_bytes());
                1
            }
        }
    })
}

/// The number that stands for a key of text: XXH3-64 of the first `len` bytes of the input. Answers where its eight bytes lie, the lowest first.
#[wasm_bindgen(js_name = simulationKey)]
pub fn key(len: u32) -> u32 {
    with(|state| {
        let number = checksum(state.input.get(..len as usize).unwrap_or_default());
        (state.parts[0], state.parts[1]) = (number as u32, (number >> 32) as u32);
        state.parts.as_ptr() as u32
    })
}

/// Makes `count` requests: the input is their keys' numbers, eight bytes each, and their sizes, four bytes each, the lowest byte first.
#[wasm_bindgen(js_name = simulationRequests)]
pub fn requests(count: u32) {
    with(|state| {
        let State { simulation: Some(simulation), input, .. } = state else { return };
        let count = count as usize;
        let (keys, _) = input.get(..count * KEY).unwrap_or_default().as_chunks::<KEY>();
        let (sizes, _) = input.get(count * KEY..count * (KEY + SIZE)).unwrap_or_default().as_chunks::<SIZE>();
        for (key, size) in keys.iter().zip(sizes) {
            simulation.request(u64::from_le_bytes(*key), u32::from_le_bytes(*size));
        }
    });
}

/// What was counted so far. Answers where five numbers lie: requests, hits, bytes, bytes hit, and requests refused.
#[wasm_bindgen(js_name = simulationTotals)]
pub fn totals() -> u32 {
    with(|state| {
        let totals = state.simulation.as_ref().map(Simulation::totals).unwrap_or_default();
        let Totals { requests, hits, bytes, bytes_hit, refused } = totals;
        state.output.clear();
        for number in [requests, hits, bytes, bytes_hit, refused] {
            state.output.extend_from_slice(&(number as f64).to_le_bytes());
        }
        state.output.as_ptr() as u32
    })
}
