//! Fears data skipped that a codec would have made smaller, and time wasted on data that it cannot.

use super::*;
use crate::codec::{Codec, Compressor};
use crate::rng::SplitMix64;

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = SplitMix64::new(seed);
    (0..len).map(|_| rng.next() as u8).collect()
}

fn deflated(value: &[u8]) -> usize {
    Compressor::default().compress(Codec::Deflate, 6, value).map_or(value.len(), |packed| packed.len())
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"+/").collect();
    bytes.iter().map(|b| digits[usize::from(b & 63)]).collect()
}

fn floats(len: usize) -> Vec<u8> {
    let mut rng = SplitMix64::new(3);
    (0..len / 8).flat_map(|_| ((rng.next() >> 11) as f64 / (1u64 << 53) as f64).to_le_bytes()).collect()
}

/// Noise in which every eighth page is empty.
fn sparse(len: usize) -> Vec<u8> {
    let mut value = noise(len, 5);
    value.chunks_mut(512).skip(3).step_by(8).for_each(|page| page.fill(0));
    value
}

/// What would shrink by more than a thirtieth.
fn compressible() -> Vec<(&'static str, Vec<u8>)> {
    let code = include_bytes!("../codec.rs").to_vec();
    let json: Vec<u8> =
        (0..400).flat_map(|n| format!("{{\"id\":{n},\"price\":{}}},", n * 7919 % 1000).into_bytes()).collect();
    let twice = noise(8_000, 9).repeat(2);
    let stored_zip = [b"PK\x03\x04".as_slice(), &code].concat();
    let mut late = noise(30_000, 11);
    late.extend(b"text that comes again and again ".repeat(80));
    vec![
        ("text", b"the quick brown fox jumps over the lazy dog. ".repeat(30)),
        ("code", code),
        ("json", json),
        ("base64", base64(&noise(6_000, 1))),
        ("hex", noise(3_000, 2).iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()),
        ("floats", floats(16_000)),
        ("sparse pages", sparse(64 << 10)),
        ("noise that comes twice", twice),
        ("a zip of stored files", stored_zip),
        ("noise with text behind it", late),
        ("zeros", vec![0; 4_096]),
    ]
}

#[test]
fn what_would_compress_is_not_skipped() {
    for (name, value) in compressible() {
        assert!(deflated(&value) < value.len() * 29 / 30, "{name} compresses");
        assert!(!is_incompressible(&value), "{name}");
        for len in [SMALLEST, 300, 1_000, 1_025, 4_000].into_iter().filter(|&len| len < value.len()) {
            let part = &value[..len];
            assert!(deflated(part) >= len * 29 / 30 || !is_incompressible(part), "{len} bytes of {name}");
        }
    }
}

#[test]
fn what_would_not_compress_is_skipped() {
    let packed = |seed: u64| {
        let text: Vec<u8> = base64(&noise(40_000, seed));
        Compressor::default().compress(Codec::Deflate, 9, &text).expect("shrinks")
    };
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &packed(20)].concat();
    let zip = [b"PK\x03\x04".as_slice(), &packed(21)].concat();
    for (name, value) in [("png", png), ("zip", zip), ("noise", noise(100_000, 22)), ("deflated", packed(23))] {
        assert!(is_incompressible(&value), "{name}");
    }
    let short = (0..1_000).filter(|&seed| is_incompressible(&noise(1_024, seed))).count();
    assert!(short >= 995, "{short} of 1,000 short noises");
}

#[test]
fn the_shortest_are_not_judged() {
    for len in 0..SMALLEST {
        assert!(!is_incompressible(&noise(len, len as u64)));
    }
}
