//! Fears bans that hit too much or too little, and lists that come back from bytes as others.

use proptest::prelude::*;

use super::{Ban, Bans, MAX_BANS, Rule, Subject};
use crate::config::{Dependency, DependencyKind, SetOptions};
use crate::record::fields::{self, Fields};

fn rules() -> impl Strategy<Value = Rule> {
    let text = "[a-c]{0,3}";
    prop_oneof![
        Just(Rule::All),
        text.prop_map(Rule::Tag),
        prop::collection::vec(text, 1..4).prop_map(Rule::AllTags),
        text.prop_map(|text| Rule::Prefix(text.into_bytes())),
        "[a-c*?]{0,4}".prop_map(|text| Rule::Glob(text.into_bytes())),
        text.prop_map(Rule::File),
    ]
}

fn bans() -> impl Strategy<Value = Vec<(Option<String>, Rule)>> {
    prop::collection::vec((prop::option::of("[xy]"), rules()), 0..20)
}

fn of(list: &[(Option<String>, Rule)]) -> Bans {
    let mut bans = Bans::default();
    for (sequence, (namespace, rule)) in (1..).zip(list) {
        bans.add(Ban { sequence, namespace: namespace.clone(), rule: rule.clone() }).expect("room");
        bans.check().expect("sound");
    }
    bans
}

proptest! {
    #[test]
    fn an_entry_is_banned_exactly_if_a_younger_rule_is_true_of_it(
        list in bans(),
        version in 0u64..20,
        namespace in "[xy]",
        key in "[a-c]{0,4}",
        tags in prop::collection::vec("[a-c]{0,3}", 0..4),
    ) {
        let options = SetOptions { tags, ..SetOptions::default() };
        let fields = fields::encode(&options, None, None).expect("small");
        let fields = Fields::new(&fields);
        let expected = (1..).zip(&list).any(|(sequence, (scope, rule)): (u64, _)| {
            sequence > version && scope.as_ref().is_none_or(|scope| *scope == namespace)
                && rule.is_true_of(key.as_bytes(), fields)
        });
        let entry = Subject { version, namespace: &namespace, key: key.as_bytes(), fields };
        prop_assert_eq!(of(&list).cover(&entry), expected);
    }

    #[test]
    fn bans_come_back_from_bytes(list in bans(), until in 0u64..20) {
        let mut bans = of(&list);
        let back = Bans::decode(&bans.encode()).expect("sound");
        back.check().expect("sound");
        prop_assert_eq!(back.all(), bans.all());
        bans.reap(until);
        bans.check().expect("sound");
        prop_assert!(bans.all().iter().all(|ban| ban.sequence > until));
    }

    #[test]
    fn hostile_bytes_are_refused_or_read(mut bytes in prop::collection::vec(any::<u8>(), 0..200), list in bans(), at: u16, bit in 0u8..8) {
        if let Ok(read) = Bans::decode(&bytes) {
            read.check().expect("sound");
        }
        bytes = of(&list).encode();
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(read) = Bans::decode(&bytes) {
            read.check().expect("sound");
        }
    }
}

#[test]
fn a_rule_made_again_takes_no_more_room() {
    let rule = |n: u64| if n.is_multiple_of(2) { Rule::Tag("t".into()) } else { Rule::Prefix(b"p".to_vec()) };
    let mut bans = Bans::default();
    for sequence in 1..5_000 {
        bans.add(Ban { sequence, namespace: None, rule: rule(sequence) }).expect("room");
    }
    assert_eq!((bans.all().len(), bans.newest()), (2, 4_999));
    bans.add(Ban { sequence: 7, namespace: None, rule: rule(7) }).expect("room");
    assert_eq!((bans.all().len(), bans.newest()), (2, 4_999), "the younger one counts");
    bans.check().expect("sound");
}

#[test]
fn there_is_an_end_to_their_number_and_their_size() {
    let mut bans = Bans::default();
    for sequence in 1..=MAX_BANS as u64 {
        let rule = Rule::Prefix(sequence.to_le_bytes().to_vec());
        bans.add(Ban { sequence, namespace: None, rule }).expect("room");
    }
    assert!(bans.add(Ban { sequence: 9_999, namespace: None, rule: Rule::All }).is_err());
    let mut bans = Bans::default();
    let long = |sequence| Ban { sequence, namespace: None, rule: Rule::Glob(vec![sequence as u8; 65_000]) };
    let room = (1..200).take_while(|&sequence| bans.add(long(sequence)).is_ok()).count();
    assert_eq!(room, 64, "four mebibytes");
}

#[test]
fn a_file_is_found_behind_patterns_too() {
    let on = |kind, name: &str| Dependency { kind, name: name.into(), stamp: vec![1] };
    let options = SetOptions {
        dependencies: vec![
            on(DependencyKind::File, "/src/a.rs"),
            on(DependencyKind::Glob, "/lib/**/*.rs"),
            on(DependencyKind::Environment, "/env"),
        ],
        ..SetOptions::default()
    };
    let bytes = fields::encode(&options, None, None).expect("small");
    let fields = Fields::validate(&bytes).expect("sound");
    let back: Vec<_> = fields.dependencies().map(|dependency| dependency.to_owned()).collect();
    assert_eq!(back, options.dependencies);
    for (path, expected) in
        [("/src/a.rs", true), ("/src/a.r", false), ("/lib/x/y.rs", true), ("/libx", false), ("/env", false)]
    {
        assert_eq!(Rule::File(path.into()).is_true_of(b"key", fields), expected, "{path}");
    }
}
