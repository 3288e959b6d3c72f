//! Fears a repair that loses what was readable, brings back what was deleted, or leaves damage behind.

mod common;

use std::fs;
use std::os::unix::fs::FileExt;

use common::Home;
use larder::{Cache, Filter};

const KEYS: u64 = 600;

fn open(home: &Home) -> Cache {
    Cache::builder().directory(home.store()).max_size(8 << 20).open().expect("opens")
}

fn value(n: u64, generation: u8) -> Vec<u8> {
    let mut value = vec![generation; 500];
    value[..8].copy_from_slice(&n.to_le_bytes());
    value
}

/// A store of several segments: each key was written twice, every tenth was deleted.
fn fill(home: &Home) {
    let cache =
        Cache::builder().directory(home.store()).max_size(8 << 20).codec(larder::Codec::None).open().expect("opens");
    for generation in [1, 2] {
        for n in 0..KEYS {
            cache.set(format!("k{n}"), value(n, generation)).expect("stored");
        }
    }
    for n in (0..KEYS).step_by(10) {
        cache.delete(format!("k{n}")).expect("deleted");
    }
    // One that is overwritten in a later segment.
    cache.set("k1", value(1, 3)).expect("stored");
}

/// How many keys have their newest value; a key may be missing, but never be wrong, old or back from the dead.
fn right(cache: &Cache) -> u64 {
    let mut right = 0;
    for n in 0..KEYS {
        if let Some(found) = cache.get(format!("k{n}")).expect("readable") {
            assert!(n % 10 != 0, "k{n} was deleted");
            assert_eq!(found, value(n, if n == 1 { 3 } else { 2 }), "k{n}");
            right += 1;
        }
    }
    right
}

/// Overwrites bytes of a segment.
fn harm(home: &Home, segment: usize, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(&home.segments()[segment]).expect("there");
    file.write_all_at(bytes, at).expect("written");
}

#[test]
fn damage_of_every_kind_is_mended_and_costs_only_itself() {
    for (what, segment, at, lost) in [
        ("a segment's header", 0, 4, 0),
        // Frames begin at 32 and take 656 bytes each: a header of 56, a record of about 600.
        ("a frame's header in a full segment", 1, 32 + 3, 0),
        ("a frame's header in the active segment", 2, 32 + 3, 1),
        ("a record in a full segment", 1, 32 + 300, 1),
        ("a record in the active segment", 2, 32 + 300, 1),
    ] {
        let home = Home::new();
        fill(&home);
        assert!(home.segments().len() >= 3, "{}", home.segments().len());
        harm(&home, segment, at, b"harm");
        let before = right(&open(&home));
        let found = open(&home).verify(|_, _| {}).expect("looked at");
        assert!(!found.is_sound(), "{what}: {found:?}");
        let mended = open(&home).repair(|_, _| {}).expect("mended");
        assert!(!mended.is_sound() && mended.lost_entries <= lost, "{what}: {mended:?}");
        let again = open(&home).verify(|_, _| {}).expect("looked at");
        assert!(again.is_sound(), "{what}: {again:?}");
        let after = right(&open(&home));
        assert!(after >= before && after + lost >= KEYS - KEYS / 10, "{what}: {before} then {after}");
        open(&home).set("more", "v").expect("stored");
        assert_eq!(open(&home).get("more").expect("readable").as_deref(), Some(&b"v"[..]));
    }
}

#[test]
fn a_lost_record_does_not_uncover_an_older_one() {
    let home = Home::new();
    fill(&home);
    // The newest record of k1 is the last frame.
    let active = home.segments().pop().expect("a segment");
    let len = fs::metadata(&active).expect("there").len();
    harm(&home, home.segments().len() - 1, len - 100, b"harm");
    assert_eq!(open(&home).get("k1").expect("readable"), None, "damaged");
    open(&home).repair(|_, _| {}).expect("mended");
    // The index is made anew from the frames: only a tombstone hides the older ones now.
    for index in home.indexes() {
        fs::remove_file(index).expect("removable");
    }
    assert_eq!(open(&home).get("k1").expect("readable"), None, "not an older value");
    assert!(open(&home).list(&Filter::default()).expect("listed").iter().all(|entry| entry.key != b"k1"));
}

#[test]
fn others_go_on_while_one_repairs() {
    let home = Home::new();
    fill(&home);
    let other = open(&home);
    let before = right(&other);
    harm(&home, 1, 32 + 300, b"harm");
    open(&home).repair(|_, _| {}).expect("mended");
    assert!(right(&other) + 1 >= before);
    other.set("k7", value(7, 2)).expect("stored");
    assert!(open(&home).verify(|_, _| {}).expect("looked at").is_sound());
}

#[test]
fn the_command_says_what_it_mended() {
    let home = Home::new();
    fill(&home);
    assert!(home.ok(&["verify", "--repair"]).starts_with("sound"));
    harm(&home, 1, 32 + 300, b"harm");
    home.run(&["verify"]).ended(3);
    let said = home.ok(&["verify", "--repair"]);
    assert!(said.starts_with("repaired") && said.contains("1 damaged records"), "{said}");
    assert!(home.ok(&["verify"]).starts_with("sound"));
    assert_eq!(home.json(&["verify"])["damaged_records"], 0);
}

#[test]
fn garbage_behind_a_full_segment_is_cut_off() {
    let home = Home::new();
    fill(&home);
    let before = right(&open(&home));
    for garbage in [8, 40, 200] {
        let full = &home.segments()[0];
        let len = fs::metadata(full).expect("there").len();
        harm(&home, 0, len, &vec![0xAA; garbage]);
        open(&home).repair(|_, _| {}).expect("mended");
        assert!(open(&home).verify(|_, _| {}).expect("looked at").is_sound(), "{garbage} bytes");
        assert_eq!(right(&open(&home)), before);
    }
}
