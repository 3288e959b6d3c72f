//! Looking at every frame and record of the log, and mending what is damaged.
//!
//! Mending keeps every frame where it is, so that processes which have the store open are not misled: a damaged place is
//! overwritten with a frame that says nothing. What a full segment's index still knows of a damaged frame is used to write
//! its header again. An entry whose record is damaged is deleted, so that no older version of it comes back.

use std::collections::HashSet;

use super::frame::{Frame, HEADER, Kind};
use super::open::{Contents, Trust};
use super::sealed::{Line, Sealed, newest};
use super::segment::{FIRST, Segment};
use super::{Claim, Judge, Location, Observer, Store, Transaction};
use crate::error::{Error, Result};

/// What looking at a whole store found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// Segments looked at.
    pub segments: u64,
    /// Records looked at, overwritten ones included.
    pub records: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// Records that are damaged.
    pub damaged_records: u64,
    /// Places where frames are damaged.
    pub damaged_frames: u64,
    /// Segments whose index is damaged or says something else than the segment.
    pub damaged_indexes: u64,
    /// Entries that mending could not save, and deleted.
    pub lost_entries: u64,
}

impl Verification {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damaged_records + self.damaged_frames + self.damaged_indexes == 0
    }
}

const HEADER_BYTES: u64 = HEADER as u64;

/// Whether a record is sound and belongs under a hash and version.
type Check<'a> = dyn Fn(&[u8], u64, u64) -> Result<bool> + 'a;

type Index = (Vec<Line>, Vec<(u64, u64)>);

/// What is wrong with one segment.
#[derive(Default)]
struct Flaws {
    header: bool,
    /// From where to where no frame is.
    gaps: Vec<(u64, u64)>,
    /// Frames whose header is damaged, and where they begin.
    headers: Vec<(u64, Frame)>,
    /// Frames whose record is damaged, and where they begin.
    records: Vec<(u64, Frame)>,
    index: bool,
}

impl Store {
    /// Looks at everything.
    pub(crate) fn verify(
        &self,
        observer: &dyn Observer,
        check: &Check<'_>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verification> {
        let mut found = Verification::default();
        let (segments, active) = {
            // Under the lock nobody is in the middle of a write: what is not a whole frame then is damage.
            let locked = self.lock(self.options.lock_timeout);
            let mut writer = self.writer();
            self.follow(&mut writer, observer)?;
            found.damaged_frames += u64::from(locked.is_ok() && writer.tail.looked > writer.tail.end);
            (self.index().all_segments(), writer.tail.segment.number)
        };
        let total = segments.iter().map(|segment| segment.len().unwrap_or(0)).sum();
        for segment in segments {
            self.examine(&segment, segment.number != active, check, &mut found, &mut |bytes| progress(bytes, total))?;
        }
        Ok(found)
    }

    /// Mends everything; answers what was wrong.
    pub(crate) fn repair(
        &self,
        observer: &dyn Observer,
        judge: &dyn Judge,
        check: &Check<'_>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verification> {
        let mut found = Verification::default();
        // Cuts off what a write left unfinished.
        let before = self.damaged.load(std::sync::atomic::Ordering::Relaxed);
        let mut transaction = self.begin(Claim::default(), observer, judge)?;
        self.warm()?;
        found.damaged_frames += self.damaged.load(std::sync::atomic::Ordering::Relaxed) - before;
        let active = transaction.writer.tail.segment.number;
        let segments = self.index().all_segments();
        let total = segments.iter().map(|segment| segment.len().unwrap_or(0)).sum();
        for segment in segments {
            let full = segment.number != active;
            let flaws = self.examine(&segment, full, check, &mut found, &mut |bytes| progress(bytes, total))?;
            found.lost_entries += transaction.mend(&segment, full, &flaws, check)?;
        }
        Ok(found)
    }

    /// What a full segment's index says, if it is sound: its lines and clears.
    fn index_of(&self, segment: &Segment) -> Option<Index> {
        let sealed = Sealed::open(&self.layout, segment, segment.len().ok()?)?;
        Some((sealed.lines().ok()?, sealed.clears))
    }

    fn examine(
        &self,
        segment: &Segment,
        full: bool,
        check: &Check<'_>,
        found: &mut Verification,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Flaws> {
        let failed = |e| Error::io("read", segment.path(), e);
        let len = segment.len().map_err(failed)?;
        let contents = Contents::read(segment, len, Trust::Written)?;
        let mut flaws = Flaws { header: !contents.has_header, ..Flaws::default() };
        (flaws.gaps, flaws.headers) = (contents.gaps, contents.salvaged);
        let mut frames: Vec<(u64, Frame)> = Vec::new();
        let visit = |at, frame: &Frame| {
            frames.push((at, *frame));
            Ok(true)
        };
        segment.walk(FIRST, contents.end, visit, true).map_err(failed)?;
        for (at, frame) in frames.into_iter().filter(|(_, frame)| frame.kind == Kind::Record) {
            found.records += 1;
            if u64::from(frame.len) > self.options.max_record {
                // Larger than this cache takes: not its to judge.
                continue;
            }
            let record = segment.read(at + HEADER_BYTES, frame.len as usize).map_err(failed)?;
            if !check(&record, frame.hash, frame.sequence)? {
                flaws.records.push((at, frame));
            }
            progress(frame.size());
        }
        if full {
            if contents.end < len {
                flaws.gaps.push((contents.end, len));
            }
            let index = Sealed::open(&self.layout, segment, len).and_then(|index| index.lines().ok());
            flaws.index = index.is_none_or(|lines| lines != newest(&contents.lines));
        }
        found.segments += 1;
        found.bytes += len;
        found.damaged_frames += (flaws.gaps.len() + flaws.headers.len()) as u64 + u64::from(flaws.header);
        found.damaged_records += flaws.records.len() as u64;
        found.damaged_indexes += u64::from(flaws.index);
        Ok(flaws)
    }

    /// Every live record, for export.
    pub(crate) fn each_record(
        &self,
        now: u64,
        observer: &dyn Observer,
        mut visit: impl FnMut(&Location, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.refresh(observer, now)?;
        for (at, _) in self.locations(now)? {
            match self.read(&at) {
                Ok(record) => visit(&at, record)?,
                Err(e) => tracing::warn!("a record is left out: {e}"),
            }
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// Mends a segment; answers how many entries were lost.
    fn mend(&mut self, segment: &Segment, full: bool, flaws: &Flaws, check: &Check<'_>) -> Result<u64> {
        let store = self.store;
        let harmed = !flaws.gaps.is_empty() || !flaws.headers.is_empty() || !flaws.records.is_empty();
        if !flaws.header && !harmed {
            if flaws.index {
                store.rebuild_lines(segment)?;
            }
            return Ok(0);
        }
        // Before anything is written: the index of a full segment knows what its damaged frames said.
        let (known, clears) = match store.index_of(segment) {
            Some(index) if full => index,
            _ => (store.index().lines(Some(segment.number)).into_iter().map(|(at, _)| at.line).collect(), Vec::new()),
        };
        let mut lost = 0;
        for (at, frame) in &flaws.records {
            lost += u64::from(self.give_up(segment, frame.hash, frame.namespace, frame.sequence)?);
            write(segment, *at, &Frame::void(frame.size()))?;
        }
        if flaws.header {
            segment.write_header().map_err(|e| Error::io("write", segment.path(), e))?;
        }
        for (at, frame) in &flaws.headers {
            write(segment, *at, frame)?;
        }
        for gap in &flaws.gaps {
            fill(segment, *gap, &known, check)?;
        }
        segment.file().and_then(|file| file.sync()).map_err(|e| Error::io("sync", segment.path(), e))?;
        let failed = |e| Error::io("read", segment.path(), e);
        let left = Contents::read(segment, segment.len().map_err(failed)?, Trust::Written)?;
        let there: HashSet<(u64, u64)> = left.lines.iter().map(|line| (line.hash, line.sequence)).collect();
        for line in known.iter().filter(|line| !there.contains(&(line.hash, line.sequence))) {
            lost += u64::from(self.give_up(segment, line.hash, line.namespace, line.sequence)?);
        }
        for (namespace, sequence) in clears.into_iter().filter(|clear| !left.clears.contains(clear)) {
            self.append(&Frame { sync: true, ..Frame::mark(Kind::Clear, sequence, 0, namespace) }, &[], 0)?;
        }
        if full {
            store.rebuild_lines(segment)?;
        }
        Ok(lost)
    }

    /// Makes sure that nothing older comes back in place of what a segment said last of an entry. Answers whether that was a
    /// live record.
    fn give_up(&mut self, segment: &Segment, hash: u64, namespace: u64, sequence: u64) -> Result<bool> {
        let newest = self.find(hash)?;
        if newest.as_ref().is_some_and(|at| at.line.sequence > sequence) {
            return Ok(false);
        }
        self.delete(hash, namespace, true)?;
        Ok(newest.is_some_and(|at| at.segment.number == segment.number))
    }
}

/// Fills a gap with the frames that belong there, as far as their records are still sound, and with void.
fn fill(segment: &Segment, (from, to): (u64, u64), known: &[Line], check: &Check<'_>) -> Result<()> {
    let mut lines: Vec<&Line> = known.iter().filter(|line| line.len > 0).collect();
    lines.sort_unstable_by_key(|line| line.offset);
    let mut at = from;
    for line in lines {
        let start = u64::from(line.offset).saturating_sub(HEADER_BYTES);
        if start < at || start + line.frame_size() > to {
            continue;
        }
        let Ok(record) = segment.read(u64::from(line.offset), line.len as usize) else { continue };
        if !check(&record, line.hash, line.sequence)? {
            continue;
        }
        if start > at {
            write(segment, at, &Frame::void(start - at))?;
        }
        write(segment, start, &Frame::of(line))?;
        at = start + line.frame_size();
    }
    let len = segment.len().map_err(|e| Error::io("read", segment.path(), e))?;
    match to - at {
        0 => Ok(()),
        // Nothing follows, so that nothing need be kept in its place.
        _ if to == len => {
            let cut = segment.file().and_then(|file| file.set_len(at));
            cut.map_err(|e| Error::io("shorten", segment.path(), e))
        }
        size => write(segment, at, &Frame::void(size)),
    }
}

/// Writes a frame's header over what is there.
fn write(segment: &Segment, at: u64, frame: &Frame) -> Result<()> {
    let header = frame.header(segment.seed, at);
    let written = segment.file().and_then(|file| file.write_all_at(&header, at));
    written.map_err(|e| Error::io("write", segment.path(), e))
}
