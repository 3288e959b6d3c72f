//! Worker processes that a harness starts once and tells what to do, line by line.
//!
//! A worker is the harness's own test binary, run for one test, which does nothing when there is no order for it.
//! Orders and reports are JSON, one a line; a worker ends when nobody can give it orders any more.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

const DIRECTORY: &str = "LARDER_CREW_DIRECTORY";
/// What sets reports apart from what the test runner prints.
const MARK: char = '@';

/// A worker process, ended when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts this binary's test `name`, which calls [`work`], for a directory.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, directory: &str) -> Self {
        let mut child = Command::new(env::current_exe().expect("this test"))
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a worker starts");
        let orders = child.stdin.take().expect("piped");
        let reports = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, orders, reports }
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives an order.
    ///
    /// # Panics
    /// When the worker has ended.
    pub fn tell(&mut self, order: &impl Serialize) {
        let order = serde_json::to_string(order).expect("an order is JSON");
        writeln!(self.orders, "{order}").and_then(|()| self.orders.flush()).expect("a worker lives, or said why not");
    }

    /// Waits for the report on an order.
    ///
    /// # Panics
    /// When the worker ends instead.
    pub fn hear<T: DeserializeOwned>(&mut self) -> T {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.reports.read_line(&mut line).expect("a worker can be heard");
            assert!(read > 0, "a worker ended by itself; what it said is above");
            if let Some(report) = line.strip_prefix(MARK) {
                return serde_json::from_str(report).expect("a report is JSON");
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The directory that this process is to work on, if it is a worker.
#[must_use]
pub fn directory() -> Option<String> {
    env::var(DIRECTORY).ok()
}

/// Does what is ordered until nobody orders any more.
///
/// # Panics
/// When an order cannot be read.
pub fn work<O: DeserializeOwned, R: Serialize>(mut perform: impl FnMut(O) -> R) {
    // The test runner has begun a line.
    println!();
    for order in std::io::stdin().lines() {
        let order = serde_json::from_str(&order.expect("orders can be read")).expect("an order is JSON");
        let report = serde_json::to_string(&perform(order)).expect("a report is JSON");
        println!("{MARK}{report}");
    }
}

/// Nanoseconds of the monotonic clock, which all processes share.
#[must_use]
pub fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours, which the call fills.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(failed, 0, "there is a monotonic clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
