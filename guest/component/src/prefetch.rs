//! The interface `prefetch`: conversion only.

use std::cell::RefCell;

use larder_engine::prefetch as engine;

use crate::bindings::exports::larder::cache::prefetch as wit;
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;
use crate::{Component, convert};

pub(crate) struct Predictor(RefCell<engine::Predictor>);

fn decoded(state: &[u8]) -> Result<engine::Queue, Error> {
    engine::Queue::decode(state).map_err(convert::error)
}

impl wit::Guest for Component {
    type Predictor = Predictor;

    fn enqueue(
        state: Option<Vec<u8>>,
        wanted: Vec<wit::Wanted>,
        capacity: u32,
        now: u64,
    ) -> Result<wit::Enqueued, Error> {
        let mut queue = state.map(|state| decoded(&state)).transpose()?.unwrap_or_default();
        let wanted = wanted.into_iter().map(engine::Wanted::from).collect();
        let engine::Enqueued { added, merged, dropped } =
            queue.enqueue(wanted, capacity, now).map_err(convert::error)?;
        Ok(wit::Enqueued { state: queue.encode(), added, merged, dropped })
    }

    fn take(state: Vec<u8>, count: u32, lease: u64, now: u64) -> Result<wit::Taken, Error> {
        let mut queue = decoded(&state)?;
        let engine::Taken { items, next } = queue.take(count, lease, now);
        Ok(wit::Taken { state: queue.encode(), items: items.convert(), next })
    }

    fn finish(state: Vec<u8>, keys: Vec<Vec<u8>>, unneeded: bool) -> Result<wit::Removed, Error> {
        let mut queue = decoded(&state)?;
        let count = queue.finish(&keys, unneeded);
        Ok(wit::Removed { state: queue.encode(), count })
    }

    fn fail_fetch(
        state: Vec<u8>,
        key: Vec<u8>,
        reason: String,
        retry: u64,
        now: u64,
    ) -> Result<(Vec<u8>, wit::Failed), Error> {
        let mut queue = decoded(&state)?;
        let failed = match queue.fail(&key, &reason, retry, now) {
            engine::Failed::Again(at) => wit::Failed::Again(at),
            engine::Failed::GivenUp => wit::Failed::GivenUp,
            engine::Failed::Unknown => wit::Failed::Unknown,
        };
        Ok((queue.encode(), failed))
    }

    fn withdraw(state: Vec<u8>, keys: Option<Vec<Vec<u8>>>) -> Result<wit::Removed, Error> {
        let mut queue = decoded(&state)?;
        let count = match keys {
            Some(keys) => queue.remove(&keys),
            None => queue.clear(),
        };
        Ok(wit::Removed { state: queue.encode(), count })
    }

    fn queued_items(state: Vec<u8>, limit: u32) -> Result<Vec<wit::Queued>, Error> {
        let queue = decoded(&state)?;
        Ok(queue.items().iter().take(limit as usize).cloned().map(Convert::convert).collect())
    }

    fn figures(state: Vec<u8>, now: u64) -> Result<wit::QueueFigures, Error> {
        let figures = decoded(&state)?.figures(now);
        Ok(wit::QueueFigures {
            length: figures.length,
            ready: figures.ready,
            requests: figures.requests,
            merged: figures.merged,
            dropped: figures.dropped,
            fetched: figures.fetched,
            unneeded: figures.unneeded,
            failures: figures.failures,
            given_up: figures.given_up,
        })
    }
}

impl wit::GuestPredictor for Predictor {
    fn prepare(settings: Vec<wit::PredictorSetting>) -> Result<wit::Predictor, Error> {
        let mut config = engine::PredictorConfig::default();
        for setting in settings {
            match setting {
                wit::PredictorSetting::MaxBytes(n) => config.max_bytes = n,
                wit::PredictorSetting::Gap(ms) => config.gap = ms,
                wit::PredictorSetting::Seed(n) => config.seed = n,
            }
        }
        let predictor = engine::Predictor::open(config).map_err(convert::error)?;
        Ok(wit::Predictor::new(Self(RefCell::new(predictor))))
    }

    fn observe(&self, session: u64, key: Vec<u8>, now: u64) {
        self.0.borrow_mut().observe(session, &key, now);
    }

    fn predict(&self, after: Vec<Vec<u8>>, limit: u32) -> Vec<wit::Prediction> {
        self.0.borrow().predict(&after, limit).convert()
    }

    fn next(&self, session: u64, limit: u32, now: u64) -> Vec<wit::Prediction> {
        self.0.borrow().next(session, limit, now).convert()
    }

    fn outlook(&self, limit: u32, now: u64) -> Vec<wit::Prediction> {
        self.0.borrow().outlook(limit, now).convert()
    }

    fn learnt(&self) -> wit::Learnt {
        let learnt = self.0.borrow().learnt();
        wit::Learnt {
            keys: learnt.keys,
            contexts: learnt.contexts,
            bytes: learnt.bytes,
            observed: learnt.observed,
            guessed: learnt.guessed,
            foreseen: learnt.foreseen,
            unsaved: learnt.unsaved,
        }
    }

    fn save(&self, stored: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        self.0.borrow_mut().save(stored.as_deref()).map_err(convert::error)
    }

    fn load(&self, state: Vec<u8>) -> Result<(), Error> {
        self.0.borrow_mut().load(&state).map_err(convert::error)
    }

    fn unlearn(&self) {
        self.0.borrow_mut().unlearn();
    }
}

impl Convert<wit::Prediction> for engine::Prediction {
    fn convert(self) -> wit::Prediction {
        wit::Prediction { key: self.key, probability: self.probability }
    }
}

impl From<wit::Wanted> for engine::Wanted {
    fn from(given: wit::Wanted) -> Self {
        Self { key: given.key, priority: given.priority, payload: given.payload }
    }
}

impl Convert<wit::Queued> for engine::Queued {
    fn convert(self) -> wit::Queued {
        let engine::Wanted { key, priority, payload } = self.wanted;
        wit::Queued {
            wanted: wit::Wanted { key, priority, payload },
            since: self.since,
            waits: self.waits,
            attempts: self.attempts,
            reason: self.reason,
        }
    }
}
