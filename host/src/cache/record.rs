//! Recording what a cache is asked for, to be replayed by `larder simulate`.
//!
//! A line a request, `key,size`: a read that found something, or a write. A read that found nothing has no size and is the
//! `key` alone; the reader of recordings takes it and the write that answers it for one request. Keys are hashes under a
//! secret: without it nobody can tell what they were, nor try guesses. With a store the secret comes from the store and
//! the salt in the file's second line, so that all processes write the same hashes and two files have nothing in common;
//! without a store it is that salt alone, which should then be kept as safe as the keys.
//!
//! Lines are collected and appended in one write, a thousand at a time and at the end, so that several processes may share a
//! file. What goes wrong is logged once and ends the recording, never an operation.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::error::Result;
use crate::hash::{KeyHasher, random};

/// What a recording begins with.
const HEADER: &str = "#larder-trace 1\n#salt ";

/// Bytes of the header with its salt of 32 hexadecimal digits.
const HEADER_SIZE: usize = HEADER.len() + 33;

/// Lines that are appended together.
const LINES: u32 = 1024;

/// What an entry takes in memory on top of key and value, so that a replay counts bytes as `max-memory` does.
const OVERHEAD: usize = 128;

/// How often another process's lock is asked for, and how long between.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// The largest size in a trace.
const MAX_SIZE: usize = (1 << 31) - 1;

/// A file that requests are written to.
pub(super) struct Recorder {
    path: PathBuf,
    hasher: KeyHasher,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    /// None once something went wrong.
    file: Option<File>,
    waiting: Vec<u8>,
    count: u32,
}

impl Recorder {
    /// Opens a file or makes it; `store` hashes for the store. What stands in the way is logged, and nothing recorded.
    pub(super) fn open(path: &Path, store: Option<&KeyHasher>) -> Result<Option<Self>> {
        let fresh = random()?;
        let (file, salt) = match open(path, &fresh) {
            Ok(opened) => opened,
            Err(e) => {
                tracing::warn!("requests are not recorded: could not open {}: {e}", path.display());
                return Ok(None);
            }
        };
        let hasher = match store {
            Some(store) => {
                let mut secret = [0; 16];
                secret[..8].copy_from_slice(&store.key(0, &salt).to_le_bytes());
                secret[8..].copy_from_slice(&store.key(1, &salt).to_le_bytes());
                KeyHasher::new(&secret)
            }
            None => KeyHasher::new(&salt),
        };
        let lines = Mutex::new(Lines { file: Some(file), ..Lines::default() });
        Ok(Some(Self { path: path.to_owned(), hasher, lines }))
    }

    /// What stands for a namespace in the other calls.
    pub(super) fn namespace(&self, name: &str) -> u64 {
        self.hasher.namespace(name)
    }

    /// A read, which found a value of so many bytes or nothing.
    pub(super) fn read(&self, namespace: u64, key: &[u8], found: Option<usize>) {
        self.line(namespace, key, found);
    }

    /// A value of so many bytes was stored.
    pub(super) fn write(&self, namespace: u64, key: &[u8], value: usize) {
        self.line(namespace, key, Some(value));
    }

    fn line(&self, namespace: u64, key: &[u8], value: Option<usize>) {
        let hash = self.hasher.key(namespace, key);
        let mut lines = super::lock(&self.lines);
        if lines.file.is_none() {
            return;
        }
        // A vector takes whatever is written to it.
        let _ = match value {
            Some(value) => {
                let size = (key.len() + value + OVERHEAD).min(MAX_SIZE);
                writeln!(lines.waiting, "{hash:016x},{size}")
            }
            None => writeln!(lines.waiting, "{hash:016x}"),
        };
        lines.count += 1;
        if lines.count >= LINES {
            self.append(&mut lines);
        }
    }

    #[cold]
    fn append(&self, lines: &mut Lines) {
        let Lines { file: Some(file), waiting, count } = lines else { return };
        // In one call, so that the lines of other processes come before or after.
        let failed = match file.write(waiting) {
            Ok(written) if written == waiting.len() => None,
            Ok(_) => Some("the disk is full".to_owned()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return,
            Err(e) => Some(e.to_string()),
        };
        waiting.clear();
        *count = 0;
        if let Some(reason) = failed {
            tracing::warn!("requests are not recorded any more: could not write to {}: {reason}", self.path.display());
            *lines = Lines::default();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut lines = std::mem::take(&mut *super::lock(&self.lines));
        self.append(&mut lines);
    }
}

/// The file, with a header, and its salt.
fn open(path: &Path, fresh: &[u8; 16]) -> io::Result<(File, [u8; 16])> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    // Two processes may be the first. Who has the lock writes a line; nobody waits for one that was stopped in it.
    let mut tries = 0;
    while let Err(e) = file.try_lock() {
        tries += 1;
        if tries > TRIES {
            return Err(e.into());
        }
        thread::sleep(PAUSE);
    }
    let opened = salt(&mut file, fresh);
    file.unlock()?;
    Ok((file, opened?))
}

/// The salt in the header of a file, which is written if the file is empty.
fn salt(file: &mut File, fresh: &[u8; 16]) -> io::Result<[u8; 16]> {
    let foreign = || io::Error::other("it is no recording of this version of Larder; name another file");
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if file.metadata()?.len() == 0 {
        let digits: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
        file.write_all(format!("{HEADER}{digits}\n").as_bytes())?;
        return Ok(*fresh);
    }
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADER_SIZE as u64).read_to_end(&mut head)?;
    let digits = head.strip_prefix(HEADER.as_bytes()).and_then(|rest| rest.strip_suffix(b"\n"));
    let digits = digits.filter(|digits| digits.len() == 32).ok_or_else(foreign)?;
    let mut salt = [0; 16];
    for (byte, digits) in salt.iter_mut().zip(digits.chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| foreign())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| foreign())?;
    }
    // A process that was killed may have left half a line.
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_takes_no_more_ends_the_recording_and_nothing_else() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let recorder = Recorder::open(&path, None).expect("random bytes").expect("a new file is taken");
        super::super::lock(&recorder.lines).file = Some(File::open(&path).expect("readable"));
        (0..3 * LINES).for_each(|_| recorder.write(1, b"key", 5));
        let lines = super::super::lock(&recorder.lines);
        assert!(lines.file.is_none() && lines.waiting.is_empty(), "nothing is collected for nobody");
    }
}
