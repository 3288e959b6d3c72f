//! Fears a key that the component makes otherwise than the natively linked engine: a float with other digits, another order, a
//! long text that the host hashed. What one host stored, the other would never find.
//!
//! Rounds: 2,000; in the long form 200,000.
//! Seen to fail: with a host that hashes all but the first byte of a long text; with floats that the component takes in 32 bits.

use larder::keys::{Keys, Value};
use larder_engine::keys as engine;
use larder_tests::scale::{self, Random};

/// A random value, for both.
fn value(random: &mut Random, depth: u64) -> (Value, engine::Value) {
    let text = |random: &mut Random| -> String {
        let longest = if random.chance(5) { 2_000 } else { 6 };
        let length = random.below(longest);
        (0..length).map(|_| char::from_u32(random.below(0x250) as u32).unwrap_or(' ')).collect()
    };
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => (Value::Null, engine::Value::Null),
        1 => (Value::Bool(true), engine::Value::Bool(true)),
        2 => {
            let number = i128::from(random.draw()) - i128::from(random.draw() >> 1);
            (Value::Integer(number), engine::Value::Integer(number))
        }
        3 => {
            let short = f64::from(random.below(2_000) as u32) / 100.0 - 10.0;
            let number = if random.chance(30) { short * 0.0 } else { f64::from_bits(random.draw()) };
            let number = if random.chance(40) { short } else { number };
            (Value::Float(number), engine::Value::Float(number))
        }
        4 => {
            let text = text(random);
            (Value::Text(text.clone()), engine::Value::Text(text))
        }
        5 => {
            let bytes = text(random).into_bytes();
            (Value::Bytes(bytes.clone()), engine::Value::Bytes(bytes))
        }
        6 => {
            let entries = (0..random.below(4)).map(|n| (format!("{}{n}", text(random)), value(random, depth - 1)));
            let (host, native): (Vec<_>, Vec<_>) = entries.map(|(name, (a, b))| ((name.clone(), a), (name, b))).unzip();
            (Value::map(host), engine::Value::Map(native))
        }
        kind => {
            let (host, native) = (0..random.below(5)).map(|_| value(random, depth - 1)).unzip();
            match kind {
                7 => (Value::List(host), engine::Value::List(native)),
                _ => (Value::Set(host), engine::Value::Set(native)),
            }
        }
    }
}

#[test]
fn the_component_makes_the_keys_of_the_native_engine() {
    let keys = Keys::new().expect("starts");
    let mut random = Random(scale::seed());
    let settings = engine::TextSettings::default();
    for _ in 0..scale::rounds(2_000, 200_000) {
        let (host, native) = value(&mut random, 3);
        let key = keys.structured(&host).expect("a key");
        assert_eq!(key.as_str(), engine::structured(&native).expect("a key").text, "{host:?}");
        let longest = if random.chance(10) { 200_000 } else { 1_500 };
        let length = random.below(longest) as usize;
        let byte = random.below(256) as u8;
        let text: Vec<u8> = (0..length).map(|at| byte.wrapping_add((at / 7) as u8)).collect();
        let options = match &host {
            Value::Map(_) => (host, native),
            _ => (Value::map([("v", host)]), engine::Value::Map(vec![("v".to_owned(), native)])),
        };
        let key = keys.text("op", &options.0, &text).expect("a key");
        assert_eq!(key.as_str(), engine::text("op", &options.1, &text, &settings).expect("a key").text);
        let streamed = keys.text_from("op", &options.0, &text[..]).expect("a key");
        assert_eq!(streamed, key);
    }
}
