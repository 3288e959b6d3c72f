//! Fears a value that comes back as something else, an answer on the wrong stream, and an exit code or a JSON field
//! that scripts depend on and that changed.

mod common;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Home, noise, wait_until};
use serde_json::{Value, json};

fn values() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"a".to_vec(),
        b"text with a newline at its end\n".to_vec(),
        b"\r\n\0\x1a\xff\xfe".to_vec(),
        (0..=255).collect(),
        vec![b'x'; 100_000],
        noise(1, 1 << 20),
    ]
}

#[test]
fn a_value_from_a_file_comes_back_byte_for_byte() {
    let home = Home::new();
    for (n, value) in values().into_iter().enumerate() {
        let path = home.write("value", &value);
        home.run(&["set", &format!("k{n}"), "--file", path.to_str().expect("UTF-8")]).succeeded();
        assert_eq!(home.get(&format!("k{n}")).as_deref(), Some(&value[..]), "value {n}");
    }
}

#[test]
fn a_value_from_standard_input_comes_back_byte_for_byte() {
    let home = Home::new();
    for (n, value) in values().into_iter().enumerate() {
        home.pipe(&["set", &format!("dash{n}"), "-"], &value).succeeded();
        home.pipe(&["set", &format!("bare{n}")], &value).succeeded();
        assert_eq!(home.get(&format!("dash{n}")).as_deref(), Some(&value[..]), "value {n} from -");
        assert_eq!(home.get(&format!("bare{n}")).as_deref(), Some(&value[..]), "value {n} from a pipe");
    }
}

#[test]
fn a_value_from_an_argument_comes_back_as_it_was_written() {
    let home = Home::new();
    for value in ["", "v", "-5", "two words", "Grüße, 世界", "ends in a newline\n"] {
        home.run(&["set", "k", value]).succeeded();
        assert_eq!(home.get("k").as_deref(), Some(value.as_bytes()));
    }
}

#[test]
fn options_may_stand_before_and_behind_the_value() {
    let home = Home::new();
    home.pipe(&["set", "user:42", "-", "--ttl", "10m", "--type", "application/json"], b"{\"answer\": 42}\n")
        .succeeded();
    home.pipe(&["set", "--ttl", "10m", "--type", "application/json", "user:43"], b"{\"answer\": 43}\n").succeeded();
    for (key, answer) in [("user:42", "{\"answer\": 42}\n"), ("user:43", "{\"answer\": 43}\n")] {
        let document = home.json(&["get", key]);
        assert_eq!((&document["value"], &document["content_type"]), (&json!(answer), &json!("application/json")));
        assert!(document["expires"].is_u64());
    }
}

#[test]
fn a_value_and_a_file_at_once_are_refused() {
    let home = Home::new();
    home.run(&["set", "k", "v", "--file", "f"]).refused(2, &["--file"]);
    home.run(&["set", "k", "--file", "missing"]).refused(3, &["missing"]);
    assert_eq!(home.get("k"), None);
}

#[test]
fn get_writes_the_value_to_a_file() {
    let home = Home::new();
    let value = noise(2, 10_000);
    home.pipe(&["set", "k"], &value).succeeded();
    let done = home.run(&["get", "k", "--out", "copy"]).succeeded();
    assert!(done.out.is_empty() && done.err.is_empty(), "{done:?}");
    assert_eq!(fs::read(home.file("copy")).expect("written"), value);
    home.run(&["get", "absent", "--out", "none"]).ended(1);
    assert!(!home.file("none").exists(), "a miss writes no file");
    home.run(&["get", "k", "--out", "no/such/directory"]).refused(3, &["no/such/directory"]);
}

#[test]
fn the_last_set_counts_with_all_it_says() {
    let home = Home::new();
    home.run(&["set", "k", "old", "--ttl", "1h", "--tag", "t", "--meta", "a=b", "--type", "text/plain"]).succeeded();
    home.run(&["set", "k", "new"]).succeeded();
    assert_eq!(home.get("k").as_deref(), Some(&b"new"[..]));
    let info = home.json(&["inspect", "k"]);
    let left = ["tags", "metadata", "content_type", "expires"].map(|field| info[field].clone());
    assert_eq!(left, [json!([]), json!([]), json!(""), Value::Null]);
}

#[test]
fn absent_is_1_and_silent_for_every_command_on_an_entry() {
    let home = Home::new();
    for args in
        [&["get", "k"][..], &["exists", "k"], &["ttl", "k"], &["touch", "k"], &["delete", "k"], &["inspect", "k"]]
    {
        let done = home.run(args).ended(1);
        assert!(done.out.is_empty(), "{args:?}: {done:?}");
    }
    home.run(&["set", "k", "v"]).succeeded();
    for args in
        [&["get", "k"][..], &["exists", "k"], &["ttl", "k"], &["touch", "k"], &["inspect", "k"], &["delete", "k"]]
    {
        home.run(args).succeeded();
    }
    home.run(&["exists", "k"]).ended(1);
}

#[test]
fn usage_errors_are_2_and_say_so_on_stderr() {
    let home = Home::new();
    for args in [
        &["nonsense"][..],
        &[],
        &["get"],
        &["get", "a", "b"],
        &["set", "k", "v", "--ttl", "soon"],
        &["set", "k", "v", "--ttl"],
        &["set", "k", "v", "--meta", "no-equals-sign"],
        &["set", "k", "v", "--durability", "for-ever"],
        &["delete"],
        &["touch", "k", "--ttl", "-5s"],
        &["get", "k", "--verbose", "--quiet"],
    ] {
        let done = home.run(args).refused(2, &[]);
        assert!(!done.err.is_empty(), "{args:?}");
    }
    assert_eq!(home.get("k"), None);
}

#[test]
fn ttl_tells_fresh_never_and_stale_apart() {
    let home = Home::new();
    home.run(&["set", "fresh", "v", "--ttl", "1h"]).succeeded();
    let left = home.json(&["ttl", "fresh"])["ttl_ms"].as_u64().expect("milliseconds");
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    let shown = home.ok(&["ttl", "fresh"]);
    assert!(shown.trim() == "1h" || shown.starts_with("59m"), "{shown:?}");

    home.run(&["set", "never", "v"]).succeeded();
    assert_eq!(home.ok(&["ttl", "never"]), "never\n");
    assert_eq!(home.json(&["ttl", "never"]), json!({"key": "never", "ttl_ms": null, "stale": false}));

    home.run(&["set", "stale", "v", "--ttl", "1ms", "--stale", "1h"]).succeeded();
    wait_until("the entry is stale", || home.ok(&["ttl", "stale"]).starts_with("stale"));
    assert_eq!(home.get("stale").as_deref(), Some(&b"v"[..]), "still served");
    assert_eq!(home.json(&["get", "stale"])["stale"], json!(true));
    assert_eq!(home.json(&["get", "fresh"])["stale"], json!(false));
}

#[test]
fn an_entry_past_its_time_is_absent_everywhere() {
    let home = Home::new();
    home.run(&["set", "k", "v", "--ttl", "1ms"]).succeeded();
    wait_until("the entry is gone", || home.get("k").is_none());
    for command in ["exists", "ttl", "touch", "inspect", "delete"] {
        assert_eq!(home.run(&[command, "k"]).code, 1, "{command}");
    }
}

#[test]
fn an_idle_entry_goes() {
    let home = Home::new();
    home.run(&["set", "k", "v", "--tti", "1h"]).succeeded();
    let info = home.json(&["inspect", "k"]);
    assert_eq!(info["idle_timeout"], json!(3_600_000));
    home.run(&["set", "k", "v", "--tti", "1ms"]).succeeded();
    wait_until("the entry is gone", || home.run(&["exists", "k"]).code == 1);
}

#[test]
fn touch_changes_the_time_and_nothing_else() {
    let home = Home::new();
    let value = noise(3, 5_000);
    home.pipe(&["set", "k", "-", "--ttl", "1h", "--tag", "a", "--meta", "x=y", "--type", "image/png"], &value)
        .succeeded();
    let before = home.json(&["inspect", "k"]);
    let done = home.run(&["touch", "k", "--ttl", "2h"]).succeeded();
    assert!(done.out.is_empty() && done.err.is_empty(), "{done:?}");
    assert!(home.json(&["ttl", "k"])["ttl_ms"].as_u64().is_some_and(|ms| ms > 3_600_000));
    home.run(&["touch", "k", "--ttl", "never"]).succeeded();
    assert_eq!(home.ok(&["ttl", "k"]), "never\n");
    let after = home.json(&["inspect", "k"]);
    for field in ["key", "namespace", "tags", "metadata", "content_type", "value_size", "durability", "created"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(home.get("k").as_deref(), Some(&value[..]));
}

#[test]
fn several_are_deleted_at_once() {
    let home = Home::new();
    for key in ["a", "b", "c"] {
        home.run(&["set", key, "v"]).succeeded();
    }
    assert_eq!(home.json(&["delete", "a", "absent", "b"]), json!({"deleted": 2}));
    assert_eq!((home.get("a"), home.get("b")), (None, None));
    assert_eq!(home.get("c").as_deref(), Some(&b"v"[..]));
    let done = home.run(&["delete", "c"]).succeeded();
    assert!(done.out.is_empty() && done.err.is_empty(), "{done:?}");
    home.run(&["delete", "a", "b", "c"]).ended(1);
}

#[test]
fn tags_metadata_and_type_come_back_in_order() {
    let home = Home::new();
    let args = ["set", "k", "v", "--tag", "zeta", "--tag", "alpha", "--meta", "b=1=2", "--meta", "a=", "--type", "a/b"];
    home.run(&args).succeeded();
    let info = home.json(&["inspect", "k"]);
    assert_eq!(info["tags"], json!(["zeta", "alpha"]));
    assert_eq!(info["metadata"], json!([["b", "1=2"], ["a", ""]]));
    assert_eq!(info["content_type"], json!("a/b"));
    assert_eq!((&info["key"], &info["namespace"]), (&json!("k"), &json!("default")));
    assert_eq!((&info["value_size"], &info["durability"]), (&json!(1), &json!("process")));
    let shown = home.ok(&["inspect", "k"]);
    for word in ["k", "default", "zeta", "alpha", "b=1=2", "a/b", "process", "never"] {
        assert!(shown.split_whitespace().any(|w| w == word), "{word:?} in {shown}");
    }
}

#[test]
fn a_sync_write_says_so() {
    let home = Home::new();
    let document = home.json(&["set", "k", "v", "--durability", "sync"]);
    assert_eq!(document["durability"], json!("sync"));
    assert_eq!(home.json(&["inspect", "k"])["durability"], json!("sync"));
}

/// A command that cannot do what it was asked must not undo what was done before.
#[test]
fn a_refused_memory_write_leaves_what_was_there() {
    let home = Home::new();
    home.run(&["set", "k", "kept"]).succeeded();
    home.run(&["set", "k", "lost", "--durability", "memory"]).refused(2, &["memory", "process"]);
    assert_eq!(home.get("k").as_deref(), Some(&b"kept"[..]));
    let mut command = home.larder(&["set", "k", "lost"]);
    command.env("LARDER_DEFAULT_DURABILITY", "memory");
    common::finish(command, None).refused(2, &["memory", "process"]);
    assert_eq!(home.get("k").as_deref(), Some(&b"kept"[..]));
}

#[test]
fn bytes_that_are_no_text_are_base64_in_json() {
    let home = Home::new();
    let value = b"\xff\x00\xfe";
    home.pipe(&["set", "k"], value).succeeded();
    let document = home.json(&["get", "k"]);
    assert_eq!(document.get("value"), None);
    let text = document["value_base64"].as_str().expect("base64");
    assert_eq!(STANDARD.decode(text).expect("base64"), value);
    home.run(&["set", "k", "text"]).succeeded();
    assert_eq!(home.json(&["get", "k"])["value"], json!("text"));
    assert!(home.json(&["get", "k", "--out", "f"]).get("value").is_none());
}

fn fields(document: &Value) -> Vec<&str> {
    let mut names: Vec<_> = document.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

const INFO: &str = "accessed codec content_type cost created dependencies durability expires gone hits idle_timeout key metadata namespace \
                    prefetched size stale_window tags value_size version";

#[test]
fn json_is_one_document_with_the_same_fields_for_ever() {
    let home = Home::new();
    for (args, names) in [
        (&["set", "k", "v"][..], "durability key version"),
        (&["get", "k"], "content_type created expires key stale value version"),
        (&["exists", "k"], "exists key"),
        (&["ttl", "k"], "key ttl_ms"),
        (&["touch", "k"], "key touched"),
        (&["inspect", "k"], INFO),
        (&["stats"], "directory max_size namespaces store"),
        (&["verify"], "bytes damaged_frames damaged_indexes damaged_records records segments"),
        (&["export", "snapshot"], "bytes entries"),
        (&["import", "snapshot"], "damaged entries expired"),
        (&["cleanup"], "removed"),
        (&["component", "--out", "c.wasm"], "bytes file"),
        (&["component", "--wit"], "wit"),
        (&["delete", "k"], "deleted"),
        (&["clear"], "removed"),
    ] {
        let document = home.json(args);
        let names: Vec<_> = names.split_whitespace().collect();
        let found = fields(&document);
        // A field may be added; none may go.
        assert!(names.iter().all(|name| found.contains(name)), "{args:?}: {document}");
    }
    home.run(&["set", "k", "v"]).succeeded();
    let listed = home.json(&["list"]);
    let names: Vec<_> = INFO.split_whitespace().collect();
    assert_eq!(fields(&listed[0]), names, "list tells what inspect tells");
    let stats = home.json(&["stats"]);
    let store = fields(&stats["store"]);
    assert!(["disk_bytes", "entries", "live_bytes", "segments"].iter().all(|name| store.contains(name)), "{stats}");
    assert_eq!(stats["namespaces"][0]["name"], json!("default"));
    assert_eq!(stats["namespaces"][0]["entries"], json!(1));
    let settings = home.json(&["config"]);
    assert!(settings[0].is_object() && settings[0]["name"].is_string() && settings[0]["origin"].is_string());
}

#[test]
fn json_tells_of_absence_too() {
    let home = Home::new();
    for command in ["get", "ttl", "touch", "inspect"] {
        let done = home.run(&[command, "k", "--json"]).ended(1);
        assert_eq!(done.json(), json!({"key": "k", "absent": true}), "{command}");
    }
    assert_eq!(home.run(&["exists", "k", "--json"]).ended(1).json(), json!({"key": "k", "exists": false}));
    assert_eq!(home.run(&["delete", "k", "--json"]).ended(1).json(), json!({"deleted": 0}));
}

#[test]
fn values_go_to_stdout_and_messages_to_stderr() {
    let home = Home::new();
    let done = home.run(&["set", "k", "v"]).succeeded();
    assert!(done.out.is_empty() && done.err.is_empty(), "a success has nothing to say: {done:?}");
    let done = home.run(&["get", "k"]).succeeded();
    assert!(done.out == b"v" && done.err.is_empty(), "{done:?}");
    // Talking more must not reach stdout.
    let done = home.run(&["get", "k", "-vvv"]).succeeded();
    assert_eq!(done.out, b"v");
    let done = home.run(&["set", "", "v", "-q"]).refused(2, &["larder: "]);
    assert!(!done.err.contains('\x1b'), "no colour outside of a terminal: {done:?}");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let home = Home::new();
    home.pipe(&["set", "k"], &noise(4, 1 << 20)).succeeded();
    let mut command = home.larder(&["get", "k"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("larder starts");
    drop(child.stdout.take());
    let done = common::collect(child);
    assert!(done.err.is_empty() && !done.err.contains("panicked"), "{done:?}");
}

#[test]
fn help_and_version_are_answers() {
    let home = Home::new();
    assert!(home.ok(&["--version"]).starts_with("larder "));
    let help = home.ok(&["--help"]);
    for command in ["set", "get", "run", "list", "stats", "config", "component", "Exit codes"] {
        assert!(help.contains(command), "{command}");
    }
    for command in ["set", "get", "exists", "ttl", "touch", "delete", "inspect", "run", "list", "export"] {
        assert!(home.ok(&[command, "--help"]).contains("Usage"), "{command}");
    }
}
