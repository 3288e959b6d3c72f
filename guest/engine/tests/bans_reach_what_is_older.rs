//! Fears an entry that comes back although it was made invalid, and one that goes although it was written later.

use larder_engine::config::MAX_LABELS;
use larder_engine::{Config, Engine, ErrorCode, MAX_BANS, Rule, SetOptions};

const NOW: u64 = 1_000_000;

fn engine(store: bool) -> Engine {
    let mut engine = Engine::open(Config { store, ..Config::default() }).expect("valid settings");
    for name in ["a", "b"] {
        engine.namespace(name).expect("valid name");
    }
    engine
}

fn tagged(tags: &[&str]) -> SetOptions {
    SetOptions { tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..SetOptions::default() }
}

fn set(engine: &mut Engine, ns: u32, key: &str, tags: &[&str]) -> Vec<u8> {
    engine.set(ns, key.as_bytes(), b"value", &tagged(tags), NOW, None).expect("written").record
}

fn there(engine: &mut Engine, ns: u32, key: &str) -> bool {
    let there = engine.get(ns, key.as_bytes(), NOW).expect("known").is_some();
    engine.check().expect("sound");
    there
}

fn tag(name: &str) -> Vec<Rule> {
    vec![Rule::Tag(name.into())]
}

#[test]
fn what_is_older_goes_and_what_is_written_later_stays() {
    for rule in [
        Rule::All,
        Rule::Tag("t".into()),
        Rule::AllTags(vec!["t".into(), "u".into()]),
        Rule::Prefix(b"ke".to_vec()),
        Rule::Glob(b"k?y".to_vec()),
    ] {
        let mut engine = engine(false);
        set(&mut engine, 0, "key", &["t", "u"]);
        set(&mut engine, 1, "key", &["t", "u"]);
        engine.ban(Some(0), vec![rule.clone()], NOW, None).expect("made");
        assert!(!there(&mut engine, 0, "key"), "{rule:?}");
        assert!(there(&mut engine, 1, "key"), "{rule:?}: another namespace");
        set(&mut engine, 0, "key", &["t", "u"]);
        assert!(there(&mut engine, 0, "key"), "{rule:?}: written later");
        engine.ban(None, vec![rule.clone()], NOW, None).expect("made");
        assert!(!there(&mut engine, 0, "key") && !there(&mut engine, 1, "key"), "{rule:?}: everywhere");
        assert_eq!(engine.stats(None).expect("known").invalidated, 3);
    }
}

#[test]
fn any_of_several_rules_is_enough_and_all_tags_means_all() {
    let mut engine = engine(false);
    for (key, tags) in [("one", &["t"][..]), ("two", &["t", "u"]), ("three", &["u"]), ("four", &[])] {
        set(&mut engine, 0, key, tags);
    }
    engine.ban(None, vec![Rule::AllTags(vec!["u".into(), "t".into()])], NOW, None).expect("made");
    let left = |engine: &mut Engine| ["one", "two", "three", "four"].map(|key| there(engine, 0, key));
    assert_eq!(left(&mut engine), [true, false, true, true]);
    engine.ban(None, [tag("t"), tag("u")].concat(), NOW, None).expect("made");
    assert_eq!(left(&mut engine), [false, false, false, true]);
}

#[test]
fn every_operation_that_reads_takes_a_banned_entry_for_absent() {
    let mut engine = engine(true);
    let fresh = |engine: &mut Engine| {
        let record = set(engine, 0, "k", &["t"]);
        engine.ban(None, tag("t"), NOW, None).expect("made");
        record
    };
    let record = fresh(&mut engine);
    assert!(!engine.exists(0, b"k", NOW).expect("known"));
    assert!(engine.is_banned(&record).expect("sound"));
    let refusal = engine.admit(0, b"k", &record, NOW).map(drop).expect_err("banned");
    assert_eq!(refusal.code, ErrorCode::Invalidated);
    assert!(engine.add(0, b"k", b"new", &SetOptions::default(), Some(&record), NOW, None).expect("tried").is_some());
    let record = fresh(&mut engine);
    assert!(
        engine.replace(0, b"k", b"new", &SetOptions::default(), Some(&record), NOW, None).expect("tried").is_none()
    );
    assert!(engine.touch(0, b"k", None, Some(&record), NOW, None).expect("tried").is_none());
    assert!(!engine.delete(0, b"k", Some(&record), NOW).expect("tried"));
    assert_eq!(engine.increment(0, b"k", 2, &SetOptions::default(), Some(&record), NOW, None).expect("sums").0, 2);
    fresh(&mut engine);
    assert!(engine.scan(None, b"", 0, 10, NOW).expect("page").entries.is_empty());
    assert!(engine.inspect(0, b"k", NOW).expect("known").is_none());
    assert!(engine.ttl(0, b"k", NOW).expect("known").is_none());
}

#[test]
fn another_engine_that_takes_the_record_agrees() {
    let (mut one, mut two) = (engine(true), engine(true));
    let old = set(&mut one, 0, "old", &["t"]);
    two.admit(0, b"old", &old, NOW).expect("good");
    let banned = one.ban(Some(0), tag("t"), NOW, None).expect("made");
    assert_eq!(banned.hit, Some(1));
    let young = set(&mut one, 0, "young", &["t"]);
    two.take_bans(&banned.record).expect("sound");
    assert!(!there(&mut two, 0, "old"));
    assert!(two.admit(0, b"old", &old, NOW).is_err() && two.admit(0, b"young", &young, NOW).is_ok());
    assert_eq!(two.bans(), 1);
    two.set(0, b"next", b"", &tagged(&["t"]), NOW, None).expect("written");
    assert!(there(&mut two, 0, "next"), "numbers go on behind the ban's");
    let record = one.reap_bans(banned.sequence, NOW, None).expect("reaped");
    two.take_bans(&record).expect("sound");
    assert_eq!((one.bans(), two.bans()), (0, 0));
    for harmed in [&record[..record.len() - 1], &old, b""] {
        assert!(two.take_bans(harmed).is_err());
    }
}

#[test]
fn a_ban_of_a_tag_says_how_many_it_hit() {
    let mut engine = engine(false);
    for n in 0..100 {
        set(&mut engine, n % 2, &n.to_string(), if n < 60 { &["t", "t"] } else { &["u"] });
    }
    let hit = |engine: &mut Engine, ns, rules| engine.ban(ns, rules, NOW, None).expect("made").hit;
    assert_eq!(hit(&mut engine, Some(0), tag("t")), Some(30));
    assert_eq!(hit(&mut engine, None, tag("t")), Some(60), "those of the first were not asked for since");
    assert!((0..100).all(|n| there(&mut engine, n % 2, &n.to_string()) == (n >= 60)));
    assert_eq!(hit(&mut engine, None, tag("t")), Some(0));
    set(&mut engine, 0, "3", &["t"]);
    assert_eq!(hit(&mut engine, None, tag("t")), Some(1));
    assert_eq!(hit(&mut engine, None, vec![Rule::Prefix(vec![])]), None, "it would have to look");
    engine.check().expect("sound");
    engine.clear(None).expect("clears");
    assert_eq!((hit(&mut engine, None, tag("u")), engine.bans()), (Some(0), 1));
}

#[test]
fn more_bans_than_there_can_be_are_looked_through_or_refused() {
    let mut memory = engine(false);
    set(&mut memory, 0, "key7", &[]);
    set(&mut memory, 0, "other", &[]);
    for n in 0..3 * MAX_BANS {
        memory.ban(None, vec![Rule::Prefix(format!("key{n}").into_bytes())], NOW, None).expect("made");
    }
    assert!(memory.bans() <= MAX_BANS as u32);
    assert!(!there(&mut memory, 0, "key7") && there(&mut memory, 0, "other"));

    let mut store = engine(true);
    let made = (0..2 * MAX_BANS)
        .take_while(|n| store.ban(None, vec![Rule::Prefix(n.to_le_bytes().to_vec())], NOW, None).is_ok())
        .count();
    assert_eq!(made, MAX_BANS);
    assert_eq!(store.ban(None, tag("t"), NOW, None).expect_err("full").code, ErrorCode::Full);
    let again = store.ban(None, vec![Rule::Prefix(7usize.to_le_bytes().to_vec())], NOW, None);
    assert!(again.is_ok(), "one that is made again takes the place of the older one: {again:?}");
}

#[test]
fn what_is_outside_the_limits_is_refused_and_changes_nothing() {
    let mut engine = engine(true);
    set(&mut engine, 0, "key", &["t"]);
    let many = vec!["t".to_owned(); 65];
    for rules in [
        vec![],
        vec![Rule::All; 65],
        vec![Rule::AllTags(vec![])],
        vec![Rule::AllTags(many)],
        vec![Rule::All, Rule::Tag("x".repeat(65_536))],
    ] {
        let refusal = engine.ban(None, rules, NOW, None).expect_err("outside the limits");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
    }
    assert_eq!(engine.ban(Some(9), tag("t"), NOW, None).expect_err("unknown").code, ErrorCode::UnknownNamespace);
    assert_eq!(engine.ban(None, tag("t"), NOW, Some(1 << 48)).expect_err("too high").code, ErrorCode::InvalidArgument);
    assert!(engine.bans() == 0 && there(&mut engine, 0, "key"));
    assert_eq!(engine.namespace("larder.bans").expect_err("reserved").code, ErrorCode::InvalidArgument);
    let options = SetOptions { tags: (0..=MAX_LABELS).map(|n| n.to_string()).collect(), ..SetOptions::default() };
    assert_eq!(
        engine.set(0, b"k", b"", &options, NOW, None).expect_err("too many tags").code,
        ErrorCode::InvalidArgument
    );
}

#[test]
fn who_missed_a_ban_until_it_was_reaped_keeps_nothing_that_is_older() {
    let (mut one, mut two) = (engine(true), engine(true));
    let records = ["old", "tagged"].map(|key| set(&mut one, 0, key, if key == "old" { &[] } else { &["t"] }));
    for (key, record) in ["old", "tagged"].iter().zip(&records) {
        two.admit(0, key.as_bytes(), record, NOW).expect("good");
    }
    let first = one.ban(None, vec![Rule::Prefix(b"x".to_vec())], NOW, None).expect("made");
    two.take_bans(&first.record).expect("sound");
    let second = one.ban(None, tag("t"), NOW, None).expect("made");
    let reaped = one.reap_bans(second.sequence, NOW, None).expect("reaped");
    two.take_bans(&reaped).expect("sound");
    assert!(!there(&mut two, 0, "tagged"), "it was hit, though nobody here knows");
    assert!(two.admit(0, b"old", &records[0], NOW).is_ok(), "whose record is still there may come back");
    // Who knew the ban keeps what it did not hit.
    let third = one.ban(None, tag("u"), NOW, None).expect("made");
    two.take_bans(&third.record).expect("sound");
    let reaped = one.reap_bans(third.sequence, NOW, None).expect("reaped");
    two.take_bans(&reaped).expect("sound");
    assert!(there(&mut two, 0, "old"));
}

#[test]
fn what_is_in_memory_only_goes_though_its_number_is_higher() {
    let mut engine = engine(true);
    let memory = SetOptions { durability: larder_engine::Durability::Memory, ..tagged(&["t"]) };
    engine.set(0, b"numbered", b"", &tagged(&["t"]), NOW, Some(10)).expect("written");
    engine.set(0, b"young", b"", &tagged(&["t"]), NOW, Some(20)).expect("written");
    engine.set(0, b"own", b"", &memory, NOW, None).expect("written");
    engine.ban(None, tag("t"), NOW, Some(15)).expect("made");
    assert_eq!(["numbered", "young", "own"].map(|key| there(&mut engine, 0, key)), [false, true, false]);
    assert_eq!(engine.ban(None, tag("t"), NOW, Some(5)).expect("older").sequence, 5);
    engine.check().expect("sound");
    assert!(there(&mut engine, 0, "young"));
}
