//! Where the newest record of every key is.
//!
//! The lines of the active segment, and of full ones once they were loaded, are in one hash table. Full segments that
//! were not loaded yet are *cold*: they are probed on disk, newest first, which is what makes a single look-up in a large
//! store cheap. After a number of such look-ups everything is loaded.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use super::sealed::{Line, Sealed};
use super::segment::Segment;
use crate::error::Result;

/// Look-ups in cold segments after which loading them pays.
const COLD_LOOKUPS: u32 = 64;

/// Where a record is.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    pub(crate) segment: Arc<Segment>,
    pub(crate) line: Line,
}

impl Location {
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.segment.number == other.segment.number && self.line == other.line
    }
}

#[derive(Debug)]
struct Entry {
    line: Line,
    segment: u32,
    /// When it was last read or written, Unix seconds; 0 when not since the store was opened.
    accessed: AtomicU32,
}

#[derive(Debug)]
struct Held {
    segment: Arc<Segment>,
    live: u64,
    live_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    table: HashTable<Entry>,
    segments: BTreeMap<u32, Held>,
    /// Full segments that are not in the table, oldest first.
    cold: Vec<Sealed>,
    cold_lookups: AtomicU32,
    /// Clears that cold segments must honour: namespace (0 is all) and sequence number.
    clears: Vec<(u64, u64)>,
    live: u64,
    live_bytes: u64,
    /// What segments hold under these hashes is outdated, and nothing written says so.
    hidden: HashSet<u64>,
}

impl Index {
    pub(crate) fn add_segment(&mut self, segment: Arc<Segment>) {
        self.segments.insert(segment.number, Held { segment, live: 0, live_bytes: 0 });
    }

    /// Adds a full segment that stays on disk for now. The caller goes from the oldest to the newest.
    pub(crate) fn add_cold(&mut self, segment: Arc<Segment>, sealed: Sealed) {
        self.add_segment(segment);
        let clears = sealed.clears.clone();
        self.cold.push(sealed);
        clears.into_iter().for_each(|(namespace, sequence)| self.clear(namespace, sequence));
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn oldest(&self) -> Option<Arc<Segment>> {
        self.segments.first_key_value().map(|(_, held)| held.segment.clone())
    }

    pub(crate) fn active(&self) -> Option<&Arc<Segment>> {
        self.segments.last_key_value().map(|(_, held)| &held.segment)
    }

    pub(crate) fn all_segments(&self) -> Vec<Arc<Segment>> {
        self.segments.values().map(|held| held.segment.clone()).collect()
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.cold.is_empty()
    }

    pub(crate) fn wants_warming(&self) -> bool {
        !self.is_warm() && self.cold_lookups.load(Ordering::Relaxed) >= COLD_LOOKUPS
    }

    /// Takes in a line that was written after all that is known, at the time `accessed` (Unix seconds, 0 if that is long
    /// ago). Answers whether it says something new: a record that was only moved to another place does not.
    pub(crate) fn insert(&mut self, segment: u32, line: Line, mut accessed: u32) -> bool {
        let Self { table, segments, cold, live, live_bytes, .. } = self;
        let slot = table.entry(line.hash, |e| e.line.hash == line.hash, |e| e.line.hash);
        let mut news = true;
        let slot = match slot {
            TableEntry::Occupied(found) => {
                let old = found.get();
                // Of a record that was moved while its origin is still there, the copy counts: the origin goes next.
                if (old.line.sequence, old.segment) > (line.sequence, segment) {
                    return false;
                }
                if old.line.sequence == line.sequence {
                    news = false;
                    accessed = old.accessed.load(Ordering::Relaxed);
                }
                discount(segments, live, live_bytes, old);
                found.remove().1
            }
            TableEntry::Vacant(free) => free,
        };
        // A tombstone must hide what cold segments hold; without any there is nothing to hide.
        if line.len == 0 && cold.is_empty() {
            self.hidden.remove(&line.hash);
            return news;
        }
        let entry = Entry { line, segment, accessed: AtomicU32::new(accessed) };
        if line.len > 0
            && let Some(held) = segments.get_mut(&segment)
        {
            held.live += 1;
            held.live_bytes += line.disk_size();
            *live += 1;
            *live_bytes += line.disk_size();
        }
        slot.insert(entry);
        if news {
            self.hidden.remove(&line.hash);
        }
        news
    }

    /// Forgets an entry, wherever it is, until it is written anew.
    pub(crate) fn hide(&mut self, hash: u64) {
        self.remove(hash);
        self.hidden.insert(hash);
    }

    /// Whether segments hold something outdated under a hash.
    pub(crate) fn is_hidden(&self, hash: u64) -> bool {
        self.hidden.contains(&hash)
    }

    /// Forgets all entries of a namespace (0 is all) written before `sequence`.
    pub(crate) fn clear(&mut self, namespace: u64, sequence: u64) {
        let Self { table, segments, live, live_bytes, .. } = self;
        table.retain(|entry| {
            let goes = covers((namespace, sequence), &entry.line);
            if goes {
                discount(segments, live, live_bytes, entry);
            }
            !goes
        });
        if !self.cold.is_empty() {
            self.clears.push((namespace, sequence));
        }
    }

    /// Forgets a segment and what only it held.
    pub(crate) fn drop_segment(&mut self, number: u32) {
        let Some(held) = self.segments.remove(&number) else { return };
        self.live -= held.live;
        self.live_bytes -= held.live_bytes;
        self.cold.retain(|sealed| sealed.segment != number);
        // Whoever drops a segment has taken care of its entries; whoever only learns of it has not.
        if held.live > 0 || !self.cold.is_empty() {
            self.table.retain(|entry| entry.segment != number);
        }
    }

    /// Forgets a segment and those before it: they go from the oldest on, and a process that was killed may have left one
    /// behind after it said that it is dropped.
    pub(crate) fn drop_until(&mut self, number: u32) {
        // The newest is never dropped, whatever a frame claims.
        let newest = self.segments.last_key_value().map_or(0, |(newest, _)| *newest);
        let gone: Vec<u32> =
            self.segments.range(..=number).map(|(number, _)| *number).filter(|n| *n < newest).collect();
        gone.into_iter().for_each(|number| self.drop_segment(number));
    }

    /// Notes that an entry was read (Unix seconds), for the judgement on what is worth keeping.
    pub(crate) fn note_access(&self, hash: u64, when: u32) {
        if let Some(entry) = self.table.find(hash, |e| e.line.hash == hash) {
            entry.accessed.fetch_max(when, Ordering::Relaxed);
        }
    }

    /// Whether there is a record under a hash, as far as the table goes.
    pub(crate) fn holds(&self, hash: u64) -> bool {
        self.table.find(hash, |e| e.line.hash == hash).is_some_and(|entry| entry.line.len > 0)
    }

    /// Where the newest record of a hash is.
    pub(crate) fn find(&self, hash: u64) -> Result<Option<Location>> {
        let found = match self.table.find(hash, |e| e.line.hash == hash) {
            Some(entry) => Some((entry.segment, entry.line)),
            None if self.cold.is_empty() || self.hidden.contains(&hash) => None,
            None => self.find_cold(hash)?,
        };
        let found = found.filter(|(_, line)| line.len > 0);
        Ok(found.and_then(|(number, line)| {
            self.segments.get(&number).map(|held| Location { segment: held.segment.clone(), line })
        }))
    }

    fn find_cold(&self, hash: u64) -> Result<Option<(u32, Line)>> {
        self.cold_lookups.fetch_add(1, Ordering::Relaxed);
        for sealed in self.cold.iter().rev() {
            if let Some(line) = sealed.probe(hash)? {
                let cleared = self.clears.iter().any(|&clear| covers(clear, &line));
                return Ok((!cleared).then_some((sealed.segment, line)));
            }
        }
        Ok(None)
    }

    /// Loads the cold segments into the table. `rebuild` makes the lines of a segment whose index is damaged.
    pub(crate) fn warm(&mut self, rebuild: impl Fn(&Segment) -> Result<Vec<Line>>) -> Result<()> {
        let mut loaded = Vec::with_capacity(self.cold.len());
        for sealed in &self.cold {
            let lines = match (sealed.lines(), self.segments.get(&sealed.segment)) {
                (Ok(lines), _) => lines,
                (Err(e), Some(held)) => {
                    tracing::warn!("{e}; it is made again from the segment");
                    rebuild(&held.segment)?
                }
                (Err(e), None) => return Err(e),
            };
            loaded.push((sealed.segment, lines));
        }
        let total = loaded.iter().map(|(_, lines)| lines.len()).sum();
        self.table.reserve(total, |e| e.line.hash);
        for (number, lines) in loaded {
            for line in lines {
                if !self.clears.iter().any(|&clear| covers(clear, &line)) && !self.hidden.contains(&line.hash) {
                    self.insert(number, line, 0);
                }
            }
        }
        self.cold.clear();
        self.clears.clear();
        self.table.retain(|entry| entry.line.len > 0);
        Ok(())
    }

    /// Entries that are there and not past their time, and the bytes of their frames.
    pub(crate) fn live(&self, now: u64) -> (u64, u64) {
        let live = self.table.iter().filter(|e| e.line.len > 0 && e.line.gone > now);
        live.fold((0, 0), |(count, bytes), e| (count + 1, bytes + e.line.frame_size()))
    }

    /// Entries that are there and not past their time, the bytes that they take on disk, and when the first of them is over.
    /// Only complete once warm.
    pub(crate) fn living(&self, now: u64) -> ((u64, u64), u64) {
        let living = self.table.iter().filter(|e| e.line.len > 0 && e.line.gone > now);
        living.fold(((0, 0), u64::MAX), |((count, bytes), until), e| {
            ((count + 1, bytes + e.line.disk_size()), until.min(e.line.gone))
        })
    }

    /// Entries that are there, whatever their time, and the bytes that they take on disk. Only complete once warm.
    pub(crate) fn held(&self) -> (u64, u64) {
        (self.live, self.live_bytes)
    }

    /// Of the lines that a segment's index has those that are the newest of their hash, with when they were last read.
    pub(crate) fn newest_of(&self, segment: &Arc<Segment>, lines: &[Line]) -> Vec<(Location, u32)> {
        let newest = |line: &Line| {
            let entry = self.table.find(line.hash, |e| e.line.hash == line.hash)?;
            let same = entry.segment == segment.number && entry.line == *line && line.len > 0;
            let at = Location { segment: segment.clone(), line: *line };
            same.then(|| (at, entry.accessed.load(Ordering::Relaxed)))
        };
        let mut found: Vec<_> = lines.iter().filter_map(newest).collect();
        found.sort_unstable_by_key(|(at, _)| at.line.offset);
        found
    }

    /// The live lines of one segment, or of all, in the order of the log, with when they were last read (Unix seconds).
    pub(crate) fn lines(&self, segment: Option<u32>) -> Vec<(Location, u32)> {
        let mut lines: Vec<_> = self
            .table
            .iter()
            .filter(|e| e.line.len > 0 && segment.is_none_or(|number| number == e.segment))
            .filter_map(|e| {
                let segment = self.segments.get(&e.segment)?.segment.clone();
                Some((Location { segment, line: e.line }, e.accessed.load(Ordering::Relaxed)))
            })
            .collect();
        lines.sort_unstable_by_key(|(at, _)| (at.segment.number, at.line.offset));
        lines
    }

    /// About `count` live lines drawn at random, but none of the segment `but`: a run of the table, which is in the order of a
    /// keyed hash, from a place that `seed` says.
    pub(crate) fn sample(&self, count: usize, but: u32, seed: u64) -> Vec<(Location, u32)> {
        let start = (seed % self.table.len().max(1) as u64) as usize;
        let live = |e: &&Entry| e.line.len > 0 && e.segment != but;
        let around = self.table.iter().skip(start).chain(self.table.iter().take(start));
        let found = around.filter(live).take(count).filter_map(|e| {
            let segment = self.segments.get(&e.segment)?.segment.clone();
            Some((Location { segment, line: e.line }, e.accessed.load(Ordering::Relaxed)))
        });
        found.collect()
    }

    /// Forgets one entry.
    pub(crate) fn remove(&mut self, hash: u64) {
        if let Ok(found) = self.table.find_entry(hash, |e| e.line.hash == hash) {
            discount(&mut self.segments, &mut self.live, &mut self.live_bytes, found.get());
            found.remove();
        }
    }
}

fn covers((namespace, sequence): (u64, u64), line: &Line) -> bool {
    line.sequence < sequence && (namespace == 0 || namespace == line.namespace)
}

fn discount(segments: &mut BTreeMap<u32, Held>, live: &mut u64, live_bytes: &mut u64, entry: &Entry) {
    if entry.line.len > 0
        && let Some(held) = segments.get_mut(&entry.segment)
    {
        held.live -= 1;
        held.live_bytes -= entry.line.disk_size();
        *live -= 1;
        *live_bytes -= entry.line.disk_size();
    }
}
