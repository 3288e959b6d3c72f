//! A store or snapshot that an earlier release wrote, and that cannot be read any more, reads as something else, or
//! is changed by being read.
//!
//! The golden files of each format lie in `tests/vectors/stores/`. Format 1 is a store of two segments, one full
//! with its sorted index, with entries of every kind, a tombstone in each segment, a cleared namespace, statistics
//! and accesses; and a snapshot of it. A copy is opened on virtual time at the moment of its making, and every
//! entry read byte for byte.
//!
//! One round, short and long. Seen to fail with another magic in the index (reading changed the log) and with
//! statistics under another name (nothing was counted).

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use larder::{Cache, Codec, Durability, EntryInfo, Filter, Hit, Imported, SetOptions, Strategy};
use larder_tests::format;
use larder_tests::stores::{NOW, builder, contents, copy, golden};

const DAY: u64 = 86_400_000;
const CENTURY: u64 = 36_525 * DAY;

/// An entry that the golden files hold.
struct Entry {
    namespace: &'static str,
    key: Vec<u8>,
    value: Vec<u8>,
    content_type: &'static str,
    metadata: Vec<(&'static str, &'static str)>,
    tags: Vec<&'static str>,
    ttl: Option<u64>,
    idle: Option<u64>,
    stale: Option<u64>,
    durability: &'static str,
    codec: &'static str,
}

fn entry(namespace: &'static str, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Entry {
    Entry {
        namespace,
        key: key.as_ref().to_vec(),
        value: value.as_ref().to_vec(),
        content_type: "",
        metadata: Vec::new(),
        tags: Vec::new(),
        ttl: None,
        idle: None,
        stale: None,
        durability: "process",
        codec: "none",
    }
}

/// What the first segment holds that is still there.
fn first() -> Vec<Entry> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    vec![
        entry("default", "plain", "a value"),
        entry("default", "empty", ""),
        entry("default", b"\0\xff/../k", &all_bytes),
        Entry {
            content_type: "text/plain; charset=utf-8",
            metadata: vec![("author", "Ada"), ("größe", "groß"), ("author", "again")],
            tags: vec!["users", "größe"],
            codec: "deflate",
            ..entry("default", "text", "The same words again. ".repeat(150))
        },
        Entry { ttl: Some(CENTURY), ..entry("default", "far", "in a hundred years") },
        Entry { ttl: Some(60_000), stale: Some(30_000), ..entry("default", "soon", "in a minute") },
        Entry { idle: Some(DAY), ..entry("default", "idle", "a day unread") },
        Entry { durability: "sync", ..entry("default", "synced", "survives power loss") },
        entry("default", "overwritten", "the second value"),
        entry("other", "plain", "the same key elsewhere"),
        entry("ns with / and ü", "plain", "a name of many letters"),
        entry("cleared", "after", "written after the clear"),
        entry("default", "counter", "41"),
        entry("default", "overwritten later", "the first value"),
        entry("default", "deleted later", "gone"),
    ]
}

/// What the second segment adds or changes.
fn second() -> Vec<Entry> {
    vec![
        Entry { codec: "lz4", ..entry("default", "lz4", "Other words, and again. ".repeat(150)) },
        entry("default", "counter", "42"),
        entry("default", "overwritten later", "the second value"),
        entry("default", "young", "the last"),
    ]
}

/// Everything that the store holds.
fn all() -> Vec<Entry> {
    let second = second();
    let replaced = |entry: &Entry| entry.key == b"deleted later" || second.iter().any(|new| new.key == entry.key);
    let mut all: Vec<_> = first().into_iter().filter(|entry| !replaced(entry)).collect();
    all.extend(second);
    all
}

/// Entries that are deleted or cleared: none may come back.
const GONE: [(&str, &str); 4] =
    [("default", "deleted"), ("default", "deleted later"), ("cleared", "before"), ("cleared", "before too")];

impl Entry {
    fn options(&self) -> SetOptions {
        let mut options = SetOptions::new().content_type(self.content_type);
        options = self.metadata.iter().fold(options, |options, (name, value)| options.metadata(*name, *value));
        options = self.tags.iter().fold(options, |options, tag| options.tag(*tag));
        let time = |ms: Option<u64>| ms.map(Duration::from_millis);
        options = time(self.ttl).into_iter().fold(options, SetOptions::ttl);
        options = time(self.idle).into_iter().fold(options, SetOptions::tti);
        options = time(self.stale).into_iter().fold(options, SetOptions::stale);
        if self.durability == "sync" { options.durability(Durability::Sync) } else { options }
    }

    fn expires(&self) -> Option<u64> {
        self.ttl.map(|ttl| NOW + ttl)
    }

    #[track_caller]
    fn is(&self, hit: Option<Hit>, info: Option<EntryInfo>) {
        let shown = String::from_utf8_lossy(&self.key).into_owned();
        let hit = hit.unwrap_or_else(|| panic!("{} {shown:?} is not found", self.namespace));
        let info = info.unwrap_or_else(|| panic!("{} {shown:?} is not described", self.namespace));
        assert!(hit.value == self.value, "{} {shown:?} reads as {:?}", self.namespace, hit.value);
        let hit = (&*hit.content_type, hit.created, hit.expires, hit.is_stale, hit.version);
        assert_eq!(hit, (self.content_type, NOW, self.expires(), false, info.version), "{shown:?}");
        let metadata: Vec<_> = info.metadata.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            (metadata, &info.tags[..]),
            (self.metadata.clone(), &self.tags.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]),
            "{shown:?}"
        );
        let of_info = (&*info.namespace, &*info.key, info.created, info.value_size, info.codec, info.durability);
        let len = self.value.len() as u64;
        assert_eq!(of_info, (self.namespace, &*self.key, NOW, len, self.codec, self.durability), "{shown:?}");
        assert_eq!(
            (info.expires, info.idle_timeout, info.stale_window),
            (self.expires(), self.idle, self.stale),
            "{shown:?}"
        );
        let gone = self.idle.map(|idle| NOW + idle).or(self.expires().map(|at| at + self.stale.unwrap_or(0)));
        assert_eq!(info.gone, gone, "{shown:?}");
    }
}

/// Reads every entry, those that are not there too.
#[track_caller]
fn reads_all(cache: &Cache) {
    let of = |namespace: &str| cache.namespace(namespace).expect("a namespace");
    for entry in all() {
        // Described as it lies on disk; once it was read it is in memory, as it is there.
        let info = of(entry.namespace).inspect(&entry.key).expect("readable");
        entry.is(of(entry.namespace).lookup(&entry.key).expect("readable"), info);
    }
    for (namespace, key) in GONE {
        assert_eq!(of(namespace).get(key).expect("readable"), None, "{namespace} {key} came back");
    }
    for namespace in ["default", "other", "ns with / and ü", "cleared", "unheard of"] {
        let listed = of(namespace).list(&Filter::default()).expect("listed").len();
        assert_eq!(listed, all().iter().filter(|entry| entry.namespace == namespace).count(), "entries of {namespace}");
    }
}

/// Segments and superblock, which reading leaves alone.
fn log(store: &Path) -> impl PartialEq + use<> {
    let mut contents = contents(store);
    contents.retain(|path, _| path.starts_with("segments") || path.starts_with("larder.store"));
    contents
}

#[test]
fn a_store_of_format_1_is_read_and_not_changed() {
    for strategy in [Strategy::Shared, Strategy::ReadOnly] {
        let (_directory, store) = copy(1);
        let (before, log_before) = (contents(&store), log(&store));
        for _ in 0..2 {
            let cache = builder(&store, NOW).strategy(strategy).open().expect("opens");
            reads_all(&cache);
            // Everything is in memory now, and is the same again.
            reads_all_values(&cache);
        }
        assert!(log_before == log(&store), "{strategy:?}: reading changed the log");
        assert!(strategy == Strategy::Shared || before == contents(&store), "a store that is only read was changed");
    }
}

fn reads_all_values(cache: &Cache) {
    for entry in all() {
        let found = cache.namespace(entry.namespace).and_then(|cache| cache.get(&entry.key)).expect("readable");
        assert!(found.as_deref() == Some(&*entry.value), "{:?}", String::from_utf8_lossy(&entry.key));
    }
}

#[test]
fn times_of_format_1_count() {
    let (_directory, store) = copy(1);
    let at = |now: u64, key: &str| {
        let cache = builder(&store, now).strategy(Strategy::ReadOnly).open().expect("opens");
        cache.lookup(key).expect("readable").map(|hit| hit.is_stale)
    };
    assert_eq!([at(NOW + 59_999, "soon"), at(NOW + 60_000, "soon")], [Some(false), Some(true)]);
    assert_eq!([at(NOW + 89_999, "soon"), at(NOW + 90_000, "soon")], [Some(true), None]);
    assert_eq!([at(NOW + DAY - 1, "idle"), at(NOW + DAY, "idle")], [Some(false), None]);
    assert_eq!([at(NOW + CENTURY - 1, "far"), at(NOW + CENTURY, "far")], [Some(false), None]);
    assert_eq!(at(NOW + 10 * CENTURY, "plain"), Some(false));
}

#[test]
fn what_format_1_counted_is_known() {
    let (_directory, store) = copy(1);
    let cache = builder(&store, NOW).strategy(Strategy::ReadOnly).open().expect("opens");
    let lifetime = cache.lifetime().expect("readable");
    let default = lifetime.namespaces.get("default").expect("counted");
    let total = lifetime.total();
    assert_eq!((lifetime.updated, total.sets, default.deletes, total.hits, total.misses), (NOW, 23, 2, 3, 1));
    let hits = |key: &str| cache.inspect(key).expect("readable").map(|info| info.hits);
    assert_eq!((hits("plain"), hits("text"), hits("empty")), (Some(2), Some(1), Some(0)));
}

#[test]
fn an_index_of_format_1_is_made_again_as_it_was() {
    let (_directory, store) = copy(1);
    let before = log(&store);
    fs::remove_file(store.join("segments/0000000001.idx")).expect("removed");
    assert!(before != log(&store));
    reads_all(&builder(&store, NOW).open().expect("opens"));
    assert!(before == log(&store), "the index is another than that of the golden store");
}

#[test]
fn a_store_of_format_1_can_be_written_to() {
    let (_directory, store) = copy(1);
    let cache = builder(&store, NOW).open().expect("opens");
    assert_eq!(cache.increment("counter", 1, &SetOptions::new()).expect("counted"), 43);
    cache.set("new", "value").expect("stored");
    assert_eq!(cache.increment("counter", -1, &SetOptions::new()).expect("counted"), 42);
    assert!(cache.delete("new").expect("deleted"));
    drop(cache);
    let cache = builder(&store, NOW).open().expect("opens");
    reads_all(&cache);
    assert!(cache.verify(|_, _| {}).expect("verified").is_sound());
}

#[test]
fn a_snapshot_of_format_1_is_imported() {
    let directory = tempfile::tempdir().expect("a directory");
    let snapshot = fs::File::open(golden(1).join("snapshot.larder")).expect("the golden file is there");
    let cache = builder(&directory.path().join("store"), NOW).codec(Codec::None).open().expect("opens");
    let imported = cache.import(snapshot).expect("imported");
    assert_eq!(imported, Imported { entries: all().len() as u64, expired: 0, damaged: 0 });
    for entry in all() {
        let cache = cache.namespace(entry.namespace).expect("a namespace");
        let info = cache.inspect(&entry.key).expect("readable");
        // Compressed as this cache is set up to.
        Entry { codec: "none", ..entry }
            .is(cache.lookup(info.as_ref().map_or(&b"?"[..], |i| &i.key)).expect("readable"), info);
    }
}

/// A *seal* frame, as docs/design.md describes it: without it, a full segment takes 256 KiB.
fn seal(store: &Path, sequence: u64) -> Vec<u8> {
    let superblock = fs::read(store.join("larder.store")).expect("readable");
    let id = u64::from_le_bytes(*superblock[16..].first_chunk().expect("long enough"));
    let segment = fs::read(store.join("segments/0000000001.seg")).expect("readable");
    format::mark(format::segment_seed(id, 1), segment.len(), 4, sequence, 2, 0)
}

#[test]
#[ignore = "writes the golden files of a format; run it when a format is added, never again for one that was released"]
fn write_the_golden_files() {
    let folder = golden(1);
    let store = folder.join("store");
    assert!(!store.exists(), "{} is there already", store.display());
    let set = |cache: &Cache, entry: Entry| {
        let cache = cache.namespace(entry.namespace).expect("a namespace");
        cache.set_with(&entry.key, &entry.value, &entry.options()).expect("stored").version
    };
    let cache = builder(&store, NOW).open().expect("opens");
    let cleared = cache.namespace("cleared").expect("a namespace");
    cleared.set("before", "cleared").expect("stored");
    cleared.set("before too", "cleared").expect("stored");
    cleared.clear().expect("cleared");
    cache.set("overwritten", "the first value").expect("stored");
    cache.set("deleted", "gone").expect("stored");
    cache.delete("deleted").expect("deleted");
    let versions: Vec<_> = first().into_iter().map(|entry| set(&cache, entry)).collect();
    let last = *versions.last().expect("some");
    cache.get("plain").expect("readable");
    cache.get("text").expect("readable");
    drop(cache);
    let mut segment = fs::OpenOptions::new().append(true).open(store.join("segments/0000000001.seg")).expect("opens");
    segment.write_all(&seal(&store, last)).expect("written");
    let cache = builder(&store, NOW).codec(Codec::Lz4).open().expect("opens");
    for entry in second().into_iter().filter(|entry| entry.key != b"counter") {
        set(&cache, entry);
    }
    cache.increment("counter", 1, &SetOptions::new()).expect("counted");
    cache.delete("deleted later").expect("deleted");
    cache.get("plain").expect("readable");
    cache.get("absent").expect("readable");
    cache.export(fs::File::create(folder.join("snapshot.larder")).expect("made")).expect("exported");
    drop(cache);
    // Which boot of which machine it was is nobody's business.
    fs::write(store.join("larder.lock"), [0x5A; 16]).expect("written");
}
