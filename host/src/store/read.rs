//! Reading records.

use std::sync::atomic::Ordering;

use super::open::{Contents, Trust};
use super::sealed::{Line, Sealed, newest};
use super::segment::Segment;
use super::{Location, Store};
use crate::error::{Error, ErrorKind, Result};

/// Bytes read at first when only a record's head is wanted.
const HEAD: usize = 512;

impl Store {
    /// Where the newest record of a hash is, if it is not past its time.
    pub(crate) fn find(&self, hash: u64, now: u64) -> Result<Option<Location>> {
        if self.index().wants_warming() {
            self.warm()?;
        }
        Ok(self.find_known(hash)?.filter(|at| at.line.gone > now))
    }

    /// Where the newest record of a hash is, as far as the log was followed.
    pub(crate) fn find_known(&self, hash: u64) -> Result<Option<Location>> {
        self.find_or_warm(hash, || self.warm())
    }

    /// As [`find_known`](Self::find_known), for who only looks: a damaged index stays as it is.
    pub(crate) fn find_quietly(&self, hash: u64) -> Result<Option<Location>> {
        self.find_or_warm(hash, || {
            self.unmended.store(true, Ordering::Relaxed);
            self.index_mut().warm(|segment| self.lines_of(segment).map(|(_, lines)| lines))
        })
    }

    fn find_or_warm(&self, hash: u64, warm: impl FnOnce() -> Result<()>) -> Result<Option<Location>> {
        let found = self.index().find(hash);
        match found {
            // A damaged index is no reason for a miss: what it said is in the segment.
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                warm()?;
                self.index().find(hash)
            }
            found => found,
        }
    }

    /// Whether a location is still the newest of its hash.
    pub(crate) fn is_current(&self, at: &Location) -> bool {
        self.index().find(at.line.hash).is_ok_and(|found| found.is_some_and(|found| found.is(at)))
    }

    /// Forgets where a record is, because what it says is outdated and could not be overwritten.
    pub(crate) fn hide(&self, hash: u64) {
        self.index_mut().hide(hash);
    }

    /// The record at a location.
    pub(crate) fn read(&self, at: &Location) -> Result<Vec<u8>> {
        self.read_part(at, at.line.len as usize)
    }

    /// The first bytes of the record at a location, and whether they are all of it.
    pub(crate) fn read_head(&self, at: &Location) -> Result<(Vec<u8>, bool)> {
        let len = at.line.len as usize;
        Ok((self.read_part(at, len.min(HEAD))?, len <= HEAD))
    }

    fn read_part(&self, at: &Location, len: usize) -> Result<Vec<u8>> {
        if len as u64 > self.options.max_record {
            let message = format!("a record of {len} bytes in {} is above the limit", at.segment.path().display());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        at.segment.read(u64::from(at.line.offset), len).map_err(|e| Error::io("read", at.segment.path(), e))
    }

    /// Loads the index of all segments.
    pub(crate) fn warm(&self) -> Result<()> {
        if self.unmended.swap(false, Ordering::Relaxed) {
            self.mend_indexes()?;
        }
        if self.index().is_warm() {
            return Ok(());
        }
        self.index_mut().warm(|segment| self.rebuild_lines(segment))?;
        self.follow_accesses();
        Ok(())
    }

    /// What the index of a full segment says, or would say.
    pub(super) fn sealed_lines(&self, segment: &Segment) -> Result<Vec<Line>> {
        let len = segment.len().map_err(|e| Error::io("read", segment.path(), e))?;
        let sealed = Sealed::open(&self.layout, segment, len);
        sealed.and_then(|sealed| sealed.lines().ok()).map_or_else(|| self.rebuild_lines(segment), Ok)
    }

    /// Makes again what [`find_quietly`](Self::find_quietly) found damaged and left.
    #[cold]
    fn mend_indexes(&self) -> Result<()> {
        let (all, active) = (self.index().all_segments(), self.index().active().map(|active| active.number));
        for segment in all.iter().filter(|segment| Some(segment.number) != active) {
            self.sealed_lines(segment)?;
        }
        Ok(())
    }

    /// Makes the index of a full segment again, in its file too.
    pub(super) fn rebuild_lines(&self, segment: &Segment) -> Result<Vec<Line>> {
        let (read, lines) = self.lines_of(segment)?;
        if !self.is_read_only() {
            let len = segment.len().map_err(|e| Error::io("read", segment.path(), e))?;
            read.write_index(&self.layout, segment, len);
        }
        Ok(lines)
    }

    /// What a full segment holds, and what its index would say.
    fn lines_of(&self, segment: &Segment) -> Result<(Contents, Vec<Line>)> {
        let len = segment.len().map_err(|e| Error::io("read", segment.path(), e))?;
        let read = Contents::read(segment, len, Trust::Written)?;
        let lines = newest(&read.lines);
        Ok((read, lines))
    }

    /// All live records that are not past their time, in the order of the log.
    pub(crate) fn locations(&self, now: u64) -> Result<Vec<(Location, u32)>> {
        self.warm()?;
        let mut lines = self.index().lines(None);
        lines.retain(|(at, _)| at.line.gone > now);
        Ok(lines)
    }

    /// How many records a namespace has, or all, whatever their time.
    pub(crate) fn count(&self, namespace: Option<u64>) -> Result<u64> {
        self.warm()?;
        let index = self.index();
        Ok(match namespace {
            None => index.held().0 - u64::from(index.holds(self.bans)),
            Some(wanted) => index.lines(None).iter().filter(|(at, _)| at.line.namespace == wanted).count() as u64,
        })
    }
}
