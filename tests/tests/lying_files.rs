//! A store's own files claim more than there is, with every checksum right: a frame or a line of an index of a gibibyte,
//! blocks and clears without number, a statistics file of nothing but namespaces, a file with a hole of a gibibyte.
//!
//! Each lie is told in a copy of a store with two full segments. Opening it, reading, listing, verifying and repairing
//! succeed or fail with a typed error, entries hold their value or are missing, and the host's heap grows by 8 MiB at
//! most. A watch ends a test that hangs.
//!
//! Rounds: each lie once, and 40 random bytes of each file; in the long form 4,000.
//! Seen to fail: with an index whose size is not compared with its file's ("blocks 1048576, list: the heap grew by
//! 4294991967 bytes"); with a file of accesses that is read whole ("the heap grew by 2147512727 bytes").

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use larder::{Cache, Codec, ErrorKind, Filter};
use larder_tests::allocated::{Allocated, CountingAllocator};
use larder_tests::copies::copy_of;
use larder_tests::forged::{FRAME, Frame, Segment};
use larder_tests::scale::{self, Random};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64_with_seed;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const BAR: usize = 8 << 20;
const KEYS: u64 = 220;
/// Longer than anything here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(dir: &Path) -> larder::Result<Cache> {
    let builder = Cache::builder().directory(dir).shards(1).max_memory(1 << 20).max_size(2 << 20).codec(Codec::None);
    builder.cleanup_interval(None).open()
}

fn value(n: u64) -> Vec<u8> {
    Random(n).bytes(3_000)
}

/// A store with two full segments and one that is active.
fn store() -> TempDir {
    static STORE: OnceLock<TempDir> = OnceLock::new();
    let template = STORE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = open(dir.path()).expect("opens");
        cache.namespace("other").and_then(|other| other.set("k", "v").and_then(|_| other.clear())).expect("cleared");
        for n in 0..KEYS {
            cache.set(n.to_string(), value(n)).expect("stored");
            cache.get(n.to_string()).expect("readable");
        }
        cache.cleanup().expect("cleaned up");
        dir
    });
    copy_of(template.path())
}

/// Meets a store whose files lie; answers how many entries are still there.
fn meet(context: &str, dir: &Path) -> u64 {
    let (context, dir) = (context.to_owned(), dir.to_owned());
    let (tell, told) = mpsc::channel();
    let meeting = std::thread::spawn(move || tell.send(meet_now(&context, &dir)));
    match told.recv_timeout(PATIENCE) {
        Ok(found) => found,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(meeting.join().expect_err("it panicked"))
        }
    }
}

fn meet_now(context: &str, dir: &Path) -> u64 {
    let heap = Allocated::now();
    let watch = |what: &str, e: Option<larder::Error>| {
        use ErrorKind::{Corrupt, Directory, Io, NewerFormat, Store, Trap};
        let kinds = [Corrupt, NewerFormat, Io, Directory, Store, Trap];
        assert!(e.as_ref().is_none_or(|e| kinds.contains(&e.kind())), "{context}, {what}: {e:?}");
        assert!(heap.peak() <= BAR, "{context}, {what}: the heap grew by {} bytes", heap.peak());
    };
    let mut found = 0;
    let cache = match open(dir) {
        Ok(cache) => cache,
        Err(e) => {
            watch("open", Some(e));
            return 0;
        }
    };
    let mut read = |what: &str| {
        for n in 0..KEYS {
            match cache.get(n.to_string()) {
                Ok(Some(there)) => {
                    assert!(there == value(n), "{context}, {what}: {n} holds what nobody set");
                    found += 1;
                }
                Ok(None) => {}
                Err(e) => watch(what, Some(e)),
            }
        }
    };
    // From cold indexes at first.
    read("get");
    watch("list", cache.list(&Filter::default()).err());
    watch("stats", cache.stats_all().err());
    watch("lifetime", cache.lifetime().err());
    watch("inspect", cache.inspect("1").err());
    watch("verify", cache.verify(|_, _| {}).err());
    watch("export", cache.export(std::io::sink()).err());
    watch("cleanup", cache.cleanup().err());
    watch("repair", cache.repair(|_, _| {}).err());
    read("get after repair");
    drop(cache);
    watch("drop", None);
    found
}

#[test]
fn an_honest_store_is_read_in_full() {
    let _alone = alone();
    let dir = store();
    assert_eq!(meet("an honest store", dir.path()), 2 * KEYS);
    assert!(fs::read_dir(dir.path().join("segments")).expect("segments").count() >= 5, "full segments");
}

/// Frames of full segments and the active one, with right checksums.
#[test]
fn a_frame_that_lies_about_its_length_loses_only_itself() {
    let _alone = alone();
    for place in [0, 1, 2] {
        for len in [0, 1, 3_000, 1 << 20, 1 << 30, (1 << 30) + (4 << 20), u32::MAX] {
            let dir = store();
            let mut segment = Segment::open(dir.path(), place);
            let frames = segment.frames();
            let (at, frame) = frames[frames.len() / 2];
            segment.bytes[at..at + FRAME].copy_from_slice(&Frame { len, ..frame }.encode(segment.seed, at));
            segment.save();
            // Without its index, so that the frames count.
            let _ = fs::remove_file(segment.path.with_extension("idx"));
            meet(&format!("segment {place}, a frame of {len} bytes"), dir.path());
        }
    }
}

/// Writes an index's first line again, and the checksum of its block.
fn lie_in_line(index: &Path, seed: u64, at: usize, lie: &[u8]) {
    let mut bytes = fs::read(index).expect("an index");
    let clears = u64::from_le_bytes(std::array::from_fn(|i| bytes[40 + i])) as usize;
    let start = 48 + 16 * clears + 8;
    for line in 0..3 {
        let place = start + 16 + 40 * line + at;
        bytes[place..place + lie.len()].copy_from_slice(lie);
    }
    let sum = xxh3_64_with_seed(&bytes[start + 8..start + 4096], seed);
    bytes[start..start + 8].copy_from_slice(&sum.to_le_bytes());
    fs::write(index, bytes).expect("writable");
}

fn full_segment(dir: &Path) -> (PathBuf, u64) {
    let segment = Segment::open(dir, 1);
    (segment.path.with_extension("idx"), segment.seed)
}

fn meet_lying_line(name: &str, at: usize, lie: u32) {
    let dir = store();
    let (index, seed) = full_segment(dir.path());
    lie_in_line(&index, seed, at, &lie.to_le_bytes());
    meet(&format!("an index, {name} {lie}"), dir.path());
}

#[test]
fn a_line_that_lies_is_a_miss() {
    let _alone = alone();
    for lie in [0, 8, 1 << 18, 1 << 30, u32::MAX] {
        meet_lying_line("offset", 32, lie);
    }
    for lie in [0, 1, 2_900, 1 << 18] {
        meet_lying_line("length", 36, lie);
    }
}

#[test]
fn a_line_of_gibibytes_is_a_miss() {
    let _alone = alone();
    for lie in [1 << 30, u32::MAX] {
        meet_lying_line("length", 36, lie);
    }
}

#[test]
fn an_index_that_lies_about_its_size_is_made_again() {
    let _alone = alone();
    for (name, at) in [("covered", 16), ("last sequence", 24), ("blocks", 32), ("clears", 40)] {
        for lie in [0, 1, 1 << 20, 1 << 40, u64::MAX / 16, u64::MAX] {
            let dir = store();
            let (index, seed) = full_segment(dir.path());
            let mut bytes = fs::read(&index).expect("an index");
            let clears = u64::from_le_bytes(std::array::from_fn(|i| bytes[40 + i])) as usize;
            bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
            let end = 48 + 16 * clears;
            let sum = xxh3_64_with_seed(&bytes[..end], seed);
            bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
            fs::write(&index, bytes).expect("writable");
            meet(&format!("an index, {name} {lie}"), dir.path());
        }
    }
}

/// A file with a hole, and as many blocks as it then has room for.
#[test]
fn an_index_with_a_hole_is_made_again() {
    let _alone = alone();
    let dir = store();
    let (index, seed) = full_segment(dir.path());
    let mut bytes = fs::read(&index).expect("an index");
    let blocks = (1_u64 << 30) / 4096;
    bytes[32..40].copy_from_slice(&blocks.to_le_bytes());
    let clears = u64::from_le_bytes(std::array::from_fn(|i| bytes[40 + i])) as usize;
    let end = 48 + 16 * clears;
    let sum = xxh3_64_with_seed(&bytes[..end], seed);
    bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
    fs::write(&index, bytes).expect("writable");
    let file = OpenOptions::new().write(true).open(&index).expect("writable");
    file.set_len(end as u64 + 8 + blocks * 4096).expect("a hole");
    meet("an index of a gibibyte", dir.path());
}

#[test]
fn a_frame_over_a_hole_is_a_miss() {
    let _alone = alone();
    let dir = store();
    let mut segment = Segment::open(dir.path(), 2);
    let frame = segment.last();
    segment.push(&Frame { kind: 1, len: 1 << 30, sequence: frame.sequence + 1, ..frame }, &[]);
    segment.save();
    let len = segment.bytes.len() as u64 + (1 << 30);
    OpenOptions::new().write(true).open(&segment.path).and_then(|file| file.set_len(len)).expect("a hole");
    meet("a record of a gibibyte", dir.path());
}

#[test]
fn small_files_that_lie_count_as_none() {
    let _alone = alone();
    let deep = "[".repeat(1 << 20);
    let texts =
        ["", "{", "null", "{\"namespaces\":3}", "{\"updated\":-1}", "{\"namespaces\":{\"a\":{\"hits\":1e99}}}", &deep];
    for text in texts {
        let dir = store();
        fs::write(dir.path().join("statistics.json"), text).expect("writable");
        let shown = text.get(..40).unwrap_or(text);
        assert_eq!(meet(&format!("statistics of {shown:?}"), dir.path()), 2 * KEYS);
    }
    for file in ["accesses", "statistics.json", "larder.lock"] {
        for len in [0, 1, 15, 17, 1 << 30] {
            let dir = store();
            let path = dir.path().join(file);
            let Ok(opened) = OpenOptions::new().write(true).open(&path) else { continue };
            opened.set_len(len).expect("a hole");
            // A hole of zeros parses as nothing; 16 MiB of it is what is read at most.
            if file == "statistics.json" && len > 1 << 20 {
                continue;
            }
            assert_eq!(meet(&format!("{file} of {len} bytes"), dir.path()), 2 * KEYS);
        }
    }
}

#[test]
fn statistics_of_nothing_but_namespaces_count_as_none() {
    let _alone = alone();
    let dir = store();
    let namespaces: Vec<_> = (0..1_000_000).map(|n| format!("\"{n}\":{{}}")).collect();
    let text = format!("{{\"namespaces\":{{{}}}}}", namespaces.join(","));
    fs::write(dir.path().join("statistics.json"), text).expect("writable");
    drop(namespaces);
    meet("a million namespaces", dir.path());
}

/// Random bytes at random places, checksums as they were.
#[test]
fn noise_in_any_file_is_a_miss_or_an_error() {
    let _alone = alone();
    let mut random = Random(scale::seed());
    for round in 0..scale::rounds(40, 4_000) {
        let dir = store();
        let mut files = vec![dir.path().join("larder.store"), dir.path().join("larder.lock")];
        files.extend(["statistics.json", "accesses"].map(|name| dir.path().join(name)));
        let segments = fs::read_dir(dir.path().join("segments")).expect("segments");
        files.extend(segments.map(|entry| entry.expect("readable").path()));
        files.retain(|path| path.exists());
        files.sort();
        let path = &files[random.below(files.len() as u64) as usize];
        let file = OpenOptions::new().write(true).open(path).expect("writable");
        let len = file.metadata().expect("known").len().max(1);
        let (at, noise) = (random.below(len), random.draw().to_le_bytes());
        file.write_all_at(&noise, at).expect("written");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        meet(&format!("seed {}, round {round}, noise in {name} at {at}", scale::seed()), dir.path());
    }
}
