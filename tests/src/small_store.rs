//! A store of about 64 KiB on a memory disk of which everything is known: every frame, what it says, and so what must be
//! read when a part of it is damaged.
//!
//! Two full segments with their indexes and an active one hold entries that were written once, overwritten and deleted, in
//! the same segment and across segments, and a namespace that was cleared. A segment is full from 256 KiB on; here it is
//! ended early by a *seal* frame as a writer leaves it that is killed before it begins the next segment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use larder::{Builder, Cache, Codec};

use crate::format;
use crate::memory_disk::MemoryDisk;
use crate::scale::Random;

/// The directory of the store.
pub const ROOT: &str = "/store";

/// The identity of the store.
pub const ID: u64 = 0x1A2B_3C4D_5E6F_7081;

/// The time at which everything happens, Unix milliseconds.
pub const NOW: u64 = 1_790_000_000_000;

/// A namespace and a key in it.
pub type Key = (&'static str, String);

/// A frame of the log.
#[derive(Debug, Clone)]
pub struct Known {
    /// The segment that holds it.
    pub segment: u32,
    /// Where it begins.
    pub at: usize,
    /// Bytes of header, payload and padding.
    pub len: usize,
    /// The entries that it changes, and to what: several when a namespace was cleared.
    pub says: Vec<(Key, Option<Vec<u8>>)>,
}

/// The store, undamaged.
#[derive(Debug)]
pub struct SmallStore {
    /// Where it is.
    pub disk: MemoryDisk,
    /// Its frames in the order of the log.
    pub frames: Vec<Known>,
    /// What is under each key that was ever written.
    pub expected: BTreeMap<Key, Option<Vec<u8>>>,
}

/// How the store is opened.
pub fn builder(disk: &MemoryDisk) -> Builder {
    Cache::builder()
        .directory(ROOT)
        .storage(Arc::new(disk.clone()))
        .shards(1)
        .max_size(1 << 20)
        .max_memory(1 << 20)
        .max_entry_size(256 << 10)
        .lock_timeout(Duration::from_millis(200))
        .cleanup_interval(None)
        .codec(Codec::Deflate)
        .seed(1)
        .clock(|| NOW)
}

/// The path of a segment.
#[must_use]
pub fn segment(number: u32) -> PathBuf {
    Path::new(ROOT).join(format!("segments/{number:010}.seg"))
}

/// The path of a full segment's index.
#[must_use]
pub fn index(number: u32) -> PathBuf {
    segment(number).with_extension("idx")
}

/// A disk with an empty store of this identity on it. The key of its hash is all zeros, so that places repeat.
#[must_use]
pub fn empty(id: u64) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.write(Path::new(ROOT).join("larder.store"), format::superblock(id, [0; 16]));
    disk.write(segment(1), format::segment_header(id, 1));
    disk
}

/// Everything under `keys`, as it is read.
///
/// # Panics
/// When a read fails: damage is a miss.
pub fn read_all<'a>(cache: &Cache, keys: impl IntoIterator<Item = &'a Key>) -> BTreeMap<&'a Key, Option<Vec<u8>>> {
    let other = cache.namespace("other").expect("a namespace");
    let read = |(namespace, key): &Key| match *namespace {
        "other" => other.get(key),
        _ => cache.get(key),
    };
    keys.into_iter().map(|key| (key, read(key).expect("damage is a miss"))).collect()
}

/// Builds a store, keeping account of every frame.
struct Writer {
    store: SmallStore,
    random: Random,
    number: u32,
}

impl Writer {
    fn open(&self) -> Cache {
        builder(&self.store.disk).open().expect("the store opens")
    }

    /// Does something that appends one frame, and notes what that says.
    fn note(&mut self, says: Vec<(Key, Option<Vec<u8>>)>, act: impl FnOnce()) {
        let path = segment(self.number);
        let at = self.store.disk.read(&path).len();
        act();
        let len = self.store.disk.read(&path).len() - at;
        assert!(len >= format::FRAME_HEADER, "a frame was appended to segment {}", self.number);
        self.store.expected.extend(says.iter().cloned());
        self.store.frames.push(Known { segment: self.number, at, len, says });
    }

    fn set(&mut self, cache: &Cache, namespace: &'static str, key: &str) {
        // Every fifth is text that deflates; the others are noise.
        let value = match self.random.below(5) {
            0 => format!("{key} says {}. ", self.random.below(1000)).repeat(90).into_bytes(),
            _ => {
                let len = 200 + self.random.below(1000) as usize;
                self.random.bytes(len)
            }
        };
        let handle = cache.namespace(namespace).expect("a namespace");
        let says = vec![((namespace, key.to_owned()), Some(value.clone()))];
        self.note(says, || assert!(handle.set(key, value).expect("written").version > 0));
    }

    fn delete(&mut self, cache: &Cache, key: &str) {
        let says = vec![(("default", key.to_owned()), None)];
        self.note(says, || assert!(cache.delete(key).expect("deleted"), "{key} was there"));
    }

    fn clear_other(&mut self, cache: &Cache) {
        let keys = self.store.expected.keys().filter(|(namespace, _)| *namespace == "other");
        let says = keys.map(|key| (key.clone(), None)).collect();
        let other = cache.namespace("other").expect("a namespace");
        self.note(says, || assert!(other.clear().expect("cleared") > 0));
    }

    /// Ends the segment; whoever opens the store next goes on with the next one.
    fn seal(&mut self) {
        let path = segment(self.number);
        let mut bytes = self.store.disk.read(&path);
        let seed = format::segment_seed(ID, self.number);
        bytes.extend(format::mark(seed, bytes.len(), 4, self.store.frames.len() as u64, u64::from(self.number + 1), 0));
        self.store.disk.write(path, bytes);
        self.number += 1;
        // Any transaction does.
        self.open().cleanup().expect("the next segment begins");
        assert_eq!(self.store.disk.read(segment(self.number)).len(), format::SEGMENT_HEADER);
    }
}

/// Makes the store; the same bytes each time but for the hashes' order.
#[must_use]
pub fn build(seed: u64) -> SmallStore {
    let store = SmallStore { disk: empty(ID), frames: Vec::new(), expected: BTreeMap::new() };
    let mut writer = Writer { store, random: Random(seed), number: 1 };
    let cache = writer.open();
    (0..26).for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    ["a", "b", "c"].iter().for_each(|key| writer.set(&cache, "other", key));
    [0, 1].iter().for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    writer.delete(&cache, "key-02");
    drop(cache);
    writer.seal();
    let cache = writer.open();
    (26..46).for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    [3, 4, 26].iter().for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    ["key-05", "key-27"].iter().for_each(|key| writer.delete(&cache, key));
    writer.clear_other(&cache);
    writer.set(&cache, "other", "b");
    drop(cache);
    writer.seal();
    let cache = writer.open();
    (46..66).for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    [6, 28, 46].iter().for_each(|n| writer.set(&cache, "default", &format!("key-{n:02}")));
    ["key-07", "key-29", "key-47"].iter().for_each(|key| writer.delete(&cache, key));
    writer.set(&cache, "default", "key-66");
    read_all(&cache, writer.store.expected.keys());
    drop(cache);
    writer.store
}

impl SmallStore {
    /// What is read of a key when these frames say nothing.
    #[must_use]
    pub fn without(&self, unreadable: impl Fn(&Known) -> bool) -> BTreeMap<&Key, Option<Vec<u8>>> {
        let mut found: BTreeMap<&Key, Option<Vec<u8>>> = self.expected.keys().map(|key| (key, None)).collect();
        for frame in self.frames.iter().filter(|frame| !unreadable(frame)) {
            found.extend(frame.says.iter().map(|(key, value)| (key, value.clone())));
        }
        found
    }
}
