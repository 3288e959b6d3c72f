//! Fears a setting that is not the one the user wrote: overruled in the wrong order, misspelt and ignored, or out of
//! range and silently bent.

mod common;

use std::process::Command;

use common::{Done, Home, finish};
use serde_json::Value;

fn setting(done: &Done, name: &str) -> Value {
    let all = done.json();
    let found = all.as_array().expect("an array").iter().find(|s| s["name"] == name);
    found.unwrap_or_else(|| panic!("no setting {name}: {all}")).clone()
}

fn config(home: &Home, args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = home.larder(&[&["config", "--json"], args].concat());
    command.envs(environment.iter().copied());
    command
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let home = Home::new();
    for (name, variable, [flag, environment, file], default) in [
        ("namespace", "LARDER_NAMESPACE", ["f", "e", "t"], Some("default")),
        ("max-size", "LARDER_MAX_SIZE", ["10MB", "20MB", "30MB"], Some("500MB")),
        ("max-entries", "LARDER_MAX_ENTRIES", ["1", "2", "3"], None),
        ("codec", "LARDER_CODEC", ["none", "lz4", "auto"], Some("deflate")),
        ("cold-tier", "LARDER_COLD_TIER", ["on", "off", "on"], Some("off")),
        ("policy", "LARDER_POLICY", ["fifo", "lru", "fifo"], Some("adaptive")),
        ("advice", "LARDER_ADVICE", ["on", "off", "on"], Some("off")),
        ("default-ttl", "LARDER_DEFAULT_TTL", ["1h", "2h", "3h"], None),
        ("compression-level", "LARDER_COMPRESSION_LEVEL", ["1", "2", "3"], Some("6")),
        ("default-durability", "LARDER_DEFAULT_DURABILITY", ["sync", "process", "sync"], Some("process")),
        ("lock-timeout", "LARDER_LOCK_TIMEOUT", ["1s", "2s", "3s"], Some("5s")),
        ("strategy", "LARDER_STRATEGY", ["memory", "read-only", "process-isolated"], Some("shared")),
        ("locking", "LARDER_LOCKING", ["off", "on", "off"], Some("on")),
        ("record", "LARDER_RECORD", ["f", "e", "t"], None),
        ("statistics", "LARDER_STATISTICS", ["off", "on", "off"], Some("on")),
        ("cleanup-interval", "LARDER_CLEANUP_INTERVAL", ["1s", "2s", "never"], Some("300s")),
    ] {
        let path = home.write("settings.toml", format!("{name} = {file:?}\n"));
        let path = path.to_str().expect("UTF-8");
        let flagged = format!("--{name}={flag}");
        let with_file = ["--config", path];
        let with_flag = ["--config", path, &flagged];
        for (args, env, value, origin) in [
            (&with_flag[..], &[(variable, environment)][..], Some(flag), "flag"),
            (&with_file, &[(variable, environment)], Some(environment), "environment"),
            (&with_file, &[], Some(file), "file"),
            (&[], &[], default, "default"),
        ] {
            let found = setting(&finish(config(&home, args, env), None).succeeded(), name);
            assert_eq!((found["value"].as_str(), found["origin"].as_str()), (value, Some(origin)), "{name}");
            match origin {
                "environment" => assert_eq!(found["source"], variable),
                "file" => assert_eq!(found["source"], path),
                _ => assert_eq!(found.get("source"), None),
            }
        }
    }
}

#[test]
fn the_directory_is_found_in_the_same_order() {
    let home = Home::new();
    let file = home.write("settings.toml", "dir = \"from-file\"\n");
    let path = file.to_str().expect("UTF-8");
    let dir = |command: Command| setting(&finish(command, None).succeeded(), "dir");
    let both = config(&home, &["--dir", "from-flag", "--config", path], &[("LARDER_DIR", "from-environment")]);
    assert_eq!(dir(both)["value"], "from-flag");
    let two = config(&home, &["--config", path], &[("LARDER_DIR", "from-environment")]);
    assert_eq!(dir(two)["value"], "from-environment");
    let mut one = config(&home, &["--config", path], &[]);
    one.env_remove("LARDER_DIR");
    assert_eq!(dir(one)["value"], "from-file");
    let mut none = config(&home, &[], &[("XDG_CACHE_HOME", "/somewhere")]);
    none.env_remove("LARDER_DIR");
    let found = dir(none);
    assert_eq!(found["origin"], "default");
    if cfg!(target_os = "linux") {
        assert_eq!(found["value"], "/somewhere/larder");
        let mut home_only = config(&home, &[], &[("HOME", "/home/someone")]);
        home_only.env_remove("LARDER_DIR").env_remove("XDG_CACHE_HOME").env_remove("XDG_CONFIG_HOME");
        assert_eq!(dir(home_only)["value"], "/home/someone/.cache/larder");
    }
    let mut homeless = home.larder(&["list"]);
    homeless.env_remove("LARDER_DIR").env_remove("XDG_CACHE_HOME").env_remove("HOME");
    finish(homeless, None).refused(2, &["--dir"]);
}

#[test]
fn the_file_is_found_by_flag_by_environment_and_where_it_belongs() {
    let home = Home::new();
    let flagged = home.write("flagged.toml", "namespace = \"flagged\"");
    let named = home.write("named.toml", "namespace = \"named\"");
    home.write("xdg_config_home/larder/config.toml", "namespace = \"default-place\"");
    let named = [("LARDER_CONFIG", named.to_str().expect("UTF-8"))];
    let flagged = ["--config", flagged.to_str().expect("UTF-8")];
    for (args, env, expected) in
        [(&flagged[..], &named[..], "flagged"), (&[], &named, "named"), (&[], &[], "default-place")]
    {
        let found = setting(&finish(config(&home, args, env), None).succeeded(), "namespace");
        assert_eq!(found["value"], expected);
    }
    home.write("home/.config/larder/config.toml", "namespace = \"under-home\"");
    let mut command = config(&home, &[], &[]);
    command.env_remove("XDG_CONFIG_HOME");
    assert_eq!(setting(&finish(command, None).succeeded(), "namespace")["value"], "under-home");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let home = Home::new();
    home.run(&["list", "--config", "missing.toml"]).refused(2, &["missing.toml"]);
    let mut command = home.larder(&["list"]);
    command.env("LARDER_CONFIG", "missing.toml");
    finish(command, None).refused(2, &["missing.toml"]);
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let home = Home::new();
    let names = ["LARDER_DIR", "LARDER_NAMESPACE", "LARDER_MAX_SIZE", "LARDER_DEFAULT_TTL", "LARDER_CONFIG"];
    for name in names {
        let done = finish(config(&home, &[], &[(name, "")]), None).succeeded();
        let unset = done.json().as_array().expect("an array").iter().all(|s| s["source"] != name);
        assert!(unset, "{name}");
    }
}

#[test]
fn what_is_set_has_its_effect_wherever_it_comes_from() {
    let home = Home::new();
    let file = home.write("settings.toml", "namespace = \"from-file\"\ndefault-ttl = \"1h\"\n");
    let file = file.to_str().expect("UTF-8");
    home.run(&["--config", file, "set", "k", "v"]).succeeded();
    assert_eq!(home.ok(&["--namespace", "from-file", "get", "k"]), "v");
    let left = home.json(&["--namespace", "from-file", "ttl", "k"])["ttl_ms"].as_u64().expect("expires");
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    let mut command = home.larder(&["--config", file, "set", "k", "e"]);
    command.env("LARDER_NAMESPACE", "from-environment").env("LARDER_DEFAULT_TTL", "2h");
    finish(command, None).succeeded();
    let left = home.json(&["--namespace", "from-environment", "ttl", "k"])["ttl_ms"].as_u64().expect("expires");
    assert!((7_100_000..=7_200_000).contains(&left), "{left}");
    home.run(&["--config", file, "--default-ttl", "3h", "set", "k", "v", "--ttl", "4h"]).succeeded();
    let left = home.json(&["--namespace", "from-file", "ttl", "k"])["ttl_ms"].as_u64().expect("expires");
    assert!(left > 3 * 3_600_000, "what the write says counts most: {left}");
}

#[test]
fn codecs_and_thresholds_have_their_effect() {
    let home = Home::new();
    let text = "la".repeat(1_000);
    for (codec, used) in [("none", "none"), ("deflate", "deflate"), ("lz4", "lz4"), ("auto", "lz4")] {
        home.run(&["set", "k", &text, "--codec", codec]).succeeded();
        assert_eq!(home.json(&["inspect", "k"])["codec"], used, "{codec}");
        assert_eq!(home.ok(&["get", "k"]), text, "{codec}");
    }
    home.run(&["set", "k", &text, "--compression-threshold", "2001"]).succeeded();
    assert_eq!(home.json(&["inspect", "k"])["codec"], "none");
    home.run(&["set", "k", &text, "--compression-threshold", "2000"]).succeeded();
    assert_eq!(home.json(&["inspect", "k"])["codec"], "deflate");
}

#[test]
fn a_whole_number_may_go_without_quotes() {
    let home = Home::new();
    let file = home.write("settings.toml", "max-size = 30_000_000\ncompression-level = 9\nlock-timeout = 2\n");
    let done = finish(config(&home, &["--config", file.to_str().expect("UTF-8")], &[]), None).succeeded();
    assert_eq!(setting(&done, "max-size")["value"], "30000000");
    assert_eq!(setting(&done, "compression-level")["value"], "9");
    home.run(&["--config", file.to_str().expect("UTF-8"), "set", "k", "v"]).succeeded();
    assert_eq!(home.json(&["--config", file.to_str().expect("UTF-8"), "stats"])["max_size"], 30_000_000);
}

#[test]
fn an_unknown_key_is_refused_and_the_nearest_named() {
    let home = Home::new();
    for (key, nearest) in [
        ("max-sise", "max-size"),
        ("max_size", "max-size"),
        ("maxsize", "max-size"),
        ("namspace", "namespace"),
        ("default_ttl", "default-ttl"),
        ("codek", "codec"),
    ] {
        let file = home.write("settings.toml", format!("{key} = \"1\"\n"));
        let file = file.to_str().expect("UTF-8");
        home.run(&["--config", file, "get", "k"]).refused(2, &[key, nearest, "settings.toml"]);
    }
    let file = home.write("settings.toml", "qqqq = \"1\"\n");
    home.run(&["--config", file.to_str().expect("UTF-8"), "get", "k"]).refused(2, &["qqqq", "max-size", "namespace"]);
    assert!(!home.store().exists(), "a usage error makes no store");
}

#[test]
fn a_file_that_is_no_toml_or_of_another_type_is_refused() {
    let home = Home::new();
    for (text, word) in [
        ("max-size = ", "settings.toml"),
        ("namespace: x", "settings.toml"),
        ("max-size = true", "max-size"),
        ("max-size = 1.5", "max-size"),
        ("max-size = [1]", "max-size"),
        ("[cache]\nmax-size = \"1MB\"", "cache"),
        ("namespace = \"a\"\nnamespace = \"b\"", "namespace"),
        ("\u{0}", "settings.toml"),
    ] {
        let file = home.write("settings.toml", text);
        home.run(&["--config", file.to_str().expect("UTF-8"), "list"]).refused(2, &[word]);
    }
    let file = home.write("settings.toml", b"namespace = \"\xff\"");
    home.run(&["--config", file.to_str().expect("UTF-8"), "list"]).refused(2, &["settings.toml"]);
}

#[test]
fn a_value_out_of_range_is_refused_with_a_sentence() {
    let home = Home::new();
    for (name, value, word) in [
        ("max-size", "lots", "lots"),
        ("max-size", "", "size"),
        ("max-size", "-1", "-1"),
        ("max-size", "10", "1 MiB"),
        ("max-size", "99999999999TB", "99999999999TB"),
        ("max-entries", "0", "max-entries"),
        ("max-entries", "many", "many"),
        ("max-memory", "x", "max-memory"),
        ("max-entry-size", "5GiB", "5GiB"),
        ("max-entry-size", "2GiB", "max-entry-size"),
        ("policy", "magic", "magic"),
        ("codec", "zip", "deflate"),
        ("cold-tier", "lukewarm", "lukewarm"),
        ("advice", "good", "on nor off"),
        ("compression-threshold", "some", "some"),
        ("compression-level", "0", "compression-level"),
        ("compression-level", "10", "compression-level"),
        ("compression-level", "300", "compression-level"),
        ("default-ttl", "soon", "soon"),
        ("default-ttl", "0", "zero"),
        ("default-tti", "0s", "zero"),
        ("jitter", "101", "jitter"),
        ("jitter", "half", "half"),
        ("default-durability", "eternal", "process"),
        ("lock-timeout", "1.5s", "1.5s"),
        ("namespace", "", "namespace"),
    ] {
        let flagged = format!("--{name}={value}");
        let done = home.run(&[&flagged, "list"]);
        assert_eq!(done.code, 2, "{flagged}: {done:?}");
        let done = done.refused(2, &[word]);
        assert!(done.err.trim().contains(' ') && done.err.trim().lines().count() <= 6, "a sentence: {}", done.err);
        if value.is_empty() {
            continue;
        }
        let variable = format!("LARDER_{}", name.replace('-', "_").to_uppercase());
        let mut command = home.larder(&["list"]);
        command.env(&variable, value);
        finish(command, None).refused(2, &[word]);
    }
    let long = "n".repeat(256);
    home.run(&["--namespace", &long, "list"]).refused(2, &["255"]);
    home.run(&["--namespace", &long[1..], "list"]).succeeded();
}

#[test]
fn the_text_of_config_says_where_each_setting_comes_from() {
    let home = Home::new();
    let mut command = home.larder(&["config", "--codec", "lz4"]);
    command.env("LARDER_MAX_SIZE", "10MB");
    let text = finish(command, None).succeeded().text();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).expect("a line").to_owned();
    assert!(line("codec").contains("lz4") && line("codec").contains("flag"), "{text}");
    assert!(line("max-size").contains("10MB") && line("max-size").contains("environment LARDER_MAX_SIZE"), "{text}");
    assert!(line("policy").contains("adaptive") && line("policy").contains("default"), "{text}");
}

#[test]
fn completions_and_the_manual_need_no_settings() {
    let home = Home::new();
    let mut command = home.larder(&["config", "--completions", "bash"]);
    command.env("LARDER_CONFIG", "missing.toml");
    let script = finish(command, None).succeeded().text();
    assert!(script.contains("complete") && script.contains("larder"), "{script}");
    for word in ["inspect", "--max-size", "--cache-failures"] {
        assert!(script.contains(word), "{word}");
    }
    let mut shell = home.sandboxed("bash");
    shell.args(["-n", "-c", &script]);
    if let Ok(checked) = shell.output() {
        assert!(checked.status.success(), "bash accepts it: {checked:?}");
    }
    for shell in ["zsh", "fish"] {
        assert!(home.ok(&["config", "--completions", shell]).contains("larder"));
    }
    home.run(&["config", "--completions", "cmd"]).refused(2, &["bash"]);
    let page = home.ok(&["config", "--man"]);
    assert!(page.contains(".TH larder 1") && page.contains(".SH"), "{page}");
    for word in ["inspect", "component", "max\\-size"] {
        assert!(page.contains(word), "{word} in {page}");
    }
}
