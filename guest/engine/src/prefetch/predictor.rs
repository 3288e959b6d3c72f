//! Who asked for what after what, and what that says of the next request.

use alloc::vec::Vec;

use super::format;
use super::model::{Counts, Model, NONE, Step};
use super::sessions::Sessions;
use crate::ascending::Ascending;
use crate::error::{Error, Result};
use crate::hash::KeyHasher;

/// Bytes that a predictor may be given at least, and at most.
const MAX_BYTES: core::ops::RangeInclusive<u64> = 16 << 10..=256 << 20;

/// How a [`Predictor`] is set up. Start from `PredictorConfig::default()` and change what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PredictorConfig {
    /// Bytes that it may take, about: 16 KiB to 256 MiB. Default 1 MiB, which is good for some 3,000 keys.
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
        Ok(Self { config, model, sessions: Sessions::default() })
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
        }
        self.stay_within_limits();
    }

    fn stay_within_limits(&mut self) {
        if self.model.bytes() > self.config.max_bytes {
            // A quarter at a time, so that it is seldom.
            self.model.forget(self.config.max_bytes / 4 * 3, &mut self.sessions);
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
            contexts: self.model.all.contexts.len() as u64,
            bytes: self.model.bytes(),
            observed: self.model.all.observed,
            guessed: self.model.all.guessed,
            foreseen: self.model.all.foreseen,
            unsaved: self.model.fresh.observed,
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
        let fresh = core::mem::take(&mut self.model.fresh);
        self.model.saving.merge(&fresh, |id| id);
        let mut all = core::mem::take(&mut model.all);
        all.merge(&self.model.saving, |id| model.name_of(&self.model, id));
        model.all = all;
        self.carry_sessions(&mut model, &mut sessions);
        if model.bytes() > self.config.max_bytes {
            model.forget(self.config.max_bytes / 4 * 3, &mut sessions);
        }
        Ok(format::encode_model(&model, &sessions))
    }

    /// Knows from now on what `state` says, and what was learnt here since it was made by [`save`](Self::save); or,
    /// when it comes from elsewhere and nothing was saved here, all that was learnt here.
    ///
    /// # Errors
    /// `Corrupt` or `NewerFormat`; nothing is changed then.
    pub fn load(&mut self, state: &[u8]) -> Result<()> {
        let (mut model, mut sessions) = format::decode_model(state, KeyHasher::new(self.config.seed))?;
        let mut fresh = Counts::default();
        fresh.merge(&self.model.fresh, |id| model.name_of(&self.model, id));
        model.all.merge(&fresh, |id| id);
        model.fresh = fresh;
        self.carry_sessions(&mut model, &mut sessions);
        (self.model, self.sessions) = (model, sessions);
        self.stay_within_limits();
        Ok(())
    }

    /// Tells another model where the sessions are.
    fn carry_sessions(&self, model: &mut Model, sessions: &mut Sessions) {
        for session in self.sessions.all() {
            let there = sessions.find_or_begin(session.id);
            if there.last == NONE || there.at <= session.at {
                let number = |model: &mut Model, id| model.name_of(&self.model, id);
                (there.before, there.last) = (number(model, session.before), number(model, session.last));
                there.at = session.at;
            }
        }
    }

    /// Forgets all that it learnt, and where the sessions are.
    pub fn unlearn(&mut self) {
        self.model = Model::new(KeyHasher::new(self.config.seed));
        self.sessions = Sessions::default();
    }
}
