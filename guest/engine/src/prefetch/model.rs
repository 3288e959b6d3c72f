//! How often which key followed which: a Markov chain of the orders one and two.
//!
//! A *context* is the last key asked for, or the last two; it counts what followed. The probability that `x` is next is
//! interpolated over both orders as Witten and Bell do it: a context that was seen `n` times with `d` different followers says
//! `c(x) / (n + d)`, and leaves the share `d / (n + d)` to the shorter context, and after that to what was never seen. So one
//! observation is believed by half, nine by nine tenths, and the sum never passes 1. Sources: Witten and Bell, "The
//! zero-frequency problem" (IEEE Trans. Inf. Theory 37:4, 1991), their method C; Curewitz, Krishnan and Vitter, "Practical
//! prefetching via data compression" (SIGMOD 1993); Joseph and Grunwald, "Prefetching using Markov predictors" (ISCA 1997), who
//! keep few followers of each.

use alloc::vec::Vec;

use super::names::Names;
use super::places::{Places, mix};
use super::sessions::Sessions;
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
            self.halve();
        }
        self.total += 1;
        self.add(Follower { id, count: 1 });
    }

    fn halve(&mut self) {
        self.total /= 2;
        self.followers.iter_mut().for_each(|follower| follower.count /= 2);
        self.followers.retain(|follower| follower.count > 0);
    }

    /// Adds to a follower; a new one takes the place of the least if there is none left.
    fn add(&mut self, new: Follower) {
        if let Some(known) = self.followers.iter_mut().find(|follower| follower.id == new.id) {
            known.count += new.count;
        } else if self.followers.len() < MAX_FOLLOWERS {
            self.followers.push(new);
        } else if let Some(least) = self.followers.iter_mut().min_by_key(|follower| follower.count) {
            *least = new;
        }
    }

    /// Adds what others counted behind the same keys.
    fn merge(&mut self, other: &Self) {
        self.total += other.total;
        other.followers.iter().for_each(|follower| self.add(*follower));
        while self.total > MAX_TOTAL {
            self.halve();
        }
    }

    fn renamed(&self, number: &mut dyn FnMut(u32) -> u32) -> Self {
        let mut context = self.clone();
        context.keys = (number(context.keys.0), number(context.keys.1));
        context.followers.iter_mut().for_each(|follower| follower.id = number(follower.id));
        context
    }
}

/// Contexts, and what was counted while they were.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) contexts: Vec<Context>,
    places: Places,
    /// What the contexts are charged with.
    bytes: u64,
    /// Keys that came after another.
    pub(super) observed: u64,
    /// Of those, the ones before which the model held a key for the likeliest.
    pub(super) guessed: u64,
    /// Of those, the ones that were that key.
    pub(super) foreseen: u64,
}

impl Counts {
    pub(super) fn context(&self, keys: (u32, u32)) -> Option<&Context> {
        self.place(keys).map(|at| &self.contexts[at as usize])
    }

    fn place(&self, keys: (u32, u32)) -> Option<u32> {
        self.places.find(hash(keys), &|at| self.contexts[at as usize].keys == keys)
    }

    /// Adds a context. The caller guarantees that it is not there.
    pub(super) fn add(&mut self, context: Context) -> u32 {
        let at = self.contexts.len() as u32;
        self.bytes += context.cost();
        self.places.insert(hash(context.keys), at);
        self.contexts.push(context);
        at
    }

    /// Whom the longest context that is known holds for the likeliest.
    fn guess(&self, before: u32, last: u32) -> Option<u32> {
        let long = self.context((before, last)).and_then(Context::first);
        long.or_else(|| self.context((NONE, last)).and_then(Context::first))
    }

    /// Counts one key after another, before which there was this guess.
    fn learn(&mut self, step: Step, guess: Option<u32>) {
        let Step { before, last, next } = step;
        self.observed += 1;
        self.guessed += u64::from(guess.is_some());
        self.foreseen += u64::from(guess == Some(next));
        let long = (before != NONE).then_some((before, last));
        for keys in long.into_iter().chain([(NONE, last)]) {
            self.change(keys, self.observed, |context| context.count(next));
        }
    }

    /// Changes a context, which is added if it is not there, and counts as used `now`.
    fn change(&mut self, keys: (u32, u32), now: u64, change: impl FnOnce(&mut Context)) {
        let at = match self.place(keys) {
            Some(at) => at,
            None => self.add(Context { keys, total: 0, followers: Vec::new(), used: 0 }),
        };
        let context = &mut self.contexts[at as usize];
        let before = context.cost();
        change(context);
        context.used = now;
        self.bytes = self.bytes - before + context.cost();
    }

    /// Adds what others counted after all that is counted here; their keys have these numbers here.
    pub(super) fn merge(&mut self, other: &Self, mut number: impl FnMut(u32) -> u32) {
        let before = self.observed;
        self.observed += other.observed;
        self.guessed += other.guessed;
        self.foreseen += other.foreseen;
        for context in &other.contexts {
            let context = context.renamed(&mut number);
            self.change(context.keys, before + context.used, |own| own.merge(&context));
        }
    }

    /// Contexts that were used last before the middle of the time that all of them span go.
    fn thin_out(&mut self) {
        let used = || self.contexts.iter().map(|context| context.used);
        let (oldest, newest) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
        self.contexts.retain(|context| context.used > oldest + (newest - oldest) / 2);
    }

    /// The same under other numbers.
    fn renamed(&self, number: &mut dyn FnMut(u32) -> u32) -> Self {
        let Self { observed, guessed, foreseen, .. } = *self;
        let mut fresh = Self { observed, guessed, foreseen, ..Self::default() };
        for context in &self.contexts {
            fresh.add(context.renamed(number));
        }
        fresh
    }
}

/// All that a predictor knows.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) names: Names,
    /// What the names are charged with.
    named: u64,
    pub(super) all: Counts,
    /// Of all, what no save has covered yet, and what the last one has and may not be stored.
    pub(super) fresh: Counts,
    pub(super) saving: Counts,
}

impl Model {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self::with(Names::new(hasher))
    }

    fn with(names: Names) -> Self {
        Self { names, named: 0, all: Counts::default(), fresh: Counts::default(), saving: Counts::default() }
    }

    /// What all of it is charged with.
    pub(super) fn bytes(&self) -> u64 {
        self.named + self.all.bytes + self.fresh.bytes + self.saving.bytes
    }

    /// The number of a key, which is added if it is new.
    pub(super) fn name(&mut self, key: &[u8]) -> u32 {
        let (id, is_new) = self.names.find_or_add(key);
        self.named += if is_new { NAME_COST + key.len() as u64 } else { 0 };
        id
    }

    /// The number here of a key of another model; [`NONE`] stays what it is.
    pub(super) fn name_of(&mut self, other: &Self, id: u32) -> u32 {
        if id == NONE { NONE } else { self.name(other.names.get(id)) }
    }

    /// Counts one key after another.
    pub(super) fn learn(&mut self, step: Step) {
        let guess = self.all.guess(step.before, step.last);
        self.all.learn(step, guess);
        self.fresh.learn(step, guess);
    }

    /// Calls with what may follow these keys and how likely it is. A key may come twice: its probability is the sum.
    pub(super) fn each_follower(&self, before: u32, last: u32, mut call: impl FnMut(u32, f64)) {
        let mut share = 1.0;
        let long = (before != NONE).then_some((before, last));
        for context in long.into_iter().chain([(NONE, last)]).filter_map(|keys| self.all.context(keys)) {
            let seen = f64::from(context.total) + context.followers.len() as f64;
            for follower in &context.followers {
                call(follower.id, share * f64::from(follower.count) / seen);
            }
            share *= context.followers.len() as f64 / seen;
        }
    }

    /// Forgets contexts, those that were not used for the longest, until what is left takes at most `target` bytes, and the
    /// keys that neither they nor `sessions` need, and at last where sessions are.
    pub(super) fn forget(&mut self, target: u64, sessions: &mut Sessions) {
        loop {
            let mut fresh = Self::with(self.names.emptied());
            let mut number = |id: u32| fresh.name_of(self, id);
            let mut moved = sessions.clone();
            moved.rename(&mut number);
            let [all, unsaved, saving] =
                [&self.all, &self.fresh, &self.saving].map(|counts| counts.renamed(&mut number));
            *self = Self { all, fresh: unsaved, saving, ..fresh };
            *sessions = moved;
            if self.bytes() <= target {
                return;
            }
            if self.all.contexts.is_empty() {
                *sessions = Sessions::default();
            }
            [&mut self.all, &mut self.fresh, &mut self.saving].into_iter().for_each(Counts::thin_out);
        }
    }
}

fn hash((before, last): (u32, u32)) -> u32 {
    mix(u64::from(before) << 32 | u64::from(last))
}
