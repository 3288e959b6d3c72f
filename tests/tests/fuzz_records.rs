//! A record that the engine's decoder stumbles over: a panic, an endless loop, memory taken on a record's word, a value that
//! nobody wrote.
//!
//! Mutants of the golden records and of a kept corpus are given to `describe`, `verify` and `admit` of the natively linked
//! engine; half of them with checksums that match what they became, so that they get past these. A mutant without matching
//! checksums must be refused unless it is an input of the corpus; what `verify` accepts `admit` takes or refuses for its
//! time, key, version or size, and with the declared number of bytes. Every execution stays below 1 s and 1 MiB.
//!
//! Executions: 1,000,000, in the long form 10,000,000. Seen to fail in round 20, "a record without its checksum is taken",
//! with the checksum over the whole record not compared.

use std::collections::HashSet;

use larder_engine::{Config, Engine, ErrorCode, NamespaceId, describe, verify};
use larder_tests::allocated::CountingAllocator;
use larder_tests::format::seal_record;
use larder_tests::fuzz::{Fuzzer, Input, corpus, mutate};
use larder_tests::scale::{self, Random};

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

/// The largest value that is taken.
const LIMIT: usize = 64 << 10;

const NOW: u64 = 1_790_000_000_000;

fn make(random: &mut Random, one: &Input, other: &Input) -> Input {
    let mut bytes = mutate(random, &one.bytes, &other.bytes);
    let sealed = random.chance(50);
    if sealed {
        seal_record(&mut bytes);
    }
    Input { name: if sealed { "sealed.record" } else { "unsealed.record" }.into(), bytes }
}

fn run(engine: &mut Engine, namespace: NamespaceId, mutant: &Input) -> String {
    let described = describe(&mutant.bytes);
    let verified = verify(&mutant.bytes, LIMIT);
    let key = described.as_ref().map_or(b"key".to_vec(), |info| info.key.clone());
    // Of the namespaces only two are known.
    let admitted = engine.admit(namespace, &key, &mutant.bytes, NOW).map(|hit| hit.value.len() as u64);
    match (&verified, &admitted) {
        (Ok(info), Ok(len)) => assert_eq!(info.value_size, *len),
        (Ok(_), Err(e)) => {
            let other = [ErrorCode::Expired, ErrorCode::AnotherKey, ErrorCode::Outdated, ErrorCode::TooLarge];
            assert!(other.contains(&e.code), "verified, and not admitted: {e}");
        }
        (Err(e), Ok(_)) => panic!("not verified, and admitted: {e}"),
        (Err(_), Err(_)) => {}
    }
    let said = |e: &larder_engine::Error| e.message.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let outcome = |answer: Result<(), &larder_engine::Error>| answer.map_or_else(said, |()| "taken".into());
    format!("{} | {}", outcome(verified.as_ref().map(drop)), outcome(admitted.as_ref().map(drop)))
}

#[test]
fn no_record_harms_the_decoder() {
    let mut inputs = corpus("golden");
    inputs.extend(corpus("corpus/records"));
    let known: HashSet<Vec<u8>> = inputs.iter().map(|input| input.bytes.clone()).collect();
    let config = Config { max_bytes: 256 << 10, max_entry_size: LIMIT, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    let namespace = engine.namespace("default").expect("a namespace");
    let mut fuzzer = Fuzzer::new("fuzz_records", inputs, scale::seed(), 1 << 20);
    for round in 0..scale::rounds(1_000_000, 10_000_000) {
        fuzzer.round(round, make, |mutant| {
            let outcome = run(&mut engine, namespace, mutant);
            if mutant.name == "unsealed.record" && !known.contains(&mutant.bytes) && outcome.contains("taken") {
                // One that joined the corpus may have been sealed, and be cut or doubled to itself.
                let mut sealed = mutant.bytes.clone();
                seal_record(&mut sealed);
                assert!(sealed == mutant.bytes, "round {round}: a record without its checksum is taken");
            }
            outcome
        });
        if round.is_multiple_of(1024) {
            engine.check().unwrap_or_else(|e| panic!("round {round}: {e}"));
        }
    }
    fuzzer.report();
    assert!(fuzzer.outcomes() > 10, "the mutants get nowhere");
}
