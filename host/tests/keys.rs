//! Fears keys of the library that are not the component's, that depend on the order of a map or on the way a text came in, and
//! files that stop a program.
//!
//! Seen to fail: with streams hashed only up to the threshold; with files opened without `O_NONBLOCK` (hangs); with floats that are no
//! number taken for null; without the check of integers; with the last of two keys in JSON; with values as large as the guest's memory
//! handed over (a trap).

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Read};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use larder::keys::{Key, Keys, Kind, Tier, Value};
use larder::{Cache, ErrorKind, Result};
use serde::Serialize;

fn keys() -> Keys {
    Keys::new().expect("the component starts")
}

fn kind<T: std::fmt::Debug>(refused: Result<T>) -> ErrorKind {
    refused.expect_err("refused").kind()
}

#[test]
fn a_struct_a_map_and_json_of_one_content_have_one_key() {
    #[derive(Serialize)]
    struct Query {
        user_id: u64,
        r#type: &'static str,
        limit: Option<u8>,
        ratio: f64,
    }
    let keys = keys();
    let query = Query { user_id: 123, r#type: "profile", limit: None, ratio: 1.0 };
    let key = keys.dictionary(&query).expect("a key");
    assert_eq!(key.as_str(), r#"dict:{"limit":null,"ratio":1.0,"type":"profile","user_id":123}"#);
    assert_eq!((key.kind(), key.is_hashed(), key.tier()), (Kind::Dictionary, false, None));
    let json = serde_json::json!({"type": "profile", "user_id": 123, "ratio": 1.0, "limit": null});
    assert_eq!(keys.dictionary(&json).expect("a key"), key);
    let text = r#" {"ratio": 1.0, "user_id": 123, "type": "profil\u0065", "limit": null} "#;
    assert_eq!(keys.dictionary_of(&Value::from_json(text).expect("JSON")).expect("a key"), key);
    let numbers: HashMap<String, u32> = (0..100).map(|n| (n.to_string(), n)).collect();
    let sorted: BTreeMap<_, _> = numbers.clone().into_iter().collect();
    assert_eq!(keys.dictionary(&numbers).expect("a key"), keys.dictionary(&sorted).expect("a key"));
}

#[test]
fn nothing_that_serialises_loses_its_difference() {
    #[derive(Serialize)]
    enum Of {
        Nothing,
        One(u8),
        Two(u8, u8),
        Named { n: u8 },
    }
    struct Bytes(&'static [u8]);
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    let written = |value: Value| keys().structured(&value).expect("a key").as_str().to_owned();
    let of = |value: Result<Value>| written(value.expect("a value"));
    assert_eq!(of(Value::of(&f64::NAN)), "structured:nan");
    assert_eq!(of(Value::of(&None::<u8>)), "structured:null");
    assert_eq!(
        of(Value::of(&(1_u8, 1.0_f64, 'c', true, i64::MIN))),
        "structured:[1,1.0,\"c\",true,-9223372036854775808]"
    );
    assert_eq!(of(Value::of(&[Of::Nothing, Of::One(1)])), r#"structured:["Nothing",{"One":1}]"#);
    assert_eq!(of(Value::of(&[Of::Two(1, 2), Of::Named { n: 1 }])), r#"structured:[{"Two":[1,2]},{"Named":{"n":1}}]"#);
    assert_eq!(of(Value::of(&Bytes(b"\0\xff"))), "structured:'00ff'");
    assert_eq!(kind(Value::of(&BTreeMap::from([(1, 2)]))), ErrorKind::InvalidArgument);
    assert_eq!(kind(Value::of(&u128::MAX)), ErrorKind::InvalidArgument);
    assert_eq!(kind(keys().structured(&Value::Integer(1 << 64))), ErrorKind::InvalidArgument);
    assert_eq!(written(Value::Integer((1 << 64) - 1)), "structured:18446744073709551615");
}

#[test]
fn json_that_can_be_taken_two_ways_is_refused() {
    for text in [
        r#"{"a": 1, "a": 2}"#,
        r#"[{"b": {"a": 1, "a": 1}}]"#,
        "18446744073709551616",
        "[-9223372036854775809]",
        r#"{"a\"": 99999999999999999999}"#,
        "",
        "{",
        "nan",
        "1e999",
        "1 2",
    ] {
        assert_eq!(kind(Value::from_json(text)), ErrorKind::InvalidArgument, "{text}");
    }
    let fine = r#"["99999999999999999999", "\\", 18446744073709551615, -9223372036854775808, 1e20, "\"1"]"#;
    Value::from_json(fine).expect("not ambiguous");
    let deep = "[".repeat(100_000);
    assert_eq!(kind(Value::from_json(&deep)), ErrorKind::InvalidArgument);
    for text in [r#"{"set": 1}"#, r#"{"set": {}}"#, r#"{"map": []}"#, r#"{"bytes": "0"}"#, r#"{"bytes": "0é"}"#] {
        assert_eq!(kind(Value::from_marked_json(text)), ErrorKind::InvalidArgument, "{text}");
    }
    let marked = r#"{"s": {"set": ["b", "a", "b"]}, "m": {"map": {"set": [1]}}, "b": {"bytes": "0aFF"}, "o": {"x": {"set": []}}}"#;
    let key = keys().structured(&Value::from_marked_json(marked).expect("marked")).expect("a key");
    assert_eq!(key.as_str(), r#"structured:{"b":'0aff',"m":{"set":[1]},"o":{"x":()},"s":("a","b")}"#);
}

#[test]
fn a_text_has_one_key_however_it_comes() {
    let keys = keys();
    let options = Value::map([("max_length", 100)]);
    let from = |text: &str| keys.text_from("op", &options, Trickle(Cursor::new(text.to_owned()))).expect("a key");
    for length in [0, 1, 999, 1_000, 1_001, 5_000, 5_001, 50_001, 300_000] {
        let text = "t".repeat(length);
        let key = keys.text("op", &options, &text).expect("a key");
        assert_eq!((key.kind(), key.is_hashed()), (Kind::Text, length > 1_000));
        let tiers = [(500, Tier::Small), (5_000, Tier::Medium), (50_000, Tier::Large)];
        let tier = tiers.iter().find(|(largest, _)| length <= *largest).map_or(Tier::Xlarge, |(_, tier)| *tier);
        assert_eq!(key.tier(), Some(tier));
        assert_eq!(from(&text), key, "{length}");
        assert!(key.as_str().starts_with(&keys.operation_prefix("op").expect("a prefix")));
    }
    let tuned = keys.clone().hash_above(2).tiers(1, 2, 3);
    let hash = blake3::hash(b"abc").to_hex();
    assert_eq!(tuned.text("op", &Value::none(), "abc").expect("a key").as_str(), format!("text:op||large#3#{hash}"));
    for keys in [keys.clone().hash_above(16_385), keys.clone().hash_above(u64::MAX), keys.clone().tiers(3, 2, 1)] {
        assert_eq!(kind(keys.text("op", &Value::none(), "abc")), ErrorKind::InvalidArgument);
        assert_eq!(kind(keys.text_from("op", &Value::none(), &b"abc"[..])), ErrorKind::InvalidArgument);
        assert_eq!(kind(keys.text("op", &Value::none(), "t".repeat(20_000))), ErrorKind::InvalidArgument);
    }
    assert_eq!(kind(keys.text_from("op", &options, Broken)), ErrorKind::Io);
}

/// Gives three bytes at a time.
struct Trickle<R>(R);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(3);
        self.0.read(&mut buffer[..most])
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("unplugged"))
    }
}

#[test]
fn a_file_is_known_by_its_state_or_its_content() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("a|b");
    std::fs::write(&file, "Hello").expect("a file");
    let keys = keys();
    let path = file.to_str().expect("text").replace('|', "%7C");
    assert_eq!(keys.path(&file).expect("a key").as_str(), format!("path:{path}"));
    let content = keys.file_content(&file).expect("a key");
    assert_eq!(content.as_str(), format!("path:{path}|hash:{}", blake3::hash(b"Hello").to_hex()));
    let time = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1);
    let set = |time| std::fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(time));
    set(time).expect("the time is set");
    let state = keys.file(&file).expect("a key");
    assert_eq!(state.as_str(), format!("path:{path}|5@-1.999000000"), "before 1970");
    std::fs::write(&file, "Hallo").expect("a file");
    assert_ne!(keys.file(&file).expect("a key"), state);
    assert_ne!(keys.file_content(&file).expect("a key"), content);
    keys.file(home.path()).expect("a directory has a state");
    assert_eq!(kind(keys.file_content(home.path())), ErrorKind::InvalidArgument);
    for gone in [keys.file(home.path().join("gone")), keys.file_content(home.path().join("gone"))] {
        assert_eq!(kind(gone), ErrorKind::Io);
    }
}

#[test]
fn a_fifo_does_not_stop_anybody() {
    let home = tempfile::tempdir().expect("a directory");
    let fifo = home.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    assert_eq!(kind(keys().file_content(&fifo)), ErrorKind::InvalidArgument);
    assert_eq!(kind(keys().file_content("/dev/zero")), ErrorKind::InvalidArgument);
}

#[test]
fn values_beyond_the_limits_are_refused_and_keys_go_on() {
    let keys = keys();
    let before = keys.parts(["a"]).expect("a key");
    let mut deep = Value::Null;
    for _ in 0..65 {
        deep = Value::list([deep]);
    }
    assert_eq!(kind(keys.structured(&deep)), ErrorKind::InvalidArgument);
    assert_eq!(kind(keys.structured(&Value::List(vec![Value::Null; 1 << 20]))), ErrorKind::TooLarge);
    assert_eq!(kind(keys.structured(&Value::from("x".repeat(17 << 20)))), ErrorKind::TooLarge);
    assert_eq!(kind(keys.parts([vec![0; 17 << 20]])), ErrorKind::TooLarge);
    assert_eq!(kind(keys.dictionary(&[1])), ErrorKind::InvalidArgument);
    assert_eq!(kind(keys.parts([""; 0])), ErrorKind::InvalidArgument);
    assert_eq!(kind(keys.endpoint("", [("", ""); 0])), ErrorKind::InvalidArgument);
    let larger_than_the_guest = Value::list((0..6).map(|_| "x".repeat(100 << 20)));
    assert_eq!(kind(keys.structured(&larger_than_the_guest)), ErrorKind::TooLarge);
    assert_eq!(kind(keys.parts([vec![b'x'; 600 << 20]])), ErrorKind::TooLarge);
    assert_eq!(keys.parts(["a"]).expect("a key"), before);
}

#[test]
fn threads_share_one_guest() {
    let keys = keys();
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (keys, made) = (keys.clone(), &made);
            scope.spawn(move || {
                for round in 0..200 {
                    let key = keys.parts([format!("{thread}"), format!("{round}")]).expect("a key");
                    assert_eq!(key.as_str(), format!("parts:{thread}:{round}"));
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 1_600);
}

#[test]
fn a_cache_takes_keys_as_they_are() {
    let cache = Cache::builder().open().expect("opens");
    let keys = keys();
    let made: Vec<Key> = vec![
        keys.parts(["user", "7"]).expect("a key"),
        keys.text("op", &Value::none(), "x".repeat(5_000)).expect("a key"),
        keys.clone()
            .hash_above(16_384)
            .text("o".repeat(255).as_str(), &Value::none(), "\0".repeat(16_384))
            .expect("the longest"),
    ];
    for key in &made {
        cache.set(key, key.as_str()).expect("set");
        assert_eq!(cache.get(key).expect("get"), Some(key.as_str().into()));
    }
}
