//! The calls that a model test makes: few namespaces, few keys, short times, so that they get in each other's way.

use larder_engine::{Dependency, DependencyKind, Durability, Item, NamespaceDefaults, Rule, SetOptions};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The namespaces in use. The last one never has jitter, so that batches in it can be predicted.
pub const NAMESPACES: [&str; 3] = ["default", "users", "plain"];
/// The number of the namespace without jitter.
pub const PLAIN: u32 = 2;
/// A size of value that the engines under test refuse.
pub const HUGE: usize = 5_000;

/// One call: the time that passes before it, the entry it is about, and what it does.
#[derive(Debug, Clone)]
pub struct Call {
    pub step: i64,
    pub namespace: u32,
    pub key: Vec<u8>,
    /// How far the sequence number given is from the next one; `None` gives none.
    pub sequence: Option<i64>,
    pub op: Op,
}

#[derive(Debug, Clone)]
pub enum Op {
    Get,
    Set(Vec<u8>, SetOptions),
    Add(Vec<u8>, SetOptions),
    Replace(Vec<u8>, SetOptions),
    /// Expects the version that is there plus so much.
    CompareAndSet(u64, Vec<u8>, SetOptions),
    Touch(Option<u64>),
    Delete,
    Forget,
    Increment(i64, SetOptions),
    GetMany(Vec<Vec<u8>>),
    SetMany(Vec<Item>),
    DeleteMany(Vec<Vec<u8>>),
    Inspect,
    Exists,
    Scan(Option<u32>, Vec<u8>, u32),
    Clear(Option<u32>),
    Cleanup(u32),
    Evict(u32),
    Maintain(u32),
    /// Makes older entries invalid.
    Ban(Option<u32>, Vec<Rule>),
    Defaults(NamespaceDefaults),
    /// Goes on with another of the policies under test, by a number that stands for it.
    Switch(usize),
    Reopen,
}

/// Up to `most` calls.
pub fn calls(most: usize) -> impl Strategy<Value = Vec<Call>> {
    let step = prop_oneof![4 => Just(0i64), 4 => 1..20i64, 2 => 20..200i64, 1 => -10..0i64];
    let sequence = prop_oneof![6 => Just(None), 1 => (-3..4i64).prop_map(Some)];
    let call = (step, namespace(), key(), sequence, op());
    let call = call.prop_map(|(step, namespace, key, sequence, op)| Call { step, namespace, key, sequence, op });
    vec(call, 1..=most)
}

fn op() -> impl Strategy<Value = Op> {
    let some_namespace = || option::of(namespace());
    let few_keys = || vec(key(), 0..4);
    prop_oneof![
        12 => Just(Op::Get),
        14 => (value(), options()).prop_map(|(v, o)| Op::Set(v, o)),
        3 => (value(), options()).prop_map(|(v, o)| Op::Add(v, o)),
        3 => (value(), options()).prop_map(|(v, o)| Op::Replace(v, o)),
        3 => (0..2u64, value(), options()).prop_map(|(off, v, o)| Op::CompareAndSet(off, v, o)),
        4 => prop_oneof![Just(None), time().prop_map(Some)].prop_map(Op::Touch),
        3 => Just(Op::Delete),
        2 => Just(Op::Forget),
        4 => (prop_oneof![-20..20i64, any::<i64>()], options()).prop_map(|(delta, o)| Op::Increment(delta, o)),
        2 => few_keys().prop_map(Op::GetMany),
        2 => vec(item(), 0..4).prop_map(Op::SetMany),
        1 => few_keys().prop_map(Op::DeleteMany),
        3 => Just(Op::Inspect),
        2 => Just(Op::Exists),
        3 => (some_namespace(), prefix(), 0..5u32).prop_map(|(ns, p, limit)| Op::Scan(ns, p, limit)),
        1 => some_namespace().prop_map(Op::Clear),
        2 => (1..4u32).prop_map(Op::Cleanup),
        2 => (0..4u32).prop_map(Op::Evict),
        6 => prop_oneof![Just(0), 1..2_000u32, Just(1 << 20)].prop_map(Op::Maintain),
        2 => (some_namespace(), vec(rule(), 1..3)).prop_map(|(ns, rules)| Op::Ban(ns, rules)),
        1 => defaults().prop_map(Op::Defaults),
        1 => any::<usize>().prop_map(Op::Switch),
        1 => Just(Op::Reopen),
    ]
}

fn namespace() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 1 => Just(1), 2 => Just(PLAIN)]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let rare = prop::sample::select(vec![&b"abc"[..], b"b", b"ba", b"\x00\xff", b"key:8by8"]);
    prop_oneof![4 => Just(&b"a"[..]), 2 => Just(&b"ab"[..]), 3 => rare].prop_map(<[u8]>::to_vec)
}

fn prefix() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![&b""[..], b"a", b"ab", b"b", b"nothing"]).prop_map(<[u8]>::to_vec)
}

/// Patterns are prefixes here, so that whom they concern is plain.
fn rule() -> impl Strategy<Value = Rule> {
    let tag = || "[a-c]{0,1}";
    prop_oneof![
        1 => Just(Rule::All),
        4 => tag().prop_map(Rule::Tag),
        2 => vec(tag(), 1..3).prop_map(Rule::AllTags),
        1 => prefix().prop_map(Rule::Prefix),
        1 => prefix().prop_map(|prefix| Rule::Glob([&prefix[..], b"*"].concat())),
        2 => Just(Rule::File("/file".into())),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i8>().prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        4 => vec(any::<u8>(), 0..60),
        2 => vec(any::<u8>(), 60..300),
        2 => (any::<u8>(), 0..400usize).prop_map(|(byte, len)| vec![byte; len]),
        1 => (any::<u8>(), 1_500..4_000usize).prop_map(|(byte, len)| vec![byte; len]),
        1 => Just(vec![7; HUGE]),
    ]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 1..40u64, 3 => 40..400u64, 1 => Just(u64::MAX)]
}

/// Now and then a time that must be refused.
fn doubtful_time() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![60 => Just(None), 40 => time().prop_map(Some), 1 => Just(Some(0))]
}

fn stale() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![6 => Just(None), 1 => Just(Some(0)), 3 => time().prop_map(Some)]
}

fn options() -> impl Strategy<Value = SetOptions> {
    let content_type = prop_oneof![2 => Just(""), 1 => Just("text/plain"), 1 => Just("ü/ß")].prop_map(str::to_owned);
    let metadata = prop_oneof![3 => Just(vec![]), 1 => vec(("[a-c]{0,2}", "[x-z]{0,9}"), 1..3)];
    let tags =
        prop_oneof![3 => Just(vec![]), 1 => vec("[a-c]{0,3}", 1), 1 => Just(vec!["a".to_owned(), "b".to_owned()])];
    let on = |kind, name: &str| Dependency { kind, name: name.into(), stamp: vec![1, 2] };
    let dependencies = prop_oneof![
        6 => Just(vec![]),
        1 => Just(vec![on(DependencyKind::Environment, "CC"), on(DependencyKind::File, "/file")]),
    ];
    let labels = (tags, dependencies);
    let durability = prop::sample::select(vec![Durability::Process, Durability::Memory, Durability::Sync]);
    let cost = prop_oneof![3 => Just(None), 1 => any::<u64>().prop_map(Some)];
    let worth = (cost, prop::bool::weighted(0.2));
    (doubtful_time(), doubtful_time(), stale(), content_type, metadata, labels, durability, worth).prop_map(
        |(ttl, tti, stale, content_type, metadata, (tags, dependencies), durability, (cost, prefetched))| SetOptions {
            ttl,
            tti,
            stale,
            content_type,
            metadata,
            tags,
            dependencies,
            durability,
            cost,
            prefetched,
        },
    )
}

fn item() -> impl Strategy<Value = Item> {
    (key(), value(), options()).prop_map(|(key, value, options)| Item { key, value, options })
}

fn defaults() -> impl Strategy<Value = NamespaceDefaults> {
    (option::of(time()), option::of(time()), stale(), prop_oneof![Just(0u8), 0..=100u8])
        .prop_map(|(ttl, tti, stale, jitter)| NamespaceDefaults { ttl, tti, stale, jitter })
}
