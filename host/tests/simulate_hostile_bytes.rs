//! Fears bytes that make a reader panic, run for ever, or take memory on another's word.
//!
//! As many cases as `PROPTEST_CASES` says, 256 unless it does.

mod common;

use common::Home;
use common::traces::{gzip, oracle_general, sized, zstd};
use larder::ErrorKind;
use larder::simulate::{Batch, Format, OnError, Trace};
use proptest::prelude::*;

/// Lines that mean something in one format or another, and such that do not.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[0-9]{1,21}",
        "[a-c,]{0,4},[0-9]{0,11}",
        "[0-9]{1,3} [0-9]{1,4} [0-9] [0-9]",
        "[0-9 ]{0,12}",
        "\\*",
        "#larder-trace 1",
        "[0-9a-f]{16}",
        "[0-9a-f]{16},[0-9]{1,3}",
        "0{15}[12](,[0-9])?",
        "\\PC{0,20}\r?",
    ];
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n").into_bytes())
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec((any::<u64>(), any::<u32>()), 0..40).prop_map(|r| oracle_general(&r));
    let honest = prop::collection::vec((0u64..50, 1u32..100), 0..200).prop_map(|r| sized(&r));
    let plain = prop_oneof![lines(), records, honest, prop::collection::vec(any::<u8>(), 0..2_000)];
    let packed = (plain, 0..5).prop_map(|(bytes, packing)| match packing {
        0 => gzip(&bytes),
        1 => zstd(&bytes),
        2 => [&[0x1F, 0x8B][..], &bytes].concat(),
        3 => [&[0x28, 0xB5, 0x2F, 0xFD][..], &bytes].concat(),
        _ => bytes,
    });
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (packed, damage, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(mut bytes, damage, cut, cuts)| {
        if !bytes.is_empty() {
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_trace_or_refused(bytes in hostile(), format in prop::sample::select(&Format::ALL[..]), skip: bool) {
        // What a line or a block of a compressed file can be worth at most.
        const LONGEST: usize = 20_000_000;
        let home = Home::new();
        let path = home.write("hostile", &bytes);
        let on_error = if skip { OnError::Skip } else { OnError::Stop };
        let mut batch = Batch::default();
        let mut requests = 0;
        let failed = match Trace::open(&path, format, on_error) {
            Err(e) => Some(e),
            Ok(mut trace) => loop {
                match trace.read(&mut batch, 4096) {
                    Err(e) => break Some(e),
                    Ok(false) => break None,
                    Ok(true) => {
                        prop_assert_eq!(batch.keys().len(), batch.sizes().len());
                        prop_assert!(batch.sizes().iter().all(|size| *size < 1 << 31));
                        requests += batch.keys().len();
                        prop_assert!(requests < LONGEST, "the trace does not end");
                        batch.clear();
                    }
                }
            },
        };
        match failed {
            Some(e) => prop_assert!(matches!(e.kind(), ErrorKind::Trace | ErrorKind::NewerFormat), "{e}"),
            None => prop_assert!(requests > 0, "a trace has requests"),
        }
    }
}
