//! Fears commands that print nothing or for ever, that never end, that ignore what they are given or are choked by it, and
//! processes that stay behind: zombies, children in the background, and those that hold pipes open.

mod common;

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use common::{DEADLINE, Home, in_time, wait_until};
use larder::generate::{Command, Failure, FailureKind, Generator, Request, Stop, Value, Variant};
use rustix::process::{Pid, Signal, kill_process};

/// Short enough to wait for; nothing depends on how far a command comes in it.
const SHORT: Duration = Duration::from_millis(300);

fn sh(script: &str, home: &Home) -> Command {
    Command::new(["sh", "-c", script], home.path()).timeout(DEADLINE)
}

fn ask_along(command: Command, dimensions: Vec<(String, Value)>) -> Result<Variant, Failure> {
    in_time("the command", move || {
        let stop = Stop::new().expect("a pipe");
        command.generate(&Request::new("puzzles", &dimensions, 1_700_000_000, 3, &stop))
    })
}

fn ask(command: Command) -> Result<Variant, Failure> {
    ask_along(command, Vec::new())
}

#[track_caller]
fn refused(outcome: Result<Variant, Failure>, kind: FailureKind, words: &[&str]) -> String {
    let failure = outcome.expect_err("a failure");
    assert_eq!(failure.kind, kind, "{failure}");
    let message = failure.to_string();
    for word in words {
        assert!(message.contains(word), "the message should say {word:?}: {message}");
    }
    message
}

/// The number of a process that a script wrote into a file.
fn pid(home: &Home, file: &str) -> i32 {
    fs::read_to_string(home.file(file)).expect("the script wrote it").trim().parse().expect("a number")
}

/// Whether a process is there at all, be it as a zombie.
fn is_there(pid: i32) -> bool {
    rustix::process::test_kill_process(Pid::from_raw(pid).expect("not 0")).is_ok()
}

/// Waits until a process that is not ours is no more; the system may leave a zombie of it to whoever adopted it.
fn wait_until_dead(pid: i32) {
    wait_until("the process is dead", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let is_zombie = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
        is_zombie || !is_there(pid)
    });
}

#[test]
fn what_it_prints_is_the_variant_byte_for_byte() {
    let home = Home::new();
    let variant = ask(sh("printf 'a\\0\\377\\n\\n'", &home)).expect("a variant");
    assert_eq!(variant.value, b"a\0\xff\n\n");
    assert_eq!((variant.content_type, variant.score), (None, None));
}

#[test]
fn it_is_told_what_to_make_in_two_ways() {
    let home = Home::new();
    let dimensions = vec![
        ("lines".to_owned(), Value::from(10)),
        ("a-b".to_owned(), Value::from("x\"\n$(id)")),
        ("easy".to_owned(), true.into()),
    ];
    let script = "cat; echo; echo \"$LARDER_POOL $LARDER_GENERATION $LARDER_ENTRY\"
        echo \"$LARDER_DIM_LINES|$LARDER_DIM_A_B|$LARDER_DIM_EASY\"";
    let variant = ask_along(sh(script, &home), dimensions).expect("a variant");
    let expected = r#"{"pool":"puzzles","dimensions":{"lines":10,"a-b":"x\"\n$(id)","easy":true},"generation":1700000000,"entry":3}
puzzles 1700000000 3
10|x"
$(id)|true
"#;
    assert_eq!(String::from_utf8_lossy(&variant.value), expected);
}

#[test]
fn two_dimensions_in_one_variable_are_refused() {
    let home = Home::new();
    let dimensions = vec![("a.b".to_owned(), "1".into()), ("A_B".to_owned(), "2".into())];
    let outcome = ask_along(sh("echo ran", &home), dimensions);
    refused(outcome, FailureKind::NotStarted, &["a.b", "A_B", "LARDER_DIM_A_B"]);
}

#[test]
fn what_cannot_be_in_an_environment_is_refused() {
    let home = Home::new();
    let with = |value: String| ask_along(sh("echo ran", &home), vec![("a".to_owned(), value.into())]);
    refused(with("a\0b".into()), FailureKind::NotStarted, &["cannot be run"]);
    refused(with("x".repeat(8 << 20)), FailureKind::NotStarted, &["cannot be run"]);
}

/// Not a test: what this binary does as a child of one, whose environment is its own.
#[test]
fn child() {
    if env::var_os("LARDER_DIM_OF_ANOTHER").is_none() {
        return;
    }
    let home = Home::new();
    let variant = ask(sh("echo ${LARDER_DIM_OF_ANOTHER-none}", &home)).expect("a variant");
    assert_eq!(variant.value, b"none\n");
    println!("seen");
}

#[test]
fn dimensions_of_another_pool_are_not_passed_on() {
    let mut command = process::Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--nocapture"]).env("LARDER_DIM_OF_ANOTHER", "x");
    let done = command.output().expect("it runs");
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("seen"), "{done:?}");
}

#[test]
fn nothing_is_no_variant() {
    let home = Home::new();
    refused(ask(sh("echo why >&2", &home)), FailureKind::Empty, &["\"sh\" printed nothing: why"]);
}

#[test]
fn an_exit_code_comes_with_the_last_words() {
    let home = Home::new();
    let script = "echo partial; printf 'Traceback\\n\\033[31mno key\\007\\n' >&2; exit 3";
    refused(ask(sh(script, &home)), FailureKind::Exit, &["\"sh\" ended with exit code 3: Traceback; [31mno key"]);
    refused(ask(sh("exit 1", &home)), FailureKind::Exit, &["exit code 1"]);
}

#[test]
fn a_signal_is_told_from_an_exit_code() {
    let home = Home::new();
    refused(ask(sh("echo partial; kill -TERM $$", &home)), FailureKind::Signal, &["signal 15"]);
}

#[test]
fn endless_output_is_cut_and_its_group_killed() {
    let home = Home::new();
    let command = sh("echo $$ > pid; yes & echo $! > yes; wait", &home).max_output(1_000_000);
    refused(ask(command), FailureKind::TooLarge, &["more than 1000000 bytes"]);
    assert!(!is_there(pid(&home, "pid")), "no zombie of ours is left");
    wait_until_dead(pid(&home, "yes"));
}

#[test]
fn the_limit_itself_is_not_too_much() {
    let home = Home::new();
    let variant = ask(sh("head -c 200000 /dev/zero", &home).max_output(200_000)).expect("as much as it may");
    assert_eq!(variant.value.len(), 200_000);
    refused(ask(sh("head -c 200001 /dev/zero", &home).max_output(200_000)), FailureKind::TooLarge, &[]);
    refused(ask(sh("echo more", &home).max_output(4)), FailureKind::TooLarge, &[]);
}

#[test]
fn what_never_ends_is_killed_with_its_children() {
    let home = Home::new();
    let script = "trap '' TERM INT HUP; echo $$ > pid; sleep 1000 & echo $! > sleep; echo partial; wait";
    refused(ask(sh(script, &home).timeout(Duration::from_secs(2))), FailureKind::TimedOut, &["2s"]);
    assert!(!is_there(pid(&home, "pid")), "no zombie of ours is left");
    wait_until_dead(pid(&home, "sleep"));
}

#[test]
fn closed_pipes_are_not_the_end() {
    let home = Home::new();
    refused(ask(sh("exec sleep 1000 <&- >&- 2>&-", &home).timeout(SHORT)), FailureKind::TimedOut, &[]);
    refused(ask(sh("exec <&- >&- 2>&-; sleep 0.1; exit 7", &home)), FailureKind::Exit, &["exit code 7"]);
    let variant = ask(sh("echo early; exec >&-; sleep 0.1", &home)).expect("a variant");
    assert_eq!(variant.value, b"early\n");
}

#[test]
fn a_child_in_the_background_does_not_keep_the_variant() {
    let home = Home::new();
    let variant = ask(sh("sleep 1000 & echo $! > sleep; echo done", &home)).expect("a variant");
    assert_eq!(variant.value, b"done\n");
    wait_until_dead(pid(&home, "sleep"));
}

#[test]
fn a_child_that_prints_for_ever_does_not_keep_the_variant() {
    let home = Home::new();
    let script = "yes >&2 & (while :; do echo y; done) & echo $! > loop; exit 5";
    refused(ask(sh(script, &home).max_output(u64::MAX)), FailureKind::Exit, &["exit code 5"]);
    wait_until_dead(pid(&home, "loop"));
}

#[test]
fn a_grandchild_that_left_the_group_does_not_keep_the_variant() {
    if process::Command::new("setsid").arg("true").status().is_err() {
        return;
    }
    let home = Home::new();
    // The pipe in between is the event: it ends when the grandchild has left and said where it is.
    let script =
        "mkfifo gone; setsid sh -c 'echo $$ > escaped; echo > gone; exec sleep 1000' & read x < gone; echo done";
    let variant = ask(sh(script, &home)).expect("a variant");
    assert_eq!(variant.value, b"done\n");
    let escaped = pid(&home, "escaped");
    assert!(is_there(escaped), "it is not in the group that was killed");
    kill_process(Pid::from_raw(escaped).expect("not 0"), Signal::KILL).expect("this test's own");
    wait_until_dead(escaped);
}

/// Dimensions whose JSON is larger than a pipe.
fn large() -> Vec<(String, Value)> {
    (0..8).map(|i| (format!("d{i}"), "x".repeat(100_000).into())).collect()
}

#[test]
fn input_that_nobody_reads_chokes_nobody() {
    let home = Home::new();
    assert_eq!(ask_along(sh("echo done", &home), large()).expect("a variant").value, b"done\n");
    let script = "exec <&-; sleep 0.1; echo done";
    assert_eq!(ask_along(sh(script, &home), large()).expect("a variant").value, b"done\n");
    let script = "head -c 10 >&2; sleep 1000";
    refused(ask_along(sh(script, &home).timeout(SHORT), large()), FailureKind::TimedOut, &[]);
}

#[test]
fn large_input_and_output_flow_at_once() {
    let home = Home::new();
    let variant = ask_along(Command::new(["cat"], home.path()).timeout(DEADLINE), large()).expect("a variant");
    assert!(variant.value.len() > 800_000 && variant.value.ends_with(b"}"));
}

#[test]
fn much_on_standard_error_is_drained_and_forgotten() {
    let home = Home::new();
    let noise = "head -c 5000000 /dev/zero | tr '\\0' e >&2; ";
    assert_eq!(ask(sh(&format!("{noise} echo ok"), &home)).expect("a variant").value, b"ok\n");
    let outcome = ask(sh(&format!("{noise} echo; echo why >&2; exit 1"), &home));
    let message = refused(outcome, FailureKind::Exit, &["why"]);
    assert!(message.chars().count() < 1_100, "{}", message.len());
}

#[test]
fn a_request_to_stop_ends_it_at_once() {
    let home = Home::new();
    let made = process::Command::new("mkfifo").arg(home.file("started")).status().expect("mkfifo");
    assert!(made.success());
    let stop = Stop::new().expect("a pipe");
    let command = sh("echo $$ > pid; echo > started; echo partial; sleep 1000", &home).timeout(Duration::MAX);
    let asked = thread::spawn({
        let stop = stop.clone();
        move || command.generate(&Request::new("p", &[], 0, 1, &stop))
    });
    fs::read(home.file("started")).expect("it says when it has started");
    stop.stop();
    let outcome = in_time("the stopped command", move || asked.join().expect("no panic"));
    refused(outcome, FailureKind::Stopped, &["stopped"]);
    assert!(!is_there(pid(&home, "pid")), "no zombie of ours is left");
}

#[test]
fn nothing_starts_once_it_is_stopped() {
    let home = Home::new();
    let stop = Stop::new().expect("a pipe");
    stop.stop();
    let outcome = sh("echo > ran", &home).generate(&Request::new("p", &[], 0, 1, &stop));
    refused(outcome, FailureKind::Stopped, &[]);
    assert!(!home.file("ran").exists());
}

#[test]
fn what_cannot_be_started_says_why() {
    let home = Home::new();
    home.write("plain", "not a program");
    let start = |program: &str| ask(Command::new([program], home.path()));
    refused(start("no-such-program-at-all"), FailureKind::NotStarted, &["no-such-program-at-all", "PATH"]);
    let here = home.path().to_str().expect("UTF-8");
    refused(start("./missing"), FailureKind::NotStarted, &["./missing", here]);
    refused(start("./plain"), FailureKind::NotStarted, &["./plain", "executable"]);
    refused(start(""), FailureKind::NotStarted, &["empty"]);
    refused(ask(Command::new(["true"], "/no/such/place")), FailureKind::NotStarted, &["/no/such/place"]);
}

#[test]
fn a_relative_program_is_beside_the_plan() {
    let home = Home::new();
    let cat = ["/bin/cat", "/usr/bin/cat"].into_iter().find(|path| Path::new(path).exists()).expect("cat");
    fs::create_dir(home.file("tools")).expect("a directory");
    symlink(cat, home.file("tools/copy")).expect("a link");
    home.write("text", "beside");
    for program in ["tools/copy", "./tools/copy"] {
        let variant = ask(Command::new([program, "text"], home.path())).expect("a variant");
        assert_eq!(variant.value, b"beside");
    }
    // An empty directory is where this program runs: the plan was named without one.
    assert!(ask(Command::new(["pwd"], "")).is_ok());
}

#[test]
fn many_commands_at_once_do_not_hold_each_others_pipes() {
    let home = Home::new();
    let commands: Vec<_> = (0..16).map(|i| sh(&format!("cat >/dev/null; echo {i}"), &home)).collect();
    let asked: Vec<_> = commands.into_iter().map(|command| thread::spawn(|| ask(command))).collect();
    for (i, thread) in asked.into_iter().enumerate() {
        let variant = thread.join().expect("no panic").expect("a variant");
        assert_eq!(variant.value, format!("{i}\n").into_bytes());
    }
}
