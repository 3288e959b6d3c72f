//! Fears values compressed that are too small or do not shrink, others left large, and counters that tell it wrongly.

use larder_engine::{Codec, Config, Engine, SetOptions, Statistics, describe};

const THRESHOLD: usize = 200;
const CODECS: [Codec; 2] = [Codec::Deflate, Codec::Lz4];

/// Sets a value; answers the codec of the record, its bytes and the statistics. The record must give the value back.
fn set(codec: Codec, threshold: usize, value: &[u8]) -> (Codec, usize, Statistics) {
    let config = Config { store: true, codec: codec.into(), compression_threshold: threshold, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    let record = engine.set(0, b"k", value, &SetOptions::default(), 1, None).expect("fits").record;
    let statistics = engine.stats(None).expect("of all");
    engine.forget(0, b"k").expect("known namespace");
    assert_eq!(&*engine.admit(0, b"k", &record, 1).expect("its own record").value, value);
    (describe(&record).expect("sound").codec, record.len(), statistics)
}

/// Bytes that no codec makes smaller (Marsaglia's xorshift64).
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x5EEDu64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_value_below_it_stays_as_it_is_and_one_of_its_size_shrinks() {
    for codec in CODECS {
        let (below, plain_size, stats) = set(codec, THRESHOLD, &[b'x'; THRESHOLD - 1]);
        assert_eq!((below, stats.compressed_in, stats.compressed_out), (Codec::None, 0, 0));
        let (at, size, stats) = set(codec, THRESHOLD, &[b'x'; THRESHOLD]);
        assert_eq!((at, stats.compressed_in), (codec, THRESHOLD as u64));
        assert_eq!(stats.compressed_out, (size + THRESHOLD - 1 - plain_size) as u64, "the bytes of the body");
        assert!(stats.compressed_out < stats.compressed_in);
    }
}

#[test]
fn noise_is_stored_as_it_is_and_counted_by_nobody() {
    for codec in CODECS {
        let (used, _, stats) = set(codec, THRESHOLD, &noise(10 * THRESHOLD));
        assert_eq!((used, stats.compressed_in, stats.compressed_out), (Codec::None, 0, 0));
    }
}

#[test]
fn small_values_survive_a_threshold_of_zero() {
    for codec in CODECS {
        for len in 0..4 {
            set(codec, 0, &vec![b'x'; len]);
        }
    }
}
