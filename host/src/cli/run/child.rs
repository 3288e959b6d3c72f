//! Running the command: its output is passed on while it is recorded.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::recording::{Recording, Stream};
use super::{Failure, is_interactive};

const PIECE: usize = 16 << 10;

/// How a command went.
pub(super) struct Ran {
    pub(super) recording: Recording,
    /// Whether the recording is all that the command had to say.
    pub(super) is_whole: bool,
}

/// Runs a command to its end. Records up to `limit` bytes, passes on everything.
pub(super) fn run(command: &[OsString], input: Option<Vec<u8>>, limit: u64) -> Result<Ran, Failure> {
    let mut child = spawn(command, input.is_some())?;
    let taken = Mutex::new(Ran { recording: Recording::new(), is_whole: true });
    let (out, err, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    thread::scope(|scope| {
        scope.spawn(|| tee(out, Stream::Out, &taken, limit));
        scope.spawn(|| tee(err, Stream::Err, &taken, limit));
        if let (Some(mut to), Some(input)) = (stdin, input) {
            // A command that does not read its input to the end has its reasons.
            let _ = to.write_all(&input);
        }
    });
    let status = child.wait().map_err(Failure::io(format!("wait for {:?}", command[0])))?;
    let mut ran = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
    ran.is_whole &= status.code().is_some();
    ran.recording.set_code(exit_code(status));
    Ok(ran)
}

/// As a shell would say it: a command that a signal ended has 128 and the signal's number.
fn exit_code(status: ExitStatus) -> u8 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255) as u8
}

fn spawn(command: &[OsString], with_input: bool) -> Result<Child, Failure> {
    let stdin = match (with_input, is_interactive()) {
        (true, _) => Stdio::piped(),
        (false, true) => Stdio::inherit(),
        // What the command might read there would not be in the key.
        (false, false) => Stdio::null(),
    };
    let spawned = Command::new(&command[0])
        .args(&command[1..])
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    spawned.map_err(|e| match e.kind() {
        ErrorKind::NotFound => Failure::NotRun(127, format!("there is no command {:?}", command[0])),
        _ => Failure::NotRun(126, format!("{:?} cannot be run: {e}", command[0])),
    })
}

fn tee(from: Option<impl Read>, stream: Stream, taken: &Mutex<Ran>, limit: u64) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; PIECE];
    loop {
        let bytes = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => &buffer[..len],
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return give_up(taken, &e),
        };
        // One lock for passing on and recording, so that the recording has the order in which things were shown.
        let mut ran = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = stream.write(bytes) {
            drop(ran);
            return give_up(taken, &e);
        }
        if ran.is_whole {
            if (ran.recording.len() + bytes.len()) as u64 > limit {
                ran.is_whole = false;
                ran.recording.forget();
            } else {
                ran.recording.push(stream, bytes);
            }
        }
    }
}

/// Nobody listens any more: the command will find its pipe closed, and what it said is not complete.
fn give_up(taken: &Mutex<Ran>, reason: &io::Error) {
    tracing::debug!("the output ends early: {reason}");
    taken.lock().unwrap_or_else(PoisonError::into_inner).is_whole = false;
}
