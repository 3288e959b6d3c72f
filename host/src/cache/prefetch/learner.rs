//! The predictor of a namespace: a guest of its own, made when it is first needed, and what is kept of it among processes.

use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use hashbrown::HashMap;
use wasmtime::component::ResourceAny;

use super::super::register::Register;
use super::super::{Cache, lock};
use super::MODELS;
use crate::component::bindings::exports::larder::cache::prefetch as wit;
use crate::component::bindings::{Larder, types};
use crate::component::{Limits, Room};
use crate::error::{Error, ErrorKind, Result};

const CONTENT_TYPE: &str = "application/vnd.larder.prediction-model";

/// What was learnt is saved when so much is unsaved, and not more often than this, in milliseconds.
const UNSAVED: u64 = 256;
const SAVE_EVERY: u64 = 10_000;

/// What a guest needs beside its models: its own, one that is stored, and both as bytes.
const SLACK: u64 = 16 << 20;

type Called<T> = wasmtime::Result<std::result::Result<T, types::Error>>;

/// The predictors of a cache.
#[derive(Debug)]
pub(in super::super) struct Learners {
    /// Whether they are told of all reads.
    of_reads: bool,
    max_bytes: u64,
    /// By namespace. Handles keep them alive.
    all: Mutex<HashMap<u32, Weak<Learner>, RandomState>>,
}

impl Learners {
    pub(in super::super) fn new(of_reads: bool, max_bytes: u64) -> Self {
        Self { of_reads, max_bytes, all: Mutex::default() }
    }
}

/// The predictor of a namespace. Dropped, it saves what it learnt.
pub(in super::super) struct Learner {
    register: Register,
    /// The name of the namespace.
    name: String,
    max_bytes: u64,
    guest: Mutex<Option<Guest>>,
    /// Held by who saves: what two save at the same moment would count twice.
    saving: Mutex<()>,
    /// Requests since the last save, and when that was.
    unsaved: AtomicU64,
    saved: AtomicU64,
}

pub(super) struct Guest {
    pub(super) store: wasmtime::Store<Limits>,
    pub(super) larder: Larder,
    pub(super) predictor: ResourceAny,
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner").field("namespace", &self.name).finish_non_exhaustive()
    }
}

impl Cache {
    /// The same handle; if reads are learnt from, with who learns.
    pub(in super::super) fn learning(mut self) -> Result<Self> {
        if self.inner.learners.of_reads {
            self.learner = Some(self.learner()?);
        }
        Ok(self)
    }

    pub(in super::super) fn models(&self) -> Result<Register> {
        Register::open(self.inner.clone(), MODELS, CONTENT_TYPE)
    }

    /// The predictor of this handle's namespace.
    pub(super) fn learner(&self) -> Result<Arc<Learner>> {
        let learners = &self.inner.learners;
        let mut all = lock(&learners.all);
        if let Some(learner) = all.get(&self.id).and_then(Weak::upgrade) {
            return Ok(learner);
        }
        let register = self.models()?;
        let learner = Arc::new(Learner {
            register,
            name: self.inner.namespaces.name(self.id).unwrap_or_default(),
            max_bytes: learners.max_bytes,
            guest: Mutex::default(),
            saving: Mutex::default(),
            unsaved: AtomicU64::new(0),
            saved: AtomicU64::new(self.inner.clock.now()),
        });
        all.insert(self.id, Arc::downgrade(&learner));
        Ok(learner)
    }
}

/// The number of this thread, counted from 0 as threads ask: what it asks for is one session.
fn thread_session() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static OWN: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| *own)
}

impl Learner {
    /// Learns from a read in this thread. A read does not fail because this does.
    pub(in super::super) fn observe_read(self: &Arc<Self>, key: &[u8], now: u64) {
        if let Err(e) = self.observe(thread_session(), key, now) {
            tracing::debug!("nothing was learnt from a read: {e}");
        }
    }

    pub(super) fn observe(self: &Arc<Self>, session: u64, key: &[u8], now: u64) -> Result<()> {
        self.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_observe(&mut g.store, g.predictor, session, key, now).map(Ok)
        })?;
        let unsaved = self.unsaved.fetch_add(1, Ordering::Relaxed) + 1;
        let saved = self.saved.load(Ordering::Relaxed);
        let is_due = unsaved >= UNSAVED && now.saturating_sub(saved) >= SAVE_EVERY;
        // A worker saves: whoever reads must not wait for those who write.
        if is_due && self.saved.compare_exchange(saved, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let learner = Arc::downgrade(self);
            self.register.cache.inner.workers.start(move || {
                if let Some(Err(e)) = learner.upgrade().map(|learner| learner.save()) {
                    tracing::warn!("what was learnt is not saved: {e}");
                }
            });
        }
        Ok(())
    }

    /// Stores what was learnt here with what others learnt, and knows both from then on.
    pub(super) fn save(&self) -> Result<()> {
        let _alone = lock(&self.saving);
        let unsaved = self.unsaved.swap(0, Ordering::Relaxed);
        if unsaved == 0 {
            return Ok(());
        }
        self.store_learnt().inspect_err(|_| {
            self.unsaved.fetch_add(unsaved, Ordering::Relaxed);
        })
    }

    fn store_learnt(&self) -> Result<()> {
        let state = self.register.change(&self.name, |held| {
            let stored = held.map(|held| held.state.as_slice());
            let saved = match self.saved_with(stored) {
                Err(e) if e.kind() == ErrorKind::Corrupt => {
                    tracing::warn!("what was learnt of {} is damaged, and begins anew: {e}", self.name);
                    self.saved_with(None)?
                }
                saved => saved?,
            };
            Ok((Some(saved.clone()), saved))
        })?;
        self.load(&state)
    }

    fn saved_with(&self, stored: Option<&[u8]>) -> Result<Vec<u8>> {
        self.call(|g| {
            let methods = g.larder.larder_cache_prefetch().predictor();
            methods.call_save(&mut g.store, g.predictor, stored)
        })
    }

    fn load(&self, state: &[u8]) -> Result<()> {
        self.call(|g| g.larder.larder_cache_prefetch().predictor().call_load(&mut g.store, g.predictor, state))
    }

    /// Forgets what was learnt, here and in the store.
    pub(super) fn unlearn(&self) -> Result<()> {
        self.register.remove(&self.name)?;
        self.call(|g| g.larder.larder_cache_prefetch().predictor().call_unlearn(&mut g.store, g.predictor).map(Ok))
    }

    /// Calls the guest. One that was stopped is replaced by one that knows what is stored.
    pub(super) fn call<T>(&self, op: impl FnOnce(&mut Guest) -> Called<T>) -> Result<T> {
        let mut place = lock(&self.guest);
        let mut guest = match place.take() {
            Some(guest) => guest,
            None => self.instantiate()?,
        };
        guest.store.set_epoch_deadline(self.register.cache.inner.loaded.deadline());
        let answer = op(&mut guest).map_err(|trap| {
            tracing::error!("the predictor of {} was stopped, and begins with what is stored: {trap:#}", self.name);
            Error::trap(trap)
        })?;
        *place = Some(guest);
        Ok(answer?)
    }

    fn instantiate(&self) -> Result<Guest> {
        let inner = &self.register.cache.inner;
        let held = self.register.held(&self.name)?;
        // Whoever stored it may have been given more memory than this one.
        let most = self.max_bytes.max(held.as_ref().map_or(0, |held| held.state.len() as u64));
        let room = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let room = Room { memory: room((8 * most + SLACK).min(4 << 30)), answer: room(2 * most + (1 << 20)) };
        let (mut store, larder) = inner.loaded.instantiate(room).map_err(Error::trap)?;
        let seed = inner.random.fetch_add(1, Ordering::Relaxed);
        let settings = [wit::PredictorSetting::MaxBytes(self.max_bytes), wit::PredictorSetting::Seed(seed)];
        let methods = larder.larder_cache_prefetch().predictor();
        let predictor = methods.call_prepare(&mut store, &settings).map_err(Error::trap)??;
        if let Some(held) = held {
            let loaded = methods.call_load(&mut store, predictor, &held.state).map_err(Error::trap)?;
            if let Err(e) = loaded.map_err(Error::from) {
                // Damaged, or of a newer larder: then what is learnt here is not stored.
                tracing::warn!("what was learnt of {} cannot be used: {e}", self.name);
            }
        }
        Ok(Guest { store, larder, predictor })
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        if *self.unsaved.get_mut() > 0
            && let Err(e) = self.save()
        {
            tracing::debug!("what this process learnt of {} is lost: {e}", self.name);
        }
    }
}
