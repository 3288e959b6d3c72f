//! Mutation fuzzing on stable Rust: a kept corpus of small inputs, a seeded mutator over it, and bars that every execution
//! has to stay under.
//!
//! The corpus is in `tests/vectors/corpus/`. Mutants whose outcome was not seen before join it while a harness runs; with
//! `LARDER_KEEP=DIRECTORY` they are written there, so that the best can be kept for good. A round is repeated with the same
//! seed and its number: every mutant hangs on these two and on the corpus alone, unless it began from one that joined.

mod mutate;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::allocated::Allocated;
use crate::scale::Random;
use crate::vector;
use crate::watchdog::Watchdog;
pub use mutate::mutate;

/// The longest that an execution may take.
const SLOWEST: Duration = Duration::from_secs(1);

/// Mutants that join the corpus at most.
const MOST: usize = 4096;

/// An input and where it comes from.
#[derive(Debug, Clone)]
pub struct Input {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Inputs of a folder of the corpus, by name.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn corpus(folder: &str) -> Vec<Input> {
    let folder = vector::folder().join(folder);
    let names = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.expect("can be listed").path()).collect();
    paths.sort();
    let inputs = paths.into_iter().filter(|path| path.extension().is_none_or(|e| e != "json" && e != "md"));
    let input = |path: PathBuf| Input {
        name: path.file_name().expect("a file").to_string_lossy().into_owned(),
        bytes: fs::read(&path).expect("readable"),
    };
    inputs.map(input).collect()
}

/// Runs executions and holds them to the bars.
#[derive(Debug)]
pub struct Fuzzer {
    what: &'static str,
    inputs: Vec<Input>,
    /// So many of the inputs are of the kept corpus.
    kept: usize,
    seed: u64,
    /// Bytes that an execution may have allocated at once.
    cap: usize,
    dog: Watchdog,
    outcomes: HashSet<String>,
    began: Instant,
    executions: u64,
    most: usize,
    slowest: Duration,
}

impl Fuzzer {
    /// One over a folder of the corpus.
    #[must_use]
    pub fn new(what: &'static str, inputs: Vec<Input>, seed: u64, cap: usize) -> Self {
        assert!(!inputs.is_empty(), "{what}: an empty corpus");
        Self {
            what,
            kept: inputs.len(),
            inputs,
            seed,
            cap,
            dog: Watchdog::new(what),
            outcomes: HashSet::new(),
            began: Instant::now(),
            executions: 0,
            most: 0,
            slowest: Duration::ZERO,
        }
    }

    /// One execution: `make` makes a mutant from an input and another one, `run` answers with the outcome. What `run` does
    /// must be repeatable.
    ///
    /// # Panics
    /// When a bar is not held, with the round's number.
    pub fn round(
        &mut self,
        round: u64,
        make: impl FnOnce(&mut Random, &Input, &Input) -> Input,
        mut run: impl FnMut(&Input) -> String,
    ) {
        let mut random = Random(self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(round << 20));
        // Those that joined are of few kinds and soon outnumber the others.
        let begin = if random.chance(50) { self.kept } else { self.inputs.len() };
        let one = random.below(begin as u64) as usize;
        let other = random.below(self.inputs.len() as u64) as usize;
        let mutant = make(&mut random, &self.inputs[one], &self.inputs[other]);
        let before = Allocated::now();
        let (outcome, mut took) = self.dog.round(round, || run(&mutant));
        let took_at_once = before.peak();
        let what = self.what;
        let seed = self.seed;
        assert!(took_at_once <= self.cap, "{what}: seed {seed}, round {round} allocated {took_at_once} bytes at once");
        // A busy machine makes anything slow once.
        for _ in 0..3 {
            if took <= SLOWEST {
                break;
            }
            took = self.dog.round(round, || run(&mutant)).1;
        }
        assert!(took <= SLOWEST, "{what}: seed {seed}, round {round} took {took:?} and four tries");
        self.executions += 1;
        self.most = self.most.max(took_at_once);
        self.slowest = self.slowest.max(took);
        if !self.outcomes.contains(&outcome) && self.outcomes.len() < MOST {
            self.outcomes.insert(outcome);
            self.keep(round, &mutant);
            self.inputs.push(mutant);
        }
    }

    fn keep(&self, round: u64, mutant: &Input) {
        if let Ok(folder) = std::env::var("LARDER_KEEP") {
            let path = PathBuf::from(folder).join(format!("{round}~{}", mutant.name));
            fs::write(&path, &mutant.bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
    }

    /// Outcomes that were told apart.
    #[must_use]
    pub fn outcomes(&self) -> usize {
        self.outcomes.len()
    }

    /// Says how it went.
    pub fn report(&self) {
        let seconds = self.began.elapsed().as_secs_f64();
        println!(
            "{}: {} executions in {seconds:.1} s ({:.0} a second), {} outcomes, slowest {:?}, {} bytes at once",
            self.what,
            self.executions,
            self.executions as f64 / seconds,
            self.outcomes.len(),
            self.slowest,
            self.most
        );
    }
}
