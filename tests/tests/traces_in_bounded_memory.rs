//! Fears a trace that takes memory as it grows: the reader promises a megabyte, and what decompression needs.
//!
//! Seen to fail: with lines read to their end however long they are ("one line: the heap grew by 126528144 bytes").

use std::io::Write;

use larder::simulate::{Batch, Format, OnError, Trace};
use larder_tests::allocated::{Allocated, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Bytes that a reader may take, gzip's 32 KiB window included.
const LIMIT: usize = 1 << 20;

/// Bytes of the traces, once decompressed.
const LENGTH: usize = 48 << 20;

fn gzip(block: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..LENGTH / block.len() {
        encoder.write_all(block).expect("a vector takes all");
    }
    encoder.finish().expect("a vector takes all")
}

#[test]
fn a_long_trace_or_line_takes_no_more_memory_than_a_short_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("trace.gz");
    let miss = "#larder-trace 1\n".to_owned() + &"0123456789abcdef\n".repeat(60);
    for (what, block, format) in [
        ("one line", vec![b'x'; 1 << 16], Format::Text),
        ("one line without a number", vec![b'7'; 1 << 16], Format::Lirs),
        ("many lines", b"key,1\n".repeat(10_000), Format::Text),
        ("many blocks a line", b"1 1024 0 0\n".repeat(100), Format::Arc),
        ("blank lines", vec![b'\n'; 1 << 16], Format::Text),
        ("reads without an answer", miss.into_bytes(), Format::Auto),
        ("records", vec![0; 24_000], Format::OracleGeneral),
    ] {
        std::fs::write(&path, gzip(&block)).expect("a file");
        let watched = Allocated::now();
        let mut batch = Batch::default();
        let mut requests = 0;
        let ended = Trace::open(&path, format, OnError::Skip).and_then(|mut trace| {
            while requests < 10_000_000 && trace.read(&mut batch, 4096)? {
                requests += batch.keys().len();
                batch.clear();
            }
            Ok(())
        });
        assert_eq!(ended.is_ok(), requests > 0, "{what}: {ended:?}");
        let peak = watched.peak();
        assert!(peak < LIMIT, "{what}: the heap grew by {peak} bytes");
    }
}
