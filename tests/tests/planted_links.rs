//! Links planted in a store's directory, and directories that are not one's own.
//!
//! Each file and folder of a store is replaced by a symbolic link to one outside that would do in its place, or
//! that somebody would miss. Then everything is done that a cache can do, from opening to `cleanup`, each as a new
//! process would. What lies outside must stay byte for byte, nothing may be added or removed there, and nothing of
//! it may be read into the cache. A directory that belongs to another user, or that others may write to, is refused
//! with a reason and left as it is.
//!
//! One round of each kind, short and long. Seen to fail with files opened through links: a superblock, a segment
//! and accesses were read from outside, and a lock made there. And with a `cleanup` that sweeps leases and stores
//! of processes through a linked folder: what others had there was removed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use larder::{Builder, Cache, ErrorKind, SetOptions, Strategy};

/// Everything under a directory: what it is, when it was changed, and its bytes.
fn picture(dir: &Path) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let meta = fs::symlink_metadata(&path).expect("there");
        let bytes = if meta.is_file() { fs::read(&path).expect("readable") } else { Vec::new() };
        if meta.is_dir() {
            seen.extend(picture(&path));
        }
        // Links in the store itself may go; only what they lead to is looked after.
        seen.insert(path, (meta.mode(), meta.mtime_nsec() + meta.mtime() * 1_000_000_000, bytes));
    }
    seen
}

struct Place {
    _directory: tempfile::TempDir,
    store: PathBuf,
    outside: PathBuf,
}

impl Place {
    /// A store with an entry in a full segment and one in the active one, and a directory outside.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (store, outside) = (directory.path().join("store"), directory.path().join("outside"));
        fs::create_dir(&outside).expect("a directory");
        let place = Self { _directory: directory, store, outside };
        let cache = place.builder().open().expect("opens");
        cache.set("old", "from outside").expect("stored");
        // Noise, so that it fills a segment.
        let mut random = larder_tests::scale::Random(1);
        cache.set("filler", random.bytes(300_000)).expect("stored");
        cache.set("young", "from outside").expect("stored");
        cache.get("old").expect("readable");
        drop(cache);
        assert!(place.store.join("segments/0000000002.seg").exists(), "there are two segments");
        place
    }

    fn builder(&self) -> Builder {
        Cache::builder().directory(&self.store).max_size(1 << 20).shards(1)
    }

    /// Moves a file or folder of the store outside, or puts `bait` there, and plants a link to it.
    fn plant(&self, name: &str, bait: impl FnOnce(&Path)) -> PathBuf {
        let (inside, target) = (self.store.join(name), self.outside.join("target"));
        match fs::symlink_metadata(&inside) {
            Ok(_) => fs::rename(&inside, &target).expect("moved"),
            Err(_) => bait(&target),
        }
        symlink(&target, &inside).expect("a link");
        target
    }

    /// Everything that can be done, whether or not it succeeds. Answers whether a value from outside was seen.
    fn use_all(&self, key: &str) -> bool {
        let mut seen = false;
        for strategy in [Strategy::ReadOnly, Strategy::Shared, Strategy::ProcessIsolated] {
            let Ok(cache) = self.builder().strategy(strategy).open() else { continue };
            // Cold at first, then with all indexes loaded.
            seen |= cache.get(key).is_ok_and(|found| found.is_some());
            let _ = cache.list(&larder::Filter::default());
            seen |= cache.get(key).is_ok_and(|found| found.is_some());
            let _ = cache.export(std::io::sink());
            let _ = (cache.set("new", "value"), cache.delete("new"), cache.increment("n", 1, &SetOptions::new()));
            let _ = (cache.lease("leased").map(drop), cache.lifetime(), cache.stats_all(), cache.verify(|_, _| {}));
            let _ = (cache.cleanup(), cache.repair(|_, _| {}), cache.cleanup());
            // Fills the store, so that the oldest segments go.
            let mut random = larder_tests::scale::Random(2);
            (0..20).for_each(|n| drop(cache.set(format!("more {n}"), random.bytes(100_000))));
            let _ = cache.clear_all();
        }
        seen
    }

    /// Plants a link and uses the store; nothing outside may change. Answers whether a value from outside was seen.
    #[track_caller]
    fn survives(&self, name: &str, key: &str, bait: impl FnOnce(&Path)) -> bool {
        self.plant(name, bait);
        let before = picture(&self.outside);
        let seen = self.use_all(key);
        let unchanged = || before == picture(&self.outside);
        assert!(unchanged(), "{name} is a link: what it leads to was changed");
        // However it was planted, clearing makes the store work again, and follows no link either.
        let _ = self.builder().wipe();
        assert!(unchanged(), "{name} is a link: emptying the store changed what it leads to");
        seen
    }
}

fn no_bait(target: &Path) {
    panic!("the store has the file that should be moved to {}", target.display());
}

#[test]
fn a_linked_segment_is_not_read() {
    assert!(!Place::new().survives("segments/0000000001.seg", "old", no_bait), "a full segment was read from outside");
    assert!(
        !Place::new().survives("segments/0000000002.seg", "young", no_bait),
        "the active one was read from outside"
    );
}

#[test]
fn a_linked_folder_of_segments_is_not_read() {
    assert!(!Place::new().survives("segments", "old", no_bait), "segments were read from outside");
}

#[test]
fn a_linked_index_is_not_used() {
    let place = Place::new();
    let index = place.store.join("segments/0000000001.idx");
    // The value is inside and may be read; only the index leads out.
    place.survives("segments/0000000001.idx", "old", no_bait);
    assert!(!fs::symlink_metadata(index).is_ok_and(|meta| meta.is_symlink()), "the index was made again");
}

#[test]
fn a_linked_superblock_is_not_read() {
    let place = Place::new();
    place.plant("larder.store", no_bait);
    let before = picture(&place.outside);
    let (inside, strategies) =
        (picture(&place.store), [Strategy::Shared, Strategy::ReadOnly, Strategy::ProcessIsolated]);
    for strategy in strategies {
        assert!(
            place.builder().strategy(strategy).open().is_err(),
            "{strategy:?}: the superblock was read from outside"
        );
    }
    assert!(inside == picture(&place.store), "the store was left as it was");
    let _ = place.builder().wipe();
    assert!(before == picture(&place.outside), "the superblock outside was changed");
}

#[test]
fn a_linked_lock_is_not_locked() {
    let place = Place::new();
    let target = place.plant("larder.lock", no_bait);
    let before = picture(&place.outside);
    place.use_all("old");
    assert!(before == picture(&place.outside), "the lock file outside was changed");
    // One that leads nowhere yet must not be made.
    fs::remove_file(&target).expect("removed");
    place.use_all("old");
    assert!(!target.exists(), "a lock file was made outside");
}

#[test]
fn linked_statistics_are_neither_read_nor_written() {
    let place = Place::new();
    place.plant("statistics.json", no_bait);
    let before = picture(&place.outside);
    let counted = {
        let cache = place.builder().strategy(Strategy::ReadOnly).open().expect("opens");
        cache.lifetime().expect("readable").total().sets
    };
    assert_eq!(counted, 0, "statistics were read from outside");
    place.use_all("old");
    assert!(before == picture(&place.outside), "the statistics outside were changed");
}

#[test]
fn linked_accesses_are_neither_read_nor_written() {
    let place = Place::new();
    place.plant("accesses", no_bait);
    let before = picture(&place.outside);
    {
        let cache = place.builder().strategy(Strategy::ReadOnly).open().expect("opens");
        assert_eq!(
            cache.inspect("old").expect("readable").map(|info| info.hits),
            Some(0),
            "reads were known from outside"
        );
    }
    place.use_all("old");
    assert!(before == picture(&place.outside), "the accesses outside were changed");
}

/// A folder outside with something in it that a sweep might take for left behind.
fn folder_of_others(target: &Path) {
    fs::create_dir_all(target.join("1-00000000")).expect("a directory");
    for name in
        ["0123456789abcdef", "letter.txt", ".larder-0000000000000000", "1-00000000.alive", "1-00000000/letter.txt"]
    {
        fs::write(target.join(name), "somebody's").expect("written");
    }
}

#[test]
fn linked_leases_are_not_swept() {
    Place::new().survives("leases", "old", folder_of_others);
}

#[test]
fn linked_stores_of_processes_are_not_swept() {
    Place::new().survives("processes", "old", folder_of_others);
}

#[test]
fn a_link_among_leases_or_processes_is_not_followed() {
    for (folder, name) in
        [("leases", "0123456789abcdef"), ("processes", "1-00000000"), ("processes", "1-00000000.alive")]
    {
        let place = Place::new();
        fs::create_dir(place.store.join(folder)).expect("a directory");
        if name == "1-00000000" {
            fs::write(place.store.join(folder).join("1-00000000.alive"), "").expect("written");
        }
        place.survives(&format!("{folder}/{name}"), "old", folder_of_others);
    }
}

/// Opening is refused with all of `words` and changes nothing.
#[track_caller]
fn refused(place: &Place, words: &[&str]) {
    let before = picture(&place.store);
    for strategy in [Strategy::Shared, Strategy::ReadOnly, Strategy::ProcessIsolated] {
        let refusal = place.builder().strategy(strategy).open().expect_err("refused");
        assert_eq!(refusal.kind(), ErrorKind::Directory, "{strategy:?}: {refusal}");
        for word in words {
            assert!(refusal.to_string().contains(word), "{strategy:?}: the reason should say {word:?}: {refusal}");
        }
    }
    let refusal = place.builder().wipe().expect_err("refused");
    assert_eq!(refusal.kind(), ErrorKind::Directory, "{refusal}");
    assert!(before == picture(&place.store), "the directory was left as it was");
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    for mode in [0o777, 0o722, 0o720, 0o702, 0o1777, 0o770] {
        let place = Place::new();
        fs::set_permissions(&place.store, Permissions::from_mode(mode)).expect("changed");
        let digits = format!("{:03o}", mode & 0o777);
        refused(&place, &["written by others", &digits, "chmod"]);
        fs::set_permissions(&place.store, Permissions::from_mode(0o755)).expect("changed");
        let cache = place.builder().open().expect("once others may not write, it opens");
        assert_eq!(cache.get("old").expect("readable").as_deref(), Some(&b"from outside"[..]));
    }
}

#[test]
fn a_directory_that_belongs_to_another_is_refused() {
    const NOBODY: u32 = 65_534;
    let place = Place::new();
    let me = fs::metadata(&place.store).expect("there").uid();
    if let Err(e) = chown(&place.store, Some(NOBODY), None) {
        println!("not tested: only root may give a directory away: {e}");
        return;
    }
    refused(&place, &[&NOBODY.to_string(), &me.to_string(), "belongs"]);
    chown(&place.store, Some(me), None).expect("taken back");
    let cache = place.builder().open().expect("once it is one's own again, it opens");
    assert_eq!(cache.get("young").expect("readable").as_deref(), Some(&b"from outside"[..]));
}
