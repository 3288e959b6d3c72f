//! Who asked for what after what, and what that says of the next request.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::format;
use super::model::{Model, NONE, Step};
use super::sessions::Sessions;
use crate::ascending::Ascending;
use crate::error::{Error, Result};
use crate::hash::KeyHasher;

/// Bytes that a predictor may be given at least, and at most.
const MAX_BYTES: core::ops::RangeInclusive<u64> = 16 << 10..=256 << 20;

/// Steps that are kept until they are saved; of more the oldest are not saved.
const MAX_PENDING: usize = 16_384;

/// How a [`Predictor`] is set up. Start from `PredictorConfig::default()` and change what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PredictorConfig {
    /// Bytes that it may take, about: 16 KiB to 256 MiB. Default 1 MiB, which is good for some 5,000 keys.
    pub max_bytes: u64,
    /// Milliseconds after which a key has nothing to do with the one before, at least 1. Default 30 minutes.
    pub gap: u64,
    /// Seed of the keyed hash. A host draws it at random; tests fix it. Default 0.
    pub seed: u64,
}

impl Default for PredictorConfig {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, gap: 30 * 60 * 1_000, seed: 0 }
    }
}

/// A key that may be asked for next.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The key.
    pub key: Vec<u8>,
    /// How likely it is: above 0 and below 1. All predictions together stay below 1.
    pub probability: f64,
}

/// What a predictor learnt, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Keys that it knows.
    pub keys: u64,
    /// Contexts that it counts the followers of.
    pub contexts: u64,
    /// Bytes that they are charged with.
    pub bytes: u64,
    /// Requests that came after another one of their session. Never goes down.
    pub observed: u64,
    /// Of those, the ones for which it held some key for the likeliest. Never goes down.
    pub guessed: u64,
    /// Of those, the ones that were for that key. Never goes down.
    pub foreseen: u64,
    /// Of the requests observed, those that no [`save`](Predictor::save) has covered yet.
    pub unsaved: u64,
}

/// A Markov predictor that learns from requests as they come. What it counts, and how that becomes a probability, with sources: on
/// top of `model.rs`.
///
/// ```
/// use larder_engine::prefetch::{Predictor, PredictorConfig};
///
/// let mut predictor = Predictor::open(PredictorConfig::default())?;
/// for visit in 0..3 {
///     ["/", "/cart", "/checkout"].iter().for_each(|key| predictor.observe(visit, key.as_bytes(), 1_000));
/// }
/// let next = predictor.predict(&[b"/cart"], 1);
/// assert_eq!(next[0].key, b"/checkout");
/// assert!(next[0].probability > 0.5);
/// # Ok::<(), larder_engine::Error>(())
/// ```
#[derive(Debug)]
pub struct Predictor {
    config: PredictorConfig,
    model: Model,
    sessions: Sessions,
    /// What was learnt and not yet saved, the oldest first.
    pending: VecDeque<Step>,
    /// How many of them the last [`save`](Self::save) covered.
    saving: usize,
}

impl Predictor {
    /// A predictor that knows nothing.
    ///
    /// # Errors
    /// `InvalidArgument` for a setting outside its range.
    pub fn open(config: PredictorConfig) -> Result<Self> {
        if !MAX_BYTES.contains(&config.max_bytes) {
            return Err(Error::invalid("a predictor takes 16 KiB to 256 MiB"));
        }
        if config.gap == 0 {
            return Err(Error::invalid("with a gap of zero nothing would follow anything; leave it out"));
        }
        let model = Model::new(KeyHasher::new(config.seed));
        Ok(Self { config, model, sessions: Sessions::default(), pending: VecDeque::new(), saving: 0 })
    }

    /// Takes note that `key` was asked for, in the session of this number: requests of one user, thread or connection, which follow
    /// each other for a reason. Asking for the same key again says nothing, and a key that takes more than a sixteenth of the
    /// memory is not learnt.
    pub fn observe(&mut self, session: u64, key: &[u8], now: u64) {
        let id = if key.len() as u64 > self.config.max_bytes / 16 { NONE } else { self.model.name(key) };
        let gap = self.config.gap;
        let session = self.sessions.find_or_begin(session);
        let follows = now.saturating_sub(session.at) <= gap && session.last != NONE;
        session.at = now;
        if session.last == id {
            return;
        }
        let step = Step { before: session.before, last: session.last, next: id };
        session.before = if follows { session.last } else { NONE };
        session.last = id;
        if follows && id != NONE {
            self.model.learn(step);
            self.note(step);
        }
        self.stay_within_limits();
    }

    fn note(&mut self, step: Step) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
            self.saving = self.saving.saturating_sub(1);
        }
        self.pending.push_back(step);
    }

    fn stay_within_limits(&mut self) {
        while self.model.bytes > self.config.max_bytes {
            // A quarter at a time, so that it is seldom.
            let target = self.config.max_bytes / 4 * 3;
            let Self { model, sessions, pending, .. } = self;
            let renamed = model.forget(target, |keep| {
                sessions.keys().for_each(&mut *keep);
                pending.iter().for_each(|step| [step.before, step.last, step.next].into_iter().for_each(&mut *keep));
            });
            self.rename(|id| renamed[id as usize]);
            if self.model.bytes > target {
                // Long keys: what is pending and the sessions alone take too much.
                if self.pending.is_empty() {
                    self.sessions = Sessions::default();
                }
                let half = self.pending.len().div_ceil(2);
                self.pending.drain(..half);
                self.saving = self.saving.saturating_sub(half);
            }
        }
    }

    fn rename(&mut self, new: impl Fn(u32) -> u32) {
        self.sessions.rename(&new);
        for step in &mut self.pending {
            let before = if step.before == NONE { NONE } else { new(step.before) };
            *step = Step { before, last: new(step.last), next: new(step.next) };
        }
    }

    /// What may be asked for after these keys, the last one last: up to `limit` predictions, the likeliest first, of equals in
    /// the order of the keys. Only the last two keys count. Empty for a key that was never followed by another.
    pub fn predict(&self, after: &[impl AsRef<[u8]>], limit: u32) -> Vec<Prediction> {
        let number = |back: usize| {
            let key = after.len().checked_sub(back).and_then(|at| after.get(at));
            key.and_then(|key| self.model.names.find(key.as_ref())).unwrap_or(NONE)
        };
        self.predictions([(number(2), number(1))].into_iter(), limit)
    }

    /// What may be asked for next in a session.
    pub fn next(&self, session: u64, limit: u32, now: u64) -> Vec<Prediction> {
        let place = self.sessions.find(session).filter(|session| now.saturating_sub(session.at) <= self.config.gap);
        self.predictions(place.map(|session| (session.before, session.last)).into_iter(), limit)
    }

    /// What may be asked for next in any session: the probability that at least one of them asks for it. These may add up to
    /// more than 1.
    pub fn outlook(&self, limit: u32, now: u64) -> Vec<Prediction> {
        let live = self.sessions.all().iter().filter(|session| now.saturating_sub(session.at) <= self.config.gap);
        self.predictions(live.map(|session| (session.before, session.last)), limit)
    }

    fn predictions(&self, places: impl Iterator<Item = (u32, u32)>, limit: u32) -> Vec<Prediction> {
        // By key: the probability that nobody asks for it.
        let mut missed: Vec<(u32, f64)> = Vec::new();
        let mut at = Vec::new();
        for (before, last) in places.filter(|(_, last)| *last != NONE) {
            let mut here: Vec<(u32, f64)> = Vec::new();
            self.model.each_follower(before, last, |id, probability| {
                match here.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, sum)) => *sum += probability,
                    None => here.push((id, probability)),
                }
            });
            at.resize(self.model.names.len(), NONE);
            for (id, probability) in here {
                let place = &mut at[id as usize];
                if *place == NONE {
                    *place = missed.len() as u32;
                    missed.push((id, 1.0));
                }
                missed[*place as usize].1 *= 1.0 - probability;
            }
        }
        let before = |a: u32, b: u32| {
            let ((a, first), (b, second)) = (missed[a as usize], missed[b as usize]);
            first < second || first == second && self.model.names.get(a) < self.model.names.get(b)
        };
        let order = Ascending::new((0..missed.len() as u32).collect(), &before);
        let prediction = |place: u32| {
            let (id, missed) = missed[place as usize];
            Prediction { key: self.model.names.get(id).to_vec(), probability: 1.0 - missed }
        };
        order.take(limit as usize).map(prediction).collect()
    }

    /// What was learnt, in numbers.
    pub fn learnt(&self) -> Learnt {
        Learnt {
            keys: self.model.names.len() as u64,
            contexts: self.model.contexts.len() as u64,
            bytes: self.model.bytes,
            observed: self.model.observed,
            guessed: self.model.guessed,
            foreseen: self.model.foreseen,
            unsaved: (self.pending.len() - self.saving) as u64,
        }
    }

    /// What `stored` knows (what an earlier save answered with, here or in another process; `None` is nothing) and what was
    /// learnt here since the last [`load`](Self::load), as bytes to be stored in its place. Changes nothing: whoever
    /// has stored them hands them to `load`, and whoever could not, because another one came first, saves again.
    ///
    /// # Errors
    /// `Corrupt` or `NewerFormat` when `stored` cannot be read.
    pub fn save(&mut self, stored: Option<&[u8]>) -> Result<Vec<u8>> {
        let hasher = KeyHasher::new(self.config.seed);
        let (mut model, mut sessions) = match stored {
            Some(state) => format::decode_model(state, hasher)?,
            None => (Model::new(hasher), Sessions::default()),
        };
        self.carry_over(0, &mut model, &mut sessions);
        if model.bytes > self.config.max_bytes {
            let renamed = model.forget(self.config.max_bytes / 4 * 3, |keep| {
                sessions.keys().for_each(&mut *keep);
            });
            sessions.rename(&|id| renamed[id as usize]);
        }
        self.saving = self.pending.len();
        Ok(format::encode_model(&model, &sessions))
    }

    /// Knows from now on what `state` says, and what was learnt here since it was made by [`save`](Self::save); or,
    /// when it comes from elsewhere, all that was learnt here and not stored.
    ///
    /// # Errors
    /// `Corrupt` or `NewerFormat`; nothing is changed then.
    pub fn load(&mut self, state: &[u8]) -> Result<()> {
        let (mut model, mut sessions) = format::decode_model(state, KeyHasher::new(self.config.seed))?;
        let pending = self.carry_over(self.saving, &mut model, &mut sessions);
        (self.model, self.sessions, self.pending, self.saving) = (model, sessions, pending, 0);
        self.stay_within_limits();
        Ok(())
    }

    /// Tells another model of the steps that are pending from the place `from` on, and of where the sessions are. Answers
    /// with these steps in that model's numbers.
    fn carry_over(&self, from: usize, model: &mut Model, sessions: &mut Sessions) -> VecDeque<Step> {
        let number = |model: &mut Model, id: u32| if id == NONE { NONE } else { model.name(self.model.names.get(id)) };
        let mut carried = VecDeque::new();
        for step in self.pending.range(from..) {
            let before = number(model, step.before);
            let step = Step { before, last: number(model, step.last), next: number(model, step.next) };
            model.learn(step);
            carried.push_back(step);
        }
        for session in self.sessions.all() {
            let there = sessions.find_or_begin(session.id);
            if there.last == NONE || there.at <= session.at {
                let (before, last) = (number(model, session.before), number(model, session.last));
                (there.before, there.last, there.at) = (before, last, session.at);
            }
        }
        carried
    }

    /// Forgets all that it learnt, and where the sessions are.
    pub fn unlearn(&mut self) {
        self.model = Model::new(KeyHasher::new(self.config.seed));
        self.sessions = Sessions::default();
        self.pending.clear();
        self.saving = 0;
    }
}
