//! Fears a strategy that touches what it must not: a reader that writes, a private store that others see or that stays behind, a
//! memory-only cache with files.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::disk::{Call, Disk};
use common::{Home, wait_until};
use larder::{Cache, Durability, ErrorKind, Strategy};

/// Every file below a directory and what is in it.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("listed").path();
        match path.is_dir() {
            true => all.append(&mut contents(&path)),
            false => drop(all.insert(path.clone(), fs::read(&path).expect("readable"))),
        }
    }
    all
}

fn builder(home: &Home, strategy: Strategy) -> larder::Builder {
    Cache::builder().directory(home.store()).strategy(strategy)
}

#[test]
fn a_reader_sees_what_others_write_and_changes_nothing() {
    let home = Home::new();
    let writer = builder(&home, Strategy::Shared).max_size(2 << 20).open().expect("opens");
    for n in 0..3_000 {
        writer.set(format!("k{n}"), vec![n as u8; 300]).expect("stored");
    }
    // An index that a reader would like to have, and may not make.
    let index = home.indexes().into_iter().next().expect("a full segment");
    fs::remove_file(index).expect("removable");
    let before = contents(&home.store());
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = calls.clone();
    let watched = Disk::new(move |call| {
        noted.lock().expect("sound").push(call);
        Ok(())
    });
    {
        let reader = builder(&home, Strategy::ReadOnly).max_size(2 << 20).storage(watched).open().expect("opens");
        let mut seen = 0;
        for n in 0..3_000 {
            if let Some(value) = reader.get(format!("k{n}")).expect("readable") {
                assert_eq!(value, vec![n as u8; 300]);
                seen += 1;
            }
        }
        assert!(seen > 2_500, "{seen}");
        let written = reader.set("k1", "mine").expect("kept in memory");
        assert_eq!(written.durability, Durability::Memory);
        assert_eq!(reader.get("k1").expect("readable").as_deref(), Some(&b"mine"[..]));
        assert_eq!(reader.cleanup().expect_err("refused").kind(), ErrorKind::Store);
        assert_eq!(reader.clear_all().expect_err("refused").kind(), ErrorKind::Store);
        reader.lifetime().expect("counted");
        reader.list(&larder::Filter::default()).expect("listed");
        reader.verify(|_, _| {}).expect("verified");
    }
    assert_eq!(contents(&home.store()), before, "nothing changed");
    assert_eq!(*calls.lock().expect("sound"), []);
    let reader = builder(&home, Strategy::ReadOnly).open().expect("opens");
    writer.set("new", "by another").expect("stored");
    assert_eq!(reader.get("new").expect("readable").as_deref(), Some(&b"by another"[..]));
    writer.delete("new").expect("deleted");
    assert_eq!(reader.get("new").expect("readable"), None);
}

#[test]
fn a_reader_of_nothing_makes_nothing() {
    let home = Home::new();
    let refused = builder(&home, Strategy::ReadOnly).open().expect_err("there is no store");
    assert_eq!(refused.kind(), ErrorKind::Io, "{refused}");
    assert!(!home.store().exists());
    fs::create_dir(home.store()).expect("a directory");
    let refused = builder(&home, Strategy::ReadOnly).open().expect_err("there is no store");
    assert_eq!(refused.kind(), ErrorKind::Directory, "{refused}");
    assert_eq!(contents(&home.store()).len(), 0);
}

#[test]
fn a_reader_does_not_clear() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    home.run(&["--strategy", "read-only", "clear"]).ended(3);
    home.run(&["--strategy", "read-only", "set", "k", "w"]).ended(3);
    assert_eq!(home.run(&["--strategy", "read-only", "get", "k"]).succeeded().out, b"v");
    assert_eq!(home.get("k").as_deref(), Some(&b"v"[..]));
}

#[test]
fn an_isolated_process_is_alone_and_leaves_nothing() {
    let home = Home::new();
    let shared = builder(&home, Strategy::Shared).open().expect("opens");
    shared.set("k", "shared").expect("stored");
    let processes = home.store().join("processes");
    {
        let [one, two] = [(), ()].map(|()| builder(&home, Strategy::ProcessIsolated).open().expect("opens"));
        assert_eq!(one.get("k").expect("readable"), None);
        one.set("k", "one").expect("stored");
        assert_eq!(two.get("k").expect("readable"), None);
        assert_eq!(one.get("k").expect("readable").as_deref(), Some(&b"one"[..]));
        assert_eq!(one.evict(1).expect("evicted"), 1);
        assert_eq!(one.get("k").expect("readable").as_deref(), Some(&b"one"[..]), "from its own disk");
        assert!(one.directory().expect("a directory").starts_with(&processes));
    }
    assert_eq!(contents(&processes).len(), 0);
    assert_eq!(shared.get("k").expect("readable").as_deref(), Some(&b"shared"[..]));
}

/// Keeps a store of its own until it is killed. Does nothing when the tests are run.
#[test]
fn isolated_child() {
    let Ok(dir) = std::env::var("LARDER_TEST_ISOLATED") else { return };
    let cache = Cache::builder().directory(dir).strategy(Strategy::ProcessIsolated).open().expect("opens");
    cache.set("k", "v").expect("stored");
    println!("ready");
    std::thread::park();
}

#[test]
fn what_a_killed_process_had_for_itself_is_swept() {
    let home = Home::new();
    let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
    command.args(["isolated_child", "--exact", "--nocapture"]).env("LARDER_TEST_ISOLATED", home.store());
    let mut child = command.stdout(std::process::Stdio::null()).spawn().expect("starts");
    let processes = home.store().join("processes");
    let has_segment = || contents(&processes).keys().any(|path| path.extension().is_some_and(|e| e == "seg"));
    wait_until("it has a store", has_segment);
    let living = builder(&home, Strategy::ProcessIsolated).open().expect("opens");
    living.set("k", "v").expect("stored");
    let directories =
        || fs::read_dir(&processes).expect("there").filter(|e| e.as_ref().expect("listed").path().is_dir()).count();
    assert_eq!(directories(), 2, "the living are left alone");
    child.kill().expect("killed");
    child.wait().expect("ended");
    let next = builder(&home, Strategy::ProcessIsolated).open().expect("opens");
    assert_eq!(directories(), 2, "the dead one's is gone, {next:?}'s is there");
    assert_eq!(living.get("k").expect("readable").as_deref(), Some(&b"v"[..]));
}

#[test]
fn in_memory_only_nothing_is_touched() {
    let home = Home::new();
    let cache = builder(&home, Strategy::Memory).open().expect("opens");
    cache.set("k", "v").expect("stored");
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"v"[..]));
    assert!(!home.store().exists());
}

#[test]
fn without_locks_one_process_goes_on_and_is_warned() {
    let home = Home::new();
    let done = home.run(&["--locking", "off", "set", "k", "v"]).succeeded();
    assert!(done.err.contains("locking is off") && done.err.contains("lost"), "{done:?}");
    assert_eq!(home.get("k").as_deref(), Some(&b"v"[..]));
    // Somebody holds the lock: who does not lock does not wait.
    let lock = fs::File::open(home.store().join("larder.lock")).expect("there");
    lock.lock().expect("locked");
    home.run(&["--locking", "off", "set", "k", "w"]).succeeded();
    assert_eq!(home.get("k").as_deref(), Some(&b"w"[..]));
}

/// Files without locks.
fn lockless() -> Arc<Disk> {
    Disk::new(|call| match call {
        Call::Lock => Err(std::io::ErrorKind::Unsupported.into()),
        _ => Ok(()),
    })
}

#[test]
fn a_file_system_without_locks_is_named_as_the_reason() {
    let home = Home::new();
    let refused = builder(&home, Strategy::Shared).storage(lockless()).open().expect_err("no locks");
    assert!(refused.to_string().contains("locking"), "{refused}");
    let cache = builder(&home, Strategy::Shared).storage(lockless()).locking(false).open().expect("opens");
    assert_eq!(cache.set("k", "v").expect("stored").durability, Durability::Process);
}
