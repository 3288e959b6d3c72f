//! How often which key followed which: a Markov chain of the orders one and two.
//!
//! A *context* is the last key asked for, or the last two; it counts what followed. The probability that `x` is next is
//! interpolated over both orders as Witten and Bell do it: a context that was seen `n` times with `d` different followers says
//! `c(x) / (n + d)`, and leaves the share `d / (n + d)` to the shorter context, and after that to what was never seen. So one
//! observation is believed by half, nine by nine tenths, and the sum never passes 1. Sources: Witten and Bell, "The
//! zero-frequency problem" (IEEE Trans. Inf. Theory 37:4, 1991), their method C; Curewitz, Krishnan and Vitter, "Practical
//! prefetching via data compression" (SIGMOD 1993); Joseph and Grunwald, "Prefetching using Markov predictors" (ISCA 1997), who
//! keep few followers of each.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::names::Names;
use crate::hash::KeyHasher;

/// "No key".
pub(super) const NONE: u32 = u32::MAX;

/// Followers that a context remembers.
pub(super) const MAX_FOLLOWERS: usize = 8;

/// Observations at which a context halves its counts, so that it follows a load that changes.
pub(super) const MAX_TOTAL: u32 = 1_024;

/// What is charged for a key, a context and a follower besides the key's bytes. About what they take.
const NAME_COST: u64 = 40;
const CONTEXT_COST: u64 = 56;
const FOLLOWER_COST: u64 = 8;

/// One key after another: what came before the last key, the last key, the next. The first may be [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) before: u32,
    pub(super) last: u32,
    pub(super) next: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Follower {
    pub(super) id: u32,
    pub(super) count: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The key before the last, or [`NONE`]; the last.
    pub(super) keys: (u32, u32),
    /// Observations, those of forgotten followers included.
    pub(super) total: u32,
    pub(super) followers: Vec<Follower>,
    /// How many observations the model had at its last one.
    pub(super) used: u64,
}

impl Context {
    fn cost(&self) -> u64 {
        CONTEXT_COST + FOLLOWER_COST * self.followers.len() as u64
    }

    /// Whom it holds for the likeliest; of equals the one seen first.
    fn first(&self) -> Option<u32> {
        let mut first: Option<&Follower> = None;
        for follower in &self.followers {
            if first.is_none_or(|best| follower.count > best.count) {
                first = Some(follower);
            }
        }
        first.map(|follower| follower.id)
    }

    fn count(&mut self, id: u32) {
        if self.total >= MAX_TOTAL {
            self.total /= 2;
            self.followers.iter_mut().for_each(|follower| follower.count /= 2);
            self.followers.retain(|follower| follower.count > 0);
        }
        self.total += 1;
        if let Some(known) = self.followers.iter_mut().find(|follower| follower.id == id) {
            known.count += 1;
        } else if self.followers.len() < MAX_FOLLOWERS {
            self.followers.push(Follower { id, count: 1 });
        } else if let Some(least) = self.followers.iter_mut().min_by_key(|follower| follower.count) {
            *least = Follower { id, count: 1 };
        }
    }
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) names: Names,
    pub(super) contexts: Vec<Context>,
    index: HashTable<u32>,
    /// What all of it is charged with.
    pub(super) bytes: u64,
    /// Keys that came after another.
    pub(super) observed: u64,
    /// Of those, the ones before which the model held a key for the likeliest.
    pub(super) guessed: u64,
    /// Of those, the ones that were that key.
    pub(super) foreseen: u64,
}

impl Model {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self::with(Names::new(hasher))
    }

    fn with(names: Names) -> Self {
        Self { names, contexts: Vec::new(), index: HashTable::new(), bytes: 0, observed: 0, guessed: 0, foreseen: 0 }
    }

    /// The number of a key, which is added if it is new.
    pub(super) fn name(&mut self, key: &[u8]) -> u32 {
        let (id, is_new) = self.names.find_or_add(key);
        self.bytes += if is_new { NAME_COST + key.len() as u64 } else { 0 };
        id
    }

    pub(super) fn context(&self, keys: (u32, u32)) -> Option<&Context> {
        self.place(keys).map(|at| &self.contexts[at as usize])
    }

    fn place(&self, keys: (u32, u32)) -> Option<u32> {
        self.index.find(hash(keys), |&at| self.contexts[at as usize].keys == keys).copied()
    }

    /// Adds a context. The caller guarantees that it is not there.
    pub(super) fn add(&mut self, context: Context) -> u32 {
        let at = self.contexts.len() as u32;
        self.bytes += context.cost();
        let keys = context.keys;
        self.contexts.push(context);
        self.index.insert_unique(hash(keys), at, |&other| hash(self.contexts[other as usize].keys));
        at
    }

    /// Counts one key after another.
    pub(super) fn learn(&mut self, step: Step) {
        let Step { before, last, next } = step;
        self.observed += 1;
        let long = self.context((before, last)).and_then(Context::first);
        if let Some(guess) = long.or_else(|| self.context((NONE, last)).and_then(Context::first)) {
            self.guessed += 1;
            self.foreseen += u64::from(guess == next);
        }
        self.count((NONE, last), next);
        if before != NONE {
            self.count((before, last), next);
        }
    }

    fn count(&mut self, keys: (u32, u32), next: u32) {
        let at = match self.place(keys) {
            Some(at) => at,
            None => self.add(Context { keys, total: 0, followers: Vec::new(), used: 0 }),
        };
        let context = &mut self.contexts[at as usize];
        let before = context.cost();
        context.count(next);
        context.used = self.observed;
        self.bytes = self.bytes - before + context.cost();
    }

    /// Calls with what may follow these keys and how likely it is. A key may come twice: its probability is the sum.
    pub(super) fn each_follower(&self, before: u32, last: u32, mut call: impl FnMut(u32, f64)) {
        let mut share = 1.0;
        let long = (before != NONE).then_some((before, last));
        for context in long.into_iter().chain([(NONE, last)]).filter_map(|keys| self.context(keys)) {
            let seen = f64::from(context.total) + context.followers.len() as f64;
            for follower in &context.followers {
                call(follower.id, share * f64::from(follower.count) / seen);
            }
            share *= context.followers.len() as f64 / seen;
        }
    }

    /// Forgets contexts, those that were not used for the longest, until what is left takes at most `target` bytes, and the
    /// keys that nothing needs any more. Calls with pairs of old and new numbers of the keys that stay; `keep` are keys that
    /// stay in any case.
    pub(super) fn forget(&mut self, target: u64, keep: impl Fn(&mut dyn FnMut(u32))) -> Box<[u32]> {
        let mut contexts = core::mem::take(&mut self.contexts);
        loop {
            let mut fresh = Self::with(self.names.emptied());
            let mut renamed = vec![NONE; self.names.len()].into_boxed_slice();
            let mut rename = |id: u32, fresh: &mut Self| {
                if id == NONE {
                    return NONE;
                }
                let new = &mut renamed[id as usize];
                if *new == NONE {
                    *new = fresh.name(self.names.get(id));
                }
                *new
            };
            keep(&mut |id| {
                rename(id, &mut fresh);
            });
            for context in &contexts {
                let mut context = context.clone();
                context.keys = (rename(context.keys.0, &mut fresh), rename(context.keys.1, &mut fresh));
                context.followers.iter_mut().for_each(|follower| follower.id = rename(follower.id, &mut fresh));
                fresh.add(context);
            }
            if fresh.bytes <= target || contexts.is_empty() {
                let Self { observed, guessed, foreseen, .. } = *self;
                *self = Self { observed, guessed, foreseen, ..fresh };
                return renamed;
            }
            let (oldest, newest) =
                contexts.iter().fold((u64::MAX, 0), |(low, high), c| (low.min(c.used), high.max(c.used)));
            let middle = oldest + (newest - oldest) / 2;
            contexts.retain(|context| context.used > middle);
        }
    }
}

fn hash((before, last): (u32, u32)) -> u64 {
    let mixed = (u64::from(before) << 32 | u64::from(last)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}
