//! Fears that `auto` sticks to a codec that does not pay, or never notices that values have changed.

use super::*;
use crate::rng::SplitMix64;

struct Auto(Chooser, Compressor);

impl Auto {
    fn new() -> Self {
        Self(Chooser::default(), Compressor::default())
    }

    fn codec(&mut self, namespace: u16, value: &[u8]) -> Codec {
        let class = (namespace, Fields::new(&[]));
        match self.0.compress((Compression::Auto, 6), &mut self.1, class, value) {
            Outcome::Packed(codec, _) => codec,
            Outcome::Stayed | Outcome::Skipped => Codec::None,
        }
    }
}

fn text(n: u64) -> Vec<u8> {
    let mut rng = SplitMix64::new(n);
    let words = ["cache", "entry", "record", "policy", "namespace", "evicted", "because", "bytes", "the", "of"];
    (0..300).flat_map(|_| [words[rng.up_to(9) as usize], " "].concat().into_bytes()).collect()
}

/// Six bits in every byte: DEFLATE saves a quarter, LZ4 nothing.
fn digits(n: u64) -> Vec<u8> {
    let mut rng = SplitMix64::new(n);
    (0..2_000).map(|_| b'0' + rng.up_to(63) as u8).collect()
}

/// A little more than seven bits in every byte: DEFLATE saves less than it costs.
fn nearly_random(n: u64) -> Vec<u8> {
    let mut rng = SplitMix64::new(n);
    (0..2_000).map(|_| rng.up_to(150) as u8).collect()
}

fn line(n: u64) -> Vec<u8> {
    format!("GET /items/{n} 200 in 3 ms\n").into_bytes().repeat(200)
}

#[test]
fn each_kind_of_value_gets_the_codec_that_pays() {
    let mut auto = Auto::new();
    for n in 0..200 {
        assert_eq!(auto.codec(0, &text(n)), Codec::Deflate, "text {n}");
        assert_eq!(auto.codec(1, &digits(n)), Codec::Deflate, "digits {n}");
        assert_eq!(auto.codec(2, &nearly_random(n)), Codec::None, "nearly random {n}");
        assert_eq!(auto.codec(3, &line(n)), Codec::Lz4, "the same line again and again {n}");
    }
}

#[test]
fn the_choice_follows_what_the_values_become() {
    let mut auto = Auto::new();
    (0..100).for_each(|n| assert_ne!(auto.codec(0, &nearly_random(n)), Codec::Lz4));
    let after = (0..).position(|n| auto.codec(0, &text(n)) == Codec::Deflate).expect("noticed");
    assert!(after <= 64, "noticed after {after}");
    let within = (0..1_000).filter(|&n| auto.codec(0, &text(n)) == Codec::Deflate).count();
    assert!(within > 600, "{within} of 1,000 are compressed");
    (0..64).for_each(|n| assert_ne!(auto.codec(0, &nearly_random(n)), Codec::Lz4));
    let vain = (0..640).filter(|&n| auto.codec(0, &nearly_random(n)) != Codec::None).count();
    assert_eq!(vain, 0);
}

#[test]
fn a_small_gain_is_noticed_by_one_surprise() {
    let mut auto = Auto::new();
    (0..100).for_each(|n| assert_ne!(auto.codec(0, &nearly_random(n)), Codec::Lz4));
    (0..64).for_each(|n| assert_ne!(auto.codec(0, &digits(n)), Codec::Lz4));
    let compressed = (0..100).filter(|&n| auto.codec(0, &digits(n)) == Codec::Deflate).count();
    assert_eq!(compressed, 100);
}

#[test]
fn classes_are_kept_apart_by_namespace_and_content_type() {
    assert_eq!(place(1, "text/html"), place(1, "text/html; charset=utf-8"));
    assert_ne!(place(1, "text/html"), place(2, "text/html"));
    assert_ne!(place(1, "text/html"), place(1, "image/png"));
}
