//! Fears that a scan skips an entry, or shows it twice, while others come, go and change between its pages.

use std::collections::BTreeMap;

use larder_engine::{Config, Engine, Page, SetOptions};

const LASTING: u32 = 300;

fn engine() -> Engine {
    let mut engine = Engine::open(Config::default()).expect("defaults are valid");
    engine.namespace("ns").expect("valid name");
    engine.namespace("other").expect("valid name");
    engine
}

fn set(engine: &mut Engine, namespace: u32, key: &str, len: usize) {
    engine.set(namespace, key.as_bytes(), &vec![b'v'; len], &SetOptions::default(), 1, None).expect("fits");
}

/// Scans to the end; `meanwhile` happens after each page. Answers how often each key was seen.
fn scan(engine: &mut Engine, limit: u32, mut meanwhile: impl FnMut(&mut Engine, u32)) -> BTreeMap<String, u32> {
    let (mut seen, mut cursor, mut pages) = (BTreeMap::new(), Some(0), 0);
    while let Some(from) = cursor {
        let Page { entries, next } = engine.scan(Some(0), b"k", from, limit, 1).expect("known namespace");
        assert!(entries.len() <= limit as usize);
        for info in entries {
            *seen.entry(String::from_utf8(info.key).expect("text")).or_default() += 1;
        }
        pages += 1;
        assert!(pages < 10_000, "a scan ends");
        meanwhile(engine, pages);
        engine.check().expect("sound");
        cursor = next;
    }
    seen
}

fn each_lasting_key_once(seen: &BTreeMap<String, u32>) {
    for n in 0..LASTING {
        let key = format!("k{n}");
        assert_eq!(seen.get(&key), Some(&1), "{key}");
    }
    assert!(seen.values().all(|&times| times == 1), "no key twice: {seen:?}");
}

fn filled() -> Engine {
    let mut engine = engine();
    for n in 0..LASTING {
        set(&mut engine, 0, &format!("k{n}"), 10);
        set(&mut engine, 1, &format!("k{n}"), 10);
        set(&mut engine, 0, &format!("not{n}"), 10);
    }
    engine
}

#[test]
fn while_nothing_changes_it_sees_exactly_what_is_there() {
    for limit in [1, 7, LASTING - 1, LASTING, LASTING + 1, u32::MAX] {
        let seen = scan(&mut filled(), limit, |_, _| {});
        each_lasting_key_once(&seen);
        assert_eq!(seen.len(), LASTING as usize, "no other namespace, no other prefix");
    }
}

#[test]
fn while_entries_are_overwritten_and_read() {
    let seen = scan(&mut filled(), 7, |engine, page| {
        for n in 0..LASTING {
            let key = format!("k{n}");
            match (n + page) % 5 {
                0 => set(engine, 0, &key, 10 + page as usize),
                1 => assert!(engine.touch(0, key.as_bytes(), Some(99), None, 1, None).expect("valid").is_some()),
                2 => assert!(engine.get(0, key.as_bytes(), 1).expect("known namespace").is_some()),
                _ => {}
            }
        }
    });
    each_lasting_key_once(&seen);
}

#[test]
fn while_others_are_added_and_deleted() {
    let seen = scan(&mut filled(), 7, |engine, page| {
        // A scan that others add to faster than it reads would not end.
        for n in 0..if page < 30 { 20 } else { 0 } {
            // Slots are vacated in front of the cursor and behind it, and taken again by new entries.
            let other = page * 20 + n;
            engine.delete(1, format!("k{}", other % LASTING).as_bytes(), None, 1).expect("known namespace");
            engine.delete(0, format!("not{}", LASTING - 1 - other % LASTING).as_bytes(), None, 1).expect("known");
            set(engine, 0, &format!("knew{other}"), 10);
            if n % 2 == 0 {
                engine.delete(0, format!("knew{other}").as_bytes(), None, 1).expect("known namespace");
            }
        }
    });
    for n in 0..LASTING {
        assert_eq!(seen.get(&format!("k{n}")), Some(&1), "k{n} was there all the time");
    }
}

#[test]
fn while_nothing_is_left() {
    let seen = scan(&mut filled(), 7, |engine, _| {
        engine.clear(None).expect("of all");
    });
    assert_eq!(seen.len(), 7, "only the first page");
}

#[test]
fn among_many_that_do_not_match() {
    let mut engine = engine();
    for n in 0..20_000 {
        set(&mut engine, 0, &format!("not{n}"), 0);
    }
    set(&mut engine, 0, "k", 0);
    let (mut found, mut cursor) = (0, Some(0));
    while let Some(from) = cursor {
        let page = engine.scan(Some(0), b"k", from, 1, 1).expect("known namespace");
        assert!(page.next.is_none_or(|next| next > from), "the cursor moves on over empty pages");
        found += page.entries.len();
        cursor = page.next;
    }
    assert_eq!(found, 1);
}

#[test]
fn entries_whose_time_is_over_are_not_seen() {
    let mut engine = engine();
    let short = SetOptions { ttl: Some(5), ..SetOptions::default() };
    engine.set(0, b"short", b"v", &short, 1, None).expect("fits");
    engine.set(0, b"long", b"v", &SetOptions::default(), 1, None).expect("fits");
    let keys = |now| {
        let page = engine.scan(None, b"", 0, 10, now).expect("of all");
        page.entries.into_iter().map(|info| info.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(5).len(), 2);
    assert_eq!(keys(6), [b"long"]);
}
