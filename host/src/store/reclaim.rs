//! Making room: the oldest segment is dropped, after what the engine wants to keep of it was appended again.
//!
//! While live records take less than four fifths of the cap, everything live is kept and only what was overwritten or
//! deleted goes; beyond, the engine chooses. Because segments go strictly from the oldest on, a tombstone is never
//! dropped before what it hides.

use std::fs;

use super::frame::{Frame, HEADER, Kind};
use super::index::Location;
use super::layout::Layout;
use super::sealed::index_size;
use super::{Observer, Store, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// What one write may add besides its record: its frame, a seal, and a block of the index.
const ROOM_FOR_FRAMES: u64 = 3 * HEADER as u64 + 4096;

/// Tombstones for which room is made at once.
const TOMBSTONES: usize = 1000;

/// What the judge must know of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) size: u64,
    pub(crate) version: u64,
    /// When it was last read or written, Unix milliseconds; 0 when not since the store was opened.
    pub(crate) accessed: u64,
    /// When it is gone; `None` is never.
    pub(crate) gone: Option<u64>,
}

/// Who decides what goes: the engine.
pub(crate) trait Judge {
    /// The places of the candidates that go so that `needed` bytes become free, the least worth keeping first.
    fn judge(&self, candidates: &[Candidate], needed: u64) -> Vec<usize>;
    /// Told how many entries went.
    fn evicted(&self, count: u64);
}

impl Transaction<'_> {
    /// Makes sure that `reserve` more bytes stay within the bounds, and the entry that `adds` says if it is new.
    pub(super) fn make_room(&mut self, reserve: u64, adds: Option<u64>, judge: &dyn Judge) -> Result<()> {
        let options = &self.store.options;
        let reserve = reserve + ROOM_FOR_FRAMES;
        if reserve > options.max_size / 2 {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("an entry of {reserve} bytes is more than half of max-size ({}); raise it", options.max_size),
            ));
        }
        let mut patience = 2 * self.store.index().segments();
        while self.disk_bytes() + reserve > options.max_size {
            if !self.drop_oldest(judge, patience == 0)? {
                break;
            }
            patience = patience.saturating_sub(1);
        }
        if let (Some(max), Some(hash)) = (options.max_entries, adds)
            && self.find(hash)?.is_none()
        {
            self.evict_beyond(max, judge)?;
        }
        Ok(())
    }

    /// Bytes of all files, and of the index that the active segment will have.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.writer.sealed_bytes + self.writer.tail.end + index_size(self.writer.tail.lines.len())
    }

    /// Drops the oldest segment, with all that is in it if `everything` says so; false when there is nothing to drop.
    pub(super) fn drop_oldest(&mut self, judge: &dyn Judge, everything: bool) -> Result<bool> {
        let store = self.store;
        store.warm()?;
        let Some(oldest) = store.index().oldest() else { return Ok(false) };
        if oldest.number == self.writer.tail.segment.number {
            if self.writer.tail.lines.is_empty() {
                return Ok(false);
            }
            self.rotate()?;
        }
        let all = store.sealed_lines(&oldest)?;
        let lines = store.index().newest_of(&oldest, &all);
        let (_, live_bytes) = store.index().held();
        let needed = live_bytes.saturating_sub(store.options.max_size / 5 * 4);
        let goes = places(&lines, judge, if everything { u64::MAX } else { needed });
        judge.evicted(goes.iter().filter(|goes| **goes).count() as u64);
        for ((at, _), goes) in lines.iter().zip(goes) {
            if goes || !self.move_record(at)? {
                store.hide(at.line.hash);
            }
        }
        self.remove_segment(oldest.number)?;
        Ok(true)
    }

    /// Appends a record again; false when it cannot be read.
    fn move_record(&mut self, at: &Location) -> Result<bool> {
        let record = match self.store.read(at) {
            Ok(record) => record,
            // What cannot be read is lost already, and a reason to drop the segment rather than not to.
            Err(e) => {
                tracing::warn!("a record is given up: {e}");
                return Ok(false);
            }
        };
        let frame = Frame {
            kind: Kind::Record,
            sync: true,
            len: at.line.len,
            sequence: at.line.sequence,
            hash: at.line.hash,
            namespace: at.line.namespace,
            gone: at.line.gone,
        };
        self.append(&frame, &record, 0).map(|()| true)
    }

    /// Removes a segment's files, once what was moved out of it is safe.
    fn remove_segment(&mut self, number: u32) -> Result<()> {
        let store = self.store;
        let layout = Layout::new(&store.root);
        if self.writer.tail.has_sync {
            store.sync_tail(&self.writer.tail)?;
        }
        let sequence = self.writer.sequence;
        self.append(&Frame::mark(Kind::Dropped, sequence, u64::from(number), 0), &[], 0)?;
        for path in [layout.segment(number), layout.sealed(number)] {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &path, e)),
                _ => {}
            }
        }
        self.writer.sealed_bytes = store.measure_sealed(self.writer.tail.segment.number)?;
        Ok(())
    }

    /// Evicts entries, from the oldest segment on, until one more stays within `max`.
    fn evict_beyond(&mut self, max: u64, judge: &dyn Judge) -> Result<()> {
        let store = self.store;
        store.warm()?;
        let (held, _) = store.index().held();
        if held < max {
            return Ok(());
        }
        // A few at once, so that the search for victims is paid seldom.
        let mut count = (held + 1 - max.max(1)).max(max / 64) as usize;
        judge.evicted(count as u64);
        let all = store.index().all_segments();
        for segment in all {
            let lines = store.index().lines(Some(segment.number));
            let candidates: Vec<_> = lines.iter().map(candidate).collect();
            for place in judge.judge(&candidates, u64::MAX).into_iter().take(count) {
                if let Some((at, _)) = lines.get(place) {
                    self.delete(at.line.hash, at.line.namespace, false)?;
                    count -= 1;
                }
            }
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Empties a namespace (by hash), or everything. Emptying everything gives the space back at once.
    pub(crate) fn clear(&mut self, namespace: Option<u64>) -> Result<()> {
        let sequence = self.next_sequence();
        self.append(&Frame { sync: true, ..Frame::mark(Kind::Clear, sequence, 0, namespace.unwrap_or(0)) }, &[], 0)?;
        if namespace.is_none() {
            self.store.warm()?;
            self.rotate()?;
            let active = self.writer.tail.segment.number;
            // The clear itself must outlast what it clears.
            self.append(&Frame { sync: true, ..Frame::mark(Kind::Clear, sequence, 0, 0) }, &[], 0)?;
            let all = self.store.index().all_segments();
            for segment in all.iter().filter(|segment| segment.number != active) {
                self.remove_segment(segment.number)?;
            }
        }
        Ok(())
    }

    /// Drops segments from the oldest on as long as nothing live is in them. Answers how many went.
    pub(crate) fn drop_dead_segments(&mut self, now: u64, judge: &dyn Judge) -> Result<u64> {
        self.store.warm()?;
        let mut dropped = 0;
        loop {
            let Some(oldest) = self.store.index().oldest() else { break };
            let lines = self.store.index().lines(Some(oldest.number));
            let alive = lines.iter().any(|(at, _)| at.line.gone > now);
            if alive || oldest.number == self.writer.tail.segment.number || !self.drop_oldest(judge, false)? {
                break;
            }
            dropped += 1;
        }
        Ok(dropped)
    }
}

impl Store {
    /// Locks, drops what is dead at the old end of the log, and deletes the other entries past their time. Answers how many
    /// entries went.
    pub(crate) fn cleanup(&self, now: u64, observer: &dyn Observer, judge: &dyn Judge) -> Result<u64> {
        let mut transaction = self.begin(0, None, observer, judge)?;
        self.warm()?;
        let (before, _) = self.index().held();
        transaction.drop_dead_segments(now, judge)?;
        let lines = self.index().lines(None);
        let over: Vec<_> = lines.iter().filter(|(at, _)| at.line.gone <= now).collect();
        for batch in over.chunks(TOMBSTONES) {
            transaction.make_room(batch.len() as u64 * HEADER as u64, None, judge)?;
            for (at, _) in batch {
                // What made room may have taken this one along.
                if transaction.find(at.line.hash)?.is_some_and(|found| found.is(at)) {
                    transaction.delete(at.line.hash, at.line.namespace, false)?;
                }
            }
        }
        Layout::new(&self.root).sweep();
        let (after, _) = self.index().held();
        Ok(before.saturating_sub(after))
    }
}

/// For every line whether it goes.
fn places(lines: &[(Location, u32)], judge: &dyn Judge, needed: u64) -> Vec<bool> {
    let candidates: Vec<_> = lines.iter().map(candidate).collect();
    let mut goes = vec![false; lines.len()];
    for place in judge.judge(&candidates, needed) {
        if let Some(flag) = goes.get_mut(place) {
            *flag = true;
        }
    }
    goes
}

fn candidate((at, accessed): &(Location, u32)) -> Candidate {
    Candidate {
        size: at.line.disk_size(),
        version: at.line.sequence,
        accessed: u64::from(*accessed) * 1000,
        gone: Some(at.line.gone).filter(|gone| *gone != super::frame::NEVER),
    }
}
