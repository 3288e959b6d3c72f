//! Fears a run that is replayed although its sources changed, one that is repeated although they did not, and commands that
//! differ in what they take for a change.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::Home;

/// A run of a script that notes in `/count` of the home directory that it ran.
fn run(home: &Home, options: &[&str], script: &str) -> common::Done {
    let script = format!("echo x >> {}; {script}", home.file("count").display());
    let mut args = vec!["run"];
    args.extend(options);
    args.extend(["--", "sh", "-c", &script]);
    home.run(&args).succeeded()
}

fn count(home: &Home) -> usize {
    fs::read_to_string(home.file("count")).map_or(0, |text| text.lines().count())
}

#[test]
fn a_run_is_repeated_after_a_related_change_and_no_other() {
    let home = Home::new();
    fs::create_dir(home.file(".git")).expect("a repository");
    home.write(".gitignore", "*.log\n");
    home.write("src/a.txt", "a");
    home.write("src/deep/b.txt", "b");
    let mut runs = 0;
    let mut check = |what: &str, is_related: bool| {
        let done = run(&home, &["--depends", "src/**/*.txt", "--depends", "Makefile"], "cat src/a.txt");
        runs += usize::from(is_related);
        assert_eq!(count(&home), runs, "{what}");
        assert_eq!(done.out, fs::read(home.file("src/a.txt")).expect("a file"), "{what}");
    };
    check("the first time", true);
    check("nothing changed", false);
    home.write("other.txt", "unrelated");
    home.write("src/notes.md", "unrelated");
    home.write("src/deep/debug.log", "ignored");
    check("an unrelated file", false);
    home.write("src/a.txt", "changed");
    check("a changed file", true);
    check("nothing since", false);
    home.write("src/new/c.txt", "c");
    check("a new file", true);
    fs::remove_file(home.file("src/deep/b.txt")).expect("removed");
    check("a removed file", true);
    home.write("Makefile", "all:");
    check("a file that was not there", true);
    home.write(".gitignore", "*.log\nnew/\n");
    check("a file that is ignored now", true);
    home.write("src/new/c.txt", "changed");
    check("an ignored file", false);
}

/// A compiler and what it takes for a small program of two files, whichever is there.
fn compiler(home: &Home) -> (Vec<String>, PathBuf) {
    let has = |name: &str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let made = home.file("program").display().to_string();
    if has("cc") {
        let header = home.write("src/answer.h", "#define ANSWER 42\n");
        home.write("src/main.c", "#include \"answer.h\"\nint main(void) { return ANSWER; }\n");
        (["cc", "-Wall", "-o", &made, "src/main.c"].map(str::to_owned).to_vec(), header)
    } else {
        assert!(has("rustc"), "neither cc nor rustc is there");
        let module = home.write("src/answer.rs", "pub const ANSWER: i32 = 42;\n");
        home.write("src/main.rs", "mod answer;\nfn main() { std::process::exit(answer::ANSWER) }\n");
        (["rustc", "-o", &made, "src/main.rs"].map(str::to_owned).to_vec(), module)
    }
}

#[test]
fn a_real_compiler_runs_again_when_a_file_it_includes_changes() {
    let home = Home::new();
    let (command, included) = compiler(&home);
    let made = home.file("program");
    let compile = || {
        let mut args = vec!["run", "--depends", "src/**", "--cache-failures", "--"];
        args.extend(command.iter().map(String::as_str));
        let mut larder = home.larder(&args);
        // Compilers are found, and find what they need, where the user's environment says.
        larder.env("HOME", std::env::var_os("HOME").unwrap_or_default());
        common::finish(larder, None)
    };
    compile().succeeded();
    fs::remove_file(&made).expect("it was compiled");
    compile().succeeded();
    assert!(!made.exists(), "not compiled again");
    home.write("README", "unrelated");
    compile().succeeded();
    assert!(!made.exists(), "not compiled again");
    let text = fs::read_to_string(&included).expect("a file");
    fs::write(&included, text.replace("42", "7")).expect("a file");
    compile().succeeded();
    assert_eq!(Command::new(&made).status().expect("it was compiled").code(), Some(7));
    fs::write(&included, "this is no program").expect("a file");
    let failed = compile();
    assert!(failed.code != 0 && !failed.err.is_empty(), "{failed:?}");
    assert_eq!(compile().err, failed.err, "what the compiler says of it is kept too");
    fs::write(&included, text).expect("a file");
    compile().succeeded();
    assert_eq!(Command::new(&made).status().expect("it was compiled").code(), Some(42));
}

#[test]
fn what_a_run_depends_on_is_stamped_before_it_begins() {
    let home = Home::new();
    home.write("source", "one");
    let options = ["--depends", "source"];
    // The command itself changes what it has read.
    run(&home, &options, "cat source; [ -e done ] || { echo three > source; touch done; }");
    let second = run(&home, &options, "cat source; [ -e done ] || { echo three > source; touch done; }");
    assert_eq!((count(&home), second.out), (2, b"three\n".to_vec()));
}

#[test]
fn runs_that_depend_on_other_things_are_other_runs() {
    let home = Home::new();
    home.write("a", "");
    run(&home, &[], "true");
    run(&home, &["--depends", "a"], "true");
    run(&home, &["--depends-content", "a"], "true");
    run(&home, &["--depends-env", "a"], "true");
    assert_eq!(count(&home), 4);
    home.write("a", "changed");
    run(&home, &["--depends-env", "a"], "true");
    run(&home, &[], "true");
    assert_eq!(count(&home), 4);
    run(&home, &["--depends", "a"], "true");
    run(&home, &["--depends-content", "a"], "true");
    assert_eq!(count(&home), 6);
}

#[test]
fn set_takes_files_patterns_contents_and_variables_and_inspect_shows_them() {
    let home = Home::new();
    home.write("file", "text");
    home.write("dir/a[1].txt", "text");
    home.write("content", "text");
    let here = fs::canonicalize(home.path()).expect("it is there").display().to_string();
    let set = || {
        let args = ["set", "key", "value", "--depends", "file", "--depends", "dir/*.txt", "--depends", "dir/a[1].txt"];
        let more = ["--depends-content", "content", "--depends-env", "SHADE"];
        home.ok(&[&args[..], &more[..]].concat());
    };
    set();
    assert_eq!(home.get("key").as_deref(), Some(&b"value"[..]));
    let info = home.json(&["inspect", "key"]);
    let on = |kind: &str, name: String| serde_json::json!({"kind": kind, "name": name});
    let expected = serde_json::json!([
        on("file", format!("{here}/file")),
        on("glob", format!("{here}/dir/*.txt")),
        on("file", format!("{here}/dir/a[1].txt")),
        on("file", format!("{here}/content")),
        on("environment", "SHADE".into()),
    ]);
    assert_eq!(info["dependencies"], expected);
    let shown = home.ok(&["inspect", "key"]);
    for line in [format!("depends       file {here}/file"), format!("depends       files {here}/dir/*.txt")] {
        assert!(shown.contains(&line), "{shown}");
    }
    assert!(shown.contains("depends       variable SHADE"), "{shown}");
    for file in ["file", "dir/new.txt", "content"] {
        home.write(file, "changed");
        assert_eq!(home.run(&["exists", "key"]).code, 1, "{file}");
        assert_eq!(home.get("key"), None, "{file}");
        assert_eq!(home.run(&["inspect", "key"]).code, 1, "{file}");
        set();
    }
    let mut shaded = home.larder(&["get", "key"]);
    shaded.env("SHADE", "green");
    assert_eq!(common::finish(shaded, None).code, 1);
    assert_eq!(home.get("key").as_deref(), Some(&b"value"[..]), "as it was set");
    let stats = home.ok(&["stats"]);
    assert!(stats.contains("\nchanged       "), "{stats}");
}

#[test]
fn bad_dependencies_are_usage_errors() {
    let home = Home::new();
    fs::create_dir(home.file("dir")).expect("a directory");
    for (option, bad, advice) in
        [("--depends", "dir", "dir/**"), ("--depends-content", "dir", "dir/**"), ("--depends", "dir/[", "pattern")]
    {
        let done = home.run(&["set", "key", "value", option, bad]);
        assert!(done.code == 2 && done.err.contains(advice), "{done:?}");
        let done = home.run(&["run", option, bad, "--", "touch", "ran"]);
        assert!(done.code == 2 && done.err.contains(advice), "{done:?}");
    }
    assert!(!home.file("ran").exists() && home.get("key").is_none());
}

#[test]
fn the_refresh_mode_comes_from_the_environment() {
    let home = Home::new();
    home.write("file", "text");
    home.ok(&["set", "key", "value", "--depends", "file"]);
    let exists = |mode: &str| {
        let mut larder = home.larder(&["exists", "key"]);
        larder.env("LARDER_REFRESH_MODE", mode);
        common::finish(larder, None)
    };
    assert_eq!(["auto", "files", "always", "manual"].map(|mode| exists(mode).code), [0, 0, 1, 0]);
    home.write("file", "longer text");
    assert_eq!(["auto", "files", "always", "manual"].map(|mode| exists(mode).code), [1, 1, 1, 0]);
    let bad = exists("sometimes");
    assert!(bad.code == 2 && bad.err.contains("auto, files, always and manual"), "{bad:?}");
    let bad = home.run(&["--depends-memo", "soon", "get", "key"]);
    assert!(bad.code == 2 && bad.err.contains("depends-memo"), "{bad:?}");
}
