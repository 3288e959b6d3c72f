//! Fears a queue that forgets what it was told, a worker that runs the wrong command or none, and predictions that one-shot commands
//! cannot learn.

mod common;

use std::process::Stdio;

use common::{Home, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

#[test]
fn commands_that_are_queued_are_run_and_their_output_is_there() {
    let home = Home::new();
    let queued = home.ok(&["prefetch", "add", "build", "--priority", "0.9", "--", "sh", "-c", "echo of $LARDER_KEY"]);
    assert_eq!(queued, "queued 1\n");
    home.ok(&["prefetch", "add", "other"]);
    let list = home.ok(&["prefetch", "list"]);
    assert_eq!(list, "0.90  build\n0.50  other\n");
    let ran = home.run(&["prefetch", "run", "--once", "--ttl", "1h", "--tag", "night"]);
    assert_eq!(ran.text(), "fetched 1, 1 failed\n");
    assert!(ran.err.contains("it was queued without a command"), "{}", ran.err);
    assert!(home.ok(&["inspect", "build"]).contains("prefetched    and not asked for yet"));
    assert_eq!(home.ok(&["get", "build"]), "of build\n");
    assert!(!home.ok(&["inspect", "build"]).contains("prefetched"));
    let list = home.json(&["prefetch", "list"]);
    assert_eq!(list[0]["attempts"], 1);
    assert!(list[0]["reason"].as_str().expect("text").contains("without a command"));
    let stats = home.json(&["prefetch", "stats"]);
    assert_eq!((&stats["prefetched"], &stats["prefetch_hits"]), (&json!(1), &json!(1)));
    assert_eq!((&stats["queue"]["length"], &stats["queue"]["fetched"]), (&json!(1), &json!(1)));
    assert!(home.ok(&["prefetch", "stats"]).contains("asked for     1 of 1 (100.0 %)"));
    let stats = home.ok(&["stats"]);
    assert!(stats.contains("prefetched    1, 1 of them asked for"), "{stats}");
    assert!(stats.contains("hits          1 "), "what the queue itself reads is no hit: {stats}");
}

#[test]
fn endpoints_and_parameters_become_keys_and_reach_the_command() {
    let home = Home::new();
    home.ok(&["prefetch", "add", "/api/users", "--param", "id=7", "--param", "filter=active"]);
    let key = "/api/users|filter=active&id=7";
    assert_eq!(home.ok(&["prefetch", "list"]), format!("0.50  {key}\n"));
    home.ok(&["prefetch", "run", "--once", "--", "cat"]);
    let got = home.ok(&["get", key]);
    let payload: serde_json::Value = serde_json::from_str(&got).expect("JSON");
    assert_eq!(payload, json!({ "endpoint": "/api/users", "params": { "filter": "active", "id": "7" } }));
}

#[test]
fn many_are_queued_from_standard_input() {
    let home = Home::new();
    let queued = home.pipe(&["prefetch", "add", "-", "--priority", "0.4"], b"a\nb\t0.9\n\nc\n");
    assert_eq!(queued.text(), "queued 3\n");
    assert_eq!(home.ok(&["prefetch", "list"]), "0.90  b\n0.40  a\n0.40  c\n");
    assert_eq!(home.ok(&["prefetch", "list", "--limit", "1"]), "0.90  b\n");
    assert_eq!(home.ok(&["prefetch", "remove", "a", "z"]), "removed 1\n");
    home.run(&["prefetch", "remove", "a"]).ended(1);
    assert_eq!(home.ok(&["prefetch", "clear"]), "removed 2\n");
    assert_eq!(home.ok(&["prefetch", "list"]), "");
    assert_eq!(home.json(&["prefetch", "list"]), json!([]));
    home.pipe(&["prefetch", "add", "-"], b"a\tmuch\n").ended(2);
    home.run(&["prefetch", "add", "a", "--priority", "1.5"]).ended(2);
    home.run(&["prefetch", "add", "a", "--param", "x"]).ended(2);
}

#[test]
fn a_worker_fetches_what_comes_until_it_is_told_to_stop() {
    let home = Home::new();
    let worker = ["prefetch", "run", "--every", "10ms", "--", "sh", "-c", "echo of $LARDER_KEY"];
    let mut worker = home.larder(&worker).stdout(Stdio::null()).spawn().expect("started");
    for key in ["a", "b"] {
        home.ok(&["prefetch", "add", key]);
        wait_until("it was fetched", || home.run(&["exists", key]).code == 0);
    }
    kill_process(Pid::from_child(&worker), Signal::TERM).expect("signalled");
    assert!(worker.wait().expect("it ended").success());
    assert_eq!(home.ok(&["get", "b"]), "of b\n");
}

#[test]
fn one_shot_commands_learn_what_follows_what() {
    let home = Home::new();
    for _ in 0..2 {
        for key in ["/", "/cart", "/checkout"] {
            home.run(&["--learn", "get", key]).ended(1);
        }
    }
    assert_eq!(home.ok(&["predict", "/cart"]), " 66.7 %  /checkout\n");
    assert_eq!(home.ok(&["predict", "/", "/cart"]), " 88.9 %  /checkout\n");
    let json = home.json(&["predict", "/cart"]);
    assert_eq!(json[0]["key"], "/checkout");
    home.run(&["predict", "/never"]).ended(1);
    home.run(&["predict", "/cart", "--min", "0.7"]).ended(1);
    home.run(&["get", "/checkout"]).ended(1);
    assert_eq!(home.ok(&["predict", "/cart"]), " 66.7 %  /checkout\n", "without --learn nothing is learnt");
    let figures = home.json(&["predict", "--figures"]);
    assert_eq!((&figures["keys"], &figures["observed"]), (&json!(3), &json!(5)));
    home.ok(&["predict", "--forget"]);
    home.run(&["predict", "/cart"]).ended(1);
}

#[test]
fn a_log_teaches_and_predictions_are_queued() {
    let home = Home::new();
    let log = home.write("requests.log", b"/\n/cart\n/checkout\r\n\n/\n/cart\n/checkout\n\n/\n/help\n");
    let learnt = home.ok(&["predict", "--learn-from", log.to_str().expect("text")]);
    assert!(learnt.starts_with("keys          4\n"), "{learnt}");
    // An empty line ended the sequence.
    home.run(&["predict", "/checkout"]).ended(1);
    home.ok(&["set", "/cart", "there"]);
    home.ok(&["predict", "/", "--queue"]);
    assert_eq!(home.ok(&["prefetch", "list"]), "0.20  /help\n", "/cart is there");
    home.run(&["predict"]).ended(2);
    home.run(&["predict", "a", "b", "c"]).ended(2);
    home.run(&["predict", "--learn-from", "/nowhere/log"]).ended(3);
}

#[test]
fn namespaces_have_queues_and_predictions_of_their_own() {
    let home = Home::new();
    home.ok(&["--namespace", "one", "prefetch", "add", "a"]);
    home.ok(&["--namespace", "two", "prefetch", "add", "b"]);
    assert_eq!(home.ok(&["--namespace", "one", "prefetch", "list"]), "0.50  a\n");
    home.pipe(&["--namespace", "one", "predict", "--learn-from", "-"], b"x\ny\n").succeeded();
    assert_eq!(home.ok(&["--namespace", "one", "predict", "x"]), " 50.0 %  y\n");
    home.run(&["--namespace", "two", "predict", "x"]).ended(1);
    home.run(&["--namespace", "larder.prefetch", "list"]).ended(2);
}
