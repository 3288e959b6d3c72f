//! Fears that memory which is compressed costs more than it says: buffers that pile up over a day of churn, dictionaries
//! that nobody counts, room that is not given back.
//!
//! The engine is linked natively; what the heap holds is compared with what the statistics charge.

use larder_engine::{Config, Engine, SetOptions};
use larder_tests::allocated::{CountingAllocator, current};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MAX_BYTES: u64 = 8 << 20;

/// Compressors, the queue of new entries, chunks of slots and tables that grow by doubling.
const BESIDE: usize = 3 << 20;

fn mixed(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24
}

/// Small answers that are alike, and larger texts.
fn value(n: u64) -> Vec<u8> {
    let item = format!("{{\"identifier\":{},\"state\":\"delivered\",\"total\":{}}},", mixed(n), mixed(n + 7));
    item.repeat(if n.is_multiple_of(20) { 100 } else { 6 }).into_bytes()
}

#[test]
fn a_day_of_churn_takes_what_is_charged() {
    const CALLS: u64 = 300_000;
    let empty = current();
    let mut engine =
        Engine::open(Config { max_bytes: MAX_BYTES, cold_tier: true, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("a name");
    let mut worst = 0;
    for call in 0..CALLS {
        let now = 1_000_000 + call * (24 * 3_600_000 / CALLS);
        let n = mixed(call) % (1 + mixed(call + CALLS) % 60_000);
        let options = SetOptions { ttl: n.is_multiple_of(3).then_some(3_600_000), ..SetOptions::default() };
        if engine.get(0, &n.to_le_bytes(), now).expect("known").is_none() {
            engine.set(0, &n.to_le_bytes(), &value(n), &options, now, None).expect("written");
        }
        if call % 16 == 0 {
            engine.maintain(now, 1 << 16);
        }
        if call % 1_000 == 0 && call > CALLS / 4 {
            let charged = engine.stats(None).expect("of all").bytes as usize;
            let held = current() - empty;
            assert!(held <= charged + charged / 10 + BESIDE, "call {call}: {held} bytes held, {charged} charged");
            worst = worst.max(held);
        }
    }
    engine.check().expect("sound");
    let stats = engine.stats(None).expect("of all");
    assert!(stats.cooled > 10_000 && stats.warmed > 500 && stats.dictionary_bytes > 0, "{stats:?}");
    assert!(worst as u64 > MAX_BYTES / 2, "{worst} bytes were held at most: it was looked at");
    engine.clear(None).expect("of all");
    let kept = current() - empty;
    assert!(kept < BESIDE, "{kept} bytes stay after clearing");
}
