//! Asking a predictor.

use std::sync::Arc;

use super::super::Cache;
use super::learner::Learner;
use crate::component::bindings::exports::larder::cache::prefetch as wit;
use crate::error::Result;

/// A key that may be asked for next.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The key.
    pub key: Vec<u8>,
    /// How likely it is: above 0, at most 1.
    pub probability: f64,
}

/// What a predictor learnt, in numbers. The last three never go down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Learnt {
    /// Keys that it knows.
    pub keys: u64,
    /// Contexts, of one key or of two, that it counts the followers of.
    pub contexts: u64,
    /// Bytes that they are charged with.
    pub bytes: u64,
    /// Requests that came after another one of their session.
    pub observed: u64,
    /// Of those, the ones for which it held some key for the likeliest.
    pub guessed: u64,
    /// Of those, the ones that were for that key.
    pub foreseen: u64,
}

/// Learns which key follows which in a namespace, and says what may be asked for next: a Markov predictor of the orders one and two.
///
/// What it learns is shared with the other processes of the store: it is added to what they learnt now and then, at most every 10
/// seconds, and when the last handle is dropped. A cache that was opened with [`learn`](crate::Builder::learn) tells it of every
/// read; any other learns from [`observe`](Self::observe) alone. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Predictor {
    cache: Cache,
    learner: Arc<Learner>,
}

impl Cache {
    /// The predictor of this handle's namespace.
    ///
    /// # Errors
    /// As [`namespace`](Self::namespace).
    pub fn predictor(&self) -> Result<Predictor> {
        Ok(Predictor { cache: self.clone(), learner: self.learner()? })
    }
}

impl Predictor {
    /// Takes note that a key was asked for, in a session: requests of one user or connection, which follow each other for a
    /// reason. Of at most 1,024 sessions at a time; half an hour without a request ends a sequence. Asking for the same key again
    /// says nothing.
    ///
    /// # Errors
    /// `Trap` when the component was stopped over it.
    pub fn observe(&self, session: u64, key: impl AsRef<[u8]>) -> Result<()> {
        self.learner.observe(session, key.as_ref(), self.now())
    }

    /// What may be asked for after these keys, the last one last: up to `limit` predictions, the likeliest first. Only the last
    /// two keys count. Empty for a key that was never followed by another.
    ///
    /// # Errors
    /// `Trap`.
    pub fn predict(&self, after: &[impl AsRef<[u8]>], limit: u32) -> Result<Vec<Prediction>> {
        let after: Vec<_> = after[after.len().saturating_sub(2)..].iter().map(|key| key.as_ref().to_vec()).collect();
        let predicted = self.learner.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_predict(&mut g.store, g.predictor, &after, limit).map(Ok)
        });
        predicted.map(all)
    }

    /// What may be asked for next in a session.
    ///
    /// # Errors
    /// `Trap`.
    pub fn next(&self, session: u64, limit: u32) -> Result<Vec<Prediction>> {
        let now = self.now();
        let predicted = self.learner.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_next(&mut g.store, g.predictor, session, limit, now).map(Ok)
        });
        predicted.map(all)
    }

    /// What may be asked for next in any session: how likely it is that at least one asks for it.
    ///
    /// # Errors
    /// `Trap`.
    pub fn outlook(&self, limit: u32) -> Result<Vec<Prediction>> {
        let now = self.now();
        let predicted = self.learner.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_outlook(&mut g.store, g.predictor, limit, now).map(Ok)
        });
        predicted.map(all)
    }

    /// What was learnt, in numbers.
    ///
    /// # Errors
    /// `Trap`.
    pub fn learnt(&self) -> Result<Learnt> {
        let learnt = self.learner.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_learnt(&mut g.store, g.predictor).map(Ok)
        })?;
        let wit::Learnt { keys, contexts, bytes, observed, guessed, foreseen, .. } = learnt;
        Ok(Learnt { keys, contexts, bytes, observed, guessed, foreseen })
    }

    /// Stores now what was learnt here, with what other processes learnt, and learns that.
    ///
    /// # Errors
    /// `NewerFormat` when what is stored is of a newer larder; `Store`, `Locked`, I/O errors.
    pub fn save(&self) -> Result<()> {
        self.learner.save()
    }

    /// Forgets everything, in the store too. Other processes that have it in memory store it again.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn unlearn(&self) -> Result<()> {
        self.learner.unlearn()
    }

    fn now(&self) -> u64 {
        self.cache.inner.clock.now()
    }
}

fn all(predicted: Vec<wit::Prediction>) -> Vec<Prediction> {
    predicted.into_iter().map(|p| Prediction { key: p.key, probability: p.probability }).collect()
}
