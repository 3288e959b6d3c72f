//! A writer that was killed after its frame was written and before it had said so: whoever writes next must not write over
//! a frame that others have read already.
//!
//! The number in the lock file is odd while somebody writes. It is made odd by hand, two caches look at it, a frame is
//! appended by hand as the killed writer would have, one cache reads it and the other writes. Seen to fail, with a write that
//! the other cache never sees, when a number that had not changed was taken for a log that had not.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::Cache;
use larder_tests::format;

/// Where the lock file has the number.
const WRITES: u64 = 64;

#[test]
fn what_a_killed_writer_left_is_not_written_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let time = Arc::new(AtomicU64::new(1_000_000));
    let open = |clock: Arc<AtomicU64>| {
        let builder = Cache::builder().directory(dir.path()).cleanup_interval(None).statistics(false);
        builder.clock(move || clock.load(Ordering::Relaxed)).open().expect("opens")
    };
    let (writer, reader) = (open(Arc::new(AtomicU64::new(1_000_000))), open(time.clone()));
    writer.set("k", "v").expect("stored");
    assert!(reader.get("k").expect("readable").is_some());

    let lock = OpenOptions::new().read(true).write(true).open(dir.path().join("larder.lock")).expect("opens");
    let mut number = [0; 8];
    lock.read_exact_at(&mut number, WRITES).expect("a number");
    let number = u64::from_le_bytes(number);
    assert!(number > 0 && number.is_multiple_of(2), "nobody writes: {number}");
    lock.write_all_at(&(number + 1).to_le_bytes(), WRITES).expect("written");
    for cache in [&writer, &reader] {
        assert!(cache.get("k").expect("readable").is_some());
    }
    let superblock = fs::read(dir.path().join("larder.store")).expect("readable");
    let id = format::number(&superblock, 16).expect("an identity");
    let path = dir.path().join("segments/0000000001.seg");
    let len = fs::metadata(&path).expect("there").len();
    let left = format::mark(format::segment_seed(id, 1), len as usize, 2, 99, 77, 1);
    OpenOptions::new().write(true).open(&path).expect("opens").write_all_at(&left, len).expect("written");

    // Once a second the log itself is looked at.
    time.fetch_add(2_000, Ordering::Relaxed);
    assert!(reader.get("k").expect("readable").is_some());
    writer.set("new", "by the writer").expect("stored");
    assert_eq!(reader.get("new").expect("readable").as_deref(), Some(&b"by the writer"[..]));
    reader.set("more", "by the reader").expect("stored");
    assert_eq!(writer.get("more").expect("readable").as_deref(), Some(&b"by the reader"[..]));
    assert!(writer.verify(|_, _| ()).expect("looked at").is_sound());
}
