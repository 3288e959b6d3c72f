//! Fears input and surroundings that nobody wished for: each must end in an exit code and a sentence that says what to
//! do, and nothing that was stored before may be lost.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Home, contents, finish, is_root, noise};
use larder::{Cache, ErrorKind, SetOptions};

const NOBODY: u32 = 65_534;

/// A store with three entries, the last of which is the last in the log.
fn stocked() -> Home {
    let home = Home::new();
    for key in ["one", "two", "three"] {
        home.run(&["set", key, &format!("the value of {key}")]).succeeded();
    }
    home
}

#[track_caller]
fn holds(home: &Home, keys: &[&str]) {
    for key in keys {
        assert_eq!(home.get(key), Some(format!("the value of {key}").into_bytes()), "{key} is kept");
    }
}

#[track_caller]
fn works(home: &Home) {
    home.run(&["set", "new", "the value of new"]).succeeded();
    holds(home, &["new"]);
}

/// A store of several full segments; answers how many entries `k0`, `k1`, … it has, each [`noise`] of 1,000 bytes.
fn large(home: &Home) -> u64 {
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    for n in 0..900 {
        cache.set(format!("k{n}"), noise(n, 1_000)).expect("stored");
    }
    drop(cache);
    assert!(home.indexes().len() >= 3, "several full segments");
    900
}

#[track_caller]
fn holds_all(home: &Home, count: u64) {
    // One process for a few keys each: a look-up or two takes another way than many.
    for n in (0..count).step_by(90) {
        assert!(home.get(&format!("k{n}")) == Some(noise(n, 1_000)), "k{n} is kept");
    }
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    let lost: Vec<_> =
        (0..count).filter(|n| cache.get(format!("k{n}")).expect("readable") != Some(noise(*n, 1_000))).collect();
    assert!(lost.is_empty(), "{} of {count} entries are lost: {lost:?}", lost.len());
}

#[test]
fn an_empty_key_is_refused() {
    let home = stocked();
    home.run(&["set", "", "v"]).refused(2, &["key"]);
    for command in ["get", "exists", "ttl", "inspect", "touch", "delete"] {
        let done = home.run(&[command, ""]);
        assert!([1, 2].contains(&done.code) && done.out.is_empty(), "{command}: {done:?}");
    }
    holds(&home, &["one", "two", "three"]);
}

#[test]
fn a_key_may_have_65_535_bytes_and_no_more() {
    let home = stocked();
    let longest = "k".repeat(65_535);
    let longer = "k".repeat(65_536);
    home.run(&["set", &longest, "long"]).succeeded();
    assert_eq!(home.get(&longest).as_deref(), Some(&b"long"[..]));
    assert_eq!(home.ok(&["list", "--prefix", "kk"]).trim_end(), longest);
    assert_eq!(home.json(&["inspect", &longest])["key"], longest);
    home.run(&["touch", &longest, "--ttl", "1h"]).succeeded();
    home.run(&["export", "snapshot"]).succeeded();
    home.run(&["delete", &longest]).succeeded();
    home.run(&["import", "snapshot"]).succeeded();
    home.run(&["exists", &longest]).succeeded();
    home.run(&["set", &longer, "v"]).refused(2, &["65535"]);
    for command in ["get", "exists", "delete"] {
        let done = home.run(&[command, &longer]);
        assert!([1, 2].contains(&done.code) && done.out.is_empty(), "{command}: {}", done.code);
    }
    holds(&home, &["one", "two", "three"]);
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    assert_eq!(cache.set(&longer, "v").expect_err("too long").kind(), ErrorKind::KeyTooLarge);
    assert_eq!(cache.set("", "v").expect_err("empty").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.get(&longest).expect("readable").as_deref(), Some(&b"long"[..]));
}

#[test]
fn keys_are_any_bytes() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    let keys: [&[u8]; 6] = [b"\0", b"\0\0", b"\xff\xfe", b"a\nb", b"a", &[7; 65_535]];
    for (n, key) in keys.iter().enumerate() {
        cache.set(key, [n as u8]).expect("stored");
    }
    drop(cache);
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(cache.get(key).expect("readable"), Some(vec![n as u8]), "{n}");
    }
    assert_eq!(home.json(&["list"]).as_array().map(Vec::len), Some(6), "and do not trouble the command line");
}

#[test]
fn a_value_above_the_limit_is_refused_and_the_old_one_stays() {
    let home = stocked();
    let limit = ["--max-entry-size", "1KB"];
    home.pipe(&[&limit[..], &["set", "fits"]].concat(), &noise(1, 1_000)).succeeded();
    home.pipe(&[&limit[..], &["set", "one"]].concat(), &noise(1, 1_001)).refused(2, &["1000"]);
    // What shrinks is measured as it is, not as it is packed.
    home.pipe(&[&limit[..], &["set", "one"]].concat(), &[0; 1_001]).refused(2, &["1000"]);
    holds(&home, &["one", "two", "three"]);
    // Half the disk for one entry would throw everything else out.
    home.pipe(&["--max-size", "1MiB", "set", "one"], &noise(2, 900_000)).refused(2, &["max-size"]);
    holds(&home, &["one", "two", "three"]);
}

#[test]
fn a_time_of_zero_is_refused_and_the_old_entry_stays() {
    let home = stocked();
    for option in ["--ttl", "--tti"] {
        for zero in ["0", "0s", "0ms", "0d"] {
            home.run(&["set", "one", "lost", option, zero]).refused(2, &[]);
        }
    }
    home.run(&["touch", "one", "--ttl", "0"]).refused(2, &[]);
    holds(&home, &["one", "two", "three"]);
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    let zero = SetOptions::new().ttl(std::time::Duration::ZERO);
    assert_eq!(cache.set_with("one", "lost", &zero).expect_err("zero").kind(), ErrorKind::InvalidArgument);
    holds(&home, &["one"]);
}

#[test]
fn a_thousand_years_and_more_are_a_time_like_any_other() {
    let home = Home::new();
    for (key, ttl) in [("k", "365000d"), ("w", "52142w")] {
        home.run(&["set", key, "v", "--ttl", ttl, "--tti", "365000d", "--stale", "365000d"]).succeeded();
        let left = home.json(&["ttl", key])["ttl_ms"].as_u64().expect("expires");
        assert!((31_535_000_000_000..=31_536_000_000_000).contains(&left), "{left}");
        assert!(home.ok(&["ttl", key]).starts_with("36499"), "{}", home.ok(&["ttl", key]));
        assert_eq!(home.get(key).as_deref(), Some(&b"v"[..]));
    }
    // Past the year 10,000 is never.
    for ttl in ["99999999999999d", "18446744073709551615ms", "never"] {
        home.run(&["set", "k", "v", "--ttl", ttl]).succeeded();
        assert_eq!(home.ok(&["ttl", "k"]), "never\n", "{ttl}");
        home.run(&["touch", "k", "--ttl", ttl]).succeeded();
        assert_eq!(home.ok(&["ttl", "k"]), "never\n", "{ttl}");
        assert_eq!(home.get("k").as_deref(), Some(&b"v"[..]));
    }
    home.run(&["list", "--long"]).succeeded();
    home.run(&["inspect", "k"]).succeeded();
}

#[test]
fn a_directory_that_is_a_file_is_refused_and_left_alone() {
    let home = Home::new();
    home.write("store", "precious");
    for args in [&["get", "k"][..], &["set", "k", "v"], &["list"], &["stats"], &["verify"], &["clear"]] {
        home.run(args).refused(3, &["not a directory", "--dir"]);
    }
    assert_eq!(fs::read(home.store()).expect("a file"), b"precious");
    // Below a file there cannot be a directory either.
    home.run(&["--dir", "store/below", "set", "k", "v"]).refused(3, &["store"]);
}

#[test]
fn a_directory_that_belongs_to_someone_else_is_refused_and_left_alone() {
    let home = stocked();
    let before = contents(&home.store());
    let foreign = if is_root() {
        chown(home.store(), Some(NOBODY), Some(NOBODY)).expect("given away");
        home.store()
    } else {
        // Whoever is not root cannot give a directory away, but has never owned this one.
        PathBuf::from("/usr")
    };
    let foreign = foreign.to_str().expect("UTF-8");
    for args in [&["get", "one"][..], &["set", "k", "v"], &["clear"]] {
        home.run(&[&["--dir", foreign], args].concat()).refused(3, &["belongs to", "--dir"]);
    }
    if is_root() {
        assert!(contents(&home.store()) == before, "nothing was touched");
        chown(home.store(), Some(0), Some(0)).expect("taken back");
    }
    holds(&home, &["one", "two", "three"]);
}

#[test]
fn a_directory_that_others_can_write_is_refused_and_left_alone() {
    let home = stocked();
    let before = contents(&home.store());
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(home.store(), fs::Permissions::from_mode(mode)).expect("permissions");
        for args in [&["get", "one"][..], &["set", "k", "v"], &["clear"]] {
            home.run(args).refused(3, &["chmod go-w", "--dir"]);
        }
    }
    assert!(contents(&home.store()) == before, "nothing was touched");
    fs::set_permissions(home.store(), fs::Permissions::from_mode(0o755)).expect("permissions");
    holds(&home, &["one", "two", "three"]);
    works(&home);
}

#[test]
fn what_larder_makes_is_for_its_owner_only() {
    let home = Home::new();
    home.run(&["--dir", "a/b/store", "set", "k", "v"]).succeeded();
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let store = home.file("a/b/store");
    assert_eq!((mode(&store), mode(&store.join("segments"))), (0o700, 0o700));
    for (path, _) in contents(&store) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_directory_of_foreign_files_is_refused_and_left_alone() {
    let home = Home::new();
    home.write("store/notes.txt", "precious");
    home.write("store/segments/chapter.txt", "precious too");
    fs::set_permissions(home.store(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let before = contents(&home.store());
    for args in [&["get", "k"][..], &["set", "k", "v"], &["list"], &["clear"]] {
        home.run(args).refused(3, &["notes.txt", "--dir"]);
    }
    assert!(contents(&home.store()) == before, "nothing was added or removed: {:?}", contents(&home.store()));
}

/// Wiping removes `segments/`: it must be sure that this is a store's.
#[test]
fn a_directory_of_foreign_files_is_not_wiped() {
    let home = Home::new();
    home.write("store/notes.txt", "precious");
    home.write("store/segments/chapter.txt", "precious too");
    fs::set_permissions(home.store(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let before = contents(&home.store());
    let wiped = Cache::builder().directory(home.store()).wipe();
    assert!(contents(&home.store()) == before, "nothing was added or removed: {:?}", contents(&home.store()));
    assert_eq!(wiped.expect_err("not a store").kind(), ErrorKind::Directory);
}

#[test]
fn a_superblock_that_is_a_link_is_not_followed() {
    let home = stocked();
    let superblock = home.store().join("larder.store");
    fs::rename(&superblock, home.file("moved")).expect("moved");
    std::os::unix::fs::symlink(home.file("moved"), &superblock).expect("a link");
    let done = home.run(&["get", "one"]).refused(3, &["larder.store"]);
    assert!(!done.err.is_empty());
    fs::remove_file(&superblock).expect("removed");
    fs::rename(home.file("moved"), &superblock).expect("moved back");
    holds(&home, &["one", "two", "three"]);
}

fn set_modes(dir: &Path, files: u32, directories: u32) {
    for (path, _) in contents(dir) {
        fs::set_permissions(path, fs::Permissions::from_mode(files)).expect("permissions");
    }
    for path in [dir.join("segments"), dir.to_owned()] {
        if path.is_dir() {
            fs::set_permissions(path, fs::Permissions::from_mode(directories)).expect("permissions");
        }
    }
}

/// `larder` as somebody whom permissions stop: nobody, when the tests run as root.
fn mortal(home: &Home, args: &[&str]) -> Command {
    if !is_root() {
        return home.larder(args);
    }
    // A copy, because the way to the built one may be closed to nobody.
    let program = home.file("larder");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_larder"), &program).expect("copied");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    let mut command = home.sandboxed("setpriv");
    let nobody = NOBODY.to_string();
    command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--"]).arg(program).args(args);
    command
}

fn give_to_mortal(home: &Home) {
    if is_root() {
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        for path in contents(&home.store()).into_iter().map(|(path, _)| path) {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("given");
        }
        for path in [home.store().join("segments"), home.store()] {
            if path.is_dir() {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("given");
            }
        }
    }
}

#[test]
fn a_store_that_may_not_be_written_is_read_all_the_same() {
    let home = stocked();
    large(&home);
    give_to_mortal(&home);
    set_modes(&home.store(), 0o400, 0o500);
    let before = contents(&home.store());
    for key in ["one", "two", "three"] {
        let done = finish(mortal(&home, &["get", key]), None).succeeded();
        assert_eq!(done.text(), format!("the value of {key}"));
    }
    assert!(finish(mortal(&home, &["get", "k5"]), None).succeeded().out == noise(5, 1_000));
    finish(mortal(&home, &["get", "absent"]), None).ended(1);
    for args in [&["list"][..], &["stats"], &["verify"], &["inspect", "one"]] {
        finish(mortal(&home, args), None).succeeded();
    }
    assert_eq!(finish(mortal(&home, &["export", "-"]), None).succeeded().out[1..6], *b"LSNAP");
    for args in [&["set", "k", "v"][..], &["delete", "one"], &["touch", "one", "--ttl", "1h"], &["cleanup"]] {
        let done = finish(mortal(&home, args), None);
        assert!(done.code == 3 && done.out.is_empty(), "{args:?}: {done:?}");
        assert!(done.err.contains("read-only") || done.err.contains("ermission"), "{args:?}: {}", done.err);
    }
    finish(mortal(&home, &["clear"]), None).refused(3, &[]);
    // A command is run all the same.
    let done = finish(mortal(&home, &["run", "--", "echo", "out"]), None).succeeded();
    assert_eq!(done.text(), "out\n");
    assert!(contents(&home.store()) == before, "nothing was touched");
}

#[test]
fn a_new_store_where_nothing_may_be_written_is_refused() {
    let home = Home::new();
    fs::create_dir(home.store()).expect("a directory");
    give_to_mortal(&home);
    set_modes(&home.store(), 0o400, 0o500);
    for args in [&["set", "k", "v"][..], &["get", "k"]] {
        finish(mortal(&home, args), None).refused(3, &["--dir"]);
    }
    finish(mortal(&home, &["--dir", "store/below/it", "set", "k", "v"]), None).refused(3, &["--dir"]);
    set_modes(&home.store(), 0o600, 0o700);
}

/// A file system of its own, seen through the process that has it. Needs root; gone with the process.
struct Mounted {
    holder: Child,
    root: PathBuf,
}

impl Mounted {
    fn new(home: &Home, mount: &str) -> Option<Self> {
        let at = home.file("mounted");
        fs::create_dir_all(&at).expect("a directory");
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", &format!("{mount} && echo ready && cat")]);
        command.env("AT", &at).env("HOME_DIR", home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().ok().filter(|_| is_root())?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        if line != "ready\n" {
            eprintln!("not tested here: mounting is not allowed");
            let _ = holder.wait();
            return None;
        }
        let root = PathBuf::from(format!("/proc/{}/root{}", holder.id(), at.display()));
        Some(Self { holder, root })
    }

    fn larder(&self, home: &Home, args: &[&str]) -> Command {
        let mut command = home.larder(args);
        command.env("LARDER_DIR", self.root.join("store"));
        command
    }

    fn run(&self, home: &Home, args: &[&str]) -> common::Done {
        finish(self.larder(home, args), None)
    }

    /// Takes what space there is, to the last page.
    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.root.join("filler")).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_space(&self) {
        fs::remove_file(self.root.join("filler")).expect("removed");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

const SMALL_DISK: &str = "mount -t tmpfs -o size=2m,mode=700 larder-test \"$AT\"";

#[test]
fn a_full_disk_costs_nothing_that_was_stored() {
    let home = Home::new();
    let Some(disk) = Mounted::new(&home, SMALL_DISK) else { return };
    for key in ["one", "two", "three"] {
        disk.run(&home, &["set", key, &format!("the value of {key}")]).succeeded();
    }
    disk.fill();
    let big = home.write("big", noise(1, 100_000));
    let big = big.to_str().expect("UTF-8");
    for _ in 0..3 {
        disk.run(&home, &["set", "one", "--file", big]).refused(3, &["space"]);
    }
    for key in ["one", "two", "three"] {
        assert_eq!(disk.run(&home, &["get", key]).succeeded().text(), format!("the value of {key}"));
    }
    assert_eq!(disk.run(&home, &["run", "--", "echo", "out"]).succeeded().text(), "out\n");
    disk.run(&home, &["verify"]).succeeded();
    disk.make_space();
    disk.run(&home, &["set", "one", "--file", big]).succeeded();
    assert!(disk.run(&home, &["get", "one"]).succeeded().out == noise(1, 100_000));
    assert_eq!(disk.run(&home, &["get", "three"]).succeeded().text(), "the value of three");
    disk.run(&home, &["verify"]).succeeded();
}

/// A cache that fills the disk must be able to give the space back.
#[test]
fn clear_works_on_a_full_disk() {
    let home = Home::new();
    let Some(disk) = Mounted::new(&home, SMALL_DISK) else { return };
    let big = home.write("big", noise(1, 200_000));
    let big = big.to_str().expect("UTF-8");
    for key in ["one", "two", "three", "four"] {
        disk.run(&home, &["set", key, "--file", big]).succeeded();
    }
    disk.fill();
    disk.run(&home, &["clear"]).succeeded();
    disk.run(&home, &["exists", "one"]).ended(1);
    disk.run(&home, &["set", "one", "--file", big]).succeeded();
    assert!(disk.run(&home, &["get", "one"]).succeeded().out == noise(1, 200_000));
}

#[test]
fn a_store_that_could_not_be_made_on_a_full_disk_is_made_later() {
    let home = Home::new();
    let Some(disk) = Mounted::new(&home, SMALL_DISK) else { return };
    disk.fill();
    let done = disk.run(&home, &["set", "k", "v"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.err.contains("space"), "{done:?}");
    disk.make_space();
    disk.run(&home, &["set", "k", "v"]).succeeded();
    assert_eq!(disk.run(&home, &["get", "k"]).succeeded().text(), "v");
    disk.run(&home, &["verify"]).succeeded();
}

#[test]
fn a_long_lived_cache_goes_on_from_memory_when_the_disk_is_full() {
    let home = Home::new();
    let Some(disk) = Mounted::new(&home, SMALL_DISK) else { return };
    let cache = Cache::builder().directory(disk.root.join("store")).open().expect("opens");
    cache.set("kept", "v").expect("stored");
    disk.fill();
    let written = cache.set("big", noise(1, 100_000)).expect("kept in memory");
    assert_eq!(written.durability, larder::Durability::Memory, "and says so");
    assert!(cache.get("big").expect("readable") == Some(noise(1, 100_000)));
    assert_eq!(cache.get("kept").expect("readable").as_deref(), Some(&b"v"[..]));
    let sync = SetOptions::new().durability(larder::Durability::Sync);
    assert_eq!(cache.set_with("must", "v", &sync).expect_err("not durable").kind(), ErrorKind::Store);
    let stats = cache.stats_all().expect("counted");
    assert!(stats.degraded >= 2 && stats.store.is_some_and(|store| store.read_only), "{stats:?}");
    disk.make_space();
    drop(cache);
    let cache = Cache::builder().directory(disk.root.join("store")).open().expect("opens");
    assert_eq!(cache.get("kept").expect("readable").as_deref(), Some(&b"v"[..]));
    assert_eq!(cache.get("big").expect("readable"), None);
    assert_eq!(cache.set("big", "v").expect("stored").durability, larder::Durability::Process);
}

/// As on a full disk, for whoever may not mount: a limit on the size of files.
#[test]
fn a_write_that_fails_costs_nothing_that_was_stored() {
    let home = stocked();
    let big = home.write("big", noise(1, 300_000));
    let limited = |args: &[&str]| {
        let mut command = home.sandboxed("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_larder")]);
        command.args(args);
        finish(command, None)
    };
    let big = big.to_str().expect("UTF-8");
    for _ in 0..2 {
        limited(&["set", "one", "--file", big]).refused(3, &["store", "write"]);
        holds(&home, &["one", "two", "three"]);
        home.run(&["verify"]).succeeded();
    }
    let done = limited(&["run", "--", "cat", big]).succeeded();
    assert!(done.out == noise(1, 300_000), "a command's output does not depend on the store");
    works(&home);
    holds(&home, &["one", "two", "three"]);
}

#[test]
fn a_read_only_file_system_is_read_all_the_same() {
    let home = stocked();
    let bind = "mkdir -p \"$AT/store\" && mount --bind \"$HOME_DIR/store\" \"$AT/store\" && \
                mount -o remount,bind,ro \"$AT/store\"";
    let Some(disk) = Mounted::new(&home, bind) else { return };
    assert_eq!(disk.run(&home, &["get", "one"]).succeeded().text(), "the value of one");
    disk.run(&home, &["set", "one", "v"]).refused(3, &["read-only"]);
    disk.run(&home, &["delete", "one"]).refused(3, &["read-only"]);
    assert_eq!(disk.run(&home, &["run", "--", "echo", "out"]).succeeded().text(), "out\n");
    holds(&home, &["one", "two", "three"]);
}

/// Claims another version of a format, with the checksum that belongs to the first `len` bytes.
fn claim(path: &Path, at: usize, version: u32, len: usize) {
    patch(path, at, &version.to_le_bytes());
    let sum = xxhash_rust::xxh3::xxh3_64(&fs::read(path).expect("readable")[..len]);
    patch(path, len, &sum.to_le_bytes());
}

fn patch(path: &Path, at: usize, bytes: &[u8]) {
    let mut all = fs::read(path).expect("readable");
    all[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(path, all).expect("writable");
}

#[test]
fn a_store_of_a_newer_format_is_refused_and_left_alone() {
    let home = stocked();
    claim(&home.store().join("larder.store"), 8, 2, 40);
    let before = contents(&home.store());
    for args in
        [&["get", "one"][..], &["set", "one", "v"], &["list"], &["stats"], &["verify"], &["cleanup"], &["clear"]]
    {
        home.run(args).refused(3, &["newer", "--dir"]);
    }
    let opened = Cache::builder().directory(home.store()).open().expect_err("refused");
    assert_eq!(opened.kind(), ErrorKind::NewerFormat);
    assert!(Cache::builder().directory(home.store()).wipe().is_err());
    assert!(contents(&home.store()) == before, "nothing was touched");
    claim(&home.store().join("larder.store"), 8, 1, 40);
    holds(&home, &["one", "two", "three"]);
}

#[test]
fn a_newer_segment_is_refused_and_left_alone() {
    let home = stocked();
    claim(&home.segments()[0], 4, 2, 24);
    let before = contents(&home.store());
    for args in [&["get", "one"][..], &["set", "one", "v"], &["list"], &["verify"]] {
        home.run(args).refused(3, &["newer"]);
    }
    assert!(contents(&home.store()) == before, "nothing was touched");
    claim(&home.segments()[0], 4, 1, 24);
    holds(&home, &["one", "two", "three"]);
}

/// A newer larder that shares the directory has sealed a segment in its own format, and goes on with the next.
#[test]
fn a_newer_full_segment_is_refused_and_left_alone() {
    let home = Home::new();
    large(&home);
    claim(&home.segments()[0], 4, 2, 24);
    patch(&home.indexes()[0], 7, &[2]);
    let before = contents(&home.store());
    home.run(&["get", "k0"]).refused(3, &["newer"]);
    home.run(&["set", "k0", "v"]).refused(3, &["newer"]);
    assert!(contents(&home.store()) == before, "nothing was touched");
}

#[test]
fn half_a_record_at_the_end_loses_only_itself() {
    let home = stocked();
    let path = home.segments()[0].clone();
    let whole = fs::read(&path).expect("readable");
    // The last frame is a header of 56 bytes and what follows; cut everywhere within it.
    let start = whole.windows(4).rposition(|window| window == b"\x8CLFR").expect("frames begin so");
    for len in (start..whole.len()).step_by(7) {
        fs::write(&path, &whole[..len]).expect("writable");
        assert_eq!(home.get("three"), None, "cut at {len}");
        holds(&home, &["one", "two"]);
        home.run(&["set", "new", "the value of new"]).succeeded();
        holds(&home, &["one", "two", "new"]);
        home.run(&["verify"]).succeeded();
    }
    // Or rubbish where the next one would be.
    for tail in [&b"\x8CLFR"[..], &noise(1, 3), &noise(2, 1_000), &[0; 4_096]] {
        fs::write(&path, [&whole[..], tail].concat()).expect("writable");
        holds(&home, &["one", "two", "three"]);
        works(&home);
        holds(&home, &["one", "two", "three"]);
        home.run(&["verify"]).succeeded();
    }
}

#[test]
fn a_segment_that_was_emptied_costs_only_what_was_in_it() {
    let home = Home::new();
    let count = large(&home);
    let path = home.segments().last().expect("segments").clone();
    for len in [0, 7, 32] {
        File::options().write(true).open(&path).and_then(|file| file.set_len(len)).expect("cut");
        assert!(home.get("k0") == Some(noise(0, 1_000)));
        home.run(&["set", "new", "the value of new", "--max-size", "16MiB"]).succeeded();
        holds(&home, &["new"]);
        assert_eq!(home.get(&format!("k{}", count - 1)), None);
    }
}

#[test]
fn a_missing_index_is_made_again() {
    let home = Home::new();
    let count = large(&home);
    let indexes = home.indexes();
    for path in &indexes {
        fs::remove_file(path).expect("removed");
    }
    holds_all(&home, count);
    assert_eq!(home.indexes(), indexes);
    home.run(&["verify"]).succeeded();
}

#[test]
fn a_damaged_index_costs_no_entry() {
    let home = Home::new();
    let count = large(&home);
    let indexes = home.indexes();
    // In the header, among the lines, cut, and of another segment.
    patch(&indexes[0], 20, &[0xFF]);
    patch(&indexes[1], 400, &[0xFF, 0xFF]);
    File::options().write(true).open(&indexes[2]).and_then(|file| file.set_len(1_000)).expect("cut");
    let done = home.run(&["verify", "--json"]).ended(3);
    assert!(done.json()["damaged_indexes"].as_u64() >= Some(1), "{done:?}");
    holds_all(&home, count);
    for args in [&["list"][..], &["stats"], &["set", "new", "the value of new", "--max-size", "16MiB"]] {
        home.run(args).succeeded();
    }
    holds_all(&home, count);
    home.run(&["verify"]).succeeded();
}

/// Without the superblock nothing can be found, but somebody may have a copy: only `clear` may start anew.
#[test]
fn a_missing_superblock_is_said_and_clear_starts_anew() {
    for with_leases in [false, true] {
        let home = stocked();
        if with_leases {
            home.run(&["run", "--", "echo", "out"]).succeeded();
        }
        let superblock = home.store().join("larder.store");
        let saved = fs::read(&superblock).expect("readable");
        fs::remove_file(&superblock).expect("removed");
        for args in [&["get", "one"][..], &["set", "one", "lost"], &["list"]] {
            home.run(args).refused(3, &["larder.store", "larder clear"]);
        }
        fs::write(&superblock, &saved).expect("put back");
        holds(&home, &["one", "two", "three"]);
        fs::remove_file(&superblock).expect("removed");
        home.run(&["clear"]).succeeded();
        assert_eq!(home.ok(&["list"]), "");
        works(&home);
    }
}

/// P8: whatever became of the superblock, an emptied cache is a working cache.
#[test]
fn a_damaged_superblock_is_said_and_clear_starts_anew() {
    let sound = stocked();
    let whole = fs::read(sound.store().join("larder.store")).expect("readable");
    let mut flipped = whole.clone();
    flipped[30] ^= 1;
    let mut no_magic = whole.clone();
    no_magic[0] ^= 1;
    // The last three are what a power loss makes of a file.
    for (name, bytes) in [
        ("flipped", flipped),
        ("no magic", no_magic),
        ("cut", whole[..20].to_vec()),
        ("longer", [&whole[..], b"more"].concat()),
        ("zeros", vec![0; whole.len()]),
        ("empty", Vec::new()),
    ] {
        let home = stocked();
        fs::write(home.store().join("larder.store"), bytes).expect("writable");
        for args in [&["get", "one"][..], &["set", "one", "lost"]] {
            let done = home.run(args).refused(3, &["larder.store"]);
            assert!(done.err.contains("larder clear") || done.err.contains("--dir"), "{name}: {}", done.err);
        }
        let done = home.run(&["clear"]);
        assert_eq!(done.code, 0, "{name}: {done:?}");
        assert_eq!(home.ok(&["list"]), "", "{name}");
        works(&home);
    }
}

#[test]
fn a_store_without_segments_is_said_and_clear_starts_anew() {
    let home = stocked();
    fs::remove_dir_all(home.store().join("segments")).expect("removed");
    home.run(&["get", "one"]).refused(3, &["larder clear"]);
    home.run(&["clear"]).succeeded();
    works(&home);

    let home = stocked();
    fs::remove_dir_all(home.store().join("segments")).expect("removed");
    fs::write(home.store().join("segments"), "in the way").expect("a file");
    home.run(&["get", "one"]).refused(3, &["segments"]);
    home.run(&["clear"]).succeeded();
    works(&home);
}

#[test]
fn a_lost_segment_in_the_middle_costs_only_what_was_in_it() {
    let home = Home::new();
    let count = large(&home);
    fs::remove_file(&home.segments()[1]).expect("removed");
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    let kept = (0..count).filter(|n| cache.get(format!("k{n}")).expect("readable") == Some(noise(*n, 1_000))).count();
    assert!(kept as u64 >= count / 2, "{kept} of {count}");
    drop(cache);
    works(&home);
}

/// A lock held for ever by somebody else: no command hangs, reads go on.
#[test]
fn a_lock_that_is_never_given_back_does_not_hang_anybody() {
    let home = stocked();
    let lock = File::options().write(true).open(home.store().join("larder.lock")).expect("opens");
    lock.lock().expect("locked");
    holds(&home, &["one", "two", "three"]);
    let with = ["--lock-timeout", "50ms"];
    home.run(&[&with[..], &["set", "one", "lost"]].concat()).refused(3, &["lock"]);
    home.run(&[&with[..], &["delete", "one"]].concat()).refused(3, &["lock"]);
    home.run(&[&with[..], &["clear"]].concat()).refused(3, &["lock"]);
    home.run(&[&with[..], &["touch", "one", "--ttl", "1h"]].concat()).refused(3, &["lock"]);
    let done = home.run(&[&with[..], &["run", "--", "echo", "out"]].concat()).succeeded();
    assert_eq!(done.text(), "out\n");
    drop(lock);
    holds(&home, &["one", "two", "three"]);
    works(&home);
}
