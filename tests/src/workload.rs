//! A fixed run of operations on a cache in which calls may be stopped, and an oracle that knows what must be there.
//!
//! An operation that was acknowledged has happened; one that failed has not, but for `clear`, which may have emptied what
//! it could reach. There is room for everything, so that nothing may be evicted: in a cache with a store an acknowledged
//! entry is there, exactly; in one that lives in memory it may be missing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use larder::testing::{Hooks, with_hooks};
use larder::{Builder, Cache, Durability, ErrorKind, Filter, Result, SetOptions};

use crate::scale::Random;

/// Operations of one run.
pub const OPERATIONS: u64 = 90;
const KEYS: u64 = 12;
/// A moment: the clock stands still.
const NOW: u64 = 1_700_000_000_000;

/// What may be wrong with an operation that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// One at most: what failed once must succeed when it is asked for again.
    One,
    /// Any number.
    Many,
}

/// A cache for the run, in which `hooks` make things go wrong.
pub fn cache(dir: Option<&Path>, hooks: Hooks, with: impl Fn(Builder) -> Builder) -> Result<Cache> {
    let builder = Cache::builder().shards(3).seed(7).clock(|| NOW).cleanup_interval(None).compression_level(1);
    let builder = match dir {
        Some(dir) => builder.directory(dir),
        None => builder,
    };
    with_hooks(with(builder), hooks).open()
}

/// Which operations are played.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Draws them.
    pub seed: u64,
    /// Values have fewer bytes than this, but for some that compress well.
    pub value_size: u64,
    /// Whether entries may be too large for the cache.
    pub is_tight: bool,
}

impl Workload {
    /// Small values, for which there is room.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self { seed, value_size: 200, is_tight: false }
    }

    fn expects(&self, kind: ErrorKind) -> bool {
        kind == ErrorKind::Trap || self.is_tight && kind == ErrorKind::TooLarge
    }
}

/// What must be under a key.
type Expected = Option<Arc<[u8]>>;

/// What was acknowledged so far.
#[derive(Debug, Default)]
pub struct Oracle {
    entries: BTreeMap<(bool, u64), Expected>,
    /// Whether acknowledged entries may be missing.
    forgets: bool,
    /// Which namespaces a failed `clear` may have emptied in part.
    cleared: [bool; 2],
}

fn key(n: u64) -> String {
    // Short keys travel in registers, long ones through memory.
    if n.is_multiple_of(3) {
        format!("a key that is longer than the thirty-two bytes of four registers, {n}")
    } else {
        format!("k{n}")
    }
}

impl Oracle {
    /// An oracle of a cache that may forget.
    #[must_use]
    pub fn of_memory() -> Self {
        Self { forgets: true, ..Self::default() }
    }

    fn allows(&self, at: (bool, u64), found: Option<&[u8]>) -> bool {
        let expected = self.entries.get(&at).and_then(|entry| entry.as_deref());
        found == expected || found.is_none() && (self.forgets || self.cleared[usize::from(at.0)])
    }

    fn set(&mut self, at: (bool, u64), value: Option<&[u8]>) {
        self.entries.insert(at, value.map(Arc::from));
    }

    fn clear(&mut self, second: bool) {
        self.entries.retain(|(namespace, _), _| *namespace != second);
        self.cleared[usize::from(second)] = false;
    }

    /// Compares everything with what must be there.
    ///
    /// # Panics
    /// When something else is there.
    pub fn verify(&self, cache: &Cache, context: &str) {
        let second = cache.namespace("second").unwrap_or_else(|e| panic!("{context}: {e}"));
        for (is_second, handle) in [(false, cache), (true, &second)] {
            for n in 0..KEYS {
                let found = handle.get(key(n)).unwrap_or_else(|e| panic!("{context}: {}: {e}", key(n)));
                assert!(
                    self.allows((is_second, n), found.as_deref()),
                    "{context}: {} (second namespace: {is_second}) holds {:?} bytes; {:?} were acknowledged",
                    key(n),
                    found.map(|f| f.len()),
                    self.entries.get(&(is_second, n)).map(|e| e.as_ref().map(|e| e.len())),
                );
            }
        }
        if !self.forgets && self.cleared == [false; 2] {
            let listed = cache.list(&Filter::default()).unwrap_or_else(|e| panic!("{context}: {e}"));
            let there = |((second, _), entry): (&(bool, u64), &Expected)| !*second && entry.is_some();
            assert_eq!(listed.len(), self.entries.iter().filter(|e| there(*e)).count(), "{context}: entries listed");
        }
    }
}

/// Plays the run. `between` is told the number of each operation before it begins.
///
/// # Panics
/// When an answer is not what was acknowledged, or an error not that of a stopped call.
pub fn play(
    cache: &Cache,
    workload: Workload,
    oracle: &mut Oracle,
    faults: Faults,
    context: &str,
    mut between: impl FnMut(u64),
) {
    let mut random = Random(workload.seed);
    for n in 0..OPERATIONS {
        between(n);
        let step = Step::draw(n, workload.value_size, &mut random);
        let context = format!("{context}, operation {n}, {step}");
        let mut tries = 2;
        loop {
            tries -= 1;
            match step.perform(cache, oracle) {
                Ok(right) => assert!(right, "{context}: another answer than what was acknowledged"),
                Err(e) => {
                    assert!(workload.expects(e.kind()), "{context}: {:?}, {e}", e.kind());
                    step.failed(oracle);
                    if tries > 0 {
                        continue;
                    }
                    assert!(faults == Faults::Many, "{context}: failed again without a reason: {e}");
                }
            }
            break;
        }
    }
}

struct Step {
    second: bool,
    key: u64,
    kind: Kind,
    value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set(Durability),
    Add,
    Replace,
    CompareAndSet,
    Increment,
    Touch,
    Delete,
    Get,
    Inspect,
    List,
    Stats,
    Cleanup,
    Clear,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second, key: n, kind, value } = self;
        write!(f, "{kind:?} {} (second namespace: {second}, {} bytes)", key(*n), value.len())
    }
}

impl Step {
    fn draw(n: u64, value_size: u64, random: &mut Random) -> Self {
        let key = random.below(KEYS);
        let second = random.chance(25);
        let len = random.below(value_size) as usize;
        let value = match random.below(8) {
            // Compressed in the record.
            0 => b"the quick brown fox ".repeat(60 + len / 20),
            1 => vec![b'4', b'2'],
            _ => random.bytes(len),
        };
        let kind = match random.below(32) {
            _ if n % 45 == 40 => Kind::Clear,
            0..9 => Kind::Set(Durability::Process),
            9 => Kind::Set(Durability::Sync),
            10..12 => Kind::Add,
            12..14 => Kind::Replace,
            14..16 => Kind::CompareAndSet,
            16..18 => Kind::Increment,
            18 => Kind::Touch,
            19..22 => Kind::Delete,
            22..27 => Kind::Get,
            27 => Kind::Inspect,
            28 => Kind::List,
            29 => Kind::Stats,
            _ => Kind::Cleanup,
        };
        // Numbers have keys of their own.
        let key = if kind == Kind::Increment { KEYS - 1 } else { key.min(KEYS - 2) };
        Self { second: second || kind == Kind::Clear, key, kind, value }
    }

    /// Does it once, and tells the oracle of an acknowledgement; false for an answer that the oracle knows to be wrong.
    fn perform(&self, cache: &Cache, oracle: &mut Oracle) -> Result<bool> {
        let cache = &if self.second { cache.namespace("second")? } else { cache.clone() };
        let (at, key, value, plain) = ((self.second, self.key), key(self.key), &self.value, SetOptions::new());
        let expected = oracle.entries.get(&at).cloned().flatten();
        let sure = !oracle.forgets && !oracle.cleared[usize::from(self.second)];
        let there = expected.is_some();
        Ok(match self.kind {
            Kind::Set(durability) => {
                let written = cache.set_with(&key, value, &plain.durability(durability))?;
                oracle.set(at, Some(value));
                oracle.forgets || written.durability == durability
            }
            Kind::Add => match cache.add(&key, value, &plain)? {
                Some(_) => {
                    oracle.set(at, Some(value));
                    !(sure && there)
                }
                None => there,
            },
            Kind::Replace => match cache.replace(&key, value, &plain)? {
                Some(_) => {
                    oracle.set(at, Some(value));
                    there
                }
                None => !(sure && there),
            },
            Kind::CompareAndSet => match cache.inspect(&key)? {
                Some(info) => match cache.compare_and_set(&key, info.version, value, &plain)? {
                    Some(_) => {
                        oracle.set(at, Some(value));
                        there
                    }
                    // Between the two calls the entry may have been lost with its shard.
                    None => !sure,
                },
                None => !(sure && there),
            },
            Kind::Increment => {
                let sum = cache.increment(&key, 5, &plain)?;
                let before = expected.map_or(0, |text| String::from_utf8_lossy(&text).parse().unwrap_or(i64::MIN));
                oracle.set(at, Some(sum.to_string().as_bytes()));
                sum == before + 5 || !sure && sum == 5
            }
            Kind::Touch => cache.touch(&key, None)?.is_some() == there || !sure,
            Kind::Delete => {
                let existed = cache.delete(&key)?;
                oracle.set(at, None);
                existed == there || !sure
            }
            Kind::Get => oracle.allows(at, cache.get(&key)?.as_deref()),
            Kind::Inspect => {
                let found = cache.inspect(&key)?;
                let len = expected.map(|value| value.len() as u64);
                found.map(|info| info.value_size) == len || !sure
            }
            Kind::List => {
                let count = oracle.entries.iter().filter(|((s, _), e)| *s == self.second && e.is_some()).count();
                cache.list(&Filter::default())?.len() == count || !sure
            }
            Kind::Stats => cache.stats_all()?.degraded == 0,
            Kind::Cleanup => cache.cleanup()? == 0,
            Kind::Clear => {
                cache.clear()?;
                oracle.clear(self.second);
                true
            }
        })
    }

    /// What a failure may have done.
    fn failed(&self, oracle: &mut Oracle) {
        if self.kind == Kind::Clear {
            oracle.cleared[usize::from(self.second)] = true;
        }
    }
}
