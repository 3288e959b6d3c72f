//! What the tests share: a place of one's own, commands that see nothing of the user's, and waiting with a deadline.
#![allow(dead_code, reason = "every test file uses a part of it")]

pub mod clock;
pub mod disk;
pub mod pools;
pub mod server;
pub mod traces;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Whatever takes longer hangs.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A home directory with a store in it, removed when dropped.
pub struct Home(TempDir);

/// How a command ended and what it printed.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file of the home directory and answers where it is.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.file("store")
    }

    /// `larder`, with the store's directory and nothing else set.
    pub fn larder<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.sandboxed(env!("CARGO_BIN_EXE_larder"));
        command.args(args);
        command
    }

    /// Any program, in an environment in which `larder` finds only this home.
    pub fn sandboxed(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"LARDER_")) {
            command.env_remove(name);
        }
        for name in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"]
        {
            command.env(name, self.file(&name.to_lowercase()));
        }
        command.env("LARDER_DIR", self.store()).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs `larder` to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Done {
        finish(self.larder(args), None)
    }

    /// Runs `larder` with bytes on standard input.
    pub fn pipe<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Done {
        finish(self.larder(args), Some(input.to_vec()))
    }

    /// Runs `larder`, which must succeed, and answers what it printed.
    pub fn ok<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.run(args).succeeded().text()
    }

    /// Runs `larder --json`, which must succeed, and answers the document.
    pub fn json<S: AsRef<OsStr>>(&self, args: &[S]) -> Value {
        let mut command = self.larder(args);
        command.arg("--json");
        finish(command, None).succeeded().json()
    }

    /// The value under a key, if it is there.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let done = self.run(&["get", key]);
        match done.code {
            0 => Some(done.out),
            1 => {
                assert!(done.out.is_empty(), "a miss prints nothing: {done:?}");
                None
            }
            _ => panic!("get {key:?}: {done:?}"),
        }
    }

    /// The segments of the store, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        files(&self.store().join("segments"), "seg")
    }

    /// The indexes beside the full segments, oldest first.
    pub fn indexes(&self) -> Vec<PathBuf> {
        files(&self.store().join("segments"), "idx")
    }
}

impl Done {
    /// This, if the exit code is 0.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.ended(0)
    }

    /// This, if the exit code is `code`.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {:?}\nstderr: {}", String::from_utf8_lossy(&self.out), self.err);
        self
    }

    /// This, if it failed with `code`, printed nothing, and its message has all of `words`.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> Self {
        let done = self.ended(code);
        assert!(done.out.is_empty(), "a failure prints no answer: {done:?}");
        for word in words {
            assert!(done.err.contains(word), "the message should say {word:?}: {}", done.err);
        }
        done
    }

    #[track_caller]
    pub fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("the answer is text")
    }

    /// Standard output, which must be exactly one JSON document on one line.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.out.ends_with(b"\n"), "the document ends its line: {self:?}");
        serde_json::from_slice(&self.out).unwrap_or_else(|e| panic!("not one JSON document: {e}: {self:?}"))
    }
}

/// Files with an extension, by name.
pub fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

/// Runs a command to its end, which must come before the deadline.
pub fn finish(mut command: Command, input: Option<Vec<u8>>) -> Done {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    if let (Some(mut to), Some(input)) = (child.stdin.take(), input) {
        // Whoever does not read it all has its reasons.
        thread::spawn(move || to.write_all(&input));
    }
    collect(child)
}

/// The end of a child whose output is piped.
pub fn collect(mut child: Child) -> Done {
    let out = child.stdout.take().map(drain);
    let err = child.stderr.take().map(drain);
    let status = end_of(&mut child);
    let take = |from: Option<mpsc::Receiver<Vec<u8>>>| {
        from.map(|from| from.recv_timeout(DEADLINE).expect("the output ends")).unwrap_or_default()
    };
    let code = status.code().unwrap_or(-1);
    Done { status, code, out: take(out), err: String::from_utf8_lossy(&take(err)).into_owned() }
}

fn drain(mut from: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // Nobody waits any more if the command was given up.
        let _ = from.read_to_end(&mut bytes).map(|_| send.send(bytes));
    });
    receive
}

/// Waits for a child; one that does not end is killed and fails the test.
pub fn end_of(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            return status;
        }
        if began.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("the command hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Polls until something is so; fails the test at the deadline.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What `work` answers; fails the test if it does not end before the deadline.
#[track_caller]
pub fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    let worker = thread::spawn(move || send.send(work()));
    match receive.recv_timeout(DEADLINE) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs: {what}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => panic!("no answer: {what}"),
        },
    }
}

/// Bytes that no codec makes smaller, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Whether the tests run as root, who may mount and who no permission stops.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A directory's files and their bytes.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).expect("a file");
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// Flips one bit in the middle of where `needle` is in a file; the file must hold it once at least.
#[track_caller]
pub fn flip(path: &Path, needle: &[u8]) {
    let mut bytes = fs::read(path).expect("readable");
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("the needle is there");
    bytes[at + needle.len() / 2] ^= 0x10;
    fs::write(path, bytes).expect("writable");
}
