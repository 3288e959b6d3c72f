//! Counts that are lost, and contests with two winners, among eight processes.
//!
//! All increment one key until together they have counted to the end: the sum must be exact, and no two may be told
//! the same number. Then they contend, round by round: who adds a key that is absent, who takes a version by
//! compare-and-set. Each round has exactly one winner, and what everybody finds afterwards is the winner's value.
//!
//! Increments: 100,000, in the long form 1,000,000; contests: a fiftieth of that of each kind. Seen to fail with a
//! lock that locks nothing and with writers that do not follow the log before they count: only 19,051 and 26,242 of
//! 100,000 sums were different, and in round 7 two, in round 0 eight processes won.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use larder::{Cache, Durability, SetOptions, Written};
use larder_tests::crew::{self, Worker, monotonic};
use larder_tests::scale;
use serde::{Deserialize, Serialize};

const PROCESSES: u64 = 8;
/// How long it takes until all have heard that they are to begin, in nanoseconds.
const SET_OUT: u64 = 200_000;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Order {
    /// Increment so many times; the report is the sums.
    Count(u64),
    /// Add the key of a round, beginning at a time; the report is one version or none.
    Add(u64, u64),
    /// Set the key of a round if it has a version, beginning at a time; the report is as before.
    CompareAndSet(u64, u64, u64),
    /// The report is the value of a round's key: the winner.
    Look(u64),
    /// Delete the key of a round, so that the store never has to choose what to give up.
    Delete(u64),
}

fn open(dir: &str) -> Cache {
    // A write that gives up waiting lasts in memory only, which other processes rightly do not see.
    let cache = Cache::builder().directory(dir).max_size(4 << 20).shards(2).lock_timeout(Duration::from_secs(300));
    cache.open().expect("the store opens")
}

fn contested(round: u64) -> String {
    format!("contested-{round}")
}

fn wait_until(start: u64) {
    while monotonic() < start {
        thread::yield_now();
    }
}

/// The version of a write, which the store must have taken.
fn taken(written: Written) -> u64 {
    assert_eq!(written.durability, Durability::Process, "the store took the write");
    written.version
}

/// The body of the processes. Does nothing when the tests are run.
#[test]
fn child() {
    let Some(dir) = crew::directory() else { return };
    let cache = open(&dir);
    let me = std::process::id().to_string();
    let options = SetOptions::new();
    crew::work(|order: Order| -> Vec<u64> {
        match order {
            Order::Count(times) => {
                (0..times).map(|_| cache.increment("count", 1, &options).expect("counted") as u64).collect()
            }
            Order::Add(round, start) => {
                wait_until(start);
                let added = cache.add(contested(round), &me, &options).expect("added or not");
                added.map(taken).into_iter().collect()
            }
            Order::CompareAndSet(round, version, start) => {
                wait_until(start);
                let set = cache.compare_and_set(contested(round), version, &me, &options).expect("set or not");
                set.map(taken).into_iter().collect()
            }
            Order::Look(round) => {
                let found = cache.get(contested(round)).expect("readable");
                let winner = found.and_then(|value| String::from_utf8(value).ok());
                winner.map(|winner| winner.parse().expect("a process")).into_iter().collect()
            }
            Order::Delete(round) => vec![u64::from(cache.delete(contested(round)).expect("deleted"))],
        }
    });
}

fn crew(dir: &str) -> Vec<Worker> {
    (0..PROCESSES).map(|_| Worker::start("child", dir)).collect()
}

/// Gives all the same order and collects their reports.
fn all(workers: &mut [Worker], order: Order) -> Vec<Vec<u64>> {
    workers.iter_mut().for_each(|worker| worker.tell(&order));
    workers.iter_mut().map(Worker::hear).collect()
}

#[test]
fn no_increment_is_lost_or_made_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("text");
    let each = scale::rounds(100_000, 1_000_000).div_ceil(PROCESSES);
    let reports = all(&mut crew(dir), Order::Count(each));
    let total = each * PROCESSES;
    for (process, sums) in reports.iter().enumerate() {
        let falls = sums.windows(2).find(|pair| pair[0] >= pair[1]);
        assert_eq!(falls, None, "process {process} was told one number after another that is not below it");
    }
    let told: BTreeSet<u64> = reports.iter().flatten().copied().collect();
    let missing: Vec<_> = (1..=total).filter(|sum| !told.contains(sum)).take(10).collect();
    assert!(missing.is_empty(), "of {total} sums {} are different; nobody was told {missing:?}, …", told.len());
    let found = open(dir).get("count").expect("readable").expect("there");
    assert_eq!(String::from_utf8_lossy(&found), total.to_string(), "what is there in the end");
    // Not a contest if each counted alone.
    let turns = reports.iter().flat_map(|sums| sums.windows(2)).filter(|pair| pair[0] + 1 != pair[1]).count();
    assert!(turns as u64 > PROCESSES, "the processes took turns {turns} times only");
}

#[test]
fn a_contest_has_one_winner() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("text");
    let mut workers = crew(dir);
    // Each has opened the store before the first contest.
    all(&mut workers, Order::Look(0));
    let mut winners = BTreeSet::new();
    for round in 0..scale::rounds(100_000, 1_000_000) / 50 {
        let mut version = None;
        for contest in ["add", "compare-and-set"] {
            let start = monotonic() + SET_OUT;
            let order = match version {
                None => Order::Add(round, start),
                Some(version) => Order::CompareAndSet(round, version, start),
            };
            let won: Vec<_> = all(&mut workers, order).into_iter().map(|versions| versions.first().copied()).collect();
            let winner = won.iter().position(Option::is_some);
            let count = won.iter().flatten().count();
            assert_eq!(count, 1, "round {round}: {count} processes won the {contest}: {won:?}");
            let seen = all(&mut workers, Order::Look(round));
            let expected = winner.map(|place| u64::from(workers[place].id()));
            for (process, found) in seen.iter().enumerate() {
                assert_eq!(
                    found.first().copied(),
                    expected,
                    "round {round}, {contest}: process {process} sees another"
                );
            }
            version = winner.and_then(|place| won[place]);
            winners.insert(winner);
        }
        workers[0].tell(&Order::Delete(round));
        assert_eq!(workers[0].hear::<Vec<u64>>(), [1], "round {round}: the key is there until it is deleted");
    }
    assert!(winners.len() > 1, "always the same process wins: they do not contend");
}
