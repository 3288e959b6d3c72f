//! A wrong value, a panic or a hang, because whole files of the store are not what they were.
//!
//! The files of a store of 64 KiB on a memory disk ([`small_store`]) are cut off at every length, emptied, removed, filled with
//! noise, exchanged with each other and with those of another store, and repeated under another number. Every frame is known,
//! so that for each key it is known what must be read: the newest that a frame says which is still whole where it was
//! written. The store opens with exactly that, or is refused with a typed error where it lost its superblock; it is verified,
//! repaired without a change to what is read, and emptied.
//!
//! Lengths: every 47th; in the long form each of them. Exchanges: all, always. Seen to fail in four of five
//! tests, by overwritten values and those of exchanged files, with the checksum of a frame's header not compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use larder::{Cache, ErrorKind};
use larder_tests::format::FRAME_HEADER;
use larder_tests::memory_disk::MemoryDisk;
use larder_tests::scale::{self, Random};
use larder_tests::small_store::{self, Key, Known, SmallStore, builder, read_all, segment};
use larder_tests::watchdog::Watchdog;

fn is_superblock(file: &Path) -> bool {
    file.ends_with("larder.store")
}

/// What must be read when the frames of which `lost` is true are lost.
type Expected<'a> = BTreeMap<&'a Key, Option<Vec<u8>>>;

fn check(what: &str, disk: &MemoryDisk, store: &SmallStore, expected: Option<&Expected<'_>>) {
    check_mended(what, disk, store, expected, expected);
}

/// With what is read after mending.
fn check_mended(
    what: &str,
    disk: &MemoryDisk,
    store: &SmallStore,
    expected: Option<&Expected<'_>>,
    mended: Option<&Expected<'_>>,
) {
    let opened = match (builder(disk).open(), expected) {
        (Ok(cache), _) => cache,
        (Err(e), None) => {
            assert!(matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Directory), "{what}: refused: {e}");
            builder(disk).wipe().unwrap_or_else(|e| panic!("{what}: wipe: {e}"));
            return check_emptied(what, &builder(disk).open().expect("a wiped store opens"), store);
        }
        (Err(e), Some(_)) => panic!("{what}: refused: {e}"),
    };
    let nothing = store.without(|_| true);
    let expected = expected.unwrap_or(&nothing);
    check_reads(what, &opened, expected);
    opened.verify(|_, _| ()).unwrap_or_else(|e| panic!("{what}: verify: {e}"));
    opened.repair(|_, _| ()).unwrap_or_else(|e| panic!("{what}: repair: {e}"));
    drop(opened);
    let after = mended.unwrap_or(&nothing);
    let mended = builder(disk).open().unwrap_or_else(|e| panic!("{what}: repaired and refused: {e}"));
    let found = mended.verify(|_, _| ()).unwrap_or_else(|e| panic!("{what}: verify after repair: {e}"));
    assert!(found.is_sound(), "{what}: after repair, {found:?}");
    check_reads(&format!("{what}, repaired"), &mended, after);
    check_emptied(what, &mended, store);
}

fn check_reads(what: &str, cache: &Cache, expected: &Expected<'_>) {
    let found = read_all(cache, expected.keys().copied());
    let len = |value: &Option<Vec<u8>>| value.as_ref().map(Vec::len);
    for (key, value) in &found {
        let right = &expected[key];
        assert!(value == right, "{what}: {key:?} has {:?} bytes, not {:?}", len(value), len(right));
    }
}

fn check_emptied(what: &str, cache: &Cache, store: &SmallStore) {
    cache.clear_all().unwrap_or_else(|e| panic!("{what}: clear_all: {e}"));
    assert_eq!(read_all(cache, store.expected.keys()).into_values().flatten().count(), 0, "{what}: left");
    cache.set("key-00", "new").expect("an emptied cache takes a value");
    assert_eq!(cache.get("key-00").expect("readable").as_deref(), Some(&b"new"[..]), "{what}");
}

/// What must be read when a file holds nothing any more that its frames' checksums allow.
fn without_file<'a>(store: &'a SmallStore, files: &[&Path]) -> Option<Expected<'a>> {
    let in_files = |frame: &Known| files.iter().any(|file| **file == segment(frame.segment));
    (!files.iter().any(|file| is_superblock(file))).then(|| store.without(in_files))
}

fn is_full(store: &SmallStore, file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "seg") && store.disk.files().contains(&file.with_extension("idx"))
}

/// What must be read when the newest of some keys is in this segment and cannot be read.
fn missing<'a>(store: &'a SmallStore, file: &Path) -> Expected<'a> {
    let newest = |wanted: &Key| store.frames.iter().rfind(|frame| frame.says.iter().any(|(key, _)| key == wanted));
    let is_here = |key: &Key| newest(key).is_some_and(|frame| *file == segment(frame.segment));
    store.expected.iter().map(|(key, value)| (key, value.clone().filter(|_| !is_here(key)))).collect()
}

#[test]
fn a_file_cut_off_keeps_what_is_before_the_cut() {
    let store = small_store::build(scale::seed());
    let dog = Watchdog::new("damaged_files");
    let step = scale::rounds(47, 1) as usize;
    for file in store.disk.files() {
        let whole = store.disk.read(&file);
        for len in (0..whole.len()).step_by(step) {
            let disk = store.disk.copy();
            disk.write(&file, &whole[..len]);
            // Of what is written twice, once is enough.
            let end = |frame: &Known| frame.at + if frame.len == 2 * FRAME_HEADER { FRAME_HEADER } else { frame.len };
            let lost = |frame: &Known| file == segment(frame.segment) && end(frame) > len;
            let expected = (!is_superblock(&file)).then(|| store.without(lost));
            let what = format!("{} cut off to {len}", file.display());
            dog.round(len as u64, || check(&what, &disk, &store, expected.as_ref()));
        }
    }
}

#[test]
fn a_file_that_is_none_of_its_own_says_nothing() {
    let store = small_store::build(scale::seed());
    let files = store.disk.files();
    let mut random = Random(scale::seed());
    for file in &files {
        let what = |how: &str| format!("{} {how}", file.display());
        let expected = without_file(&store, &[file]);
        let write = |bytes: Vec<u8>| {
            let disk = store.disk.copy();
            disk.write(file, bytes);
            disk
        };
        check(&what("emptied"), &write(Vec::new()), &store, expected.as_ref());
        let len = store.disk.read(file).len();
        for (how, bytes) in [("of zeros", vec![0; len]), ("of noise", random.bytes(len))] {
            // An index that fits still knows what is newest, and where nothing is found any more; mending keeps that.
            let missing = is_full(&store, file).then(|| missing(&store, file));
            let before = if missing.is_some() { missing.as_ref() } else { expected.as_ref() };
            check_mended(&what(how), &write(bytes), &store, before, before);
        }
        let disk = store.disk.copy();
        larder::storage::Storage::remove(&disk, file).expect("removed");
        check(&what("removed"), &disk, &store, expected.as_ref());
    }
}

#[test]
fn files_exchanged_with_each_other_say_nothing() {
    let store = small_store::build(scale::seed());
    let files = store.disk.files();
    for (place, one) in files.iter().enumerate() {
        for other in &files[place + 1..] {
            let disk = store.disk.copy();
            disk.write(one, store.disk.read(other));
            disk.write(other, store.disk.read(one));
            let what = format!("{} and {} exchanged", one.display(), other.display());
            check(&what, &disk, &store, without_file(&store, &[one, other]).as_ref());
        }
    }
}

/// A store with another identity but the same key of its hash and, mostly, the same keys.
fn another() -> MemoryDisk {
    let disk = small_store::empty(small_store::ID ^ 1);
    let cache = builder(&disk).open().expect("the store opens");
    (0..70).for_each(|n| assert!(cache.set(format!("key-{n:02}"), "foreign").expect("written").version > 0));
    cache.get("key-00").expect("readable");
    drop(cache);
    disk
}

#[test]
fn files_of_another_store_say_nothing() {
    let store = small_store::build(scale::seed());
    let another = another();
    for file in another.files() {
        let disk = store.disk.copy();
        disk.write(&file, another.read(&file));
        let expected = without_file(&store, &[&file]);
        check(&format!("another store's {}", file.display()), &disk, &store, expected.as_ref());
    }
}

#[test]
fn a_segment_under_another_number_says_nothing() {
    let store = small_store::build(scale::seed());
    let full = store.without(|_| false);
    let path = |number: u32, extension: &str| -> PathBuf { segment(number).with_extension(extension) };
    for from in 1..=3 {
        // 9 leaves a gap.
        for to in [4, 9, u32::MAX] {
            let disk = store.disk.copy();
            disk.write(segment(to), disk.read(segment(from)));
            if from < 3 {
                disk.write(path(to, "idx"), disk.read(path(from, "idx")));
            }
            check(&format!("segment {from} repeated as {to}"), &disk, &store, Some(&full));
        }
    }
}

#[test]
fn a_ragged_segment_is_mended() {
    let store = small_store::build(scale::seed());
    let disk = store.disk.copy();
    disk.write(segment(1), &store.disk.read(segment(1))[..92]);
    let expected = store.without(|frame| frame.segment == 1);
    check_mended("segment 1 cut off to 92", &disk, &store, Some(&expected), Some(&expected));
}

#[test]
fn mending_a_segment_of_zeros_brings_nothing_back() {
    let store = small_store::build(scale::seed());
    let disk = store.disk.copy();
    disk.write(segment(2), vec![0; store.disk.read(segment(2)).len()]);
    let missing = missing(&store, &segment(2));
    check_mended("segment 2 of zeros", &disk, &store, Some(&missing), Some(&missing));
}
