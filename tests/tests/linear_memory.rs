//! Fears that linear memory, which never shrinks, is lost: that what `clear` gives up is not used again, and that a day of
//! writes of other and other sizes tears it into pieces that fit nothing.
//!
//! One guest; linear memory as its host sees it. Fragmentation is the growth of linear memory over what entries are charged,
//! from a full cache at the beginning to the end of 24 hours of virtual time. The goal is a tenth. Raw values of one mix of
//! sizes keep to it; packing in the cold tier, and sizes that drift by a factor of eight, do not, and are held to what
//! they take now.
//!
//! Rounds: a day at 2 requests a second.
//! Seen to fail: with a slab that `clear` leaks ("14221312 bytes, 8781824 when nothing was cleared"); with one value in
//! eight leaked when its slot is freed (all three; "1.124 grew to 2.273").

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use larder::testing::{Hooks, with_hooks};
use larder::{Cache, SetOptions};
use larder_tests::scale::{self, Random};

const MEMORY: u64 = 8 << 20;
const POLICIES: [&str; 3] = ["lru", "s3-fifo", "adaptive"];
/// What fragmentation is with the cold tier, at most: above the goal.
const PACKED: f64 = 1.25;
/// And what it is when sizes drift.
const DRIFTING: f64 = 1.5;
/// Milliseconds from a request to the next.
const STEP: usize = 500;
const HOUR: u64 = 3_600_000;

struct Guest {
    cache: Cache,
    clock: Arc<AtomicU64>,
    taken: Arc<AtomicUsize>,
}

impl Guest {
    fn new(policy: &str, cold_tier: bool) -> Self {
        let clock = Arc::new(AtomicU64::new(1_790_000_000_000));
        let taken = Arc::new(AtomicUsize::new(0));
        let now = clock.clone();
        let builder = Cache::builder().shards(1).seed(scale::seed()).policy(policy).max_memory(MEMORY);
        let builder = builder.cold_tier(cold_tier).cleanup_interval(None).clock(move || now.load(Ordering::Relaxed));
        let hooks = Hooks { linear_memory: Some(taken.clone()), ..Hooks::default() };
        Self { cache: with_hooks(builder, hooks).open().expect("opens"), clock, taken }
    }

    /// Bytes of linear memory.
    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn charged(&self) -> u64 {
        self.cache.stats_all().expect("counted").memory.bytes
    }

    /// Writes entries with values of `size` bytes, a quarter more than there is room for.
    fn fill(&self, size: usize) {
        let value = vec![7; size];
        for n in 0..MEMORY / (size as u64 + 100) * 5 / 4 {
            self.cache.set(n.to_le_bytes(), &value).expect("set");
        }
    }
}

#[test]
fn what_clear_gives_up_is_used_again() {
    for policy in POLICIES {
        let fresh = |size| {
            let guest = Guest::new(policy, false);
            guest.fill(size);
            guest.taken()
        };
        for sizes in [[8, 100, 1_000, 30_000], [30_000, 1_000, 100, 8], [100, 30_000, 8, 1_000]] {
            let guest = Guest::new(policy, false);
            let mut most = 0;
            for size in sizes.repeat(3) {
                guest.fill(size);
                most = most.max(fresh(size));
                let taken = guest.taken();
                eprintln!("{policy} {sizes:?} {size}: {most} {taken} {:.3}", taken as f64 / most as f64);
                assert!(taken <= most + most / 20, "{policy}, {size}: {taken} bytes, {most} when nothing was cleared");
                guest.cache.clear_all().expect("cleared");
                assert_eq!(guest.charged(), 0);
            }
        }
    }
}

/// The middle of the sizes at a time of the day: from 128 bytes up to 1 KiB at noon and back, or 512 bytes all day.
fn middle(time: u64, drifts: bool) -> u64 {
    let from_noon = (12 * HOUR).abs_diff(time % (24 * HOUR));
    if drifts { 128 + 896 * (12 * HOUR - from_noon) / (12 * HOUR) } else { 512 }
}

/// Linear memory over charged bytes, when the cache is full for the first time and at each of the 24 hours that follow.
fn day(policy: &str, cold_tier: bool, drifts: bool) -> Vec<f64> {
    let guest = Guest::new(policy, cold_tier);
    let mut random = Random(scale::seed());
    let noise = random.bytes(8 << 10);
    let text = b"{\"answer\": \"the same again\", \"of\": 42}, ".repeat(300);
    let begin = guest.clock.load(Ordering::Relaxed);
    let (mut shares, mut next) = (Vec::new(), 0);
    for time in (0..).step_by(STEP) {
        guest.clock.store(begin + time, Ordering::Relaxed);
        let key = random.below(200_000).to_le_bytes();
        match random.below(100) {
            0..20 => drop(guest.cache.get(key).expect("read")),
            20..25 => drop(guest.cache.delete(key).expect("deleted")),
            _ => {
                let size = (middle(time, drifts) * (1 + random.below(16)) / 8 + random.below(64)) as usize;
                let options = match random.below(3) {
                    0 => SetOptions::new(),
                    1 => SetOptions::new().ttl(Duration::from_millis(1 + random.below(6 * HOUR))),
                    _ => SetOptions::new().tti(Duration::from_millis(HOUR + random.below(HOUR))),
                };
                let value = if random.chance(50) { &text[..size] } else { &noise[..size] };
                guest.cache.set_with(key, value, &options).expect("set");
            }
        }
        if time % 60_000 == 0 {
            guest.cache.maintain().expect("maintained");
        }
        let is_full = guest.charged() > MEMORY / 100 * 98;
        if shares.is_empty() && is_full || !shares.is_empty() && time >= next {
            shares.push(guest.taken() as f64 / guest.charged() as f64);
            next = time + HOUR;
        }
        if shares.len() == 25 {
            break;
        }
    }
    shares
}

/// Growth from the full cache at the beginning to the end of the day: at most `raw`, or `packed` with the cold tier.
fn grows_at_most(raw: f64, packed: f64, drifts: bool) {
    for (policy, cold_tier) in POLICIES.into_iter().flat_map(|policy| [(policy, false), (policy, true)]) {
        let shares = day(policy, cold_tier, drifts);
        let (first, last) = (shares[0], shares[24]);
        let growth = last / first;
        let context = format!("{policy}, cold tier: {cold_tier}, sizes drift: {drifts}");
        eprintln!(
            "{context}: {first:.3} bytes for each charged at first, {last:.3} after a day, {growth:.3} times as many"
        );
        assert!(growth <= if cold_tier { packed } else { raw }, "{context}: {first:.3} grew to {last:.3}");
    }
}

#[test]
fn a_day_of_one_mix_of_sizes_does_not_tear_memory_apart() {
    grows_at_most(1.1, PACKED, false);
}

#[test]
fn a_day_of_drifting_sizes_does_not_tear_memory_further_apart() {
    grows_at_most(DRIFTING, DRIFTING, true);
}
