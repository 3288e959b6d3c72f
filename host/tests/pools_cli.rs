//! Fears a first quarter of an hour with pools that is not as documented: a plan that is filled twice or not at all, figures
//! under other names, a dry run that leaves traces, calls beyond what was allowed, and a pick that runs what nobody named.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::pools::{PRINT, log, script, snippets};
use common::{Home, contents};
use serde_json::{Value, json};

const PICK: [&str; 5] = ["pick", "snippets", "language=rust", "difficulty=easy", "lines=10"];
const ONCE: [&str; 3] = ["accumulate", "plan.toml", "--once"];

fn home(more: &str, body: &str) -> Home {
    let home = Home::new();
    snippets(&home, more);
    script(&home, "make-snippet", body);
    home
}

fn with(args: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    [args, more].concat()
}

/// The report of one run.
fn report(home: &Home, more: &[&'static str]) -> Value {
    home.json(&with(&ONCE, more))[0].clone()
}

fn stats(home: &Home) -> Value {
    home.json(&["pools", "stats", "snippets"])
}

#[test]
fn the_plan_of_the_documentation_from_start_to_end() {
    let home = home("", PRINT);
    let said = home.ok(&ONCE);
    assert!(said.contains("snippets: 54 made"), "{said}");
    let picked = home.ok(&PICK);
    let line = picked.trim_end();
    assert!(line.starts_with("rust/easy/10 of ") && line.lines().count() == 1, "{picked}");
    assert!(log(&home).contains(&line.replace(" of ", " ")));
    // Before the interval has passed there is nothing to do, unless somebody insists.
    home.ok(&ONCE);
    assert_eq!(log(&home).len(), 54);
    let report = report(&home, &["--force"]);
    assert_eq!((&report["began"], &report["made"], &report["failed"]), (&json!(true), &json!(54), &json!(0)));
    let stats = stats(&home);
    for (name, expected) in [
        ("cached_entries", json!(108)),
        ("unique_combinations_covered", json!(18)),
        ("total_combinations", json!(18)),
        ("entries_per_generation", json!(3)),
        ("max_entries_per_combination", json!(12)),
        ("max_possible_entries", json!(216)),
        ("avg_entries_per_combination", json!(6.0)),
        ("combination_coverage_percentage", json!(100)),
        ("entry_coverage_percentage", json!(50)),
        ("generation_in_progress", json!(false)),
        ("failed_combinations", json!(0)),
    ] {
        assert_eq!(stats[name], expected, "{name}");
    }
    assert!(stats["last_generation"].as_str().is_some_and(|at| at.ends_with('Z')), "{stats}");
    let text = home.ok(&["pools", "stats", "snippets"]);
    assert!(text.contains("108 of 216 (50 %)") && text.contains("18 of 18 covered"), "{text}");
    // Two to the minus thirty that all are the same.
    let different: BTreeSet<_> = (0..30).map(|_| home.ok(&PICK)).collect();
    assert!(different.len() > 1);
}

#[test]
fn what_there_is_can_be_listed_narrowed_and_limited() {
    let home = home("", PRINT);
    home.ok(&ONCE);
    assert!(home.ok(&["pools", "list"]).contains("snippets"));
    let shown = home.json(&["pools", "show", "snippets"]);
    assert_eq!(shown["entries"].as_array().expect("a list").len(), 50, "the seed's limit");
    let shown = home.json(&["pools", "show", "snippets", "language=rust", "lines=10", "--limit", "10"]);
    let entries = shown["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 9);
    for entry in entries {
        assert_eq!((&entry["language"], &entry["lines"]), (&json!("rust"), &json!(10)));
        assert!(entry["generation_id"].as_u64() > Some(1_700_000_000) && entry["cached_at"].is_string(), "{entry}");
        assert!((1..=3).contains(&entry["entry_id"].as_u64().expect("a number")));
        assert_eq!(entry["preview"], entry["value"]);
    }
    home.run(&["pools", "show", "snippets", "language=go"]).refused(2, &["go"]);
    home.run(&["pools", "show", "nippets"]).refused(2, &["nippets", "snippets"]);
}

#[test]
fn clearing_regenerating_and_forgetting() {
    let home = home("", PRINT);
    home.ok(&ONCE);
    home.ok(&["pools", "clear", "snippets"]);
    assert_eq!(stats(&home)["cached_entries"], json!(0));
    assert_eq!(report(&home, &[])["planned"], json!(0), "it fills with the next round");
    home.ok(&["pools", "regenerate", "snippets"]);
    assert_eq!(report(&home, &[])["made"], json!(54));
    home.ok(&["pools", "clear", "snippets", "--forget"]);
    assert_eq!(home.ok(&["pools", "list"]), "");
    home.run(&PICK).refused(2, &["snippets", "accumulate"]);
    assert_eq!(home.json(&["stats"])["store"]["entries"], json!(0));
    // And what clears everything clears pools.
    home.ok(&ONCE);
    home.ok(&["clear"]);
    assert_eq!(home.ok(&["pools", "list"]), "");
    assert_eq!(report(&home, &[])["made"], json!(54));
}

#[test]
fn a_dry_run_says_what_would_be_and_leaves_nothing() {
    let home = home("", PRINT);
    let said = home.ok(&["accumulate", "plan.toml", "--dry-run"]);
    assert!(said.contains("54") && said.contains("18"), "{said}");
    let planned = home.json(&["accumulate", "plan.toml", "--dry-run", "--max-calls", "7"]);
    let expected = json!([{"pool": "snippets", "due": 54, "calls": 7, "combinations": 18, "begins": true}]);
    assert_eq!(planned, expected);
    assert!(log(&home).is_empty() && !home.store().exists(), "not even a store");
    fs::create_dir(home.store()).expect("a directory");
    home.ok(&["accumulate", "plan.toml", "--dry-run"]);
    assert!(contents(&home.store()).is_empty());
    home.ok(&ONCE);
    let before = contents(&home.store());
    for (args, due) in
        [(&["accumulate", "plan.toml", "--dry-run"][..], 0), (&["accumulate", "plan.toml", "--dry-run", "--force"], 54)]
    {
        assert_eq!(home.json(args)[0]["due"], json!(due));
    }
    let (after, names) = (contents(&home.store()), |(path, _): &(PathBuf, Vec<u8>)| path.clone());
    assert_eq!(after.iter().map(names).collect::<Vec<_>>(), before.iter().map(names).collect::<Vec<_>>());
    let differ: Vec<_> = after.iter().zip(&before).filter(|(a, b)| a != b).map(|(a, _)| names(a)).collect();
    assert_eq!(differ, [] as [PathBuf; 0]);
    assert_eq!(log(&home).len(), 54);
}

#[test]
fn calls_are_limited_and_what_is_left_stays_due() {
    let home = home("", PRINT);
    let said = home.ok(&with(&ONCE, &["--max-calls", "5"]));
    assert!(said.contains("5 made") && said.contains("49 left") && said.contains("next now"), "{said}");
    assert_eq!(log(&home).len(), 5);
    let none = report(&home, &["--max-calls", "0"]);
    assert_eq!((&none["made"], &none["left"], &none["calls"]), (&json!(0), &json!(49), &json!(0)));
    let rest = report(&home, &["--max-calls", "50"]);
    assert_eq!((&rest["began"], &rest["made"], &rest["left"]), (&json!(false), &json!(49), &json!(0)));
    assert_eq!(log(&home).len(), 54);
}

/// The limit is one of the run: it does not begin anew each time that the watcher looks.
#[test]
fn calls_are_limited_for_who_stays_too() {
    let home = home("", PRINT);
    let args = ["accumulate", "plan.toml", "--watch", "--max-calls", "4", "-v"];
    let done = home.run(&args).succeeded();
    assert_eq!(stats(&home)["cached_entries"], json!(4));
    assert_eq!((done.text().lines().count(), log(&home).len()), (1, 4), "{done:?}");
}

#[test]
fn no_more_at_a_time_and_no_faster_than_wanted() {
    let body = "mkdir busy || echo overlap >> overlaps\nsleep 0.01\nrmdir busy\necho $values $LARDER_ENTRY";
    for (more, args) in [("concurrency = 1", &[][..]), ("", &["--concurrency", "1"])] {
        let home = home(more, body);
        home.ok(&with(&ONCE, args));
        assert_eq!((log(&home).len(), home.file("overlaps").exists()), (54, false));
    }
    let home = home("per_minute = 1200", PRINT);
    let began = Instant::now();
    home.ok(&with(&ONCE, &["--max-calls", "9"]));
    assert!(began.elapsed() >= Duration::from_millis(8 * 50), "{:?}", began.elapsed());
}

#[test]
fn an_empty_combination_is_made_at_once_only_where_a_plan_was_named() {
    let home = home("", PRINT);
    let live = home.run(&with(&PICK, &["--plan", "plan.toml"])).succeeded();
    assert!(live.err.contains("made just now") && live.err.lines().count() == 1, "{}", live.err);
    assert_eq!((log(&home).len(), stats(&home)["cached_entries"].clone()), (1, json!(1)));
    for _ in 0..3 {
        let again = home.run(&with(&PICK, &["--plan", "plan.toml"])).succeeded();
        assert_eq!((again.out, again.err), (live.out.clone(), String::new()), "it was stored");
    }
    assert_eq!(home.ok(&PICK), live.text());
    // The next one without a plan: nothing is there, and nothing is run.
    let other = ["pick", "snippets", "language=python", "difficulty=hard", "lines=20"];
    assert!(home.run(&other).ended(1).out.is_empty());
    let mut command = home.larder(&with(&other, &["--json"]));
    command.env("LARDER_PLAN", "plan.toml");
    let shown = common::finish(command, None).succeeded().json();
    assert_eq!((&shown["live"], &shown["found"], &shown["variants"]), (&json!(true), &json!(true), &json!(1)));
    assert_eq!(log(&home).len(), 2);
    // A plan that does not know the pool, and one that does not allow it.
    home.write("other.toml", "[pool.other]\ndimensions = { a = [1] }\ngenerator.command = [\"./make-snippet\"]\n");
    let third = ["pick", "snippets", "language=python", "difficulty=easy", "lines=20"];
    home.run(&with(&third, &["--plan", "other.toml"])).ended(1);
    snippets(&home, "live = false");
    home.run(&with(&third, &["--plan", "plan.toml"])).ended(1);
    let missing = common::finish(home.larder(&with(&third, &["--json"])), None).ended(1).json();
    assert_eq!(missing["found"], json!(false));
    assert_eq!(log(&home).len(), 2);
    // They do not get lost in the first round.
    let made = report(&home, &[])["made"].as_u64().expect("a number");
    assert_eq!(stats(&home)["cached_entries"], json!(made + 2));
}

#[test]
fn a_live_pick_that_fails_says_why_and_prints_nothing() {
    let home = home("", "echo no credit >&2; exit 4");
    home.run(&with(&PICK, &["--plan", "plan.toml"])).refused(3, &["no credit", "exit code 4"]);
    home.run(&with(&PICK, &["--plan", "none.toml"])).refused(2, &["none.toml"]);
    assert_eq!(stats(&home)["cached_entries"], json!(0));
}

#[test]
fn values_that_a_plan_does_not_have_are_refused() {
    let home = home("", PRINT);
    home.ok(&with(&ONCE, &["--max-calls", "0"]));
    for (args, words) in [
        (&["pick", "snippets", "language=rust", "difficulty=easy"][..], &["lines"][..]),
        (&["pick", "snippets", "language=rust", "difficulty=easy", "lines=11"], &["lines", "11"]),
        (&["pick", "snippets", "language=rust", "difficulty=easy", "lines=10", "lines=15"], &["lines"]),
        (&["pick", "snippets", "language=rust", "difficulty=easy", "lines=10", "x=1"], &["x"]),
        (&["pick", "snippets", "rust"], &["rust", "DIMENSION=VALUE"]),
        (&["pick", "a/b", "x=1"], &["a/b"]),
        (&["pick", ""], &["name"]),
    ] {
        home.run(args).refused(2, words);
        home.run(&with(args, &["--plan", "plan.toml"])).refused(2, words);
    }
    assert_eq!(log(&home).len(), 0);
}

/// Keys for services are needed where a service is asked, and nowhere else.
#[test]
fn secrets_are_not_needed_for_what_is_there() {
    let home = home("", PRINT);
    home.ok(&ONCE);
    let plan = fs::read_to_string(home.file("plan.toml")).expect("readable");
    let (head, _) = plan.split_once("[pool.snippets.generator]").expect("a generator");
    let service = "[pool.snippets.generator.http]\nurl = \"http://127.0.0.1:9/\"\nheaders = { Authorization = \"Bearer ${NO_SUCH_KEY}\" }\n";
    home.write("plan.toml", format!("{head}{service}"));
    home.ok(&with(&PICK, &["--plan", "plan.toml"]));
    home.ok(&["accumulate", "plan.toml", "--dry-run", "--force"]);
    home.ok(&ONCE);
    assert_eq!(stats(&home)["cached_entries"], json!(54));
    let refused = home.run(&with(&ONCE, &["--force", "--max-calls", "3", "--json"])).ended(3);
    assert_eq!(refused.json()[0]["failed"], json!(3));
    assert!(refused.err.contains("NO_SUCH_KEY"), "{}", refused.err);
}

#[test]
fn the_log_tells_the_story_of_a_round() {
    let fails = "[ $values.$LARDER_ENTRY != python/hard/20.2 ] || { echo 'API rate limit exceeded' >&2; exit 1; }";
    let home = home("", &format!("{fails}\n{PRINT}"));
    let plan = fs::read_to_string(home.file("plan.toml")).expect("readable").replace("cap = 12", "cap = 5");
    home.write("plan.toml", plan);
    let first = home.run(&with(&ONCE, &["-v"])).succeeded();
    for line in [
        "values: 2 of language, 3 of difficulty, 3 of lines; combinations: 18",
        "starting generation for all combinations",
        "generating 54 entries (3 per combination)",
        "completed batch 1/11",
        "completed batch 11/11",
        "generation completed",
        "failed to generate entry 2 for python/hard/20:",
        "API rate limit exceeded",
        "generation failed for python/hard/20",
        "scheduling retry for 1 failed combinations",
    ] {
        assert!(first.err.contains(line), "{line:?}: {}", first.err);
    }
    let stats = home.ok(&["pools", "stats", "snippets"]);
    let again = &self::stats(&home)["failures"][0]["retry_at"];
    assert!(again.as_str().is_some_and(|moment| moment.ends_with('Z')), "{again}");
    assert!(stats.contains("failed        python/hard/20: ") && stats.contains("API rate limit exceeded"), "{stats}");
    let second = home.run(&with(&ONCE, &["-v", "--force"])).succeeded();
    assert!(second.err.contains("pruned 1 old entries for rust/easy/10"), "{}", second.err);
    let third = home.run(&["pools", "regenerate", "snippets", "-v"]).succeeded();
    assert!(third.err.contains("for fresh regeneration"), "{}", third.err);
    // Without -v only what went wrong.
    let quiet = home.run(&ONCE).succeeded();
    assert!(quiet.err.contains("failed to generate") && !quiet.err.contains("completed"), "{}", quiet.err);
}

/// A variant that is made at once is one like any other: the plan says what its entry has.
#[test]
fn a_variant_made_at_once_has_the_tags_and_the_time_of_the_plan() {
    let home = home("tags = [\"made\"]\nttl = \"1h\"", PRINT);
    let values = ["snippets", "language=rust", "difficulty=easy", "lines=10"];
    home.ok(&[&["pick", "--plan", "plan.toml"], &values[..]].concat());
    let key = "pool:difficulty=easy|language=rust|lines=10";
    let pool = ["--namespace", "default/pool/snippets"];
    let listed = home.ok(&[&pool[..], &["list", "--prefix", &format!("{key}#")]].concat());
    let info = home.json(&[&pool[..], &["inspect", listed.trim()]].concat());
    assert_eq!(info["tags"], json!(["made"]), "{info}");
    assert!(!info["expires"].is_null(), "{info}");
    home.ok(&[&pool[..], &["invalidate", "--tag", "made"]].concat());
    home.run(&[&["pick"], &values[..]].concat()).ended(1);
}
