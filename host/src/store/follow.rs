//! Learning what other processes wrote: by the active segment's length, then by its frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{Frame, HEADER, Kind};
use super::open::{Trust, load};
use super::sealed::Line;
use super::segment::{Position, Segment, Tail};
use super::{Observer, Store, Writer};
use crate::error::{Error, ErrorKind, Result};

/// After so many milliseconds the log itself is looked at, for a store that was removed by hand.
const LOOK: u64 = 1000;

/// The line of a record's or tombstone's frame.
pub(super) fn line(offset: u64, frame: &Frame) -> Line {
    let Frame { hash, sequence, gone, namespace, len, .. } = *frame;
    match frame.kind {
        Kind::Record => Line { hash, sequence, gone, namespace, offset: (offset + HEADER as u64) as u32, len },
        _ => Line { hash, sequence, gone, namespace, offset: 0, len: 0 },
    }
}

/// Changes by others, to be told once the index shows them.
#[derive(Default)]
struct News {
    /// Unix seconds.
    now: u32,
    changed: Vec<u64>,
    cleared: Vec<u64>,
    /// A segment was dropped: sizes have to be taken anew.
    dropped: bool,
}

impl Store {
    /// Takes in what other processes wrote since the last call. When that is nothing it costs a look at a number that all
    /// share, or, where there is none and once a second, at the active segment's length.
    #[inline]
    pub(crate) fn refresh(&self, observer: &dyn Observer, now: u64) -> Result<()> {
        if self.options.alone {
            return Ok(());
        }
        let Some(writes) = &self.writes else { return self.look(observer) };
        let written = writes.get();
        // Odd while somebody writes, or was killed writing: then only the log itself tells.
        let settled = written.is_multiple_of(2) && written == self.seen.load(Ordering::Acquire);
        if settled && now.abs_diff(self.looked.load(Ordering::Relaxed)) < LOOK {
            return Ok(());
        }
        self.looked.store(now, Ordering::Relaxed);
        self.look(observer)?;
        // What was written after the number was read is looked for the next time.
        self.seen.store(written, Ordering::Release);
        Ok(())
    }

    fn look(&self, observer: &dyn Observer) -> Result<()> {
        let grown = match self.index().active().map(|active| active.look()) {
            Some(Ok(look)) => look.len > self.followed.load(Ordering::Acquire) || !look.is_there,
            _ => true,
        };
        if grown {
            self.follow(&mut self.writer(), observer)?;
        }
        Ok(())
    }

    /// Reads on behind the known end of the log.
    pub(super) fn follow(&self, writer: &mut Writer, observer: &dyn Observer) -> Result<()> {
        let now = u32::try_from(observer.now() / 1000).unwrap_or(u32::MAX);
        let mut news = News { now, ..News::default() };
        let followed = self.follow_frames(writer, &mut news);
        if news.dropped {
            writer.sealed_bytes = self.measure_sealed(writer.tail.segment.number)?;
        }
        for hash in news.changed {
            observer.changed(hash);
        }
        for namespace in news.cleared {
            observer.cleared(Some(namespace).filter(|n| *n != 0));
        }
        // Published last: whoever sees it also sees index and observers up to date. Behind a seal there is more to come,
        // in a file whose length nobody looks at yet.
        let reached = if writer.tail.sealed.is_some() { 0 } else { writer.tail.end };
        self.followed.store(reached, Ordering::Release);
        followed
    }

    fn follow_frames(&self, writer: &mut Writer, news: &mut News) -> Result<()> {
        loop {
            self.follow_segment(writer, news)?;
            let Some(next) = writer.tail.sealed else { return Ok(()) };
            let segment = Segment::new(&self.layout, next, &self.superblock);
            match segment.len() {
                Ok(_) => self.go_on_with(writer, segment)?,
                // The process that sealed it has not come to create the next one yet, or never will: a writer does.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(Error::io("open", segment.path(), e)),
            }
        }
    }

    fn follow_segment(&self, writer: &mut Writer, news: &mut News) -> Result<()> {
        let segment = writer.tail.segment.clone();
        let look = segment.look().map_err(|e| Error::io("read", segment.path(), e))?;
        if !look.is_there {
            return self.start_over(writer, news);
        }
        writer.tail.looked = look.len;
        if look.len <= writer.tail.end {
            return Ok(());
        }
        let mut index = self.index_mut();
        let walk = segment.walk(
            writer.tail.end,
            look.len,
            |offset, frame| {
                writer.sequence = writer.sequence.max(frame.sequence);
                match frame.kind {
                    Kind::Record | Kind::Tombstone => {
                        let line = line(offset, frame);
                        writer.tail.lines.push(line);
                        let here = Position { segment: segment.number, offset };
                        let own = writer.failed.contains(&(here, *frame));
                        if index.insert(segment.number, line, news.now) && !own {
                            news.changed.push(frame.hash);
                        }
                    }
                    Kind::Clear => {
                        writer.tail.clears.push((frame.namespace, frame.sequence));
                        index.clear(frame.namespace, frame.sequence);
                        news.cleared.push(frame.namespace);
                    }
                    Kind::Seal => writer.tail.sealed = segment.successor(frame),
                    Kind::Dropped => {
                        index.drop_until(frame.hash as u32);
                        news.dropped = true;
                    }
                    Kind::Void => {}
                }
                Ok(true)
            },
            true,
        );
        drop(index);
        let walk = walk.map_err(|e| Error::io("read", segment.path(), e))?;
        writer.tail.end = walk.end;
        self.damaged.fetch_add(walk.damaged(), Ordering::Relaxed);
        Ok(())
    }

    /// The segment was dropped before this process had read it to its end: what it missed, only the log as it is now can
    /// tell.
    fn start_over(&self, writer: &mut Writer, news: &mut News) -> Result<()> {
        news.cleared.push(0);
        let fresh = self.layout.read_superblock().and_then(|there| match there {
            Some(there) if there == self.superblock => {
                load(&self.layout, &self.superblock, &self.options, Trust::Written)
            }
            _ => {
                let message = "another process made the store anew after damage; open it again to go on with it";
                Err(Error::new(ErrorKind::Store, message))
            }
        });
        match fresh {
            Ok(fresh) => {
                // Before readers see another active segment: its end is not known to them yet.
                self.followed.store(0, Ordering::Release);
                *self.index_mut() = fresh.index;
                writer.tail = fresh.tail;
                writer.sequence = writer.sequence.max(fresh.sequence);
                writer.sealed_bytes = fresh.sealed_bytes;
                self.damaged.fetch_add(fresh.damaged, Ordering::Relaxed);
                Ok(())
            }
            Err(e) => {
                // What this process knows of is gone, and it must not write where nobody looks.
                self.read_only.store(true, Ordering::Relaxed);
                self.index_mut().clear(0, u64::MAX);
                Err(e)
            }
        }
    }

    /// Makes `next` the active segment.
    pub(super) fn go_on_with(&self, writer: &mut Writer, next: Segment) -> Result<()> {
        let next = Arc::new(next);
        // Before readers see it: its end is not known to them yet.
        self.followed.store(0, Ordering::Release);
        self.index_mut().add_segment(next.clone());
        writer.tail = Tail::new(next);
        writer.sealed_bytes = self.measure_sealed(writer.tail.segment.number)?;
        Ok(())
    }

    /// Bytes of all files of the log but the active segment.
    pub(super) fn measure_sealed(&self, active: u32) -> Result<u64> {
        let layout = &self.layout;
        let size = |path: std::path::PathBuf| layout.storage().look(&path).map_or(0, |found| found.len);
        let full = layout.list()?.into_iter().filter(|number| *number != active);
        Ok(full.map(|number| size(layout.segment(number)) + size(layout.sealed(number))).sum())
    }
}
