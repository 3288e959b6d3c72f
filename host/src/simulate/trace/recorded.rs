//! What a live cache recorded: text that begins with `#larder-trace 1`. Lines that begin with `#` say something about the
//! file; a key alone is a read that found nothing; a key with a size is a read that found something, or a write.
//!
//! A write that answers a read which found nothing is one request with it, made when the read was: a read waits for its size
//! until the key's next line that has one, for 4,096 requests at most. Then it has the size 1.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use super::lines::{Lines, shown, size};
use super::{Fault, Request};

/// What recordings of all versions begin with.
pub(super) const MAGIC: &[u8] = b"#larder-trace ";

/// What those of this version begin with.
const HEADER: &[u8] = b"#larder-trace 1";

/// Requests that are held back while one of them waits for its size.
const WINDOW: usize = 4096;

pub(super) fn is_recorded(head: &[u8]) -> bool {
    head.starts_with(HEADER) && matches!(head.get(HEADER.len()), None | Some(b'\n' | b'\r' | b' '))
}

pub(super) struct Recorded {
    lines: Lines,
    /// Requests in order; those without a size wait for it.
    held: VecDeque<(u64, Option<u32>)>,
    /// How many were handed out.
    out: u64,
    /// By key, the places of those that wait, counted from the first request of the file.
    waiting: HashMap<u64, Vec<u64>>,
    ended: bool,
}

impl Recorded {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, held: VecDeque::new(), out: 0, waiting: HashMap::new(), ended: false }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Request>, Fault> {
        loop {
            if let Some(request) = self.ready() {
                return Ok(Some(request));
            }
            if self.ended {
                return Ok(None);
            }
            self.take_line()?;
        }
    }

    /// The oldest request, once it need not wait any more.
    fn ready(&mut self) -> Option<Request> {
        let &(key, size) = self.held.front()?;
        if size.is_none() {
            if !self.ended && self.held.len() <= WINDOW {
                return None;
            }
            if let Entry::Occupied(mut places) = self.waiting.entry(key) {
                places.get_mut().retain(|place| *place != self.out);
                if places.get().is_empty() {
                    places.remove();
                }
            }
        }
        self.held.pop_front();
        self.out += 1;
        Some(Request { key, size: size.unwrap_or(1) })
    }

    fn take_line(&mut self) -> Result<(), Fault> {
        let Some(line) = self.lines.next()? else {
            self.ended = true;
            return Ok(());
        };
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let (key, sized) = match line.split(|byte| *byte == b',').collect::<Vec<_>>()[..] {
            [key] => (key, Ok(None)),
            [key, digits] => (key, size(digits).map(Some)),
            _ => (line, Err(format!("{} is no line of a recording", shown(line)))),
        };
        let is_key = key.len() == 16 && key.iter().all(u8::is_ascii_hexdigit);
        let sized = if is_key { sized } else { Err(format!("{} is no key of a recording", shown(key))) };
        let key = xxh3_64(key);
        match sized {
            Err(what) => return Err(Fault::Broken(self.lines.place(), what)),
            Ok(None) => {
                self.waiting.entry(key).or_default().push(self.out + self.held.len() as u64);
                self.held.push_back((key, None));
            }
            Ok(Some(size)) => match self.waiting.remove(&key) {
                Some(places) => {
                    for place in places {
                        if let Some((_, waiting)) = self.held.get_mut((place - self.out) as usize) {
                            *waiting = Some(size);
                        }
                    }
                }
                None => self.held.push_back((key, Some(size))),
            },
        }
        Ok(())
    }
}
