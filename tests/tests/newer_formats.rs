//! Files of a newer format, or of somebody else, that are guessed at, or overwritten.
//!
//! The golden store is made newer in one place at a time: the superblock, a segment (full or active, with and
//! without its index), a record, a snapshot; checksums are right, as a newer release would have them. Each must be
//! refused as `NewerFormat`, by every strategy and every operation that could overwrite it, and each file in the
//! directory must stay as it was, byte for byte. The same for directories that are no store.
//!
//! One round, short and long. Seen to fail with a superblock of version 2 taken for one's own; with headers of full
//! segments that nobody looks at; with the boot noted in the lock file before all segments were looked at; and with
//! a repair to which a newer record is damage.

use std::fs;
use std::path::{Path, PathBuf};

use larder::{Cache, ErrorKind, Rule, SetOptions, Strategy};
use larder_tests::stores::{NOW, builder, contents, copy, golden};
use xxhash_rust::xxh3::xxh3_64;

const STRATEGIES: [Strategy; 2] = [Strategy::Shared, Strategy::ReadOnly];

type Change = fn(&mut Vec<u8>);

/// Changes a file of a store.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("readable");
    change(&mut bytes);
    fs::write(path, bytes).expect("writable");
}

/// Puts the checksum of what goes before at a place.
fn seal_with_sum(bytes: &mut [u8], at: usize) {
    let sum = xxh3_64(&bytes[..at]).to_le_bytes();
    bytes[at..at + 8].copy_from_slice(&sum);
}

/// Opening is refused as `kind` and changes nothing.
#[track_caller]
fn refused(what: &str, store: &Path, kind: ErrorKind) {
    let before = contents(store);
    for strategy in STRATEGIES {
        let opened = builder(store, NOW).strategy(strategy).open();
        let refusal = opened.expect_err(&format!("{what}, {strategy:?}: it was opened"));
        assert_eq!(refusal.kind(), kind, "{what}, {strategy:?}: {refusal}");
        let after = contents(store);
        let changed: Vec<_> =
            before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
        assert!(changed.is_empty(), "{what}, {strategy:?}: {changed:?} changed");
    }
}

#[test]
fn a_newer_superblock_is_refused_and_nothing_changes() {
    let with_version = |version: u32, change: Change| {
        let (directory, store) = copy(1);
        edit(&store.join("larder.store"), |bytes| {
            bytes[8..12].copy_from_slice(&version.to_le_bytes());
            seal_with_sum(bytes, 40);
            change(bytes);
        });
        (directory, store)
    };
    let none: Change = |_| {};
    let longer: Change = |bytes| bytes.extend([7; 100]);
    for (version, change) in [(2, none), (3, longer), (u32::MAX, none)] {
        let (_directory, store) = with_version(version, change);
        let what = format!("a superblock of version {version}");
        refused(&what, &store, ErrorKind::NewerFormat);
        let before = contents(&store);
        let isolated = builder(&store, NOW).strategy(Strategy::ProcessIsolated).open().expect_err("refused");
        assert_eq!(isolated.kind(), ErrorKind::NewerFormat, "{what}: {isolated}");
        // Not even emptying: there may be more in it than this release knows of.
        assert_eq!(builder(&store, NOW).wipe().expect_err("refused").kind(), ErrorKind::NewerFormat, "{what}");
        assert!(before == contents(&store), "{what}: it was changed");
    }
}

/// A golden store in which a segment is of the next format.
fn newer_segment(number: u32) -> (tempfile::TempDir, PathBuf) {
    let (directory, store) = copy(1);
    edit(&store.join(format!("segments/{number:010}.seg")), |bytes| {
        bytes[4..8].copy_from_slice(&2u32.to_le_bytes());
        seal_with_sum(bytes, 24);
    });
    // Whoever writes such a segment writes its index in a format of its own, too.
    let index = store.join(format!("segments/{number:010}.idx"));
    if index.exists() {
        edit(&index, |bytes| bytes[7] = 2);
    }
    (directory, store)
}

#[test]
fn a_newer_active_segment_is_refused_and_nothing_changes() {
    let (_directory, store) = newer_segment(2);
    refused("an active segment of version 2", &store, ErrorKind::NewerFormat);
}

#[test]
fn a_newer_full_segment_is_refused_and_nothing_changes() {
    let (_directory, store) = newer_segment(1);
    refused("a full segment of version 2", &store, ErrorKind::NewerFormat);
}

#[test]
fn a_newer_full_segment_without_its_index_is_refused_and_nothing_changes() {
    let (_directory, store) = newer_segment(1);
    fs::remove_file(store.join("segments/0000000001.idx")).expect("removed");
    refused("a full segment of version 2 without an index", &store, ErrorKind::NewerFormat);
}

/// Makes the record of a key that begins at a place be of the next format.
fn make_newer(bytes: &mut [u8], at: usize) {
    make_version(bytes, at, 2);
}

/// Makes the record of a key that begins at a place be of a format.
fn make_version(bytes: &mut [u8], at: usize, version: u8) {
    let half = |place: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + place + i])) as usize;
    let key = usize::from(u16::from_le_bytes([bytes[at + 8], bytes[at + 9]]));
    let head = 56 + usize::from(bytes[at + 7]) + half(12) + key;
    let end = head + 8 + half(16);
    bytes[at + 4] = version;
    seal_with_sum(&mut bytes[at..], head);
    seal_with_sum(&mut bytes[at..], end);
}

/// Where the record begins that holds a value; it follows the head's checksum, and the head ends with the key.
fn record_of(bytes: &[u8], namespace_and_key: &[u8]) -> usize {
    let begins = |at: &usize| {
        let record = &bytes[*at..];
        record.starts_with(b"\x8CLRD") && record.len() > 56 && record[56..].starts_with(namespace_and_key)
    };
    (0..bytes.len()).find(begins).expect("the record is there")
}

/// A golden store in which one record is of the next format.
fn newer_record(segment: u32, namespace_and_key: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let (directory, store) = copy(1);
    edit(&store.join(format!("segments/{segment:010}.seg")), |bytes| {
        let at = record_of(bytes, namespace_and_key);
        make_newer(bytes, at);
    });
    (directory, store)
}

/// The log of a store.
fn segments(store: &Path) -> impl PartialEq + use<> {
    let mut contents = contents(store);
    contents.retain(|path, _| path.starts_with("segments"));
    contents
}

type Attempt = fn(&Cache, &str) -> Option<ErrorKind>;

/// What reads before it writes.
const ATTEMPTS: [(&str, Attempt); 6] = [
    ("add", |cache, key| cache.add(key, "new", &SetOptions::new()).err().map(|e| e.kind())),
    ("replace", |cache, key| cache.replace(key, "new", &SetOptions::new()).err().map(|e| e.kind())),
    ("compare_and_set", |cache, key| cache.compare_and_set(key, 1, "new", &SetOptions::new()).err().map(|e| e.kind())),
    ("increment", |cache, key| cache.increment(key, 1, &SetOptions::new()).err().map(|e| e.kind())),
    ("touch", |cache, key| cache.touch(key, None).err().map(|e| e.kind())),
    ("delete", |cache, key| cache.delete(key).err().map(|e| e.kind())),
];

#[test]
fn a_newer_record_is_a_miss_and_is_not_overwritten() {
    for (segment, key, whole) in [(1, "plain", &b"defaultplain"[..]), (2, "counter", b"defaultcounter")] {
        let (_directory, store) = newer_record(segment, whole);
        let before = segments(&store);
        let cache = builder(&store, NOW).open().expect("opens");
        assert_eq!(cache.get(key).expect("a miss"), None, "{key}");
        for (name, attempt) in ATTEMPTS {
            assert_eq!(attempt(&cache, key), Some(ErrorKind::NewerFormat), "{name} {key}");
            assert!(before == segments(&store), "{name} {key}: the log was changed");
        }
        assert!(cache.stats_all().expect("counted").memory.counters.refused_newer > 0, "{key}: it is counted");
        assert_eq!(cache.get("young").expect("readable").as_deref(), Some(&b"the last"[..]), "others are untouched");
    }
}

#[test]
fn a_newer_record_is_no_damage_to_be_mended() {
    let (_directory, store) = newer_record(1, b"defaultplain");
    let before = segments(&store);
    {
        let cache = builder(&store, NOW).open().expect("opens");
        cache.verify(|_, _| {}).expect("verified");
        cache.cleanup().expect("cleaned up");
        assert!(before == segments(&store), "looking at it changed the log");
        cache.repair(|_, _| {}).expect("repaired");
    }
    assert!(before == segments(&store), "repairing the store deleted a record of a newer format");
}

#[test]
fn bans_outlast_a_record_that_cannot_be_read_yet() {
    let (_directory, store) = newer_record(1, b"defaultplain");
    {
        let cache = builder(&store, NOW).open().expect("opens");
        cache.invalidate(&Rule::All).expect("banned");
        assert!(cache.cleanup().expect("cleaned up") > 0, "others are deleted");
    }
    edit(&store.join("segments/0000000001.seg"), |bytes| {
        let at = record_of(bytes, b"defaultplain");
        make_version(bytes, at, 1);
    });
    let cache = builder(&store, NOW).open().expect("opens");
    assert_eq!(cache.get("plain").expect("a miss"), None, "it was invalid before it could be read");
}

#[test]
fn a_newer_snapshot_is_refused_before_anything_is_stored() {
    let snapshot = fs::read(golden(1).join("snapshot.larder")).expect("readable");
    let mut newer = snapshot.clone();
    newer[7] = 2;
    let mut newer_record = snapshot.clone();
    // Behind the snapshot's magic and the first record's length.
    make_newer(&mut newer_record, 12);
    for (what, snapshot) in [("a snapshot", newer), ("a record of a snapshot", newer_record)] {
        let (_directory, store) = copy(1);
        let before = segments(&store);
        let cache = builder(&store, NOW).open().expect("opens");
        let refusal = cache.import(&*snapshot).expect_err("refused");
        assert_eq!(refusal.kind(), ErrorKind::NewerFormat, "{what}: {refusal}");
        assert!(before == segments(&store), "{what}: something was stored");
    }
}

#[test]
fn a_directory_of_somebody_else_is_refused_and_nothing_changes() {
    type Make = fn(&Path);
    let made: [(&str, Make); 6] = [
        ("a letter", |dir| fs::write(dir.join("letter.txt"), "dear").expect("written")),
        ("a hidden file", |dir| fs::write(dir.join(".profile"), "").expect("written")),
        ("a file that is named like a superblock", |dir| fs::write(dir.join("larder.store"), "dear").expect("written")),
        ("an empty file that is named like a superblock", |dir| {
            fs::write(dir.join("larder.store"), "").expect("written")
        }),
        ("a superblock of another magic", |dir| {
            let (_directory, store) = copy(1);
            let mut bytes = fs::read(store.join("larder.store")).expect("readable");
            bytes[1] = b'X';
            seal_with_sum(&mut bytes, 40);
            fs::write(dir.join("larder.store"), bytes).expect("written");
        }),
        ("a letter beside folders named like a store's", |dir| {
            fs::create_dir(dir.join("segments")).expect("made");
            fs::write(dir.join("segments/0000000001.seg"), "dear").expect("written");
            fs::write(dir.join("letter.txt"), "dear").expect("written");
        }),
    ];
    for (what, make) in made {
        let directory = tempfile::tempdir().expect("a directory");
        make(directory.path());
        refused(what, directory.path(), ErrorKind::Directory);
        let before = contents(directory.path());
        let refusal = builder(directory.path(), NOW).wipe().err().map(|e| e.kind());
        assert_eq!(refusal, Some(ErrorKind::Directory), "{what}: emptying it");
        assert!(before == contents(directory.path()), "{what}: emptying it changed it");
    }
}
