//! Making room: the oldest segment is dropped, after what is kept of it was appended again.
//!
//! While live records take less than four fifths of the cap, everything live is kept and only what was overwritten or
//! deleted goes; beyond, the engine chooses. Because segments go strictly from the oldest on, a tombstone is never
//! dropped before what it hides.
//!
//! In a store of up to `exact_entries` the engine is shown all entries, and those go that its policy values least, wherever
//! they lie. In a larger one it is shown the oldest segment and a sample of the rest, and of the segment those go that rank among
//! the share of the sample that has to go.
//!
//! A policy may spare everything that lives; then reclaiming only closes gaps, and `full` says when new entries are refused.

use std::collections::{HashMap, HashSet};

use super::frame::{Frame, HEADER, Kind};
use super::index::Location;
use super::sealed::index_size;
use super::{Claim, Observer, Store, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// What one write may add besides its record: its frame, a seal, and a block of the index.
const ROOM_FOR_FRAMES: u64 = 6 * HEADER as u64 + 4096;

/// How often a record is read before it is given up: a failure may pass.
const READS: usize = 3;

/// Tombstones for which room is made at once.
const TOMBSTONES: usize = 1000;

/// Entries that stand for all others in a store that is too large to be judged as a whole.
const SAMPLE: usize = 16_384;

/// What the judge must know of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) size: u64,
    pub(crate) version: u64,
    /// When it was last read or written, Unix milliseconds; 0 when not as far as is known.
    pub(crate) accessed: u64,
    /// When it is gone; `None` is never.
    pub(crate) gone: Option<u64>,
}

/// Why the store gave an entry up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// To stay within the bytes it may take.
    Size,
    /// To stay within the entries it may hold.
    Entries,
}

/// Who decides what goes: the engine.
pub(crate) trait Judge {
    /// The places of the candidates that go so that `needed` bytes become free, the least worth keeping first.
    fn judge(&self, candidates: &[Candidate], needed: u64) -> Vec<usize>;
    /// Whether nothing goes but what is past its time.
    fn spares_the_living(&self) -> bool;
    /// Told that it will be asked, so that the store can be told first what was read.
    fn prepare(&self, store: &Store);
    /// Told which entries went.
    fn evicted(&self, store: &Store, entries: &[Location], cause: Cause);
}

/// A live line, and when its entry was last read (Unix seconds).
type Live = (Location, u32);

impl Transaction<'_> {
    /// Makes sure that what is claimed stays within the bounds.
    pub(super) fn make_room(&mut self, claim: Claim, now: u64, judge: &dyn Judge) -> Result<()> {
        let options = &self.store.options;
        let reserve = claim.bytes + ROOM_FOR_FRAMES;
        if reserve > options.max_size / 2 {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("an entry of {reserve} bytes is more than half of max-size ({}); raise it", options.max_size),
            ));
        }
        let spares_the_living = judge.spares_the_living();
        if spares_the_living {
            self.check_full(&claim, now)?;
        }
        let mut patience = 2 * self.store.index().segments();
        while self.disk_bytes() + reserve > options.usable_size() {
            if spares_the_living && (patience == 0 || !self.has_gaps(now)?) {
                // A deletion goes on all the same: it is the way out.
                match claim.hash {
                    Some(_) => return Err(self.full()),
                    None => break,
                }
            }
            if !self.drop_oldest(judge, patience == 0)? {
                break;
            }
            patience = patience.saturating_sub(1);
        }
        if let (Some(max), Some(hash), true) = (options.max_entries, claim.hash, claim.adds)
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
        judge.prepare(store);
        store.follow_accesses();
        let all = store.sealed_lines(&oldest)?;
        let lines = store.index().newest_of(&oldest, &all);
        let (goes, elsewhere) = if everything {
            ((0..lines.len()).collect(), Vec::new())
        } else {
            self.choose_victims(&lines, oldest.number, judge)?
        };
        // Neither the list of bans nor what is known of pools could come again.
        let goes: HashSet<usize> = goes
            .into_iter()
            .filter(|place| lines.get(*place).is_some_and(|(at, _)| !store.is_kept(&at.line)))
            .collect();
        let gone: Vec<_> = goes.iter().filter_map(|place| lines.get(*place)).map(|(at, _)| at.clone()).collect();
        judge.evicted(store, &gone, Cause::Size);
        judge.evicted(store, &elsewhere, Cause::Size);
        for (place, (at, _)) in lines.iter().enumerate() {
            if goes.contains(&place) || !self.move_record(at)? {
                store.index_mut().remove(at.line.hash);
            }
        }
        self.remove_segments(&[oldest.number])?;
        for at in &elsewhere {
            self.delete(at.line.hash, at.line.namespace, false)?;
        }
        Ok(true)
    }

    /// Which of the oldest segment's `lines` go, and which entries elsewhere: of all entries, those worth least that take up
    /// a segment together, so that one need not be asked for again soon.
    fn choose_victims(
        &self,
        lines: &[Live],
        oldest: u32,
        judge: &dyn Judge,
    ) -> Result<(HashSet<usize>, Vec<Location>)> {
        let store = self.store;
        let (held, live_bytes) = store.index().held();
        let limit = store.options.usable_size() / 5 * 4;
        if live_bytes <= limit {
            // What is past its time goes in any case.
            return Ok((judge.judge(&candidates(lines), 0).into_iter().collect(), Vec::new()));
        }
        let expired: HashSet<usize> = judge.judge(&candidates(lines), 0).into_iter().collect();
        let live =
            |at: usize| lines.get(at).filter(|_| !expired.contains(&at)).map_or(0, |(at, _)| at.line.frame_size());
        let moved: u64 = (0..lines.len()).map(live).sum();
        let needed = store.options.segment_size();
        if moved <= needed / 2 {
            // Half of the segment becomes free as it is.
            return Ok((expired, Vec::new()));
        }
        if held > store.options.exact_entries {
            let share = needed as f64 / live_bytes as f64;
            return Ok((
                self.rank_among_sample(lines, oldest, share, moved.saturating_sub(needed / 4 * 3), judge),
                Vec::new(),
            ));
        }
        let all = store.index().lines(None);
        let places: HashMap<u64, usize> =
            lines.iter().enumerate().map(|(place, (at, _))| (at.line.hash, place)).collect();
        let mut in_segment = HashSet::new();
        let mut elsewhere = Vec::new();
        for place in judge.judge(&candidates(&all), needed) {
            let Some((at, _)) = all.get(place) else { continue };
            if at.segment.number == oldest {
                in_segment.extend(places.get(&at.line.hash));
            } else if store.is_kept(&at.line) {
                continue;
            } else if elsewhere.len() < store.options.tombstones_at_once() {
                elsewhere.push(at.clone());
            } else {
                // Those that come later in the order go another time.
                break;
            }
        }
        Ok((in_segment, elsewhere))
    }

    /// Which of `lines` rank, in the judge's order, among the `share` of a sample that has to go. At least so many that `least`
    /// bytes become free: whatever is rewritten, something is gained.
    fn rank_among_sample(
        &self,
        lines: &[Live],
        oldest: u32,
        share: f64,
        least: u64,
        judge: &dyn Judge,
    ) -> HashSet<usize> {
        let sample = self.store.index().sample(SAMPLE, oldest, self.sequence_as_seed());
        let bytes = |live: &[Live]| live.iter().map(|(at, _)| at.line.disk_size()).sum::<u64>();
        let needed = (bytes(&sample) as f64 * share) as u64;
        let both = [lines, &sample].concat();
        let (mut freed, mut freed_of_sample) = (0, 0);
        let mut goes = HashSet::new();
        for place in judge.judge(&candidates(&both), u64::MAX) {
            if freed_of_sample >= needed && freed >= least {
                break;
            }
            match (lines.get(place), both.get(place)) {
                (Some((at, _)), _) => {
                    freed += at.line.frame_size();
                    goes.insert(place);
                }
                (None, Some((at, _))) => freed_of_sample += at.line.disk_size(),
                (None, None) => {}
            }
        }
        goes
    }

    fn sequence_as_seed(&self) -> u64 {
        self.writer.sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Appends a record again; false when it cannot be read.
    fn move_record(&mut self, at: &Location) -> Result<bool> {
        // Too many open files, no permission: that may pass.
        at.segment.file().map_err(|e| Error::io("open", at.segment.path(), e))?;
        let read = (0..READS).map(|_| self.store.read(at)).find(Result::is_ok);
        let record = match read.unwrap_or_else(|| self.store.read(at)) {
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

    /// Removes the files of segments, once what was moved out of them, or written over what is in them, is safe.
    fn remove_segments(&mut self, numbers: &[u32]) -> Result<()> {
        let store = self.store;
        store.sync_tail(&mut self.writer)?;
        let sequence = self.writer.sequence;
        for &number in numbers {
            self.append(&Frame::mark(Kind::Dropped, sequence, u64::from(number), 0), &[], 0)?;
        }
        let kept = store.index().oldest().map_or(0, |oldest| oldest.number);
        // Those before it too: a process that was killed here leaves some behind.
        for number in store.layout.list()?.into_iter().filter(|number| *number < kept) {
            for path in [store.layout.segment(number), store.layout.sealed(number)] {
                store.layout.remove(&path).inspect_err(|e| store.fail(e))?;
            }
        }
        // What was given up has no tombstone: it must not come back with its segment.
        store.layout.sync_directory(&store.layout.segments()).inspect_err(|e| store.fail(e))?;
        self.writer.sealed_bytes = store.measure_sealed(self.writer.tail.segment.number)?;
        Ok(())
    }

    /// Evicts entries until one more stays within `max`.
    fn evict_beyond(&mut self, max: u64, judge: &dyn Judge) -> Result<()> {
        let store = self.store;
        store.warm()?;
        let (held, _) = store.index().held();
        if held < max {
            return Ok(());
        }
        judge.prepare(store);
        store.follow_accesses();
        // A few at once, so that the search for victims is paid seldom.
        let count = (held + 1 - max.max(1)).max(max / 64) as usize;
        let lines = if held <= store.options.exact_entries {
            store.index().lines(None)
        } else {
            let Some(oldest) = store.index().oldest() else { return Ok(()) };
            let lines = store.index().lines(Some(oldest.number));
            [lines, store.index().sample(SAMPLE, oldest.number, self.sequence_as_seed())].concat()
        };
        let order = judge.judge(&candidates(&lines), u64::MAX);
        let entries = order.into_iter().filter_map(|place| lines.get(place)).filter(|(at, _)| !store.is_kept(&at.line));
        let gone: Vec<_> = entries.take(count).map(|(at, _)| at.clone()).collect();
        for at in &gone {
            self.delete(at.line.hash, at.line.namespace, false)?;
        }
        judge.evicted(store, &gone, Cause::Entries);
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
            let older: Vec<_> = all.iter().map(|segment| segment.number).filter(|number| *number != active).collect();
            self.remove_segments(&older)?;
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
        let mut transaction = self.begin(Claim::default(), observer, judge)?;
        self.warm()?;
        let (before, _) = self.index().held();
        transaction.drop_dead_segments(now, judge)?;
        let lines = self.index().lines(None);
        let over: Vec<_> = lines.iter().filter(|(at, _)| at.line.gone <= now).collect();
        for batch in over.chunks(TOMBSTONES) {
            let bytes = batch.len() as u64 * 2 * HEADER as u64;
            transaction.make_room(Claim { bytes, ..Claim::default() }, now, judge)?;
            for (at, _) in batch {
                // What made room may have taken this one along.
                if transaction.find(at.line.hash)?.is_some_and(|found| found.is(at)) {
                    transaction.delete(at.line.hash, at.line.namespace, false)?;
                }
            }
        }
        self.layout.sweep();
        let (after, _) = self.index().held();
        Ok(before.saturating_sub(after))
    }
}

fn candidates(lines: &[Live]) -> Vec<Candidate> {
    let candidate = |(at, accessed): &Live| Candidate {
        size: at.line.disk_size(),
        version: at.line.sequence,
        accessed: u64::from(*accessed) * 1000,
        gone: Some(at.line.gone).filter(|gone| *gone != super::frame::NEVER),
    };
    lines.iter().map(candidate).collect()
}
