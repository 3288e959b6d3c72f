//! An entry that another process has just written, given up for want of space while older ones stay.
//!
//! One cache fills a store with entries, which it thereby knows to be used. Between its writes another cache, as in
//! another process, writes one entry anew, which is so the youngest but one. When space is needed, the policy `lru`
//! owes it to that entry to be there as long as any of the older ones that nobody touched since.
//!
//! One round, short and long. Seen to fail: by a process to which the writes of others are entries that were never
//! used, so that they were the first to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::Cache;
use larder_tests::scale::{self, Random};

#[test]
fn what_another_process_has_just_written_is_not_the_first_to_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let time = Arc::new(AtomicU64::new(1_750_000_000_000));
    let open = || {
        let time = time.clone();
        let cache = Cache::builder().directory(directory.path()).max_size(1 << 20).shards(1).cleanup_interval(None);
        cache.clock(move || time.load(Ordering::SeqCst)).open().expect("opens")
    };
    let (one, other) = (open(), open());
    let mut random = Random(scale::seed());
    let exists = |cache: &Cache, key: &str| cache.contains(key).expect("readable");
    for n in 0..1_000 {
        // A second is the grain in which use is remembered.
        time.fetch_add(2_000, Ordering::SeqCst);
        other.set("fresh", random.bytes(1_000)).expect("stored");
        time.fetch_add(2_000, Ordering::SeqCst);
        one.set(format!("old {n}"), random.bytes(8_000)).expect("stored");
        let left = (0..n).filter(|old| exists(&one, &format!("old {old}"))).count();
        assert!(exists(&other, "fresh"), "after {n} writes the youngest is gone and {left} older ones stay");
        if left < n {
            return;
        }
    }
    panic!("nothing ever had to go");
}
