//! Pools to be filled: generators that note what they were asked for, plans of the command line, and what they left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use larder::generate::{Failure, FailureKind, Generator, Request, Variant};
use larder::pools::{Accumulate, Pool, Report};

use super::Home;

pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;

/// Notes every call; what it makes is different for every request. Fails where it is told to.
pub struct Noting {
    calls: Mutex<Vec<(String, u64, u32)>>,
    fails: Box<dyn Fn(&Request<'_>) -> bool + Send + Sync>,
    pub broken: AtomicBool,
}

impl Noting {
    pub fn new() -> Self {
        Self::failing(|_| false)
    }

    pub fn failing(fails: impl Fn(&Request<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { calls: Mutex::default(), fails: Box::new(fails), broken: AtomicBool::new(true) }
    }

    /// Fails no more.
    pub fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    /// The calls since it was asked last, sorted.
    pub fn calls(&self) -> Vec<(String, u64, u32)> {
        let mut calls = std::mem::take(&mut *self.calls.lock().expect("no panic"));
        calls.sort();
        calls
    }
}

impl Generator for Noting {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure> {
        let values = values_of(request);
        self.calls.lock().expect("no panic").push((values.clone(), request.generation, request.entry));
        if self.broken.load(Ordering::SeqCst) && (self.fails)(request) {
            return Err(Failure::new(FailureKind::Exit, "told to fail"));
        }
        Ok(Variant::new(variant(&values, request.generation, request.entry)))
    }
}

/// The values of a request with `/` between them.
pub fn values_of(request: &Request<'_>) -> String {
    request.dimensions.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("/")
}

/// What [`Noting`] makes.
pub fn variant(values: &str, generation: u64, entry: u32) -> String {
    format!("{values} of {generation}.{entry}\n")
}

/// Works off what is due.
#[track_caller]
pub fn fill(pool: &Pool, generator: &dyn Generator) -> Report {
    pool.accumulate(generator, &Accumulate::new().expect("a pipe")).expect("worked off")
}

/// All variants of a pool are what [`Noting`] made for their places.
#[track_caller]
pub fn assert_right(pool: &Pool) -> usize {
    let all = pool.list(&[], usize::MAX).expect("listed");
    for it in &all {
        let values = it.values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("/");
        let expected = variant(&values, it.info.generation, it.info.entry);
        assert_eq!(String::from_utf8_lossy(&it.value), expected);
    }
    all.len()
}

/// A generator for the command line: a shell script that does `body` after it noted in `log` what it was asked for, in one
/// write. In `$values`, `$LARDER_GENERATION` and `$LARDER_ENTRY` it finds that, too.
pub fn script(home: &Home, name: &str, body: &str) {
    let text = format!(
        "#!/bin/sh\nvalues=$LARDER_DIM_LANGUAGE/$LARDER_DIM_DIFFICULTY/$LARDER_DIM_LINES\n\
         echo \"$values $LARDER_GENERATION.$LARDER_ENTRY\" >> log\n{body}\n"
    );
    let path = home.write(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// What a script prints that makes the same as [`Noting`].
pub const PRINT: &str = "echo \"$values of $LARDER_GENERATION.$LARDER_ENTRY\"";

/// Every request that scripts noted, sorted.
pub fn log(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.file("log")).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The plan that the documentation begins with; `more` goes into the table of the pool.
pub fn snippets(home: &Home, more: &str) {
    let plan = format!(
        r#"[pool.snippets]
dimensions = {{ language = ["rust", "python"], difficulty = ["easy", "medium", "hard"], lines = [10, 15, 20] }}
per_generation = 3
cap = 12
interval = "3h"
retry = "30m"
batch = 5
{more}
[pool.snippets.generator]
command = ["./make-snippet"]
timeout = "30s"
"#
    );
    home.write("plan.toml", plan);
}
