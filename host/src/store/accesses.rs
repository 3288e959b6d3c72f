//! When entries were last read and how often, beyond the life of a process: the store gives up what nobody reads, whoever
//! reads it.
//!
//! Reads are collected in memory and appended in batches to one small file, so that reading costs no write. What the file
//! says is a hint: damage to it changes which entry goes first, never what an entry says.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Store;
use crate::error::{Error, Result};
use crate::hash::random;
use crate::storage::Mode;

const MAGIC: &[u8; 8] = b"\x8CLACC\0\0\x01";
/// Magic, and a number drawn anew each time the file is rewritten.
const HEADER: usize = 16;
/// Hash (8 bytes), Unix seconds of the last read (4), number of reads (4).
const LINE: usize = 16;
/// Entries with reads that are kept in memory at most before they are written.
pub(super) const MAX_PENDING: usize = 1 << 16;

/// What is known of an entry's reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Unix seconds.
    pub(crate) last: u32,
    pub(crate) reads: u32,
}

impl Access {
    fn add(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        self.reads = self.reads.saturating_add(other.reads);
    }
}

/// Reads that are not in the file yet, and up to where the file is known.
#[derive(Debug, Default)]
pub(super) struct Accesses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pending: HashMap<u64, Access>,
    generation: u64,
    offset: u64,
}

impl Accesses {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Notes that entries were read: hashes, and when (Unix seconds).
    pub(crate) fn note_reads(&self, reads: &[(u64, u32)]) {
        let mut state = self.accesses.lock();
        for &(hash, last) in reads {
            // What does not fit is forgotten: a store that nobody can write to must not grow in memory.
            if state.pending.len() < MAX_PENDING || state.pending.contains_key(&hash) {
                state.pending.entry(hash).or_default().add(Access { last, reads: 1 });
            }
        }
        drop(state);
        let index = self.index();
        reads.iter().for_each(|&(hash, last)| index.note_access(hash, last));
    }

    /// How often an entry was read, and when last.
    pub(crate) fn access(&self, hash: u64) -> Access {
        let mut access = self.accesses.lock().pending.get(&hash).copied().unwrap_or_default();
        let lines = self.read_accesses(0).map(|(_, lines)| lines).unwrap_or_default();
        lines.iter().filter(|(of, _)| *of == hash).for_each(|(_, more)| access.add(*more));
        access
    }

    /// Takes in what other processes noted since the last time.
    pub(super) fn follow_accesses(&self) {
        let mut state = self.accesses.lock();
        let Ok((generation, lines)) = self.read_accesses(state.offset) else { return };
        let lines = if generation == state.generation || state.offset == 0 {
            state.offset = state.offset.max(HEADER as u64) + (lines.len() * LINE) as u64;
            lines
        } else {
            // Rewritten since: from the start again.
            let Ok((_, lines)) = self.read_accesses(0) else { return };
            state.offset = (HEADER + lines.len() * LINE) as u64;
            lines
        };
        state.generation = generation;
        let index = self.index();
        lines.iter().for_each(|(hash, access)| index.note_access(*hash, access.last));
        state.pending.iter().for_each(|(hash, access)| index.note_access(*hash, access.last));
    }

    /// The file's generation, and its lines from `offset` on.
    fn read_accesses(&self, offset: u64) -> std::io::Result<(u64, Vec<(u64, Access)>)> {
        let file = self.layout.storage().open(&self.layout.accesses(), Mode::Read)?;
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)?;
        let number = |bytes: &[u8]| u64::from_le_bytes(std::array::from_fn(|i| bytes[i]));
        if &header[..8] != MAGIC {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let from = offset.max(HEADER as u64);
        let len = file.look()?.len.saturating_sub(from).min(self.accesses_limit() * 2) as usize;
        let mut bytes = vec![0; len - len % LINE];
        file.read_exact_at(&mut bytes, from)?;
        let half = |bytes: &[u8]| u32::from_le_bytes(std::array::from_fn(|i| bytes[i]));
        let line = |line: &[u8]| (number(line), Access { last: half(&line[8..]), reads: half(&line[12..]) });
        Ok((number(&header[8..]), bytes.chunks_exact(LINE).map(line).collect()))
    }

    /// Bytes after which the file is rewritten.
    fn accesses_limit(&self) -> u64 {
        self.options.accesses_size()
    }

    /// Writes what was noted. The caller has the lock of writers.
    pub(super) fn save_accesses(&self) -> Result<()> {
        let mut state = self.accesses.lock();
        if state.pending.is_empty() {
            return Ok(());
        }
        let path = self.layout.accesses();
        let file = self.layout.open(&path, Mode::Create)?;
        let failed = |e| Error::io("write", &path, e);
        let len = file.look().map_err(failed)?.len;
        let mut magic = [0; 8];
        let is_ours = len >= HEADER as u64 && file.read_exact_at(&mut magic, 0).is_ok() && &magic == MAGIC;
        let added = (state.pending.len() * LINE) as u64;
        if is_ours && len + added <= self.accesses_limit() {
            let mut bytes = Vec::with_capacity(added as usize);
            state.pending.iter().for_each(|(hash, access)| encode(*hash, *access, &mut bytes));
            // Behind the last whole line.
            let at = len - (len - HEADER as u64) % LINE as u64;
            file.write_all_at(&bytes, at).map_err(failed)?;
        } else {
            let mut all: HashMap<u64, Access> = HashMap::new();
            let known = self.read_accesses(0).map(|(_, lines)| lines).unwrap_or_default();
            for (hash, access) in known.into_iter().chain(state.pending.drain()) {
                all.entry(hash).or_default().add(access);
            }
            let mut all: Vec<_> = all.into_iter().collect();
            {
                // A cold index does not know every entry; then nothing is thrown out for being unknown.
                let index = self.index();
                all.retain(|(hash, _)| !index.is_warm() || index.holds(*hash));
            }
            all.sort_unstable_by_key(|(hash, access)| (std::cmp::Reverse(access.last), *hash));
            all.truncate((self.accesses_limit() / 2) as usize / LINE);
            let mut bytes = [&MAGIC[..], &random::<8>()?].concat();
            all.iter().for_each(|(hash, access)| encode(*hash, *access, &mut bytes));
            self.layout.write_whole(&path, &bytes, false)?;
        }
        state.pending.clear();
        Ok(())
    }
}

fn encode(hash: u64, access: Access, out: &mut Vec<u8>) {
    out.extend_from_slice(&hash.to_le_bytes());
    out.extend_from_slice(&access.last.to_le_bytes());
    out.extend_from_slice(&access.reads.to_le_bytes());
}
