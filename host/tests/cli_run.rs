//! Fears a command that runs twice or not at all, an answer that is another run's, output that is cut, out of order or
//! held back, and a cache that keeps a command from running.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{DEADLINE, Home, collect, end_of, finish, noise, wait_until};

/// A shell script that notes in `count` that it ran, as the command of a run.
fn script(body: &str) -> [String; 3] {
    ["sh".into(), "-c".into(), format!("echo x >> count; {body}")]
}

fn run_args(options: &[&str], command: &[String]) -> Vec<String> {
    let mut args = vec!["run".to_owned()];
    args.extend(options.iter().map(|o| (*o).to_owned()));
    args.push("--".to_owned());
    args.extend(command.iter().cloned());
    args
}

/// How often the script ran.
fn count(home: &Home) -> usize {
    fs::read_to_string(home.file("count")).map_or(0, |text| text.lines().count())
}

/// A run whose output is piped, on its way.
fn started(home: &Home, options: &[&str], command: &[String]) -> Child {
    let mut command = home.larder(&run_args(options, command));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("larder starts")
}

/// Whether a process waits for a file lock.
fn waits_for_a_lock(child: &Child) -> bool {
    let Ok(locks) = fs::read_to_string("/proc/locks") else { return true };
    let id = child.id().to_string();
    locks.lines().any(|line| line.contains("->") && line.split_whitespace().any(|word| word == id))
}

#[test]
fn the_second_run_does_not_execute() {
    let home = Home::new();
    let args = run_args(&[], &script("printf 'o\\0ut\\n'; printf 'e\\377rr' >&2"));
    let first = home.run(&args).succeeded();
    let second = home.run(&args).succeeded();
    assert_eq!(count(&home), 1);
    assert_eq!(first.out, b"o\0ut\n");
    assert_eq!((second.out, second.err), (first.out, first.err));
}

#[test]
fn large_binary_output_is_replayed_byte_for_byte() {
    let home = Home::new();
    home.write("out", noise(1, 700_001));
    home.write("err", noise(2, 300_003));
    let mut captured = Vec::new();
    for _ in 0..2 {
        let mut command = home.larder(&run_args(&[], &script("cat out; cat err >&2")));
        command.stderr(fs::File::create(home.file("stderr")).expect("a file"));
        command.stdout(fs::File::create(home.file("stdout")).expect("a file"));
        let mut child = command.spawn().expect("larder starts");
        assert!(end_of(&mut child).success());
        captured.push(["stdout", "stderr"].map(|name| fs::read(home.file(name)).expect("readable")));
    }
    assert_eq!(count(&home), 1);
    assert!(captured[0] == [noise(1, 700_001), noise(2, 300_003)], "passed on while it ran");
    assert!(captured[1] == captured[0], "replayed");
}

#[test]
fn both_streams_are_replayed_in_the_order_in_which_they_were_written() {
    let home = Home::new();
    // Each piece waits until the one before has arrived, so there is only one right order.
    let seen = |text: &str| format!("until grep -q {text} both; do sleep 0.005; done");
    let body = format!("echo a1; {}; echo e2 >&2; {}; echo a3; {}; echo e4 >&2", seen("a1"), seen("e2"), seen("a3"));
    let args = run_args(&[], &script(&body));
    for _ in 0..2 {
        let both = fs::File::create(home.file("both")).expect("a file");
        let mut command = home.larder(&args);
        command.stdout(both.try_clone().expect("a handle")).stderr(both);
        let mut child = command.spawn().expect("larder starts");
        assert!(end_of(&mut child).success());
        assert_eq!(fs::read_to_string(home.file("both")).expect("text"), "a1\ne2\na3\ne4\n");
    }
    assert_eq!(count(&home), 1);
}

#[test]
fn no_output_is_an_answer_too() {
    let home = Home::new();
    let args = run_args(&[], &script(":"));
    for _ in 0..2 {
        let done = home.run(&args).succeeded();
        assert!(done.out.is_empty() && done.err.is_empty(), "{done:?}");
    }
    assert_eq!(count(&home), 1);
}

#[test]
fn the_key_is_the_command_and_every_argument() {
    let home = Home::new();
    let echo = |words: &[&str]| {
        let mut command = script("for w; do printf '<%s>' \"$w\"; done").to_vec();
        command.push("sh".into());
        command.extend(words.iter().map(|w| (*w).to_owned()));
        home.ok(&run_args(&[], &command))
    };
    let all: [&[&str]; 6] = [&["a b"], &["a", "b"], &["ab"], &["a", "b", ""], &[], &["b", "a"]];
    for (ran, words) in all.iter().enumerate() {
        let expected: String = words.iter().map(|w| format!("<{w}>")).collect();
        assert_eq!(echo(words), expected);
        assert_eq!(echo(words), expected);
        assert_eq!(count(&home), ran + 1, "{words:?}");
    }
}

#[test]
fn the_key_is_the_working_directory_too() {
    let home = Home::new();
    let log = home.file("log");
    let body = format!("pwd; echo x >> {}", log.display());
    let args = run_args(&[], &["sh".into(), "-c".into(), body]);
    for name in ["one", "two", "one", "two"] {
        let dir = home.file(name);
        fs::create_dir_all(&dir).expect("a directory");
        let mut command = home.larder(&args);
        command.current_dir(&dir);
        assert!(finish(command, None).succeeded().text().trim_end().ends_with(name));
    }
    assert_eq!(fs::read_to_string(log).expect("text").lines().count(), 2);
}

#[test]
fn the_key_is_the_named_variables_and_no_others() {
    let home = Home::new();
    let args = run_args(&["--env", "NAMED"], &script("echo \"$NAMED\""));
    let with = |name: &str, value: Option<&str>| {
        let mut command = home.larder(&args);
        command.env_remove("NAMED").env_remove("OTHER");
        if let Some(value) = value {
            command.env(name, value);
        }
        finish(command, None).succeeded().text()
    };
    assert_eq!(with("NAMED", Some("1")), "1\n");
    assert_eq!(with("NAMED", Some("2")), "2\n");
    assert_eq!(with("NAMED", Some("1")), "1\n");
    assert_eq!(count(&home), 2);
    with("NAMED", Some(""));
    with("NAMED", None);
    assert_eq!(count(&home), 4, "empty and unset differ");
    with("OTHER", Some("1"));
    assert_eq!(count(&home), 4, "what is not named does not count");
}

#[test]
fn the_order_of_named_variables_does_not_count() {
    let home = Home::new();
    for options in [["--env", "A", "--env", "B"], ["--env", "B", "--env", "A"]] {
        let mut command = home.larder(&run_args(&options, &script("echo $A$B")));
        command.env("A", "1").env("B", "2");
        assert_eq!(finish(command, None).succeeded().text(), "12\n");
    }
    assert_eq!(count(&home), 1);
}

#[test]
fn the_key_is_standard_input_when_asked() {
    let home = Home::new();
    let args = run_args(&["--stdin"], &script("cat"));
    let big = noise(5, 2 << 20);
    for input in [&b"one"[..], b"two", b"", &big, b"one", b"two", b"", &big] {
        let done = home.pipe(&args, input).succeeded();
        assert!(done.out == input, "{} bytes", input.len());
    }
    assert_eq!(count(&home), 4);
}

#[test]
fn a_command_that_does_not_read_its_input_is_run_all_the_same() {
    let home = Home::new();
    let done = home.pipe(&run_args(&["--stdin"], &script("echo done")), &noise(6, 4 << 20)).succeeded();
    assert_eq!(done.text(), "done\n");
}

/// An open pipe on standard input, on which nothing ever comes, is what a script or a CI gives.
#[test]
fn without_being_asked_standard_input_is_not_waited_for() {
    let home = Home::new();
    let mut command = home.larder(&run_args(&[], &script("cat; echo done")));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("larder starts");
    let kept = child.stdin.take();
    assert_eq!(collect(child).succeeded().text(), "done\n");
    drop(kept);
}

#[test]
fn the_exit_code_is_passed_on_and_failures_are_not_cached() {
    let home = Home::new();
    let args = run_args(&[], &script("echo out; echo err >&2; exit 7"));
    for ran in 1..=2 {
        let done = home.run(&args).ended(7);
        assert_eq!((done.text().as_str(), done.err.as_str()), ("out\n", "err\n"));
        assert_eq!(count(&home), ran);
    }
}

#[test]
fn failures_are_cached_when_asked() {
    let home = Home::new();
    let args = run_args(&["--cache-failures"], &script("echo out; echo err >&2; exit 255"));
    for _ in 0..2 {
        let done = home.run(&args).ended(255);
        assert_eq!((done.text().as_str(), done.err.as_str()), ("out\n", "err\n"));
        assert_eq!(count(&home), 1);
    }
}

#[test]
fn cached_failures_have_their_own_time() {
    let home = Home::new();
    let expires = |args: &[String]| {
        home.run(args);
        let key = home.json(&["list"])[0]["key"].as_str().expect("a key").to_owned();
        let left = home.json(&["ttl", &key])["ttl_ms"].as_u64().expect("expires");
        home.run(&["clear"]).succeeded();
        left
    };
    let fails = script("exit 1");
    let left = expires(&run_args(&["--cache-failures"], &fails));
    assert!((50_000..=60_000).contains(&left), "a minute by default: {left}");
    let left = expires(&run_args(&["--cache-failures", "--failure-ttl", "10m", "--ttl", "1h"], &fails));
    assert!((590_000..=600_000).contains(&left), "as asked: {left}");
    let left = expires(&run_args(&["--cache-failures", "--failure-ttl", "10m", "--ttl", "1h"], &script(":")));
    assert!((3_590_000..=3_600_000).contains(&left), "a success has its own: {left}");
    home.run(&run_args(&["--failure-ttl", "1m"], &fails)).refused(2, &["--cache-failures"]);
}

#[test]
fn a_result_past_its_time_is_made_again() {
    let home = Home::new();
    let args = run_args(&["--ttl", "1ms"], &script("echo out"));
    home.run(&args).succeeded();
    wait_until("the command ran again", || {
        assert_eq!(home.ok(&args), "out\n");
        count(&home) > 1
    });
    // A stale result may be served to those who ask for the entry, but a run asks for the truth.
    let args = run_args(&["--ttl", "1ms", "--stale", "1h"], &script("echo stale"));
    home.run(&args).succeeded();
    let before = count(&home);
    wait_until("the command ran again", || {
        home.run(&args).succeeded();
        count(&home) > before
    });
}

#[test]
fn refresh_runs_again_and_stores_what_is_new() {
    let home = Home::new();
    let command = script("wc -l < count | tr -d ' '");
    assert_eq!(home.ok(&run_args(&[], &command)), "1\n");
    assert_eq!(home.ok(&run_args(&["--refresh"], &command)), "2\n");
    assert_eq!(home.ok(&run_args(&[], &command)), "2\n");
}

#[test]
fn tags_metadata_and_namespaces_count_for_runs_too() {
    let home = Home::new();
    home.run(&run_args(&["--tag", "t", "--meta", "a=b"], &script("echo out"))).succeeded();
    let entry = home.json(&["list"])[0].clone();
    assert_eq!(entry["tags"], serde_json::json!(["t"]));
    assert!(entry["metadata"].to_string().contains("[\"a\",\"b\"]"), "{entry}");
    home.run(&run_args(&["--namespace", "other"], &script("echo out"))).succeeded();
    assert_eq!(count(&home), 2);
}

#[test]
fn two_at_once_execute_once() {
    let home = Home::new();
    let command = script("touch started; until [ -e go ]; do sleep 0.005; done; echo out; echo err >&2");
    let first = started(&home, &[], &command);
    wait_until("the first one runs", || home.file("started").exists());
    let second = started(&home, &[], &command);
    wait_until("the second one waits", || waits_for_a_lock(&second));
    home.write("go", "");
    for child in [first, second] {
        let done = collect(child).succeeded();
        assert_eq!((done.text().as_str(), done.err.as_str()), ("out\n", "err\n"));
    }
    assert_eq!(count(&home), 1);
}

#[test]
fn many_at_once_execute_once() {
    let home = Home::new();
    let command = script("until [ -e go ]; do sleep 0.005; done; echo out");
    let all: Vec<_> = (0..8).map(|_| started(&home, &[], &command)).collect();
    wait_until("one runs and seven wait", || all.iter().filter(|child| waits_for_a_lock(child)).count() >= 7);
    home.write("go", "");
    for child in all {
        assert_eq!(collect(child).succeeded().text(), "out\n");
    }
    assert_eq!(count(&home), 1);
}

#[test]
fn different_commands_do_not_wait_for_each_other() {
    let home = Home::new();
    let first = started(&home, &[], &script("touch started; until [ -e go ]; do sleep 0.005; done"));
    wait_until("the first one runs", || home.file("started").exists());
    assert_eq!(home.ok(&run_args(&[], &script("echo other"))), "other\n");
    home.write("go", "");
    collect(first).succeeded();
}

#[test]
fn whoever_waits_for_a_failure_runs_the_command_itself() {
    let home = Home::new();
    let command = script("until [ -e go ]; do sleep 0.005; done; exit 3");
    let first = started(&home, &[], &command);
    wait_until("the first one runs", || count(&home) == 1);
    let second = started(&home, &[], &command);
    wait_until("the second one waits", || waits_for_a_lock(&second));
    home.write("go", "");
    collect(first).ended(3);
    collect(second).ended(3);
    assert_eq!(count(&home), 2);
}

#[test]
fn a_killed_owner_does_not_block_the_next_run() {
    let home = Home::new();
    let command = script("until [ -e go ]; do sleep 0.005; done; echo out");
    let mut first = started(&home, &[], &command);
    wait_until("the first one runs", || count(&home) == 1);
    first.kill().expect("killed");
    first.wait().expect("dead");
    // The killed one's command lives on; the lease must not live with it.
    let second = started(&home, &[], &command);
    wait_until("the second one runs", || count(&home) == 2);
    home.write("go", "");
    assert_eq!(collect(second).succeeded().text(), "out\n");
    home.run(&run_args(&[], &command)).succeeded();
    assert_eq!(count(&home), 2);
}

#[test]
fn whoever_waits_goes_on_when_the_owner_is_killed() {
    let home = Home::new();
    let command = script("until [ -e go ]; do sleep 0.005; done; echo out");
    let mut first = started(&home, &[], &command);
    wait_until("the first one runs", || count(&home) == 1);
    let second = started(&home, &[], &command);
    wait_until("the second one waits", || waits_for_a_lock(&second));
    first.kill().expect("killed");
    first.wait().expect("dead");
    wait_until("the second one runs", || count(&home) == 2);
    home.write("go", "");
    assert_eq!(collect(second).succeeded().text(), "out\n");
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let home = Home::new();
    let done = home.run(&["run", "--", "no-such-command-anywhere"]).ended(127);
    assert!(done.out.is_empty() && done.err.contains("no-such-command-anywhere"), "{done:?}");
    let plain = home.write("plain", "not a program");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).expect("permissions");
    home.run(&["run", "--", plain.to_str().expect("UTF-8")]).ended(126);
    assert_eq!(home.ok(&["list"]), "", "nothing is cached");
    home.run(&["run", "--"]).refused(2, &[]);
    home.run(&["run"]).refused(2, &[]);
}

#[test]
fn death_by_signal_is_128_and_more_and_never_cached() {
    let home = Home::new();
    for (signal, code) in [("KILL", 137), ("TERM", 143)] {
        let args = run_args(&["--cache-failures"], &script(&format!("echo out; kill -{signal} $$")));
        let before = count(&home);
        for _ in 0..2 {
            assert_eq!(home.run(&args).ended(code).text(), "out\n");
        }
        assert_eq!(count(&home), before + 2);
    }
}

#[test]
fn output_streams_while_the_command_runs() {
    let home = Home::new();
    for (stream, redirect) in [("stdout", ""), ("stderr", ">&2")] {
        let _ = fs::remove_file(home.file("go"));
        let body = format!("echo {stream} {redirect}; until [ -e go ]; do sleep 0.005; done; echo last {redirect}");
        let mut child = started(&home, &[], &script(&body));
        let from: Box<dyn std::io::Read + Send> = match stream {
            "stdout" => Box::new(child.stdout.take().expect("piped")),
            _ => Box::new(child.stderr.take().expect("piped")),
        };
        let (send, lines) = mpsc::channel();
        thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let line = lines.recv_timeout(DEADLINE).expect("the first line comes before the command ends");
        assert_eq!(line, stream);
        assert!(child.try_wait().expect("can be asked").is_none(), "still running");
        home.write("go", "");
        assert!(end_of(&mut child).success());
        assert_eq!(lines.recv_timeout(DEADLINE).as_deref(), Ok("last"));
    }
}

#[test]
fn a_broken_cache_does_not_keep_a_command_from_running() {
    let home = Home::new();
    home.write("store", "a file where the directory should be");
    let args = run_args(&[], &script("echo out; echo err >&2; exit 5"));
    for ran in 1..=2 {
        let done = home.run(&args).ended(5);
        assert_eq!(done.text(), "out\n");
        assert!(done.err.contains("err\n") && done.err.contains("not a directory"), "says why: {done:?}");
        assert_eq!(count(&home), ran);
    }
    assert_eq!(fs::read(home.store()).expect("still a file"), b"a file where the directory should be");
}

#[test]
fn a_store_that_takes_no_leases_does_not_keep_a_command_from_running() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    fs::write(home.store().join("leases"), "in the way").expect("a file");
    let done = home.run(&run_args(&[], &script("echo out"))).succeeded();
    assert_eq!(done.text(), "out\n");
}

#[test]
fn a_damaged_recording_is_made_again() {
    let home = Home::new();
    let args = run_args(&[], &script("echo needle-in-the-recording"));
    home.run(&args).succeeded();
    common::flip(&home.segments()[0], b"needle-in-the-recording\n");
    assert_eq!(home.ok(&args), "needle-in-the-recording\n");
    assert_eq!(count(&home), 2);
    assert_eq!(home.ok(&args), "needle-in-the-recording\n");
    assert_eq!(count(&home), 2, "and kept");
}

#[test]
fn an_entry_of_the_users_own_is_no_recording() {
    let home = Home::new();
    let args = run_args(&[], &script("echo out"));
    home.run(&args).succeeded();
    let key = home.json(&["list"])[0]["key"].as_str().expect("a key").to_owned();
    home.run(&["set", &key, "something else"]).succeeded();
    assert_eq!(home.ok(&args), "out\n");
    home.run(&["set", &key, "junk", "--type", "application/vnd.larder.run"]).succeeded();
    assert_eq!(home.ok(&args), "out\n");
    assert_eq!(count(&home), 3);
}

#[test]
fn more_output_than_an_entry_may_have_passes_through() {
    let home = Home::new();
    home.write("big", noise(7, 200_000));
    let args = run_args(&["--max-entry-size", "100KB"], &script("cat big"));
    for ran in 1..=2 {
        assert!(home.run(&args).succeeded().out == noise(7, 200_000), "in full");
        assert_eq!(count(&home), ran, "and not cached");
    }
    assert_eq!(home.ok(&["list"]), "");
}

#[test]
fn arguments_that_look_like_flags_are_the_commands() {
    let home = Home::new();
    assert_eq!(home.ok(&["run", "--", "echo", "--json", "--ttl", "-v"]), "--json --ttl -v\n");
    assert_eq!(home.ok(&["run", "--", "printf", "%s|", "--", "x"]), "x|".replace("x|", "--|x|").as_str());
}

/// The environment is the command's own affair: it sees what its caller has.
#[test]
fn the_command_has_its_callers_environment_and_directory() {
    let home = Home::new();
    let mut command: Command = home.larder(&run_args(&[], &script("echo \"$MINE\"; pwd")));
    command.env("MINE", "here");
    let text = finish(command, None).succeeded().text();
    let here = fs::canonicalize(home.path()).expect("a path");
    assert_eq!(text, format!("here\n{}\n", here.display()));
}
