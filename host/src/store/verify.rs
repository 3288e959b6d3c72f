//! Looking at every frame and record of the log.

use super::frame::{Frame, HEADER, Kind};
use super::layout::Layout;
use super::open::Contents;
use super::sealed::Sealed;
use super::segment::FIRST;
use super::{Location, Observer, Store};
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
}

impl Verification {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damaged_records + self.damaged_frames + self.damaged_indexes == 0
    }
}

impl Store {
    /// Looks at everything. `check` says whether a record is sound and belongs under a hash and version.
    pub(crate) fn verify(
        &self,
        observer: &dyn Observer,
        mut check: impl FnMut(&[u8], u64, u64) -> bool,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verification> {
        let mut found = Verification::default();
        let (segments, active) = {
            // Under the lock nobody is in the middle of a write: what is not a whole frame then is damage.
            let mut writer = self.writer();
            let locked = writer.lock.as_ref().is_some_and(|lock| lock.acquire(self.options.lock_timeout).is_ok());
            let followed = self.follow(&mut writer, observer);
            if locked && let Some(lock) = &writer.lock {
                found.damaged_frames += u64::from(writer.tail.looked > writer.tail.end);
                lock.release();
            }
            followed?;
            (self.index().all_segments(), writer.tail.segment.number)
        };
        let layout = Layout::new(&self.root);
        let total = segments.iter().map(|segment| segment.len().unwrap_or(0)).sum();
        for segment in segments {
            let failed = |e| Error::io("read", segment.path(), e);
            let len = segment.len().map_err(failed)?;
            let contents = Contents::read(&self.superblock, &segment, len)?;
            found.segments += 1;
            found.bytes += len;
            found.damaged_frames += contents.damaged + u64::from(contents.end < len && segment.number != active);
            let mut frames: Vec<(u64, Frame)> = Vec::new();
            let walk = segment.walk(FIRST, contents.end, |at, frame| frames.push((at, *frame)));
            walk.map_err(failed)?;
            for (at, frame) in frames.iter().filter(|(_, frame)| frame.kind == Kind::Record) {
                let record = segment.read(at + HEADER as u64, frame.len as usize).map_err(failed)?;
                found.records += 1;
                found.damaged_records += u64::from(!check(&record, frame.hash, frame.sequence));
                progress(frame.size(), total);
            }
            if segment.number != active {
                let index = Sealed::open(segment.number, &layout.sealed(segment.number), segment.seed, len);
                let same = index.and_then(|index| index.lines().ok());
                let sound = same.is_some_and(|lines| lines == super::sealed::newest(&contents.lines));
                found.damaged_indexes += u64::from(!sound);
            }
        }
        Ok(found)
    }

    /// Every live record, for export.
    pub(crate) fn each_record(
        &self,
        now: u64,
        observer: &dyn Observer,
        mut visit: impl FnMut(&Location, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.refresh(observer)?;
        for (at, _) in self.locations(now)? {
            visit(&at, self.read(&at)?)?;
        }
        Ok(())
    }
}
