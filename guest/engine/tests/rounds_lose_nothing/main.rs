//! Fears a variant that a round forgets, makes twice, or asks for while it should wait; one that is lost though nothing took it; and
//! a pick of something that was never added, or that went.
//!
//! A plain reference of one combination goes through the same rounds, failures, clock jumps, plans, bans and evictions as the
//! engine, with a store of records and without one. After every step both say the same. Without a store the memory is small, and
//! what the engine forgot has to be what memory lacks.

mod compare;
mod known;
mod ops;
mod world;

use ops::{Op, op};
use proptest::prelude::*;
use world::World;

fn play(has_store: bool, max_bytes: u64, seed: u64, ops: Vec<Op>) {
    let mut world = World::new(has_store, max_bytes, seed);
    for op in ops {
        let (round, now) = (world.pool.round(), world.now);
        let before = world.known.variants.len();
        world.step(op.clone());
        world.compare();
        let after = world.known.variants.len();
        assert!(after <= before.max(round.cap as usize), "{op:?} at {now} let it grow beyond the cap");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_a_store_nothing_is_lost(seed in any::<u64>().prop_map(|seed| seed >> 1), ops in prop::collection::vec(op(), 1..120)) {
        play(true, 3_000, seed, ops);
    }

    #[test]
    fn in_a_small_memory_only_what_went_is_lost(
        max_bytes in 500..6_000_u64,
        seed in any::<u64>(),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        play(false, max_bytes, seed, ops);
    }
}
