//! A read that asks the disk more often than it must, or opens what it depends on.
//!
//! The command `larder` reads an entry that depends on ten files and runs under strace, which shows every file that it names in a
//! system call: each of the ten once, and none is opened. With a refresh mode that does not look, none is named. Seen to fail
//! with a second look at each file. The command is the one in `target/`: after a change, `cargo build
//! --release --workspace` makes it anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use larder_tests::strace::{self, Touch};

fn larder(root: &Path, args: &[&str]) -> (Output, Vec<Touch>) {
    let tests = std::env::current_exe().expect("this test");
    let larder = tests.parent().and_then(Path::parent).expect("the folder of all programs").join("larder");
    assert!(larder.exists(), "there is no {}; `cargo build --release --workspace` makes it", larder.display());
    let mut command = Command::new(larder);
    command.args(args).env("LARDER_DIR", root.join("store")).env("HOME", root.join("home"));
    strace::trace(&command, root)
}

#[test]
fn ten_files_cost_ten_stats() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().canonicalize().expect("there");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let files: Vec<PathBuf> = (0..10).map(|n| root.join(format!("source {n}"))).collect();
    let mut set = vec!["set", "key", "value"];
    for path in &files {
        fs::write(path, "text").expect("a file");
        File::options().write(true).open(path).and_then(|file| file.set_modified(hour_ago)).expect("a time");
        set.extend(["--depends", path.to_str().expect("text")]);
    }
    let (done, _) = larder(&root, &set);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (args, looks) in [
        (&["get", "key"][..], 10),
        (&["exists", "key"], 10),
        (&["--refresh-mode", "manual", "get", "key"], 0),
        (&["--refresh-mode", "always", "exists", "key"], 0),
    ] {
        let (_, touches) = larder(&root, args);
        let looked: Vec<_> = touches.iter().filter(|touch| files.contains(&touch.path)).collect();
        assert_eq!(looked.len(), looks, "{args:?}: {looked:?}");
        assert!(looked.iter().all(|touch| touch.line.contains("stat")), "{args:?}: {looked:?}");
    }
    fs::write(&files[0], "longer text").expect("a file");
    let (done, touches) = larder(&root, &["get", "key"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(touches.iter().filter(|touch| files.contains(&touch.path)).count(), 1, "the first to change is enough");
}
