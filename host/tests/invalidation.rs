//! Fears entries that come back although they were made invalid: in another process, after a restart, after upkeep; and
//! entries that go although they were written later.

mod common;

use std::fs;

use common::Home;
use larder::{Cache, ErrorKind, Filter, Rule, SetOptions, Strategy};
use serde_json::json;

fn open(home: &Home) -> Cache {
    Cache::builder().directory(home.store()).open().expect("opens")
}

fn tagged(tag: &str) -> SetOptions {
    SetOptions::new().tag(tag)
}

fn tag(name: &str) -> Rule {
    Rule::Tag(name.into())
}

fn there(cache: &Cache, key: &str) -> bool {
    let there = cache.get(key).expect("readable").is_some();
    assert_eq!(cache.contains(key).expect("readable"), there, "{key}");
    there
}

#[test]
fn another_process_learns_of_it_whatever_it_has_in_memory() {
    let home = Home::new();
    let cache = open(&home);
    for key in ["one", "two", "other"] {
        cache.set_with(key, "v", &tagged(if key == "other" { "u" } else { "t" })).expect("stored");
        assert!(there(&cache, key), "in memory now");
    }
    assert_eq!(home.json(&["invalidate", "--tag", "t", "--count"]), json!({"count": 2, "in_memory": 0}));
    assert_eq!(["one", "two", "other"].map(|key| there(&cache, key)), [false, false, true]);
    cache.set_with("one", "new", &tagged("t")).expect("stored");
    assert!(there(&cache, "one"), "written later");
    assert_eq!(home.get("two"), None);
    assert_eq!(home.get("one").as_deref(), Some(&b"new"[..]));
    assert_eq!(home.ok(&["list"]), "other\none\n");
}

#[test]
fn it_survives_restarts_and_upkeep() {
    let home = Home::new();
    home.run(&["set", "user:1", "a"]).succeeded();
    home.run(&["set", "user:2", "b", "--tag", "t"]).succeeded();
    home.run(&["set", "page:1", "c", "--tag", "t", "--tag", "u"]).succeeded();
    home.run(&["invalidate", "--prefix", "user:"]).succeeded();
    assert_eq!([home.get("user:1"), home.get("user:2")], [None, None]);
    assert_eq!(home.json(&["list"]).as_array().expect("a list").len(), 1);
    home.run(&["invalidate", "--tag", "u", "--tag", "t", "--all-tags"]).succeeded();
    assert_eq!(home.get("page:1"), None);
    home.run(&["set", "user:1", "again"]).succeeded();
    assert_eq!(home.json(&["cleanup"]), json!({"removed": 2}), "user:1 was written again");
    let bytes = home.segments().iter().map(|segment| fs::metadata(segment).expect("there").len()).sum::<u64>();
    assert_eq!(home.json(&["cleanup"]), json!({"removed": 0}));
    let after = home.segments().iter().map(|segment| fs::metadata(segment).expect("there").len()).sum::<u64>();
    assert_eq!(after, bytes, "without bans there is nothing to write");
    assert_eq!(home.get("user:1").as_deref(), Some(&b"again"[..]));
    assert_eq!([home.get("user:2"), home.get("page:1")], [None, None]);
    assert_eq!(home.json(&["stats"])["store"]["entries"], json!(1), "the list of bans is no entry");
    assert!(home.run(&["verify"]).succeeded().text().contains("sound"));
}

#[test]
fn who_slept_through_bans_and_their_end_answers_nothing_old() {
    let home = Home::new();
    let (sleeper, other) = (open(&home), open(&home));
    for key in ["a", "b"] {
        sleeper.set_with(key, "v", &tagged(key)).expect("stored");
        assert!(there(&sleeper, key), "in memory now");
    }
    other.invalidate(&tag("a")).expect("recorded");
    assert_eq!(other.cleanup().expect("cleans"), 1);
    assert_eq!(["a", "b"].map(|key| there(&sleeper, key)), [false, true]);
}

#[test]
fn namespaces_are_apart_unless_everywhere_is_meant() {
    let home = Home::new();
    let one = open(&home);
    let two = one.namespace("two").expect("valid name");
    for cache in [&one, &two] {
        cache.set_with("k", "v", &tagged("t")).expect("stored");
    }
    assert_eq!(one.invalidate(&tag("t")).expect("recorded").in_memory, Some(1));
    assert!(!there(&one, "k") && there(&two, "k"));
    assert_eq!(two.count_matching_everywhere(&tag("t")).expect("counts"), 1);
    one.invalidate_everywhere(&Rule::All).expect("recorded");
    assert!(!there(&two, "k"));
    let refusal = one.namespace("larder.bans").expect_err("reserved");
    assert_eq!(refusal.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn operations_that_read_before_they_write_take_it_for_absent() {
    let home = Home::new();
    let cache = open(&home);
    let fresh = |key: &str| {
        cache.set_with(key, "7", &tagged("t")).expect("stored");
        cache.invalidate(&tag("t")).expect("recorded");
        // From the store, not from memory.
        cache.evict(u32::MAX).expect("evicts");
    };
    let none = SetOptions::new();
    fresh("add");
    assert!(cache.add("add", "new", &none).expect("decides").is_some());
    fresh("replace");
    assert!(cache.replace("replace", "new", &none).expect("decides").is_none());
    fresh("touch");
    assert!(cache.touch("touch", None).expect("decides").is_none());
    fresh("count");
    assert_eq!(cache.increment("count", 1, &none).expect("counts"), 1);
    fresh("delete");
    assert!(!cache.delete("delete").expect("decides"));
    fresh("compute");
    assert_eq!(cache.get_or_insert_with("compute", &none, || b"new".to_vec()).expect("computes"), b"new");
    let keys: Vec<_> = cache.list(&Filter::default()).expect("lists").into_iter().map(|info| info.key).collect();
    assert_eq!(keys, [&b"add"[..], b"count", b"compute"]);
}

#[test]
fn memory_alone_knows_bans_in_every_shard() {
    let cache = Cache::builder().shards(4).open().expect("opens");
    for n in 0..100 {
        cache.set_with(format!("k{n}"), "v", &tagged(if n < 40 { "t" } else { "u" })).expect("stored");
    }
    assert_eq!(cache.invalidate(&tag("t")).expect("recorded").in_memory, Some(40));
    let left = |cache: &Cache| (0..100).filter(|n| there(cache, &format!("k{n}"))).count();
    assert_eq!(left(&cache), 60);
    cache.invalidate(&Rule::Glob(b"k?[0-4]".to_vec())).expect("recorded");
    assert_eq!(left(&cache), 30);
    cache.clear_all().expect("clears");
    cache.set_with("k1", "v", &tagged("t")).expect("stored");
    assert!(there(&cache, "k1"));
}

#[test]
fn more_bans_than_there_can_be_are_looked_through() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("key:3", "v").expect("stored");
    cache.set("other", "v").expect("stored");
    for n in 0..1_100 {
        cache.invalidate(&Rule::Prefix(format!("key:{n}").into_bytes())).expect("recorded");
    }
    assert_eq!(["key:3", "other"].map(|key| there(&cache, key)), [false, true]);
    drop(cache);
    assert_eq!((home.get("key:3"), home.get("other").is_some()), (None, true));
}

#[test]
fn a_list_of_bans_that_is_damaged_hides_all_that_is_older() {
    let home = Home::new();
    home.run(&["set", "old", "v", "--tag", "t"]).succeeded();
    home.run(&["set", "untouched", "v"]).succeeded();
    home.run(&["invalidate", "--tag", "t"]).succeeded();
    home.run(&["set", "young", "v"]).succeeded();
    let segment = home.segments().pop().expect("a segment");
    let mut bytes = fs::read(&segment).expect("readable");
    let name = b"larder.bans";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("in the log");
    bytes[at + 40] ^= 0x55;
    fs::write(&segment, bytes).expect("writable");
    assert_eq!(["old", "untouched"].map(|key| home.get(key)), [None, None], "who can tell what was banned?");
    assert!(home.get("young").is_some());
    home.run(&["set", "old", "new"]).succeeded();
    assert!(home.get("old").is_some());
}

#[test]
fn a_full_store_keeps_its_bans() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(1 << 20).open().expect("opens");
    let value = vec![7u8; 900];
    cache.set_with("old", &value, &tagged("t")).expect("stored");
    cache.invalidate(&tag("t")).expect("recorded");
    for n in 0..5_000u32 {
        cache.set(n.to_le_bytes(), common::noise(u64::from(n), 900)).expect("stored");
    }
    drop(cache);
    let cache = Cache::builder().directory(home.store()).max_size(1 << 20).open().expect("opens");
    assert!(!there(&cache, "old"));
    cache.set_with("old", &value, &tagged("t")).expect("stored");
    assert!(there(&cache, "old"));
    let (small, big) = (cache.invalidate(&tag("t")), cache.invalidate(&tag(&"x".repeat(70_000))));
    assert_eq!((small.is_ok(), big.expect_err("too long").kind()), (true, ErrorKind::InvalidArgument));
    assert!(!there(&cache, "old"));
}

#[test]
fn who_may_not_write_says_so() {
    let home = Home::new();
    home.run(&["set", "k", "v", "--tag", "t"]).succeeded();
    let reader = Cache::builder().directory(home.store()).strategy(Strategy::ReadOnly).open().expect("opens");
    let refusal = reader.invalidate(&tag("t")).expect_err("read-only");
    assert_eq!(refusal.kind(), ErrorKind::Store);
    assert!(there(&reader, "k"));
    home.run(&["invalidate", "--tag", "t"]).succeeded();
    assert!(!there(&reader, "k"), "a reader follows others");
}

#[test]
fn the_command_line_says_what_is_missing() {
    let home = Home::new();
    for args in [
        &["invalidate"][..],
        &["invalidate", "--all-tags", "--prefix", "p"],
        &["invalidate", "--tag", "t", "--glob", "g"],
    ] {
        assert_eq!(home.run(args).code, 2, "{args:?}");
    }
}

#[test]
fn an_operation_is_told_from_those_that_begin_alike() {
    let home = Home::new();
    let key =
        |operation: &str, text: &str| home.ok(&["key", "text", "--operation", operation, text]).trim_end().to_owned();
    let long = "long ".repeat(1_000);
    let keys = [key("sum", "a text"), key("sum", &long), key("summarize", "a text"), "text:sum".into()];
    keys.iter().for_each(|key| drop(home.run(&["set", key, "v"]).succeeded()));
    assert_eq!(home.json(&["invalidate", "--operation", "sum", "--count"])["count"], json!(2));
    assert_eq!(keys.map(|key| home.get(&key).is_some()), [false, false, true, true]);
}

#[test]
fn what_is_computed_meanwhile_does_not_come_back() {
    let cache = Cache::builder().open().expect("opens");
    for rule in [tag("t"), Rule::Prefix(b"k".to_vec()), Rule::All] {
        let value = cache.get_or_insert_with("key", &tagged("t"), || {
            cache.invalidate(&rule).expect("recorded");
            b"computed from what was".to_vec()
        });
        assert_eq!(value.expect("answered"), b"computed from what was");
        assert!(!there(&cache, "key"), "{rule:?}");
    }
    let other = Rule::Prefix(b"other".to_vec());
    let compute = || cache.invalidate(&other).map(|_| b"v".to_vec()).expect("recorded");
    cache.get_or_insert_with("key", &tagged("t"), compute).expect("computed");
    assert!(there(&cache, "key"), "it was not meant");
}
