//! The formats to the byte: a key that changes loses every entry under it.

use larder_engine::keys::{self, Key, PathState, TextSettings, Value};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

fn written(made: larder_engine::Result<Key>) -> String {
    let key = made.expect("a key");
    assert!(!key.hashed, "{}", key.text);
    key.text
}

#[test]
fn values_of_every_kind() {
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Integer(-5),
        Value::Integer((1 << 64) - 1),
        Value::Float(1.0),
        Value::Float(-0.0),
        Value::Float(0.7),
        Value::Float(1e300),
        Value::Float(f64::NEG_INFINITY),
        Value::Float(f64::NAN),
        text("say \"é|%\"\n"),
        Value::Bytes(vec![0, 255]),
        Value::List(vec![]),
        Value::Set(vec![text("b"), Value::Integer(10), Value::Integer(9), text("b")]),
        map([("b", Value::Null), ("a", map([]))]),
    ];
    assert_eq!(
        written(keys::structured(&Value::List(values.into()))),
        "structured:[null,true,false,-5,18446744073709551615,1.0,0.0,0.7,1e300,-inf,nan,\"say %22é%7C%25%22%0A\",'00ff',[],\
         (\"b\",10,9),{\"a\":{},\"b\":null}]"
    );
}

#[test]
fn the_five_sets_of_a_repository_map() {
    let set = |names: &[&str]| Value::Set(names.iter().map(|name| text(name)).collect());
    let key = keys::structured(&map([
        ("chat_files", set(&["src/b.rs", "src/a.rs"])),
        ("other_files", set(&[])),
        ("max_tokens", Value::Integer(1024)),
        ("mentioned_fnames", set(&["README.md"])),
        ("mentioned_idents", set(&["main"])),
    ]));
    assert_eq!(
        written(key),
        r#"structured:{"chat_files":("src/a.rs","src/b.rs"),"max_tokens":1024,"mentioned_fnames":("README.md"),"mentioned_idents":("main"),"other_files":()}"#
    );
}

#[test]
fn long_ones_are_a_beginning_and_a_hash() {
    let made = |made: larder_engine::Result<Key>| {
        let key = made.expect("a key");
        assert!(key.hashed, "{}", key.text);
        let (beginning, hash) = key.text.rsplit_once(['#', ':']).expect("a hash");
        assert!(hash.len() == 64 && hash.bytes().all(|digit| b"0123456789abcdef".contains(&digit)), "{hash}");
        beginning.to_owned()
    };
    let (long, start) = ("x".repeat(1_000), "x".repeat(64));
    assert_eq!(written(keys::parts([&long[..994]])).len(), 1_000, "exactly as long as may be");
    assert_eq!(made(keys::parts([&long[..995]])), format!("parts#{start}"));
    assert_eq!(made(keys::dictionary(&map([("k", text(&long))]))), format!("dict#{{\"k\":\"{}", &start[6..]));
    assert_eq!(made(keys::structured(&text(&long))), format!("structured#\"{}", &start[1..]));
    assert_eq!(made(keys::path(long.as_bytes(), &PathState::Unknown)), format!("path#{start}"));
    assert_eq!(made(keys::endpoint("/api/endpoint", &[("p", &long)])), "/api/endpoint|hash");
    assert_eq!(made(keys::endpoint(&long, &[])), format!("endpoint:{}|hash", &long[..119]));
}

#[test]
fn texts_change_their_form_right_above_the_limits() {
    let (none, settings) = (map([]), TextSettings::default());
    let tail = |length: usize| {
        let key = keys::text("op", &none, "t".repeat(length).as_bytes(), &settings).expect("a key");
        assert_eq!((key.hashed, key.tier), (length > 1_000, Some(settings.tier(length as u64))));
        key.text.strip_prefix("text:op||").expect("the beginning")[..8].to_owned()
    };
    let tails = [500, 501, 1_000, 1_001, 5_000, 5_001, 50_000, 50_001].map(tail);
    let expected = ["=ttttttt", "=ttttttt", "=ttttttt", "medium#1", "medium#5", "large#50", "large#50", "xlarge#5"];
    assert_eq!(tails, expected);
    let long = map([("model", text(&"m".repeat(200)))]);
    let key = keys::text("op", &long, b"t", &settings).expect("a key");
    assert!(key.hashed && key.text.starts_with("text:op|#") && key.text.ends_with("|=t"), "{}", key.text);
    assert_eq!(key.text.len(), "text:op|#|=t".len() + 64);
}
