//! Fears a plan with a mistake in it that is half obeyed, one that asks for more than there is room for, a generator that prints
//! nothing, everything or nonsense, that never ends, forks or dies, and a store that names programs to run.

mod common;

use std::fs;
use std::path::Path;

use common::pools::{PRINT, log, script, snippets};
use common::{Home, wait_until};
use serde_json::{Value, json};

/// A plan of one pool with two combinations and these lines.
fn plan(lines: &str) -> String {
    format!("[pool.p]\ndimensions = {{ language = [\"a\", \"b\"] }}\nper_generation = 1\n{lines}\n")
}

const GENERATOR: &str = "generator = { command = [\"./make\"], timeout = \"20s\" }";

/// One run of a plan whose generator is this script.
fn made_by(home: &Home, body: &str, generator: &str) -> (i32, Value) {
    script(home, "make", body);
    home.write("plan.toml", plan(generator));
    let done = home.run(&["accumulate", "plan.toml", "--once", "--force", "--json"]);
    (done.code, done.json()[0].clone())
}

/// Why the last one failed.
fn reason(home: &Home) -> String {
    let cache = larder::Cache::builder().directory(home.store()).open().expect("opens");
    let pool = cache.pool("p").expect("readable").expect("there is one");
    let combination = pool.combination([("language", "a")]).expect("in the plan");
    pool.look(&combination).expect("known").reason
}

#[test]
fn mistakes_are_refused_before_anything_is_made_or_stored() {
    let home = Home::new();
    script(&home, "make", PRINT);
    let dimension = |values: &str| format!("[pool.p]\ndimensions = {{ language = {values} }}\n{GENERATOR}\n");
    let thousand = format!("[{}]", (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    for (text, words) in [
        (plan(&format!("per_genration = 3\n{GENERATOR}")), &["unknown", "per_genration"][..]),
        (plan("generator = { command = [\"./make\"], tiemout = \"1s\" }"), &["unknown", "tiemout"]),
        (format!("[pols.p]\n{}", plan(GENERATOR)), &["unknown", "pols"]),
        (plan("generator = { command = [] }"), &["empty"]),
        (plan("generator = { }"), &["command", "http"]),
        (plan("generator = { command = [\"./make\"], timeout = \"0s\" }"), &["time-out"]),
        (plan("generator = { command = [\"./make\"], timeout = \"soon\" }"), &["soon"]),
        (plan(""), &["p", "generator"]),
        (plan(&format!("cap = 0\n{GENERATOR}")), &["cap", "0"]),
        (plan(&format!("batch = 0\n{GENERATOR}")), &["batch", "0"]),
        (plan(&format!("batch = -1\n{GENERATOR}")), &["batch"]),
        (plan(&format!("interval = \"0s\"\n{GENERATOR}")), &["interval"]),
        (plan(&format!("interval = 3\n{GENERATOR}")), &["interval"]),
        (plan(&format!("retry = \"0s\"\n{GENERATOR}")), &["retry"]),
        (plan(&format!("per_minute = 0\n{GENERATOR}")), &["per_minute"]),
        (plan(&format!("per_minute = -2.5\n{GENERATOR}")), &["per_minute"]),
        (plan(&format!("per_minute = nan\n{GENERATOR}")), &["per_minute"]),
        (plan(&format!("ttl = \"0s\"\n{GENERATOR}")), &["ttl"]),
        (dimension("[]"), &["language", "no values"]),
        (dimension("[\"a\", \"a\"]"), &["language", "twice"]),
        (dimension("[1, \"1\"]"), &["language", "twice"]),
        (dimension("[\"\"]"), &["language", "empty"]),
        (dimension("[inf]"), &["dimensions"]),
        (dimension("\"a\""), &["dimensions"]),
        (format!("[pool.p]\ndimensions = {{}}\n{GENERATOR}\n"), &["dimensions"]),
        (format!("[pool.p]\n{GENERATOR}\n"), &["dimensions"]),
        (format!("[pool.\"a b\"]\ndimensions = {{ l = [1] }}\n{GENERATOR}\n"), &["a b"]),
        (format!("[pool.p]\ndimensions = {{ \"a b\" = [1] }}\n{GENERATOR}\n"), &["a b"]),
        (format!("[pool.p]\ndimensions = {{ a-b = [1], a_b = [2] }}\n{GENERATOR}\n"), &["a-b", "a_b"]),
        (
            format!("[pool.p]\ndimensions = {{ a = {thousand}, b = {thousand}, c = {thousand} }}\n{GENERATOR}\n"),
            &["1000000000", "combinations"],
        ),
        (String::new(), &["no pool"]),
        ("[pool".to_owned(), &["plan.toml"]),
        ("\0\u{202e}".to_owned(), &["plan.toml"]),
    ] {
        home.write("plan.toml", &text);
        for args in [&["accumulate", "plan.toml", "--once"][..], &["accumulate", "plan.toml", "--dry-run"]] {
            let done = home.run(args);
            assert_eq!(done.code, 2, "{text:?}: {done:?}");
            done.refused(2, words);
        }
        assert_eq!(home.ok(&["pools", "list"]), "", "{text:?}");
    }
    assert_eq!(log(&home), [] as [&str; 0]);
    home.run(&["accumulate", "none.toml", "--once"]).refused(2, &["none.toml"]);
    home.write("plan.toml", b"# \xff\n");
    home.run(&["accumulate", "plan.toml", "--once"]).refused(2, &["plan.toml"]);
    home.run(&["accumulate", ".", "--once"]).refused(2, &["plan"]);
}

/// Of two pools the second is bad: nothing is made of the first either.
#[test]
fn a_plan_is_obeyed_as_a_whole_or_not_at_all() {
    let home = Home::new();
    script(&home, "make", PRINT);
    for bad in ["cap = 0", "ttl = \"0s\"", "per_minute = 0"] {
        let second = plan(&format!("{bad}\n{GENERATOR}")).replace("pool.p", "pool.q");
        home.write("plan.toml", plan(GENERATOR) + &second);
        assert_eq!(home.run(&["accumulate", "plan.toml", "--once"]).code, 2, "{bad}");
        assert_eq!((log(&home).len(), home.ok(&["pools", "list"])), (0, String::new()), "{bad}");
    }
    // Who asks for the good one only gets it.
    home.run(&["accumulate", "plan.toml", "--once", "--pool", "p"]).succeeded();
    assert_eq!(home.ok(&["pools", "list"]).lines().count(), 1);
    home.run(&["accumulate", "plan.toml", "--once", "--pool", "r"]).refused(2, &["r", "p, q"]);
}

#[test]
fn generators_that_go_wrong_are_failures_with_a_reason() {
    let home = Home::new();
    for (body, generator, words) in [
        ("true", GENERATOR, &["printed nothing"][..]),
        ("echo why >&2; exit 7", GENERATOR, &["exit code 7", "why"]),
        ("kill -SEGV $$", GENERATOR, &["signal 11"]),
        ("echo partial; exit 1", GENERATOR, &["exit code 1"]),
        ("exec sleep 30", "generator = { command = [\"./make\"], timeout = \"200ms\" }", &["longer than"]),
        ("head -c 1000000000 /dev/zero", GENERATOR, &["more than"]),
        ("head -c 101 /dev/zero", "generator = { command = [\"./make\"], max_output = \"100B\" }", &["more than 100"]),
        ("", "generator = { command = [\"./none\"] }", &["none"]),
        ("", "generator = { command = [\"no-such-program-anywhere\"] }", &["no-such-program-anywhere", "PATH"]),
    ] {
        let (code, report) = made_by(&home, body, generator);
        assert_eq!((code, &report["made"], &report["failed"]), (3, &json!(0), &json!(2)), "{body}: {report}");
        let reason = reason(&home);
        assert!(words.iter().all(|word| reason.contains(word)), "{body}: {reason}");
    }
    let stats = home.json(&["pools", "stats", "p"]);
    assert_eq!((&stats["cached_entries"], &stats["failed_combinations"]), (&json!(0), &json!(2)));
}

#[test]
fn variants_are_bytes() {
    let home = Home::new();
    let (code, report) = made_by(&home, "printf '\\377\\000\\n%s' $LARDER_DIM_LANGUAGE", GENERATOR);
    assert_eq!((code, &report["made"]), (0, &json!(2)));
    assert_eq!(home.run(&["pick", "p", "language=b"]).succeeded().out, b"\xff\0\nb");
    let shown = home.json(&["pick", "p", "language=b"]);
    assert!(shown["value"].is_null() || shown["value_base64"].is_string(), "{shown}");
    home.run(&["pools", "show", "p"]).succeeded();
    home.run(&["pools", "show", "p", "--json"]).succeeded();
    // And exactly as many as allowed.
    let limited = "generator = { command = [\"./make\"], max_output = \"100B\" }";
    let (code, report) = made_by(&home, "head -c 99 /dev/zero; printf $LARDER_DIM_LANGUAGE", limited);
    assert_eq!((code, &report["made"]), (0, &json!(2)));
}

/// What a generator started in the background neither keeps the round waiting nor goes on after it.
#[test]
fn what_a_generator_leaves_running_is_ended() {
    let home = Home::new();
    let body = "sleep 60 & echo $! >> children\necho for $LARDER_DIM_LANGUAGE";
    let (code, report) = made_by(&home, body, GENERATOR);
    assert_eq!((code, &report["made"]), (0, &json!(2)), "{report}");
    let body = "sleep 60 & echo $! >> children\nwait";
    let (code, report) = made_by(&home, body, "generator = { command = [\"./make\"], timeout = \"300ms\" }");
    assert_eq!((code, &report["failed"]), (3, &json!(2)), "{report}");
    let children = fs::read_to_string(home.file("children")).expect("noted");
    assert_eq!(children.lines().count(), 4);
    for id in children.lines() {
        // Whoever inherits it may be slow to bury it.
        let stat = Path::new("/proc").join(id).join("stat");
        wait_until("it has ended", || fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z")));
    }
}

#[test]
fn a_generator_reads_what_it_is_asked_for_or_does_not() {
    let home = Home::new();
    let body = "env | grep ^LARDER_ | grep -v LARDER_DIR | sort; cat";
    home.write("plan.toml", "[pool.p]\ndimensions = { language = [\"c++\"], max-lines = [10], x = [true] }\nper_generation = 1\ngenerator.command = [\"./make\"]\n");
    script(&home, "make", body);
    home.run(&["accumulate", "plan.toml", "--once"]).succeeded();
    let got = home.ok(&["pick", "p", "language=c++", "max-lines=10", "x=true"]);
    let lines: Vec<_> = got.lines().collect();
    let shown = home.json(&["pick", "p", "language=c++", "max-lines=10", "x=true"]);
    let generation = &shown["generation_id"];
    let [dimensions @ .., entry, round, pool, document] = &lines[..] else { panic!("{got}") };
    assert_eq!(dimensions, ["LARDER_DIM_LANGUAGE=c++", "LARDER_DIM_MAX_LINES=10", "LARDER_DIM_X=true"]);
    let expected = ["LARDER_ENTRY=1", &format!("LARDER_GENERATION={generation}"), "LARDER_POOL=p"];
    assert_eq!([*entry, *round, *pool], expected);
    let expected = json!({"pool": "p", "dimensions": {"language": "c++", "max-lines": 10, "x": true}, "generation": generation, "entry": 1});
    assert_eq!(serde_json::from_str::<Value>(document).expect("one document"), expected);
}

/// Whatever is stored, and wherever the store lies: only a plan that somebody named now says what to run.
#[test]
fn nothing_in_the_store_names_a_program() {
    let home = Home::new();
    snippets(&home, "");
    script(&home, "make-snippet", PRINT);
    let args = ["pick", "snippets", "language=rust", "difficulty=easy", "lines=10"];
    home.run(&["accumulate", "plan.toml", "--once", "--max-calls", "0"]).succeeded();
    // Plans that nobody named, where somebody might look for them.
    for place in ["store/plan.toml", "larder.toml", "store/larder.toml"] {
        fs::copy(home.file("plan.toml"), home.file(place)).expect("copied");
    }
    home.run(&args).ended(1);
    for (path, bytes) in common::contents(&home.store()) {
        let is_there = bytes.windows(12).any(|window| window == b"make-snippet");
        assert!(!is_there || path.ends_with("plan.toml") || path.ends_with("larder.toml"), "{}", path.display());
    }
    // Nor does a configuration file of the directory that one happens to be in.
    assert_eq!(log(&home), [] as [&str; 0]);
    home.run(&[&args[..], &["--plan", "plan.toml"]].concat()).succeeded();
    assert_eq!(log(&home).len(), 1);
}
