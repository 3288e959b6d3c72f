//! Fears that processes which share a store compute the same at the same time, that one which dies or hangs over a
//! computation keeps the others waiting, and that what it says when it wakes up counts for more than what is newer.

mod common;

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Home, end_of, in_time, wait_until};
use larder::{Cache, Compute, SetOptions, Source};
use rustix::process::{Pid, Signal, kill_process};

const TASK: &str = "TASK_OF_THIS_CHILD";

type Answer = Result<Option<Vec<u8>>, String>;

fn value(text: &str) -> Answer {
    Ok(Some(text.into()))
}

fn policy() -> Compute {
    Compute::new(SetOptions::new())
}

fn open(dir: &Path) -> Cache {
    Cache::builder().directory(dir.join("store")).open().expect("opens")
}

/// Not a test: what this binary does as a child of one.
#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let (name, dir) = task.split_once('|').expect("a task");
    let dir = Path::new(dir).to_owned();
    let cache = open(&dir);
    let own = std::process::id().to_string();
    fs::write(dir.join(format!("ready-{own}")), "").expect("writable");
    let place = dir.clone();
    let computed = match name {
        // Each call of the computation leaves a line.
        "once" => {
            wait_until("told to go on", || dir.join("go").exists());
            cache.compute("k", &policy(), move || {
                let mut lines = OpenOptions::new().append(true).create(true).open(place.join("calls")).expect("a file");
                writeln!(lines, "called").expect("writable");
                std::thread::yield_now();
                value("v")
            })
        }
        // Ends only once it is allowed to.
        "slow" => cache.compute("k", &policy(), move || {
            fs::write(place.join("computing"), "").expect("writable");
            wait_until("allowed to end", || place.join("end").exists());
            value("late")
        }),
        "ask" => cache.compute("k", &policy(), || value("second")),
        _ => panic!("no task {task:?}"),
    };
    let computed = computed.expect("computed");
    let counters = cache.stats().expect("statistics").memory.counters;
    let text = String::from_utf8(computed.value.expect("a value")).expect("text");
    fs::write(dir.join(format!("answer-{own}")), format!("{text} {}", counters.waits_given_up)).expect("writable");
}

fn start(home: &Home, task: &str) -> Child {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--nocapture"]).stdin(Stdio::null()).stdout(Stdio::null());
    command.env(TASK, format!("{task}|{}", home.path().display()));
    let mut child = command.spawn().expect("starts");
    let ready = home.file(&format!("ready-{}", child.id()));
    wait_until("it is ready", || {
        assert!(child.try_wait().expect("can be asked").is_none() || ready.exists(), "a child failed");
        ready.exists()
    });
    child
}

fn answer_of(home: &Home, mut child: Child) -> String {
    assert!(end_of(&mut child).success(), "a child failed");
    fs::read_to_string(home.file(&format!("answer-{}", child.id()))).expect("answered")
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a pid")).expect("a pid");
    kill_process(pid, signal).expect("signalled");
}

fn begin_slow(home: &Home) -> Child {
    let slow = start(home, "slow");
    wait_until("it computes", || home.file("computing").exists());
    slow
}

#[test]
fn processes_that_ask_at_the_same_time_run_one_computation() {
    let home = Home::new();
    drop(open(home.path()));
    let children: Vec<_> = (0..6).map(|_| start(&home, "once")).collect();
    home.write("go", "");
    for child in children {
        assert_eq!(answer_of(&home, child), "v 0");
    }
    assert_eq!(fs::read_to_string(home.file("calls")).expect("called"), "called\n");
    assert!(common::contents(&home.store().join("leases")).is_empty(), "no lease is left behind");
}

#[test]
fn an_owner_that_is_killed_frees_who_waits() {
    let home = Home::new();
    let slow = begin_slow(&home);
    let waiter = start(&home, "ask");
    signal(&slow, Signal::KILL);
    assert!(!end_of(&mut { slow }).success());
    // Freed by the end of the lease: a minute of patience is longer than this test may take.
    assert_eq!(answer_of(&home, waiter), "second 0");
}

#[test]
fn an_owner_that_hangs_blocks_others_for_so_long_and_changes_nothing_later() {
    let home = Home::new();
    let slow = begin_slow(&home);
    signal(&slow, Signal::STOP);
    let cache = open(home.path());
    let asked = cache.clone();
    let policy = policy().wait(Duration::from_millis(50));
    let computed = in_time("the waiter", move || asked.compute("k", &policy, || value("second"))).expect("computed");
    assert_eq!((computed.value.as_deref(), computed.source), (Some(&b"second"[..]), Source::Computed));
    assert_eq!(cache.stats().expect("statistics").memory.counters.waits_given_up, 1);
    home.write("end", "");
    signal(&slow, Signal::CONT);
    assert_eq!(answer_of(&home, slow), "late 0", "who computed has what it computed");
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"second"[..]), "what is newer stays");
    assert!(common::contents(&home.store().join("leases")).is_empty(), "no lease is left behind");
}

#[test]
fn a_stale_value_is_taken_while_another_process_renews_it() {
    let home = Home::new();
    let cache = open(home.path());
    let options = SetOptions::new().ttl(Duration::from_millis(1)).stale(Duration::from_secs(3600));
    cache.set_with("k", "old", &options).expect("stored");
    wait_until("it is stale", || cache.lookup("k").expect("readable").is_some_and(|hit| hit.is_stale));
    let slow = begin_slow(&home);
    let computed = cache.compute("k", &policy(), || -> Answer { panic!("only one renews") }).expect("answered");
    assert_eq!((computed.value.as_deref(), computed.source), (Some(&b"old"[..]), Source::Stale));
    home.write("end", "");
    assert_eq!(answer_of(&home, slow), "late 0");
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"late"[..]));
}

#[test]
fn a_store_that_takes_no_leases_keeps_nobody_from_computing() {
    let home = Home::new();
    let cache = open(home.path());
    home.write("store/leases", "in the way");
    let computed = cache.compute("k", &policy(), || value("v")).expect("computed");
    assert_eq!(computed.source, Source::Computed);
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"v"[..]));
}
