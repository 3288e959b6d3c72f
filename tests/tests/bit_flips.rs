//! A wrong value, a panic, a hang, or more than one entry lost, because bits of the store's files flipped.
//!
//! A store of 64 KiB on a memory disk ([`small_store`]), of which every frame is known, is damaged by one bit at a time, in every
//! file. Each damaged store is opened (or refused with a typed error, and then wiped), every key is read, and the store is
//! verified, repaired, opened again, read again and cleared. A key has the right value or is a miss, at most one entry differs
//! for each flip, what differs was counted and `verify` says so, a repaired store is sound and has what was readable before, and
//! nothing deleted.
//!
//! Known exceptions, each bounded to the byte; the ignored tests say how it should be. A damaged header of a frame in the
//! active segment hides that frame, so that what it overwrote or deleted is read again
//! (`harm_at_the_head_of_a_frame_brings_nothing_back`). A damaged header of a tombstone or clear in a full one does no harm
//! until it is mended (`mending_brings_nothing_back`). A flip in a version field is taken for a newer format
//! (`a_flip_is_no_newer_format`).
//!
//! Bits: every 127th of all, another residue for each seed; in the long form each of them. Truncations and exchanged files are
//! in `damaged_files`. Seen to fail, "a wrong value under key-08", with the checksum over the whole record not
//! compared by the engine; and as it is, by the ignored tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use larder::{Cache, ErrorKind};
use larder_tests::format::FRAME_HEADER;
use larder_tests::memory_disk::MemoryDisk;
use larder_tests::scale;
use larder_tests::small_store::{self, Key, Known, SmallStore, builder, read_all};
use larder_tests::watchdog::Watchdog;

/// What flips did, added up.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    flips: u64,
    refused: u64,
    lost: u64,
    /// Keys under which something overwritten or deleted was read.
    back: u64,
    /// The same, but only after mending.
    mended_back: u64,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            flips: self.flips + more.flips,
            refused: self.refused + more.refused,
            lost: self.lost + more.lost,
            back: self.back + more.back,
            mended_back: self.mended_back + more.mended_back,
        }
    }
}

/// Where a bit is.
struct Place {
    file: PathBuf,
    byte: usize,
    bit: u8,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, byte {}, bit {}", self.file.display(), self.byte, self.bit)
    }
}

fn number_of(file: &Path, extension: &str) -> Option<u32> {
    (file.extension()? == extension).then(|| file.file_stem()?.to_str()?.parse().ok())?
}

impl Place {
    fn is_in(&self, name: &str) -> bool {
        self.file.file_name().is_some_and(|file| file == name)
    }

    /// In the field that says which version of the format a file is in.
    fn in_version(&self) -> bool {
        self.is_in("larder.store") && (8..12).contains(&self.byte)
            || number_of(&self.file, "seg").is_some() && (4..8).contains(&self.byte)
    }

    /// In the header of this frame.
    fn heads(&self, frame: &Known) -> bool {
        number_of(&self.file, "seg") == Some(frame.segment) && (frame.at..frame.at + FRAME_HEADER).contains(&self.byte)
    }

    /// In the header of this frame, which no index stands in for.
    fn hides(&self, frame: &Known, active: u32) -> bool {
        frame.segment == active && self.heads(frame)
    }

    /// In the header of this frame, which is a tombstone or a clear and so is not written again by mending.
    fn voids(&self, frame: &Known) -> bool {
        self.heads(frame) && frame.says.iter().all(|(_, value)| value.is_none())
    }
}

/// Opens the store a second time, after mending: sound, and as readable as before.
fn check_repaired(
    disk: &MemoryDisk,
    before: &BTreeMap<&Key, Option<Vec<u8>>>,
    store: &SmallStore,
    place: &Place,
) -> u64 {
    let cache = builder(disk).open().unwrap_or_else(|e| panic!("{place}: repaired and refused: {e}"));
    let found = cache.verify(|_, _| ()).unwrap_or_else(|e| panic!("{place}: verify after repair: {e}"));
    assert!(found.is_sound(), "{place}: after repair, {found:?}");
    let voided = store.frames.iter().find(|frame| place.voids(frame));
    let without = store.without(|frame| place.voids(frame));
    let mut back = 0;
    for (key, value) in read_all(&cache, store.expected.keys()) {
        let was = &before[key];
        if voided.is_some() && value != *was && value == without[key] {
            back += 1;
            continue;
        }
        assert!(value == *was || was.is_none() && value == store.expected[key], "{place}: repair changed {key:?}");
    }
    check_emptied(&cache, store, place);
    back
}

fn check_emptied(cache: &Cache, store: &SmallStore, place: &Place) {
    cache.clear_all().unwrap_or_else(|e| panic!("{place}: clear_all: {e}"));
    let left = read_all(cache, store.expected.keys()).into_values().flatten().count();
    assert_eq!(left, 0, "{place}: entries left after clear_all");
    cache.set("key-00", "new").expect("an emptied cache takes a value");
    assert_eq!(cache.get("key-00").expect("readable").as_deref(), Some(&b"new"[..]), "{place}");
}

fn check_refused(disk: &MemoryDisk, e: &larder::Error, store: &SmallStore, place: &Place) {
    let typed = matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Directory | ErrorKind::NewerFormat);
    assert!(typed && (place.is_in("larder.store") || place.in_version()), "{place}: refused: {e}");
    match builder(disk).wipe() {
        Ok(()) => check_emptied(&builder(disk).open().expect("a wiped store opens"), store, place),
        // Never rewritten, and nothing tells the flip from a newer version.
        Err(e) if e.kind() == ErrorKind::NewerFormat && place.is_in("larder.store") && place.in_version() => {}
        Err(e) => panic!("{place}: wipe: {e}"),
    }
}

fn check(store: &SmallStore, active: u32, place: &Place) -> Tally {
    let mut tally = Tally { flips: 1, ..Tally::default() };
    let disk = store.disk.copy();
    let mut bytes = disk.read(&place.file);
    bytes[place.byte] ^= 1 << place.bit;
    disk.write(&place.file, bytes);
    let cache = match builder(&disk).open() {
        Ok(cache) => cache,
        Err(e) => {
            check_refused(&disk, &e, store, place);
            return Tally { refused: 1, ..tally };
        }
    };
    let found = read_all(&cache, store.expected.keys());
    let hidden = store.frames.iter().find(|frame| place.hides(frame, active));
    let without = store.without(|frame| place.hides(frame, active));
    for (key, expected) in &store.expected {
        let value = &found[key];
        if value == expected {
            continue;
        }
        if value.is_none() {
            tally.lost += 1;
        } else {
            assert!(hidden.is_some() && *value == without[key], "{place}: a wrong value under {key:?}");
            tally.back += 1;
        }
    }
    let differ = tally.lost + tally.back;
    assert!(differ <= 1, "{place}: {differ} entries differ");
    let counted = cache.stats_all().expect("statistics");
    let counters = counted.memory.counters;
    let noticed = counted.store.map_or(0, |store| store.damaged) + counters.refused + counters.store_errors;
    match cache.verify(|_, _| ()) {
        Ok(verified) => {
            assert!(differ == 0 || !verified.is_sound(), "{place}: an entry differs, and verify finds nothing");
            assert!(differ == 0 || noticed > 0 || !verified.is_sound(), "{place}: nothing counted it");
        }
        Err(e) if e.kind() == ErrorKind::NewerFormat && place.in_version() => {
            check_emptied(&cache, store, place);
            return Tally { refused: 1, ..tally };
        }
        Err(e) => panic!("{place}: verify: {e}"),
    }
    cache.repair(|_, _| ()).unwrap_or_else(|e| panic!("{place}: repair: {e}"));
    drop(cache);
    tally.mended_back = check_repaired(&disk, &found, store, place);
    tally
}

/// Every bit of every file.
fn places(disk: &MemoryDisk) -> Vec<Place> {
    let files = disk.files().into_iter();
    let bits = |file: PathBuf| {
        let len = disk.read(&file).len();
        (0..len * 8).map(move |bit| Place { file: file.clone(), byte: bit / 8, bit: (bit % 8) as u8 })
    };
    files.flat_map(bits).collect()
}

#[test]
fn a_flipped_bit_loses_at_most_its_own_entry() {
    let store = small_store::build(scale::seed());
    let active = store.frames.last().expect("frames").segment;
    let all = places(&store.disk);
    // A prime step reaches every bit of a byte and every byte of a header in turn.
    let step = scale::rounds(127, 1) as usize;
    let chosen: Vec<&Place> = all.iter().skip(scale::seed() as usize % step).step_by(step).collect();
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let tally = thread::scope(|scope| {
        let work = |share: usize| {
            let (chosen, store) = (&chosen, &store);
            scope.spawn(move || {
                let dog = Watchdog::new("bit_flips");
                let mut tally = Tally::default();
                for (round, place) in chosen.iter().enumerate().skip(share).step_by(threads) {
                    tally = tally + dog.round(round as u64, || check(store, active, place)).0;
                }
                tally
            })
        };
        let shares: Vec<_> = (0..threads).map(work).collect();
        let joined = shares.into_iter().map(|share| share.join().expect("a share without a flaw"));
        joined.fold(Tally::default(), |sum, more| sum + more)
    });
    println!("{} bytes in {} files: {tally:?}", store.disk.size(), store.disk.files().len());
    // Nothing was flipped that matters if nothing was ever lost.
    assert!(tally.lost > 0 && tally.refused > 0, "{tally:?}");
}

#[test]
fn mending_brings_nothing_back() {
    let store = small_store::build(scale::seed());
    let active = store.frames.last().expect("frames").segment;
    for frame in store.frames.iter().filter(|frame| frame.segment != active) {
        let place = Place { file: small_store::segment(frame.segment), byte: frame.at + 24, bit: 0 };
        assert_eq!(check(&store, active, &place).mended_back, 0, "{place}, the frame of {:?}", frame.says[0].0);
    }
}

#[test]
fn harm_at_the_head_of_a_frame_brings_nothing_back() {
    let store = small_store::build(scale::seed());
    let active = store.frames.last().expect("frames").segment;
    for frame in store.frames.iter().filter(|frame| frame.segment == active) {
        let place = Place { file: small_store::segment(active), byte: frame.at + 24, bit: 0 };
        assert_eq!(check(&store, active, &place).back, 0, "{place}, the frame of {:?}", frame.says[0].0);
    }
}

#[test]
fn a_flip_is_no_newer_format() {
    let store = small_store::build(scale::seed());
    let active = store.frames.last().expect("frames").segment;
    for number in 1..=active {
        let place = Place { file: small_store::segment(number), byte: 4, bit: 1 };
        assert_eq!(check(&store, active, &place).refused, 0, "{place}");
    }
}
