//! A store that is opened in the very moment in which another process gives up its oldest segment.
//!
//! Opening lists the segments, reads the indexes of full ones, then the active segment. Here another cache writes
//! on just before the active segment is read, until the oldest segment is dropped: the one that opens has seen it,
//! and reads in the log that it is gone. From then on it must be a cache like any other, whose every write the
//! store takes.
//!
//! Writes before the moment: 0 to 39, more than a segment, in 20 steps, in the long form in 80. Seen to fail: by a
//! write that went to memory only, when what the log says of dropped segments was ignored while opening; and by a
//! value not found, when a seal that was read while opening did not lead to the next segment.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use larder::storage::{File, Files, Found, Mode, Storage};
use larder::{Builder, Cache, Durability};
use larder_tests::scale::{self, Random};

/// The real file system, and something that happens once: between the opening of two files.
struct Meddling {
    after: PathBuf,
    /// Whether the first was opened.
    is_armed: AtomicBool,
    before: PathBuf,
    what: Mutex<Box<dyn FnMut() + Send>>,
}

impl fmt::Debug for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddling").field("before", &self.before).finish_non_exhaustive()
    }
}

impl Storage for Meddling {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        if path == self.after {
            self.is_armed.store(true, Ordering::SeqCst);
        }
        if path == self.before && self.is_armed.swap(false, Ordering::SeqCst) {
            self.what.lock().expect("not poisoned")();
        }
        Files.open(path, mode)
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        Files.look(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Files.list(directory)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        Files.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        Files.remove_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Files.sync_directory(path)
    }

    fn boot(&self) -> Option<[u8; 16]> {
        Files.boot()
    }
}

fn builder(dir: &Path) -> Builder {
    Cache::builder().directory(dir).max_size(1 << 20).shards(1).cleanup_interval(None)
}

/// Numbers of the segments there are.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let names = Files.list(&dir.join("segments")).expect("listed");
    let mut paths: Vec<_> = names.into_iter().map(|name| dir.join("segments").join(name)).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "seg"));
    paths.sort();
    paths
}

/// Writes values under one key, so that nothing but the last is alive.
fn write(cache: &Cache, random: &mut Random) {
    let written = cache.set("churn", random.bytes(8_000)).expect("stored");
    assert_eq!(written.durability, Durability::Process, "the store took the write");
}

/// Whether, after so many more writes, opening met the moment; the cache that was opened must work.
fn open_beside_a_writer(writes: u64) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().join("store");
    let mut random = Random(scale::seed());
    let writer = builder(&dir).open().expect("opens");
    writer.set("kept", "the first value").expect("stored");
    while segments(&dir).len() < 3 {
        write(&writer, &mut random);
    }
    (0..writes).for_each(|_| write(&writer, &mut random));
    let before = segments(&dir);
    let (oldest, active) = (before[0].clone(), before[before.len() - 1].clone());
    let (in_writer, at) = (writer.clone(), dir.clone());
    let go_on = move || {
        while oldest.exists() {
            write(&in_writer, &mut random);
        }
        assert!(segments(&at).len() > 1, "only the oldest went");
    };
    let storage = Meddling {
        after: before[before.len() - 2].with_extension("idx"),
        is_armed: AtomicBool::new(false),
        before: active.clone(),
        what: Mutex::new(Box::new(go_on)),
    };
    let opened = builder(&dir).storage(Arc::new(storage)).open().expect("opens");
    // Met when the active segment, which is read next, says that the oldest is dropped.
    let met = segments(&dir).last() == Some(&active);
    let value = |cache: &Cache| cache.get("kept").expect("readable");
    assert_eq!(value(&opened).as_deref(), Some(&b"the first value"[..]), "after {writes} writes");
    let mut random = Random(scale::seed() + 1);
    for n in 0..40 {
        let written = opened.set("kept", "another value").expect("stored");
        assert_eq!(written.durability, Durability::Process, "after {writes} writes, write {n} went to memory only");
        write(&opened, &mut random);
    }
    assert_eq!(value(&writer).as_deref(), Some(&b"another value"[..]), "the other sees what was written");
    met
}

#[test]
fn a_segment_that_is_dropped_meanwhile_is_not_held_on_to() {
    let steps = scale::rounds(20, 80);
    // A segment holds 32 of these values.
    let met = (0..steps).filter(|step| open_beside_a_writer(step * 40 / steps)).count();
    assert!(met > 0, "the moment was never met");
}
