//! Fears processes that fill one pool and make a variant twice or not at all, a signal or a `kill -9` that loses or doubles
//! what was made, failures that nobody remembers, and a process that does not see what another one adds.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use common::pools::{MINUTE, Noting, PRINT, assert_right, fill, log, script};
use common::{Home, collect, wait_until};
use larder::Cache;
use larder::pools::Pool;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

/// 26 x 3 x 3 combinations of 3 variants, sixteen at a time.
const ALL: u64 = 702;
const THREADS: usize = 16;

fn plan(home: &Home) {
    let languages: Vec<_> = (10..36).map(|n| format!("\"l{n}\"")).collect();
    let plan = format!(
        r#"[pool.p]
dimensions = {{ language = [{}], difficulty = ["easy", "medium", "hardest"], lines = [10, 15, 20] }}
batch = 100
concurrency = {THREADS}
generator = {{ command = ["./make"], timeout = "3s" }}
"#,
        languages.join(", ")
    );
    home.write("plan.toml", plan);
}

/// A script of which one in ten fails and one in fifty never ends, always the same ones. They are noted in `troubled`.
fn troubled_script(home: &Home) {
    let body = format!(
        r#"n=$(( (${{LARDER_DIM_LANGUAGE#l}} * 27 + (${{#LARDER_DIM_DIFFICULTY}} - 4) / 2 * 9 + LARDER_DIM_LINES / 5 * 3 + LARDER_ENTRY) % 50 ))
case $n in
  7) echo "$values $LARDER_GENERATION.$LARDER_ENTRY" >> troubled; exec sleep 10;;
  ?3|3) echo "$values $LARDER_GENERATION.$LARDER_ENTRY" >> troubled; echo 'rate limit exceeded' >&2; exit 1;;
esac
{PRINT}"#
    );
    script(home, "make", &body);
}

fn start(home: &Home, args: &[&str]) -> Child {
    let mut command = home.larder(&[&["accumulate", "plan.toml"], args].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("larder starts")
}

fn send(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("not 0");
    kill_process(id, signal).expect("it runs");
}

fn open(home: &Home) -> (Cache, Pool) {
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    let pool = cache.pool("p").expect("readable").expect("there is one");
    (cache, pool)
}

fn stats(home: &Home) -> serde_json::Value {
    home.json(&["pools", "stats", "p"])
}

/// Every variant is there once, right, and what statistics and the listing say is the same.
#[track_caller]
fn assert_all(home: &Home, expected: u64) {
    let (_cache, pool) = open(home);
    let listed = pool.list(&[], usize::MAX).expect("listed");
    let places: BTreeSet<_> =
        listed.iter().map(|it| (format!("{:?}", it.values), it.info.generation, it.info.entry)).collect();
    let values: BTreeSet<_> = listed.iter().map(|it| &it.value).collect();
    assert_eq!((listed.len(), places.len(), values.len()), (expected as usize, expected as usize, expected as usize));
    assert_right(&pool);
    let stats = stats(home);
    assert_eq!(
        (&stats["cached_entries"], &stats["missing_entries"], &stats["removed_entries"]),
        (&json!(expected), &json!(ALL - expected), &json!(0)),
        "{stats}"
    );
    home.run(&["verify"]).succeeded();
}

#[test]
fn two_accumulators_make_everything_once() {
    let home = Home::new();
    plan(&home);
    script(&home, "make", PRINT);
    let both = [start(&home, &["--once", "--json"]), start(&home, &["--once", "--json"])];
    let reports: Vec<_> = both.into_iter().map(|child| collect(child).succeeded().json()).collect();
    let sum = |name: &str| reports.iter().map(|it| it[0][name].as_u64().expect("a number")).sum::<u64>();
    assert_eq!((sum("made"), sum("failed"), sum("duplicates"), sum("left")), (ALL, 0, 0, 0), "{reports:?}");
    assert_eq!(reports.iter().filter(|it| it[0]["began"] == json!(true)).count(), 1, "one begins the round");
    let log = log(&home);
    let different: BTreeSet<_> = log.iter().collect();
    assert_eq!((log.len() as u64, different.len() as u64), (ALL, ALL), "everything was asked for once");
    assert_all(&home, ALL);
}

#[test]
fn a_signal_in_the_middle_loses_nothing_and_doubles_nothing() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        plan(&home);
        script(&home, "make", PRINT);
        let child = start(&home, &["--once", "--json"]);
        wait_until("it has begun", || log(&home).len() > 50);
        send(&child, signal);
        let report = collect(child).ended(3).json();
        let made = report[0]["made"].as_u64().expect("a number");
        assert_eq!(report[0]["failed"], json!(0), "who was stopped has not failed: {report}");
        assert_eq!(made + report[0]["left"].as_u64().expect("a number"), ALL, "{report}");
        let asked = log(&home).len() as u64;
        assert!(asked - made <= THREADS as u64, "asked {asked} times, {made} made");
        assert_all(&home, made);
        let report = collect(start(&home, &["--once", "--json"])).succeeded().json();
        assert_eq!((&report[0]["began"], &report[0]["made"]), (&json!(false), &json!(ALL - made)));
        assert!(log(&home).len() as u64 - ALL <= THREADS as u64);
        assert_all(&home, ALL);
    }
}

#[test]
fn kill_9_again_and_again_and_every_failure_is_scheduled() {
    let home = Home::new();
    plan(&home);
    troubled_script(&home);
    let kills = 5;
    for kill in 1..=kills {
        // Two at once, so that the survivor sees what the killed one leaves.
        let (mut first, second) = (start(&home, &["--once"]), start(&home, &["--once"]));
        wait_until("both have done something", || log(&home).len() > 60 * kill);
        let _ = first.kill();
        drop(collect(first));
        send(&second, Signal::KILL);
        drop(collect(second));
        let (_cache, pool) = open(&home);
        assert_right(&pool);
        home.run(&["verify"]).succeeded();
    }
    let mut rest = u64::MAX;
    while rest > 0 {
        let report = collect(start(&home, &["--once", "--json", "--max-calls", "200"])).json();
        let next = report[0]["left"].as_u64().expect("a number");
        assert!(next < rest, "every run does something: {report}");
        rest = next;
    }
    let troubled = fs::read_to_string(home.file("troubled")).expect("some");
    let troubled: BTreeSet<_> = troubled.lines().collect();
    let (times_out, fails) = (ALL / 50, ALL / 10);
    assert!((times_out + fails - 10..times_out + fails + 10).contains(&(troubled.len() as u64)), "{}", troubled.len());
    let mut asked = BTreeMap::<_, usize>::new();
    log(&home).into_iter().for_each(|line| *asked.entry(line).or_default() += 1);
    assert_eq!(asked.len() as u64, ALL, "none was forgotten");
    let again: usize = asked.values().map(|times| times - 1).sum();
    assert!(again <= kills * 2 * THREADS, "only what was under way was asked for again: {again}");
    // What failed is neither there nor lost.
    let made = stats(&home)["cached_entries"].as_u64().expect("a number");
    assert!(made <= ALL - troubled.len() as u64);
    assert_all(&home, made);
    assert_eq!(home.json(&["accumulate", "plan.toml", "--once"])[0]["planned"], json!(0), "it waits for its retry");
    let later = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64 + 31 * MINUTE;
    let cache = Cache::builder().directory(home.store()).clock(move || later).open().expect("opens");
    let pool = cache.pool("p").expect("readable").expect("there is one");
    let generator = Noting::new();
    let report = fill(&pool, &generator);
    assert_eq!((report.began, report.planned, report.made), (false, ALL - made, ALL - made));
    let retried: BTreeSet<_> =
        generator.calls().into_iter().map(|(values, round, entry)| format!("{values} {round}.{entry}")).collect();
    assert!(troubled.iter().all(|line| retried.contains(*line)), "every failure was tried again");
    drop((pool, cache));
    assert_all(&home, ALL);
    assert_eq!(stats(&home)["failed_combinations"], json!(0));
}

#[test]
fn what_one_process_adds_another_picks_without_reopening() {
    let home = Home::new();
    plan(&home);
    script(&home, "make", PRINT);
    home.run(&["accumulate", "plan.toml", "--once", "--max-calls", "0"]).succeeded();
    let (_cache, pool) = open(&home);
    let values = [("language", "l10"), ("difficulty", "easy"), ("lines", "10")];
    let combination = pool.combination(values).expect("in the plan");
    assert_eq!(pool.pick(&combination).expect("no error"), None);
    home.run(&["accumulate", "plan.toml", "--once", "--max-calls", "1", "--concurrency", "1"]).succeeded();
    let picked = pool.pick(&combination).expect("no error").expect("one");
    assert_eq!((picked.entry, picked.variants), (1, 1));
    home.run(&["accumulate", "plan.toml", "--once", "--max-calls", "2", "--concurrency", "1"]).succeeded();
    let seen: BTreeSet<_> = (0..200).map(|_| pool.pick(&combination).expect("no error").expect("one").entry).collect();
    assert_eq!(seen, BTreeSet::from([1, 2, 3]), "all are drawn");
    // And the other way: what is cleared there is gone here.
    home.run(&["pools", "clear", "p"]).succeeded();
    assert_eq!(pool.pick(&combination).expect("no error"), None);
    pool.add(&combination, b"mine".to_vec()).expect("added");
    let args = ["pick", "p", "language=l10", "difficulty=easy", "lines=10"];
    assert_eq!(home.ok(&args), "mine");
    home.run(&["pools", "clear", "p", "--forget"]).succeeded();
    assert_eq!(pool.pick(&combination).expect("no error"), None);
    assert!(pool.info().is_err(), "there is no such pool any more");
}

/// While a process fills the pool, others pick: never an error, never wrong bytes, never fewer than before.
#[test]
fn picking_while_others_fill_is_always_right() {
    let home = Home::new();
    plan(&home);
    script(&home, "make", PRINT);
    home.run(&["accumulate", "plan.toml", "--once", "--max-calls", "0"]).succeeded();
    let (_cache, pool) = open(&home);
    let combinations = pool.combinations(&[], false).expect("listed");
    let mut child = start(&home, &["--once"]);
    let mut before = vec![0; combinations.len()];
    wait_until("all is made", || {
        for (combination, before) in combinations.iter().zip(&mut before) {
            let Some(picked) = pool.pick(combination).expect("no error") else {
                assert_eq!(*before, 0, "{combination} had some");
                continue;
            };
            let expected = common::pools::variant(&combination.to_string(), picked.generation, picked.entry);
            assert_eq!(String::from_utf8_lossy(&picked.value), expected);
            assert!(picked.variants >= *before);
            *before = picked.variants;
        }
        child.try_wait().expect("can be asked").is_some()
    });
    assert_all(&home, ALL);
}

/// Two that stay: the second one neither asks for what the first one makes, nor looks for it without a pause, nor ends.
#[test]
fn a_watcher_waits_for_what_another_makes() {
    let home = Home::new();
    let plan = "[pool.p]\ndimensions = { language = [\"a\", \"b\"] }\ngenerator.command = [\"./make\"]\n";
    home.write("plan.toml", plan);
    script(&home, "make", &format!("until [ -e go ]; do sleep 0.02; done\n{PRINT}"));
    let first = start(&home, &["--watch"]);
    wait_until("the first has begun", || log(&home).len() == 5);
    let second = start(&home, &["--watch", "--json", "--concurrency", "1"]);
    wait_until("the second has begun", || log(&home).len() == 6);
    // Half of what there is to know of a spin: it has all the time that these take.
    for _ in 0..20 {
        assert_eq!(stats(&home)["generation_in_progress"], json!(true));
    }
    home.write("go", "");
    wait_until("all is made", || stats(&home)["cached_entries"] == json!(6));
    for child in [first, second] {
        send(&child, Signal::TERM);
        let done = collect(child).succeeded();
        let lines = done.text().lines().count();
        assert!(lines <= 4, "it speaks of what it did, in {lines} lines");
    }
    assert_eq!(log(&home).len(), 6);
}

/// What a killed accumulator was having made would be paid for and come to nothing.
#[test]
#[cfg(target_os = "linux")]
fn a_killed_accumulator_takes_its_generators_along() {
    let home = Home::new();
    plan(&home);
    script(&home, "make", "echo $$ >> running; exec sleep 1000");
    let mut accumulator = start(&home, &["--once", "--concurrency", "3"]);
    let running = || fs::read_to_string(home.file("running")).unwrap_or_default();
    wait_until("three are being made", || running().lines().count() == 3);
    let _ = accumulator.kill();
    drop(collect(accumulator));
    let lives = |id: &str| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // A zombie is dead; whoever adopted it has not looked yet.
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    };
    wait_until("they are gone", || running().lines().all(|id| !lives(id)));
}
