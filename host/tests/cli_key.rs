//! Fears that `larder key` makes other keys than the library, needs a store, or takes what it is given for something else.

mod common;

use common::Home;
use serde_json::json;

#[test]
fn keys_are_made_of_everything_the_library_makes_them_of() {
    let home = Home::new();
    let file = home.write("src/lib.rs", "fn main() {}");
    let hash = blake3::hash(b"fn main() {}").to_hex();
    for (args, key) in [
        (&["parts", "user", "profile", "123"][..], "parts:user:profile:123".to_owned()),
        (&["dict", r#"{"user_id": 123, "type": "profile"}"#], r#"dict:{"type":"profile","user_id":123}"#.to_owned()),
        (&["structured", r#"{"files": {"set": ["b", "a"]}}"#], r#"structured:{"files":("a","b")}"#.to_owned()),
        (&["path", "--name-only", "src/lib.rs"], "path:src/lib.rs".to_owned()),
        (&["path", "--content", "src/lib.rs"], format!("path:src/lib.rs|hash:{hash}")),
        (&["endpoint", "/api/users", "id=123", "filter=active"], "/api/users|filter=active&id=123".to_owned()),
        (&["endpoint", "/api/users/123"], "/api/users/123".to_owned()),
        (&["endpoint", "/s", "q=a=b"], "/s|q=a%3Db".to_owned()),
        (&["text", "--operation", "qa", "why?"], "text:qa||=why?".to_owned()),
        (&["text", "--operation", "qa", "--file", "src/lib.rs"], "text:qa||=fn main() {}".to_owned()),
        (&["prefix", "--operation", "qa"], "text:qa|".to_owned()),
    ] {
        assert_eq!(home.ok(&[&["key"], args].concat()), format!("{key}\n"), "{args:?}");
    }
    let modified = std::fs::metadata(&file).expect("there").modified().expect("known");
    let since = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let stamp = format!("path:src/lib.rs|12@{}.{:09}\n", since.as_secs(), since.subsec_nanos());
    assert_eq!(home.ok(&["key", "path", "src/lib.rs"]), stamp);
    assert!(!home.store().exists(), "no store is needed");
}

#[test]
fn texts_and_json_come_from_standard_input() {
    let home = Home::new();
    let piped = |args: &[&str], input: &str| home.pipe(args, input.as_bytes()).succeeded().text();
    assert_eq!(piped(&["key", "text", "--operation", "qa"], "why?\n"), "text:qa||=why?%0A\n");
    assert_eq!(piped(&["key", "text", "--operation", "qa", "-"], "why?"), "text:qa||=why?\n");
    assert_eq!(piped(&["key", "dict", "-"], r#"{"a": 1}"#), "dict:{\"a\":1}\n");
    assert_eq!(piped(&["key", "structured", "-"], "1.5"), "structured:1.5\n");
    let long = "t".repeat(100_000);
    let key = format!("text:qa||xlarge#100000#{}\n", blake3::hash(long.as_bytes()).to_hex());
    assert_eq!(piped(&["key", "text", "--operation", "qa"], &long), key);
}

#[test]
fn options_are_json_if_they_can_be() {
    let home = Home::new();
    let options = ["n=1", "x=0.5", "s=gpt-4", r#"t="1""#, "b=true", "l=[1, 2]", "e=", "o=null"];
    let args = options.iter().flat_map(|option| ["--option", option]);
    let args: Vec<_> = ["key", "text", "--operation", "op"].into_iter().chain(args).chain(["t"]).collect();
    let expected = r#"text:op|{"b":true,"e":"","l":[1,2],"n":1,"o":null,"s":"gpt-4","t":"1","x":0.5}|=t"#;
    assert_eq!(home.ok(&args), format!("{expected}\n"));
}

#[test]
fn the_document_says_how_a_key_came_about() {
    let home = Home::new();
    let document = home.json(&["key", "parts", "a"]);
    assert_eq!(document, json!({"key": "parts:a", "kind": "parts", "hashed": false}));
    let document = home.json(&["key", "text", "--operation", "op", "--hash-above", "2", "--tiers", "1,2,3", "abc"]);
    let key = format!("text:op||large#3#{}", blake3::hash(b"abc").to_hex());
    assert_eq!(document, json!({"key": key, "kind": "text", "hashed": true, "tier": "large"}));
    assert_eq!(home.json(&["key", "prefix", "--operation", "op"]), json!({"prefix": "text:op|"}));
    assert_eq!(home.json(&["key", "structured", "1"])["kind"], "structured");
    assert_eq!(home.json(&["key", "dict", "{}"])["kind"], "dictionary");
    assert_eq!(home.json(&["key", "endpoint", "/"])["kind"], "endpoint");
    assert_eq!(home.json(&["key", "path", "--name-only", "p"])["kind"], "path");
}

#[test]
fn what_makes_no_key_is_a_usage_error() {
    let home = Home::new();
    for args in [
        &["parts"][..],
        &["dict", "[1]"],
        &["dict", "{"],
        &["dict", r#"{"a": 1, "a": 2}"#],
        &["structured", r#"{"set": 1}"#],
        &["structured", "99999999999999999999"],
        &["endpoint", ""],
        &["endpoint", "/e", "no-pair"],
        &["path", ""],
        &["path", "--content", "."],
        &["path", "--content", "--name-only", "p"],
        &["text", "--operation", "", "t"],
        &["text", "--operation", "op", "--option", "no-pair", "t"],
        &["text", "--operation", "op", "--option", "a=1", "--option", "a=2", "t"],
        &["text", "--operation", "op", "--option", "a=99999999999999999999", "t"],
        &["text", "--operation", "op", "--tiers", "1,2", "t"],
        &["text", "--operation", "op", "--tiers", "3,2,1", "t"],
        &["text", "--operation", "op", "--hash-above", "16385", "t"],
        &["text", "--operation", "op", "--file", "f", "t"],
        &["text", "t"],
        &["prefix", "--operation", ""],
    ] {
        let done = home.run(&[&["key"], args].concat());
        assert_eq!(done.code, 2, "{args:?}: {done:?}");
        assert!(done.out.is_empty() && !done.err.is_empty(), "{args:?}: {done:?}");
    }
    assert_eq!(home.run(&["key", "path", "gone"]).code, 3);
    assert_eq!(home.run(&["key", "text", "--operation", "op", "--file", "gone"]).code, 3);
}

#[test]
fn a_key_goes_through_a_shell_and_into_the_store() {
    let home = Home::new();
    let key = home.ok(&["key", "parts", "a b", "ü\n", "%"]);
    let key = key.strip_suffix('\n').expect("one line");
    assert_eq!(key.lines().count(), 1);
    home.run(&["set", key, "v"]).succeeded();
    assert_eq!(home.ok(&["list"]), format!("{key}\n"));
    assert_eq!(home.get(key).as_deref(), Some(&b"v"[..]));
}

/// The commands of the guide and what it says that they print.
#[test]
fn the_guide_says_what_is_printed() {
    let guide = include_str!("../../docs/keys.md");
    let home = Home::new();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_larder")).parent().expect("a folder").to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("a path"));
    let mut commands = 0;
    for block in guide.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block");
        for step in block.split("$ larder ").skip(1) {
            let (command, rest) = step.split_once('\n').expect("a line");
            let expected: String =
                rest.lines().filter(|line| !line.starts_with("$ ")).map(|l| format!("{l}\n")).collect();
            let mut shell = home.sandboxed("sh");
            let set_up = "printf 'Hello' > hello.txt; touch -d @1700000000 hello.txt";
            shell.env("PATH", &path).args(["-c", &format!("{set_up}; larder {command}")]);
            let done = shell.output().expect("runs");
            assert!(done.status.success(), "{command}: {done:?}");
            assert_eq!(String::from_utf8_lossy(&done.stdout), expected, "{command}");
            commands += 1;
        }
    }
    assert_eq!(commands, 13, "all examples of the guide");
}
