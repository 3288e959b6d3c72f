//! Fears a map that shows what is not there any more, parses what it knows, breaks its budget, or falls over what lies in a
//! directory.
#![cfg(feature = "repo-map")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Home, flip};
use serde_json::Value;

/// Sources in three languages, of an age at which no change can hide.
fn sources() -> Home {
    let home = Home::new();
    write(
        &home,
        "src/core.rs",
        "pub struct Pantry;\nimpl Pantry {\n    pub fn open_pantry() {}\n}\npub fn lonely() {}\n",
    );
    write(&home, "src/user.rs", "use crate::core::Pantry;\nfn use_it(p: Pantry) { Pantry::open_pantry() }\n");
    write(&home, "tool.py", "def fill_shelf(jam):\n    pass\n\ndef main():\n    fill_shelf(1)\n");
    write(&home, "other.py", "from tool import fill_shelf\nfill_shelf(2)\n");
    write(&home, "web/app.js", "function renderShelf() {}\n");
    write(&home, "web/page.js", "renderShelf();\n");
    write(&home, "README.md", "# No source\n");
    home
}

fn write(home: &Home, name: &str, bytes: impl AsRef<[u8]>) {
    let path = home.write(&format!("tree/{name}"), bytes);
    age(&path);
}

fn age(path: &Path) {
    let then = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("a time");
}

fn map(home: &Home, more: &[&str]) -> Value {
    home.json(&[&["repo-map", "tree"], more].concat())
}

/// Files, parsed, from the cache, whether the map is.
fn counts(map: &Value) -> (u64, u64, u64, bool) {
    let number = |name: &str| map[name].as_u64().expect("a number");
    (number("files"), number("parsed"), number("from_cache"), map["map_from_cache"].as_bool().expect("yes or no"))
}

fn text(map: &Value) -> String {
    map["map"].as_str().expect("a text").to_owned()
}

fn reasons(map: &Value) -> Vec<(String, String)> {
    let skipped = map["skipped"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    skipped.map(|skipped| (text(&skipped["path"]), text(&skipped["reason"]))).collect()
}

#[test]
fn a_change_of_one_file_costs_parsing_one() {
    let home = sources();
    let first = map(&home, &[]);
    assert_eq!(counts(&first), (6, 6, 0, false));
    let second = map(&home, &[]);
    assert_eq!(counts(&second), (6, 0, 6, true));
    assert_eq!(text(&second), text(&first));

    write(&home, "tool.py", "def fill_cupboard(jam):\n    pass\n");
    let third = map(&home, &[]);
    assert_eq!(counts(&third), (6, 1, 5, false));
    assert!(text(&third).contains("fill_cupboard") && !text(&third).contains("def fill_shelf"), "{third}");

    // Touched, and the same for all that.
    fs::write(home.file("tree/tool.py"), "def fill_cupboard(jam):\n    pass\n").expect("a file");
    assert_eq!(counts(&map(&home, &[])), (6, 1, 5, false));
    write(&home, "new.py", "x = 1\n");
    assert_eq!(counts(&map(&home, &[])).0, 7);
    fs::remove_file(home.file("tree/new.py")).expect("no file");
    assert_eq!(counts(&map(&home, &[])).0, 6);
}

#[test]
fn what_others_refer_to_comes_first_with_its_line() {
    let home = sources();
    let map = text(&map(&home, &[]));
    let at = |what: &str| map.find(what).unwrap_or_else(|| panic!("no {what} in {map}"));
    let core = "src/core.rs:\n    1 pub struct Pantry;\n    3     pub fn open_pantry() {}\n";
    assert!(at(core) < at("src/user.rs"), "{map}");
    assert!(at("tool.py:\n    1 def fill_shelf(jam):") < at("src/user.rs"), "{map}");
    assert!(at("web/app.js:\n    1 function renderShelf() {}") < at("src/user.rs"), "{map}");
    assert!(!map.contains("README"));
}

#[test]
fn the_budget_is_kept_and_a_larger_one_shows_more() {
    let home = sources();
    let mut before = 0;
    for tokens in [0, 1, 10, 20, 40, 1000] {
        let map = map(&home, &["--tokens", &tokens.to_string()]);
        let (taken, shown) =
            (map["tokens"].as_u64().expect("a number"), map["definitions"].as_u64().expect("a number"));
        assert!(taken <= tokens && taken == (text(&map).len() as u64).div_ceil(4), "{map}");
        assert!(shown >= before, "{map}");
        before = shown;
    }
    assert_eq!(before, 7);
}

#[test]
fn files_in_chat_are_left_out_and_what_is_mentioned_comes_first() {
    let home = sources();
    let chat = text(&map(&home, &["--chat", "tree/src/core.rs"]));
    assert!(!chat.contains("src/core.rs") && chat.contains("src/user.rs"), "{chat}");
    let mentioned = text(&map(&home, &["--mention-file", "user.rs", "--mention", "open_pantry"]));
    assert!(mentioned.starts_with("src/core.rs:\n"), "{mentioned}");
    assert!(text(&map(&home, &[])).starts_with("tool.py:\n"));
}

#[test]
fn names_begin_where_the_map_does() {
    let home = sources();
    assert!(text(&map(&home, &[])).contains("\nsrc/core.rs:") || text(&map(&home, &[])).starts_with("src/core.rs:"));
    for name in ["tool.py", "other.py", "web/app.js", "web/page.js"] {
        fs::remove_file(home.file(&format!("tree/{name}"))).expect("no file");
    }
    assert!(text(&map(&home, &[])).starts_with("src/core.rs:"));
    let below = home.json(&["repo-map", "tree/src"]);
    assert!(text(&below).starts_with("core.rs:"), "{below}");
    assert_eq!(counts(&below), (2, 0, 2, false));
}

#[test]
fn what_cannot_be_read_as_source_is_passed_over_with_a_reason() {
    let home = sources();
    write(&home, "binary.rs", b"fn main() {}\0\x01\x02");
    write(&home, "latin.py", b"# caf\xe9\n");
    write(&home, "huge.rs", "");
    File::options().write(true).open(home.file("tree/huge.rs")).and_then(|f| f.set_len(100 << 20)).expect("a size");
    symlink(".", home.file("tree/loop")).expect("a link");
    symlink("loop.rs", home.file("tree/loop.rs")).expect("a link");
    symlink("gone.py", home.file("tree/broken.py")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, home.file("tree/pipe.js"), 0o600.into()).expect("a pipe");
    fs::create_dir(home.file("tree/directory.rs")).expect("a directory");
    let expected = [
        ("binary.rs", "it is binary"),
        ("broken.py", "a symbolic link, which is not followed"),
        ("huge.rs", "it is larger than 1024 KiB"),
        ("latin.py", "it is not UTF-8"),
        ("loop.rs", "a symbolic link, which is not followed"),
        ("pipe.js", "no regular file"),
    ];
    for from_cache in [false, true] {
        let map = map(&home, &[]);
        let mut found = reasons(&map);
        found.sort_unstable();
        let expected = expected.map(|(path, reason)| (path.to_owned(), reason.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(map["map_from_cache"], from_cache);
    }
    let done = home.run(&["repo-map", "tree"]).succeeded();
    assert!(done.err.contains("6 files were passed over; -v says why"), "{}", done.err);
}

#[test]
fn deep_nesting_and_endless_lines_are_survived() {
    let home = sources();
    for (name, open) in [("deep.rs", "(["), ("deep.py", "[("), ("deep.js", "{[(")] {
        write(&home, name, open.repeat(10_000));
    }
    write(&home, "wide.js", format!("function wide() {{ return \"{}\"; }}\n", "x".repeat(900_000)));
    write(&home, "names.rs", "fn aaaaaaaa() {}\n".repeat(40_000));
    let map = map(&home, &[]);
    assert_eq!(map["files"], 11);
    assert!(text(&map).lines().all(|line| line.chars().count() <= 110), "{map}");
}

#[test]
fn control_characters_in_names_and_lines_do_not_reach_the_terminal() {
    let home = Home::new();
    write(&home, "a\u{1b}[2J\nb.py", "def red(): # \u{1b}[31m\n    pass\n");
    let done = home.run(&["repo-map", "tree"]).succeeded();
    assert_eq!(done.text(), "a\u{fffd}[2J\u{fffd}b.py:\n    1 def red(): # \u{fffd}[31m\n");
}

#[test]
fn gitignored_and_hidden_files_are_not_part_of_the_map() {
    let home = sources();
    write(&home, ".gitignore", "web/\n");
    write(&home, ".hidden/x.py", "def hidden(): pass\n");
    assert_eq!(counts(&map(&home, &[])).0, 4);
}

#[test]
fn a_damaged_store_costs_parsing_and_nothing_else() {
    let home = sources();
    let whole = text(&map(&home, &[]));
    for segment in home.segments() {
        for needle in [b"open_pantry".as_slice(), b"core.rs"] {
            if fs::read(&segment).expect("a segment").windows(needle.len()).any(|window| window == needle) {
                flip(&segment, needle);
            }
        }
    }
    let map = map(&home, &[]);
    assert_eq!(text(&map), whole);
    assert_eq!(map["files"], 6);
}

#[test]
fn a_store_that_takes_nothing_costs_one_warning() {
    let home = sources();
    map(&home, &[]);
    for name in ["tool.py", "other.py"] {
        write(&home, name, "def changed():\n    pass\n");
    }
    let done = home.run(&["repo-map", "tree", "--strategy", "read-only"]).succeeded();
    assert!(done.text().contains("def changed"), "{}", done.text());
    assert_eq!(done.err.matches("WARN").count(), 1, "{}", done.err);
}

#[test]
fn what_is_no_directory_is_a_usage_error_and_an_empty_one_an_empty_map() {
    let home = sources();
    home.run(&["repo-map", "nowhere"]).refused(2, &["nowhere", "is no directory"]);
    home.run(&["repo-map", "tree/tool.py"]).refused(2, &["is no directory"]);
    fs::create_dir(home.file("empty")).expect("a directory");
    assert_eq!(home.ok(&["repo-map", "empty"]), "");
}

#[test]
fn the_document_has_its_fields_and_the_caches_their_figures() {
    let home = sources();
    let map = map(&home, &["--caches", "--jobs", "1"]);
    for name in ["directory", "files", "parsed", "from_cache", "map_from_cache", "skipped", "ranked", "definitions"] {
        assert!(!map[name].is_null(), "{name}");
    }
    for name in ["tokens", "max_tokens", "took_ms"] {
        assert!(map[name].is_number(), "{name}");
    }
    assert_eq!((&map["caches"]["tags"]["misses"], &map["caches"]["tags"]["entries"]), (&6.into(), &6.into()));
    let done = home.run(&["repo-map", "tree", "--caches"]).succeeded();
    for line in ["Map cache hit rate: 100.00%", "Total cache requests: 1"] {
        assert!(done.err.contains(line), "{}", done.err);
    }
}
