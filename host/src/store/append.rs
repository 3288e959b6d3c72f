//! Writing: one transaction at a time, across threads and processes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::frame::{Frame, Kind, NEVER};
use super::lock::Locked;
use super::reclaim::Judge;
use super::sealed::Sealed;
use super::segment::{FIRST, Position, Segment};
use super::{Location, Observer, Store, Writer};
use crate::error::{Error, ErrorKind, Result};

/// The store, locked for writing and followed to its end. Unlocks when dropped.
pub(crate) struct Transaction<'a> {
    pub(super) store: &'a Store,
    pub(super) writer: MutexGuard<'a, Writer>,
    _locked: Locked<'a>,
}

/// A record to be appended.
pub(crate) struct Put<'a> {
    pub(crate) hash: u64,
    pub(crate) namespace: u64,
    pub(crate) record: &'a [u8],
    pub(crate) version: u64,
    /// When the entry is gone; `None` is never.
    pub(crate) gone: Option<u64>,
    pub(crate) sync: bool,
    /// Unix milliseconds.
    pub(crate) now: u64,
}

impl Put<'_> {
    fn frame(&self) -> Frame {
        Frame {
            kind: Kind::Record,
            sync: self.sync,
            len: self.record.len() as u32,
            sequence: self.version,
            hash: self.hash,
            namespace: self.namespace,
            gone: self.gone.unwrap_or(NEVER),
        }
    }
}

/// What a transaction is going to need.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim {
    /// Bytes of records, at most.
    pub(crate) bytes: u64,
    /// The hash under which an entry will be written.
    pub(crate) hash: Option<u64>,
    /// Whether that may be one more entry than before.
    pub(crate) adds: bool,
}

/// A place in the log that is to survive power loss.
pub(crate) struct SyncPoint {
    segment: Arc<Segment>,
    position: Position,
}

impl Store {
    /// Locks the store for writing, learns what others wrote, and makes room for what is to be written.
    ///
    /// # Errors
    /// `Locked` when the lock is not had in time; `Store` when the store is read-only; `TooLarge` and `Full` when there is no
    /// room to be made; I/O errors.
    pub(crate) fn begin(&self, claim: Claim, observer: &dyn Observer, judge: &dyn Judge) -> Result<Transaction<'_>> {
        let locked = self.lock(self.options.lock_timeout)?;
        let mut transaction = Transaction { store: self, writer: self.writer(), _locked: locked };
        if !self.options.alone && !self.is_unchanged() {
            self.follow(&mut transaction.writer, observer)?;
        }
        transaction.mend_tail()?;
        transaction.make_room(claim, observer.now(), judge)?;
        Ok(transaction)
    }

    /// Whether nobody has written since the log was last followed. The caller has the lock, so that nobody writes now.
    fn is_unchanged(&self) -> bool {
        let Some(writes) = &self.writes else { return false };
        let written = writes.get();
        if !written.is_multiple_of(2) {
            // Whoever made it odd was killed while it wrote: what it left may have been read by others.
            writes.increase();
            return false;
        }
        written == self.seen.load(Ordering::Acquire)
    }

    pub(super) fn refuse_writes(&self) -> Error {
        let reason = match (self.options.read_only, self.lock.is_some()) {
            (true, _) => "it was opened so",
            (false, true) => "an earlier write failed; it is tried again when the store is opened anew",
            (false, false) => "the directory may not be written",
        };
        let message = format!(
            "the store in {} is read-only: {reason}; the cache works on from memory",
            self.layout.root().display()
        );
        Error::new(ErrorKind::Store, message)
    }

    /// Makes everything up to a point survive power loss. One fsync serves all who wait for it.
    pub(crate) fn sync(&self, point: &SyncPoint) -> Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= point.position {
            return Ok(());
        }
        // After a failed fsync the next one may succeed and mean nothing.
        if self.is_read_only() {
            return Err(self.refuse_writes());
        }
        let reached = {
            let writer = self.writer();
            if writer.tail.segment.number == point.position.segment { writer.tail.position() } else { point.position }
        };
        // The segment's name too, whoever made it; full segments were synced before their successor was made.
        let new_segment = synced.segment != point.position.segment;
        let done = self.sync_segment(&point.segment, new_segment);
        if done.is_ok() {
            *synced = reached.max(*synced);
        }
        done
    }

    /// Makes a segment last, and its name.
    fn sync_segment(&self, segment: &Segment, with_name: bool) -> Result<()> {
        let synced = segment.file().and_then(|file| file.sync());
        let synced = synced.map_err(|e| Error::io("sync", segment.path(), e));
        let synced =
            synced.and_then(|()| if with_name { self.layout.sync_directory(&self.layout.segments()) } else { Ok(()) });
        synced.inspect_err(|e| {
            self.fail(e);
            self.doubt();
        })
    }

    /// Has whoever opens the store next write the active segment again: after a failed fsync the kernel may take for saved
    /// what it could not save.
    fn doubt(&self) {
        if let Some(lock) = &self.lock {
            lock.note_boot(&[0; 16]);
        }
    }

    /// Makes the active segment last, from within a transaction.
    pub(super) fn sync_tail(&self, writer: &mut Writer) -> Result<()> {
        let tail = &mut writer.tail;
        if tail.synced < tail.end {
            self.sync_segment(&tail.segment, !tail.name_synced)?;
            (tail.synced, tail.name_synced) = (tail.end, true);
        }
        Ok(())
    }

    /// After a failed write or fsync nobody knows what is on disk: nothing more is written until the store is reopened.
    pub(super) fn fail(&self, reason: &Error) {
        if !self.read_only.swap(true, Ordering::Relaxed) {
            tracing::error!("the store is read-only from now on, the cache works on from memory: {reason}");
        }
    }
}

impl Transaction<'_> {
    /// The sequence number of the next write.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.writer.sequence + 1
    }

    /// Appends a record.
    ///
    /// # Errors
    /// I/O errors, after which the store is read-only.
    pub(crate) fn put(&mut self, put: &Put<'_>) -> Result<()> {
        self.append(&put.frame(), put.record, u32::try_from(put.now / 1000).unwrap_or(u32::MAX))
    }

    /// Appends records, each segment's share of them with one write. What is not whole after a crash is missing from the end.
    ///
    /// # Errors
    /// I/O errors, after which the store is read-only and none of the records counts as written.
    pub(crate) fn put_many(&mut self, puts: &[Put<'_>]) -> Result<()> {
        let accessed = puts.first().map_or(0, |put| u32::try_from(put.now / 1000).unwrap_or(u32::MAX));
        let frames: Vec<_> = puts.iter().map(|put| (put.frame(), put.record)).collect();
        self.append_many(&frames, accessed)
    }

    /// Appends tombstones, as [`put_many`](Self::put_many) does records: hash, namespace, whether it is to survive power loss.
    pub(crate) fn delete_many(&mut self, deleted: &[(u64, u64, bool)]) -> Result<()> {
        let first = self.next_sequence();
        let frame = |(sequence, &(hash, namespace, sync)): (u64, &(u64, u64, bool))| {
            (Frame { sync, ..Frame::mark(Kind::Tombstone, sequence, hash, namespace) }, &[][..])
        };
        let frames: Vec<_> = (first..).zip(deleted).map(frame).collect();
        self.append_many(&frames, 0)
    }

    fn append_many(&mut self, mut frames: &[(Frame, &[u8])], accessed: u32) -> Result<()> {
        while !frames.is_empty() {
            let mut end = self.writer.tail.end;
            let limit = self.store.options.segment_size();
            let fitting = frames.iter().take_while(|(frame, _)| {
                end += frame.space();
                end <= limit
            });
            let (now, later) = frames.split_at(fitting.count());
            match now {
                // Begins a segment of its own, however large it is.
                [] => {
                    if let Some(((frame, payload), later)) = frames.split_first() {
                        self.append(frame, payload, accessed)?;
                        frames = later;
                    }
                }
                now => {
                    self.write(now, accessed)?;
                    frames = later;
                }
            }
        }
        Ok(())
    }

    /// Appends a tombstone.
    pub(crate) fn delete(&mut self, hash: u64, namespace: u64, sync: bool) -> Result<()> {
        let sequence = self.next_sequence();
        self.append(&Frame { sync, ..Frame::mark(Kind::Tombstone, sequence, hash, namespace) }, &[], 0)
    }

    /// Where the newest record of a hash is.
    pub(crate) fn find(&self, hash: u64) -> Result<Option<Location>> {
        self.store.index().find(hash)
    }

    /// Whether the log holds something outdated under a hash, and nothing that says so.
    pub(crate) fn is_hidden(&self, hash: u64) -> bool {
        self.store.index().is_hidden(hash)
    }

    /// Forgets where a record is, because what it says is outdated and could not be overwritten.
    pub(crate) fn hide(&self, hash: u64) {
        self.store.hide(hash);
    }

    /// Whether segments were dropped, and entries with them perhaps that nobody deleted.
    pub(crate) fn has_given_up(&self) -> bool {
        self.store.index().oldest().is_some_and(|oldest| oldest.number > 1)
    }

    /// What has to be synced for everything written so far to survive power loss.
    pub(crate) fn sync_point(&self) -> SyncPoint {
        SyncPoint { segment: self.writer.tail.segment.clone(), position: self.writer.tail.position() }
    }

    /// Appends a frame. `accessed` is now in Unix seconds for what is written now, 0 for what is only moved.
    pub(super) fn append(&mut self, frame: &Frame, payload: &[u8], accessed: u32) -> Result<()> {
        let full =
            self.writer.tail.end > FIRST && self.writer.tail.end + frame.space() > self.store.options.segment_size();
        if full && frame.kind != Kind::Seal {
            self.rotate()?;
        }
        self.write(&[(*frame, payload)], accessed)
    }

    /// Writes frames behind the end of the active segment, all at once.
    fn write(&mut self, frames: &[(Frame, &[u8])], accessed: u32) -> Result<()> {
        let writer = &mut *self.writer;
        let segment = writer.tail.segment.clone();
        let offset = writer.tail.end;
        let mut bytes = Vec::with_capacity(frames.iter().map(|(frame, _)| frame.space() as usize).sum());
        for (frame, payload) in frames {
            frame.encode(segment.seed, offset + bytes.len() as u64, payload, &mut bytes);
        }
        // Odd from here on, until all is written: whoever is killed in between leaves it so.
        if let Some(writes) = &self.store.writes {
            writes.increase();
        }
        if let Err(e) = segment.file().and_then(|file| file.write_all_at(&bytes, offset)) {
            // Half a frame is cut off by the next writer; try to spare it the work.
            let _ = segment.file().and_then(|file| file.set_len(offset));
            let mut place = Position { segment: segment.number, offset };
            for (frame, _) in frames {
                writer.failed.push((place, *frame));
                place.offset += frame.space();
            }
            let e = Error::io("write", segment.path(), e);
            self.store.fail(&e);
            return Err(e);
        }
        for (frame, _) in frames {
            let offset = writer.tail.end;
            writer.tail.end += frame.space();
            writer.sequence = writer.sequence.max(frame.sequence);
            match frame.kind {
                Kind::Record | Kind::Tombstone => {
                    let line = super::follow::line(offset, frame);
                    writer.tail.lines.push(line);
                    self.store.index_mut().insert(segment.number, line, accessed);
                }
                Kind::Clear => {
                    writer.tail.clears.push((frame.namespace, frame.sequence));
                    self.store.index_mut().clear(frame.namespace, frame.sequence);
                }
                Kind::Seal => writer.tail.sealed = Some(frame.hash as u32),
                Kind::Dropped => self.store.index_mut().drop_until(frame.hash as u32),
                Kind::Void => {}
            }
        }
        self.store.followed.store(writer.tail.end, Ordering::Release);
        if let Some(writes) = &self.store.writes {
            // All that was counted until now was followed, under the lock.
            self.store.seen.store(writes.increase(), Ordering::Release);
        }
        Ok(())
    }

    /// Ends the active segment and begins the next one.
    pub(super) fn rotate(&mut self) -> Result<()> {
        let next = self.writer.tail.segment.number + 1;
        let sequence = self.writer.sequence;
        self.append(&Frame::mark(Kind::Seal, sequence, u64::from(next), 0), &[], 0)?;
        self.seal(next)
    }

    /// Writes the index of the sealed active segment and goes on with the next one.
    fn seal(&mut self, next: u32) -> Result<()> {
        let store = self.store;
        // Whatever its writes asked for: so only the active segment can lose anything to a power loss.
        store.sync_tail(&mut self.writer)?;
        let created = Segment::create(&store.layout, next, &store.superblock);
        let segment = created.inspect_err(|e| store.fail(e))?;
        let tail = &self.writer.tail;
        let sequence = self.writer.sequence;
        if let Err(e) = Sealed::write(&store.layout, &tail.segment, tail.end, &tail.lines, &tail.clears, sequence) {
            // Whoever opens the store next makes it again.
            tracing::warn!("{e}");
        }
        store.go_on_with(&mut self.writer, segment)?;
        self.writer.tail.name_synced = true;
        store.followed.store(self.writer.tail.end, Ordering::Release);
        Ok(())
    }

    /// Cuts off a frame that its writer never finished, writes a header that never was, and begins the segment
    /// that a sealed one promises.
    fn mend_tail(&mut self) -> Result<()> {
        let tail = &self.writer.tail;
        let segment = tail.segment.clone();
        if tail.looked < FIRST {
            let written = segment.write_header();
            written.map_err(|e| Error::io("write", segment.path(), e)).inspect_err(|e| self.store.fail(e))?;
        }
        // Nobody else has written since: the lock is ours.
        if tail.looked > tail.end {
            let torn = tail.looked - tail.end;
            tracing::warn!("{torn} bytes of an unfinished write are cut off {}", segment.path().display());
            let cut = segment.file().and_then(|file| file.set_len(tail.end));
            cut.map_err(|e| Error::io("shorten", segment.path(), e)).inspect_err(|e| self.store.fail(e))?;
            self.store.damaged.fetch_add(1, Ordering::Relaxed);
        }
        self.writer.tail.looked = self.writer.tail.end;
        match self.writer.tail.sealed {
            Some(next) => self.seal(next),
            None => Ok(()),
        }
    }
}
