//! What may happen to a pool, and how often.

use proptest::prelude::*;

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Op {
    Tick(i64),
    Begin {
        force: bool,
    },
    /// As whoever adds what was made elsewhere.
    Add {
        value: u8,
        score: Option<u8>,
    },
    /// In a place of this or an earlier round.
    AddAt {
        back: u8,
        entry: u32,
        value: u8,
        score: Option<u8>,
    },
    /// As a worker.
    MakeDue {
        value: u8,
    },
    FailMissing {
        at: usize,
        delay: u64,
    },
    Pick {
        weighted: bool,
        no_repeats: bool,
    },
    Plan {
        per_generation: u32,
        more: u32,
    },
    Clear {
        regenerate: bool,
    },
    Ban {
        tag: u8,
    },
    /// Another process opens the same store; without a store, memory forgets the combination.
    Restart,
}

/// Draws one.
pub fn op() -> impl Strategy<Value = Op> {
    let score = || prop::option::of(0..4_u8);
    prop_oneof![
        2 => (-4_000_000..12_000_000_i64).prop_map(Op::Tick),
        1 => (-2_000..2_000_i64).prop_map(Op::Tick),
        2 => any::<bool>().prop_map(|force| Op::Begin { force }),
        2 => (0..30_u8, score()).prop_map(|(value, score)| Op::Add { value, score }),
        1 => (0..3_u8, 1..6_u32, 0..30_u8, score())
            .prop_map(|(back, entry, value, score)| Op::AddAt { back, entry, value, score }),
        6 => (0..30_u8).prop_map(|value| Op::MakeDue { value }),
        3 => (0..4_usize, 1..2_000_000_u64).prop_map(|(at, delay)| Op::FailMissing { at, delay }),
        4 => any::<(bool, bool)>().prop_map(|(weighted, no_repeats)| Op::Pick { weighted, no_repeats }),
        1 => (1..5_u32, 0..8_u32).prop_map(|(per_generation, more)| Op::Plan { per_generation, more }),
        1 => any::<bool>().prop_map(|regenerate| Op::Clear { regenerate }),
        1 => (0..3_u8).prop_map(|tag| Op::Ban { tag }),
        1 => Just(Op::Restart),
    ]
}
