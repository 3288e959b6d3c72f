//! Copies of a store that no cache has open: quicker than to make a new one, and with the same hash, so that the same keys
//! lie in the same shards.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A copy of a directory and all that is in it.
///
/// # Panics
/// When it cannot be read or copied.
#[must_use]
pub fn copy_of(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    fill(directory, copy.path());
    copy
}

fn fill(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            fs::create_dir(&target).expect("made");
            fill(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
        }
    }
}
