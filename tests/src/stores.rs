//! Stores as files: the golden ones, copies of them, and what is in a directory byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use larder::{Builder, Cache};

use crate::vector;

/// The moment at which the golden stores were written, Unix milliseconds. They are read on virtual time, so that
/// nothing in them ever expires by itself.
pub const NOW: u64 = 1_750_000_000_000;

/// Where the golden files of a format are.
#[must_use]
pub fn golden(format: u32) -> PathBuf {
    vector::folder().join(format!("stores/format-{format}"))
}

/// A copy of the golden store of a format. Its path is in a temporary directory, which goes with the first value.
///
/// # Panics
/// When it cannot be copied.
#[must_use]
pub fn copy(format: u32) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("store");
    for (path, bytes) in contents(&golden(format).join("store")) {
        let path = store.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("copied");
    }
    (directory, store)
}

/// The files under a directory and their bytes, by path from there.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = PathBuf::from(path.file_name().expect("a name"));
        if path.is_dir() {
            found.extend(contents(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
        } else {
            found.insert(name, fs::read(&path).expect("readable"));
        }
    }
    found
}

/// A cache over a store, at a fixed time, so small that few bytes make a store.
pub fn builder(store: &Path, now: u64) -> Builder {
    Cache::builder().directory(store).clock(move || now).shards(1).seed(1).max_size(1 << 20).cleanup_interval(None)
}
