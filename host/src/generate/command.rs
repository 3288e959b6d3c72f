//! A program that prints a variant.
//!
//! It gets what it is asked for twice, in its environment and as a JSON document on standard input, and may ignore either.
//! What it prints is the variant, byte for byte. It runs without a shell, in a group of its own that does not outlive it.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::path::{self, PathBuf};
use std::process::{self, ExitStatus};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::failure::printable;
use super::process::{Ended, Limits, Trouble, run};
use super::stop::Deadline;
use super::{Failure, FailureKind, Generator, Request, Stop, Value, Variant};

/// How long a generator may take if nothing else is said.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// How many bytes a generator may make if nothing else is said.
pub(super) const MAX_OUTPUT: u64 = 16 << 20;

const DIMENSION: &str = "LARDER_DIM_";

/// How much of what a command said is in a message, in characters.
const EXCERPT: usize = 1000;

/// A program whose standard output is the variant.
///
/// In its environment, which is otherwise that of this program, there are `LARDER_POOL`, `LARDER_GENERATION`,
/// `LARDER_ENTRY` and for each dimension `LARDER_DIM_` and its name in capitals, with `_` for everything but the letters
/// A to Z and digits. On standard input there is
/// `{"pool":"…","dimensions":{"language":"rust","lines":10},"generation":1700000000,"entry":1}`.
///
/// It has made the variant when it ends with exit code 0. Then, and when it takes too long, prints too much or is asked to
/// stop, all processes of its group are killed: what children in the background would have printed is lost.
///
/// ```
/// use larder::generate::{Command, Generator, Request, Stop, Value};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let command = Command::new(["sh", "-c", "echo fn main in $LARDER_DIM_LANGUAGE"], ".");
/// let dimensions = [("language".to_owned(), Value::from("rust"))];
/// let stop = Stop::new()?;
/// let variant = command.generate(&Request::new("snippets", &dimensions, 1_700_000_000, 1, &stop))?;
/// assert_eq!(variant.value, b"fn main in rust\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Command {
    command: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
    max_output: u64,
}

impl Command {
    /// A program and its arguments, run in a directory. A program with a `/` in its name is looked for from there, any other
    /// one in the directories of `PATH`. It may take 30 s and print 16 MiB.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>, directory: impl Into<PathBuf>) -> Self {
        let directory = Some(directory.into()).filter(|d| !d.as_os_str().is_empty()).unwrap_or_else(|| ".".into());
        let command = command.into_iter().map(Into::into).collect();
        Self { command, directory, timeout: TIMEOUT, max_output: MAX_OUTPUT }
    }

    /// The same program, with another time it may take; [`Duration::MAX`] is for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same program, with another number of bytes it may print on standard output.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.max_output = bytes;
        self
    }

    /// Whether this can be asked for variants along these dimensions.
    ///
    /// # Errors
    /// A sentence: there is no program, or the variables of two dimensions have the same name.
    pub fn check(&self, dimensions: &[&str]) -> Result<(), String> {
        if self.program().is_empty() {
            return Err("the command is empty; name a program, and then its arguments".into());
        }
        let mut names = HashMap::new();
        for dimension in dimensions {
            let variable = variable(dimension);
            if let Some(other) = names.insert(variable.clone(), dimension) {
                return Err(format!(
                    "the dimensions {other:?} and {dimension:?} would both be {variable}; rename one of them"
                ));
            }
        }
        Ok(())
    }

    fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// Gets what is under a key: as for a variant, but `LARDER_KEY` is in the environment, and `input` on standard input.
    pub(crate) fn fetch(&self, key: &str, input: &[u8], stop: &Stop) -> Result<Variant, Failure> {
        self.check(&[]).map_err(|e| Failure::new(FailureKind::NotStarted, e))?;
        if key.contains('\0') {
            return Err(Failure::new(FailureKind::NotStarted, "a key with a zero byte cannot be passed to a command"));
        }
        let mut command = self.prepare().map_err(|e| self.not_started(&e))?;
        command.env("LARDER_KEY", key);
        self.execute(&mut command, input, stop)
    }

    fn prepare(&self) -> io::Result<process::Command> {
        let program = self.program();
        let program =
            if program.contains('/') { path::absolute(self.directory.join(program))? } else { PathBuf::from(program) };
        let mut command = process::Command::new(program);
        command.args(self.command.iter().skip(1)).current_dir(&self.directory);
        // This program may itself be run by a generator, with dimensions of another pool.
        for (name, _) in env::vars_os().filter(|(name, _)| is_dimension(name)) {
            command.env_remove(name);
        }
        Ok(command)
    }

    fn execute(&self, command: &mut process::Command, input: &[u8], stop: &Stop) -> Result<Variant, Failure> {
        if stop.is_stopped() {
            return self.judge(Ended::Stopped);
        }
        let limits = Limits { deadline: Deadline::after(self.timeout), max_output: self.max_output, stop };
        match run(command, input, &limits) {
            Ok(ended) => self.judge(ended),
            Err(Trouble::Start(e)) => Err(self.not_started(&e)),
            Err(Trouble::Watch(e)) => {
                let message = format!("{:?} was killed, because it could not be watched: {e}", self.program());
                Err(Failure::new(FailureKind::Other, message))
            }
        }
    }

    /// Why the program could not be started.
    fn not_started(&self, e: &io::Error) -> Failure {
        let program = self.program();
        let directory = self.directory.display();
        let message = match e.kind() {
            ErrorKind::NotFound if !self.directory.is_dir() => format!("there is no directory {directory} to run in"),
            ErrorKind::NotFound if !program.contains('/') => format!("there is no command {program:?} in the PATH"),
            ErrorKind::NotFound if self.directory.join(program).exists() => {
                format!("{program:?} cannot be run: there is no interpreter of the name in its first line")
            }
            ErrorKind::NotFound => format!("there is no program {program:?}, seen from {directory}"),
            ErrorKind::PermissionDenied => format!("{program:?} cannot be run: {e}; is it executable?"),
            _ => format!("{program:?} cannot be run: {e}"),
        };
        Failure::new(FailureKind::NotStarted, message)
    }

    fn judge(&self, ended: Ended) -> Result<Variant, Failure> {
        let program = self.program();
        let (kind, message) = match ended {
            Ended::Exited { output, errors, status } if status.success() => match output.is_empty() {
                false => return Ok(Variant::new(output)),
                true => (FailureKind::Empty, format!("{program:?} printed nothing{}", said(&errors))),
            },
            Ended::Exited { errors, status, .. } => {
                let (kind, how) = describe(status);
                (kind, format!("{program:?} {how}{}", said(&errors)))
            }
            Ended::TimedOut => (FailureKind::TimedOut, format!("{program:?} took longer than {:?}", self.timeout)),
            Ended::TooLarge => {
                (FailureKind::TooLarge, format!("{program:?} printed more than {} bytes", self.max_output))
            }
            Ended::Stopped => (FailureKind::Stopped, format!("{program:?} was stopped")),
        };
        Err(Failure::new(kind, message))
    }
}

impl Generator for Command {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure> {
        let names: Vec<_> = request.dimensions.iter().map(|(name, _)| name.as_str()).collect();
        self.check(&names).map_err(|e| Failure::new(FailureKind::NotStarted, e))?;
        let mut command = self.prepare().map_err(|e| self.not_started(&e))?;
        command.env("LARDER_POOL", request.pool);
        command.env("LARDER_GENERATION", request.generation.to_string());
        command.env("LARDER_ENTRY", request.entry.to_string());
        command.envs(request.dimensions.iter().map(|(name, value)| (variable(name), value.as_str())));
        self.execute(&mut command, &document(request), request.stop)
    }
}

/// The variable of a dimension.
fn variable(dimension: &str) -> String {
    let plain = dimension.chars().map(|c| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    });
    DIMENSION.chars().chain(plain).collect()
}

fn is_dimension(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(DIMENSION.as_bytes())
}

/// What is asked for, as JSON, the dimensions in their order.
fn document(request: &Request<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        pool: &'a str,
        #[serde(serialize_with = "in_order")]
        dimensions: &'a [(String, Value)],
        generation: u64,
        entry: u32,
    }
    fn in_order<S: Serializer>(dimensions: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(dimensions.iter().map(|(name, value)| (name, value)))
    }
    let Request { pool, dimensions, generation, entry, .. } = *request;
    // Text, numbers and names cannot fail to be written.
    serde_json::to_vec(&Document { pool, dimensions, generation, entry }).unwrap_or_default()
}

fn describe(status: ExitStatus) -> (FailureKind, String) {
    match (status.code(), status.signal()) {
        (Some(code), _) => (FailureKind::Exit, format!("ended with exit code {code}")),
        (None, Some(signal)) => (FailureKind::Signal, format!("was ended by signal {signal}")),
        (None, None) => (FailureKind::Other, "ended in an unknown way".into()),
    }
}

/// The last lines of standard error, as the end of a sentence.
fn said(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let mut said = String::new();
    for line in text.lines().rev().map(printable).filter(|line| !line.is_empty()) {
        let longer = if said.is_empty() { line } else { format!("{line}; {said}") };
        let surplus = longer.chars().count().saturating_sub(EXCERPT);
        if surplus > 0 {
            // The end of the last line, if it alone is too long.
            said = if said.is_empty() { longer.chars().skip(surplus).collect() } else { said };
            break;
        }
        said = longer;
    }
    if said.is_empty() { said } else { format!(": {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_portable_names() {
        assert_eq!(variable("max-lines.2"), "LARDER_DIM_MAX_LINES_2");
        assert_eq!(variable("größe"), "LARDER_DIM_GR__E");
        let command = Command::new(["true"], "");
        let refusal = command.check(&["a-b", "c", "a_b"]).expect_err("the same variable");
        assert!(["\"a-b\"", "\"a_b\"", "LARDER_DIM_A_B"].iter().all(|word| refusal.contains(word)), "{refusal}");
        assert!(Command::new([""], ".").check(&[]).is_err() && Command::new([] as [&str; 0], ".").check(&[]).is_err());
    }

    #[test]
    fn messages_have_the_last_lines_without_control_characters() {
        assert_eq!(said(b"first\r\n\n\x1b[31msecond\x07\n"), ": first; [31msecond");
        assert_eq!(said(b" \n"), "");
        let long = format!("lost\n{}end", "x".repeat(2 * EXCERPT));
        let message = said(long.as_bytes());
        assert!(message.ends_with("end") && message.chars().count() == EXCERPT + 2, "{message}");
        let lines = format!("{}\nend\n", "x".repeat(EXCERPT));
        assert_eq!(said(lines.as_bytes()), ": end");
    }
}
