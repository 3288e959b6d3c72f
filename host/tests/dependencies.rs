//! Fears a value that outlives what it was made from, a valid one that is taken for invalid, two operations that disagree on
//! whether an entry is there, and a dependency that hangs or fails a read.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use common::{Home, wait_until};
use larder::{Cache, Dependency, ErrorKind, RefreshMode, SetOptions};

fn in_memory() -> Cache {
    Cache::builder().shards(1).open().expect("a cache")
}

fn stored(home: &Home) -> Cache {
    Cache::builder().shards(1).directory(home.store()).open().expect("a cache")
}

/// Sets a file's time back, so that what follows does not hang on how fast the test is.
fn age(path: &Path) {
    modified(path, SystemTime::now() - Duration::from_secs(3600));
}

fn modified(path: &Path, when: SystemTime) {
    File::options().write(true).open(path).and_then(|file| file.set_modified(when)).expect("a time");
}

/// A file that was written an hour ago.
fn old(home: &Home, name: &str, text: &str) -> std::path::PathBuf {
    let path = home.write(name, text);
    age(&path);
    path
}

fn on(dependency: larder::Result<Dependency>) -> SetOptions {
    SetOptions::new().depends(dependency.expect("a dependency"))
}

fn glob(home: &Home, pattern: &str) -> larder::Result<Dependency> {
    Dependency::glob(format!("{}/{pattern}", home.path().display()))
}

fn stats(cache: &Cache) -> u64 {
    cache.stats().expect("statistics").dependency_stats
}

#[test]
fn an_entry_goes_with_its_file_in_memory_and_in_the_store() {
    let home = Home::new();
    for cache in [in_memory(), stored(&home)] {
        for change in ["longer", "time", "gone"] {
            let path = old(&home, "file", "text");
            cache.set_with("key", "value", &on(Dependency::file(&path))).expect("set");
            assert_eq!(cache.get("key").expect("read").as_deref(), Some(&b"value"[..]), "{change}");
            match change {
                "longer" => drop(home.write("file", "longer text")),
                "time" => modified(&path, SystemTime::UNIX_EPOCH),
                _ => fs::remove_file(&path).expect("removed"),
            }
            assert_eq!(cache.get("key").expect("read"), None, "{change}");
            assert_eq!(cache.get("key").expect("read"), None, "{change}, again");
        }
    }
}

#[test]
fn another_process_sees_the_change_in_what_it_never_had_in_memory() {
    let home = Home::new();
    let path = old(&home, "file", "text");
    let (writer, reader) = (stored(&home), stored(&home));
    writer.set_with("key", vec![7; 1 << 20], &on(Dependency::file(&path))).expect("set");
    let small = Cache::builder().shards(1).max_memory(1 << 16).directory(home.store()).open().expect("a cache");
    assert!(reader.get("key").expect("read").is_some());
    assert!(small.get("key").expect("read").is_some(), "too large for its memory");
    home.write("file", "longer text");
    for cache in [&reader, &small, &writer] {
        assert_eq!(cache.get("key").expect("read"), None);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_state_like_others() {
    let home = Home::new();
    let cache = in_memory();
    let path = home.file("not/there");
    for dependency in [Dependency::file(&path), Dependency::content(&path)] {
        cache.set_with("key", "value", &on(dependency)).expect("set");
        assert!(cache.get("key").expect("read").is_some());
        home.write("not/there", "now");
        assert_eq!(cache.get("key").expect("read"), None);
        fs::remove_dir_all(home.file("not")).expect("removed");
    }
    home.write("file", "");
    cache.set_with("key", "value", &on(Dependency::file(home.file("file/below")))).expect("nothing is below a file");
    assert!(cache.get("key").expect("read").is_some());
}

#[test]
fn a_change_in_the_same_tick_and_of_the_same_size_shows() {
    let home = Home::new();
    let cache = in_memory();
    let soon = SystemTime::now() + Duration::from_secs(86_400);
    // Modified just now; in the future, as after a clock that went back.
    for when in [SystemTime::now(), soon] {
        let path = home.write("dir/file", "text");
        modified(&path, when);
        cache.set_with("file", "", &on(Dependency::file(&path))).expect("set");
        cache.set_with("glob", "", &on(glob(&home, "dir/*"))).expect("set");
        assert!(cache.contains("file").expect("read") && cache.contains("glob").expect("read"));
        home.write("dir/file", "next");
        modified(&path, when);
        assert!(!cache.contains("file").expect("read") && !cache.contains("glob").expect("read"));
    }
}

#[test]
fn content_counts_whatever_the_time_says() {
    let home = Home::new();
    let cache = in_memory();
    let path = old(&home, "dir/file", "text");
    let when = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
    let pattern = format!("{}/dir/*", home.path().display());
    cache.set_with("size and time", "", &on(Dependency::file(&path))).expect("set");
    cache.set_with("content", "", &on(Dependency::content(&path))).expect("set");
    cache.set_with("contents", "", &on(Dependency::glob_content(&pattern))).expect("set");
    modified(&path, SystemTime::UNIX_EPOCH);
    assert!(cache.contains("content").expect("read") && cache.contains("contents").expect("read"));
    assert!(!cache.contains("size and time").expect("read"));
    home.write("dir/file", "next");
    modified(&path, when);
    assert!(!cache.contains("content").expect("read") && !cache.contains("contents").expect("read"));
    assert!(cache.contains("size and time").expect("read"), "which is what content is for");
    home.write("dir/file", "text");
    assert!(cache.contains("content").expect("read"), "as it was");
}

#[test]
fn a_link_stands_for_what_it_leads_to() {
    let home = Home::new();
    let cache = in_memory();
    old(&home, "one", "text");
    old(&home, "two", "longer text");
    symlink(home.file("one"), home.file("link")).expect("a link");
    cache.set_with("key", "", &on(Dependency::file(home.file("link")))).expect("set");
    assert!(cache.contains("key").expect("read"));
    fs::remove_file(home.file("link")).expect("removed");
    symlink(home.file("two"), home.file("link")).expect("a link");
    assert!(!cache.contains("key").expect("read"));
}

#[test]
fn everything_that_says_whether_an_entry_is_there_agrees() {
    let home = Home::new();
    for cache in [in_memory(), stored(&home)] {
        let path = old(&home, "file", "1");
        let options = on(Dependency::file(&path));
        let keys = ["get", "add", "replace", "cas", "increment", "touch", "compute", "typed"];
        let versions: Vec<_> =
            keys.iter().map(|key| cache.set_with(key, "5", &options).expect("set").version).collect();
        home.write("file", "changed");
        assert_eq!(cache.lookup("get").expect("read"), None);
        assert!(!cache.contains("get").expect("read"));
        assert_eq!(cache.inspect("get").expect("read"), None);
        assert_eq!(cache.ttl("get").expect("read"), None);
        assert_eq!(cache.get_many(["get", "add"]).expect("read"), [None, None]);
        assert_eq!(cache.get_as::<u32>("typed").expect("a miss is no value of another type"), None);
        let plain = SetOptions::new();
        assert!(cache.replace("replace", "6", &plain).expect("asked").is_none());
        assert!(cache.compare_and_set("cas", versions[3], "6", &plain).expect("asked").is_none());
        assert!(cache.touch("touch", None).expect("asked").is_none());
        assert_eq!(cache.increment("increment", 1, &plain).expect("counted"), 1);
        assert!(cache.add("add", "6", &plain).expect("asked").is_some());
        assert_eq!(cache.get("add").expect("read").as_deref(), Some(&b"6"[..]));
        assert_eq!(cache.get_or_insert_with("compute", &plain, || b"7".to_vec()).expect("computed"), b"7");
        assert_eq!(cache.get("compute").expect("read").as_deref(), Some(&b"7"[..]));
    }
}

#[test]
fn an_invalid_entry_is_a_miss_in_the_statistics() {
    let home = Home::new();
    for cache in [in_memory(), stored(&home)] {
        let path = old(&home, "file", "text");
        cache.set_with("key", "value", &on(Dependency::file(&path))).expect("set");
        cache.get("key").expect("read");
        home.write("file", "longer text");
        cache.get("key").expect("read");
        cache.get("key").expect("read");
        let counters = cache.stats().expect("statistics").memory.counters;
        assert_eq!((counters.hits, counters.misses, counters.errors, counters.bytes_read), (1, 2, 0, 5));
        assert!(counters.dependencies_changed >= 1, "{counters:?}");
        assert_eq!(counters.store_hits, 0);
    }
    let told = stored(&home).lifetime().expect("statistics").total().dependencies_changed;
    assert_eq!(told, 2, "by the process that is gone");
}

#[test]
fn what_is_no_file_is_refused_with_advice_and_never_opened() {
    let home = Home::new();
    let cache = in_memory();
    let pipe = home.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for make in [Dependency::file, Dependency::content] {
        let directory = make(home.path().to_owned()).expect_err("a directory");
        assert_eq!(directory.kind(), ErrorKind::InvalidArgument);
        assert!(directory.to_string().contains(&format!("{}/**", home.path().display())), "{directory}");
        let fifo = make(pipe.clone()).expect_err("a pipe");
        assert_eq!(fifo.kind(), ErrorKind::InvalidArgument);
        assert!(fifo.to_string().contains("named pipe"), "{fifo}");
    }
    // Pipes and directories among files do not count, and one that takes a file's place does not hang.
    cache.set_with("glob", "", &on(glob(&home, "*"))).expect("set");
    assert!(cache.contains("glob").expect("read"));
    for (key, make) in [("file", Dependency::file as fn(std::path::PathBuf) -> _), ("content", Dependency::content)] {
        let path = old(&home, key, "text");
        cache.set_with(key, "", &on(make(path.clone()))).expect("set");
        fs::remove_file(&path).expect("removed");
        fs::rename(&pipe, &path).expect("renamed");
        assert_eq!(cache.get(key).expect("a miss"), None);
        fs::rename(&path, &pipe).expect("renamed");
        fs::create_dir(&path).expect("a directory");
        assert_eq!(cache.get(key).expect("a miss"), None);
    }
}

#[test]
fn a_pattern_sees_files_come_go_and_change_but_for_those_that_are_ignored() {
    let home = Home::new();
    let cache = in_memory();
    fs::create_dir(home.file(".git")).expect("a repository");
    old(&home, ".gitignore", "target\n");
    old(&home, "src/a.rs", "a");
    old(&home, "src/deep/b.rs", "b");
    old(&home, "src/target/made.rs", "made");
    old(&home, "src/.hidden/c.rs", "c");
    let set = || cache.set_with("key", "", &on(glob(&home, "src/**/*.rs"))).expect("set");
    let holds = || cache.contains("key").expect("read");
    set();
    assert!(holds());
    home.write("src/target/made.rs", "made anew");
    home.write("src/target/more.rs", "more");
    home.write("src/.hidden/c.rs", "changed");
    home.write("src/notes.txt", "unrelated");
    home.write("other.rs", "unrelated");
    assert!(holds(), "nothing that matches changed");
    home.write("src/deep/new.rs", "new");
    assert!(!holds());
    set();
    home.write("src/a.rs", "longer");
    assert!(!holds());
    set();
    fs::remove_file(home.file("src/deep/b.rs")).expect("removed");
    assert!(!holds());
    set();
    fs::rename(home.file("src/deep"), home.file("src/deeper")).expect("renamed");
    assert!(!holds());
    set();
    home.write(".gitignore", "target\na.rs\n");
    assert!(!holds(), "a file less");
    set();
    fs::remove_dir_all(home.file("src")).expect("removed");
    assert!(!holds());
    set();
    assert!(holds(), "nothing matches, and that is so");
    home.write("src/a.rs", "ignored");
    assert!(holds());
    home.write("src/z.rs", "again");
    assert!(!holds());
}

#[test]
fn bad_patterns_are_refused() {
    for bad in ["", "src/", "/tmp/[a", "/tmp/{a", "/tmp/*/../x", "/tmp/{,{,{,"] {
        assert_eq!(Dependency::glob(bad).expect_err("bad").kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
}

#[test]
fn modes_decide_who_is_looked_at() {
    let home = Home::new();
    let with = |mode| Cache::builder().shards(1).refresh_mode(mode).open().expect("a cache");
    for (mode, at_first, after, looked) in [
        (RefreshMode::Auto, true, false, true),
        (RefreshMode::Files, true, false, true),
        (RefreshMode::Always, false, false, false),
        (RefreshMode::Manual, true, true, false),
    ] {
        let cache = with(mode);
        let path = old(&home, "file", "text");
        cache.set_with("key", "", &on(Dependency::file(&path))).expect("set");
        cache.set("plain", "").expect("set");
        assert_eq!(cache.get("key").expect("read").is_some(), at_first, "{mode:?}");
        home.write("file", "longer text");
        assert_eq!(cache.get("key").expect("read").is_some(), after, "{mode:?}");
        assert_eq!(cache.contains("key").expect("read"), after, "{mode:?}");
        assert_eq!(stats(&cache) > 0, looked, "{mode:?}");
        assert!(cache.get("plain").expect("read").is_some(), "{mode:?}");
        cache.set_with("key", "", &on(Dependency::file(&path))).expect("set");
        cache.invalidate(&larder::Rule::File(path)).expect("invalidated");
        assert_eq!(cache.get("key").expect("read"), None, "{mode:?}");
    }
}

#[test]
fn ten_files_cost_ten_stats_and_none_while_they_are_remembered() {
    let home = Home::new();
    let files: Vec<_> = (0..10).map(|n| old(&home, &format!("{n}"), "text")).collect();
    let depends = |options: SetOptions, path| options.depends(Dependency::file(path).expect("a file"));
    for (memo, more) in [(Duration::ZERO, 10), (Duration::from_secs(86_400), 0)] {
        let cache = Cache::builder().shards(2).depends_memo(memo).open().expect("a cache");
        let options = files.iter().fold(SetOptions::new(), depends);
        cache.set_with("one", "", &options).expect("set");
        cache.set_with("two", "", &options).expect("set");
        cache.set("plain", "").expect("set");
        cache.get("plain").expect("read");
        assert_eq!(stats(&cache), 0);
        assert!(cache.get("one").expect("read").is_some());
        assert_eq!(stats(&cache), 10);
        assert!(cache.get("two").expect("read").is_some());
        assert_eq!(stats(&cache), 10 + more);
        home.write("3", "longer text");
        assert_eq!(cache.get("one").expect("read").is_some(), more == 0);
        let fresh = files.iter().fold(SetOptions::new(), depends);
        cache.set_with("one", "", &fresh).expect("set");
        assert!(
            cache.get("one").expect("read").is_some(),
            "what was just computed is not judged by what was seen before"
        );
        old(&home, "3", "text");
    }
}

#[test]
fn a_watched_file_costs_nothing_until_it_changes() {
    let home = Home::new();
    let files: Vec<_> = (0..10).map(|n| old(&home, &format!("dir/{n}"), "text")).collect();
    let cache = Cache::builder().shards(1).watch(true).open().expect("a cache");
    let depends = |options: SetOptions, path| options.depends(Dependency::file(path).expect("a file"));
    let set = || cache.set_with("key", "", &files.iter().fold(SetOptions::new(), depends)).expect("set");
    let goes = |what: &str| wait_until(what, || cache.get("key").expect("read").is_none());
    set();
    assert!(cache.get("key").expect("read").is_some());
    assert_eq!(stats(&cache), 10);
    for _ in 0..1000 {
        assert!(cache.get("key").expect("read").is_some());
    }
    assert_eq!(stats(&cache), 10, "watched");
    home.write("dir/7", "longer text");
    goes("a file that is written");
    set();
    assert!(cache.get("key").expect("read").is_some());
    home.write("dir/new", "by an editor");
    fs::rename(home.file("dir/new"), &files[2]).expect("renamed");
    goes("a file that is replaced");
    set();
    assert!(cache.get("key").expect("read").is_some());
    fs::rename(home.file("dir"), home.file("moved")).expect("renamed");
    goes("a directory that is renamed");
    fs::rename(home.file("moved"), home.file("dir")).expect("renamed");
    cache.set_with("key", "", &on(glob(&home, "dir/**"))).expect("set");
    assert!(cache.get("key").expect("read").is_some());
    home.write("dir/deep/er/file", "new");
    goes("a file in a new directory");
    cache.set_with("key", "", &on(glob(&home, "dir/**"))).expect("set");
    assert!(cache.get("key").expect("read").is_some());
    fs::remove_file(home.file("dir/deep/er/file")).expect("removed");
    goes("a file that is removed");
}
