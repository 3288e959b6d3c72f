//! What is known of a pool as a whole: its plan and its round. It is a state of a register, so that of several processes one begins
//! a round.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::lock;
use super::super::register::{Held, Register};
use super::{Plan, Pool};
use crate::component::bindings::api;
use crate::error::{Error, ErrorKind, Result};

/// Pools of one store.
const MAX_POOLS: usize = 1_024;

pub(super) const CONTENT_TYPE: &str = "application/vnd.larder.pool";

/// Who in this process fills which pool.
#[derive(Debug, Default)]
pub(in super::super) struct Board {
    /// How many rounds of a pool are being worked off.
    pub(super) working: Mutex<BTreeMap<String, usize>>,
    /// Hashes of the variants that are being made.
    pub(super) claimed: Mutex<HashSet<u64>>,
}

/// What is known of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolInfo {
    /// Its plan.
    pub plan: Plan,
    /// How many combinations the plan has.
    pub combinations: u64,
    /// How many combinations earlier plans had that this one has not; what they have is kept until the pool is cleared.
    pub kept: u64,
    /// The round that was begun last, Unix seconds; 0 before the first.
    pub generation: u64,
    /// When that was, Unix milliseconds.
    pub started: u64,
    /// When the next one is due, Unix milliseconds; 0 is now.
    pub next: u64,
    pub(super) is_settled: bool,
}

/// What a plan would make due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// Variants that are due.
    pub due: u64,
    /// Combinations that they belong to.
    pub combinations: u64,
    /// Whether a round would begin.
    pub begins: bool,
}

/// The version of the state that was read last, and what it said.
pub(super) type LastRead = Option<(u64, Arc<PoolInfo>)>;

/// Bytes that the state of a pool may have: its plan and what earlier ones left.
const LARGEST: u64 = 1 << 20;

/// Whether a record from elsewhere may hold the state of a pool, and there is room for one.
pub(super) fn may_be_state(registry: &Register, info: &api::EntryInfo) -> bool {
    let is_state = info.content_type == CONTENT_TYPE && info.value_size <= LARGEST && info.key.len() <= 255;
    is_state && registry.names().is_ok_and(|pools| pools.len() < MAX_POOLS)
}

impl Pool {
    pub(super) fn held(&self) -> Result<Option<Held>> {
        let held = self.registry.held(&self.key)?;
        let is_sound = self.sound(held.as_ref())?.is_some();
        Ok(held.filter(|_| is_sound))
    }

    /// The state, if it is not damaged: defining the pool anew makes it right.
    fn sound<'a>(&self, held: Option<&'a Held>) -> Result<Option<&'a Held>> {
        let Some(held) = held else { return Ok(None) };
        match self.info_of(held) {
            Ok(_) => Ok(Some(held)),
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                tracing::warn!(pool = self.name(), "what is known of the pool is damaged, and taken for nothing: {e}");
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// What a state says; of the one that was read last without asking again.
    pub(super) fn info_of(&self, held: &Held) -> Result<Arc<PoolInfo>> {
        if let Some((version, info)) = &*lock(&self.read)
            && *version == held.version
            && held.version > 0
        {
            return Ok(info.clone());
        }
        let info = Arc::new(self.read_info(held)?);
        *lock(&self.read) = Some((held.version, info.clone()));
        Ok(info)
    }

    fn read_info(&self, held: &Held) -> Result<PoolInfo> {
        let info = self.cache.ask(|g| g.larder.larder_cache_pools().call_inspect_pool(&mut g.store, &held.state))?;
        let how = u8::from(info.plan.weighted) | u8::from(!info.plan.repeats) << 1;
        self.how.store(how, Ordering::Relaxed);
        Ok(PoolInfo {
            plan: Plan::from_wit(info.plan),
            combinations: info.combinations,
            kept: info.kept,
            generation: info.round.generation,
            started: info.started,
            next: info.next,
            is_settled: info.round.settled,
        })
    }

    /// Changes the state. `change` answers with the new one, or with none to leave it; it may be asked again.
    pub(super) fn change_state(&self, change: impl Fn(Option<&Held>) -> Result<Option<Vec<u8>>>) -> Result<bool> {
        self.registry.change(&self.key, |held| {
            let state = change(self.sound(held)?)?;
            let changes = state.is_some();
            Ok((state, changes))
        })
    }

    pub(super) fn define(&self, plan: &Plan) -> Result<()> {
        let (dimensions, options) = plan.to_wit();
        self.change_state(|held| {
            let before = held.map(|held| held.state.as_slice());
            if before.is_none() && self.registry.names()?.len() >= MAX_POOLS {
                return Err(Error::invalid(format!("a store has at most {MAX_POOLS} pools")));
            }
            let state = self
                .cache
                .ask(|g| g.larder.larder_cache_pools().call_define(&mut g.store, before, &dimensions, &options))?;
            // Nothing is written where nothing changes: plans are read again with every start of a program.
            Ok(Some(state).filter(|state| before != Some(state.as_slice())))
        })?;
        Ok(())
    }

    /// The state with this plan, without anything being changed.
    pub(super) fn planned(&self, plan: &Plan) -> Result<Vec<u8>> {
        let (dimensions, options) = plan.to_wit();
        let before = self.held()?;
        let before = before.as_ref().map(|held| held.state.as_slice());
        self.cache.ask(|g| g.larder.larder_cache_pools().call_define(&mut g.store, before, &dimensions, &options))
    }

    /// What a plan would make due now, without anything being changed.
    pub(super) fn forecast(&self, plan: &Plan, force: bool) -> Result<Forecast> {
        let now = self.inner().clock.now();
        let planned = self.planned(plan)?;
        let begun = self.cache.ask(|g| g.larder.larder_cache_pools().call_begin(&mut g.store, &planned, now, force))?;
        let begins = begun.is_some();
        let held = Held { state: begun.unwrap_or(planned), version: 0 };
        let info = self.info_of(&held)?;
        let (mut due, mut combinations) = (0, 0);
        self.each_combination(&held, &[], false, |combination| {
            let entries = self.look_with(&info, &combination)?.due.len() as u64;
            due += entries;
            combinations += u64::from(entries > 0);
            Ok(true)
        })?;
        Ok(Forecast { due, combinations, begins })
    }

    /// Begins the next round if it is due, or if `force` is given; answers whether it was.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such pool any more; `Store`, `Locked`, I/O errors.
    pub fn begin_round(&self, force: bool) -> Result<bool> {
        let now = self.inner().clock.now();
        let began = std::cell::Cell::new(None);
        self.change_state(|held| {
            let Some(held) = held else {
                return Err(self.must_be_held().err().unwrap_or_else(|| Error::invalid("gone")));
            };
            // Who finds that another process began the round has nothing left to force.
            let info = self.info_of(held)?;
            let force = force && began.get().is_none_or(|generation| generation == info.generation);
            began.set(Some(info.generation));
            self.cache.ask(|g| g.larder.larder_cache_pools().call_begin(&mut g.store, &held.state, now, force))
        })
    }

    /// Notes that a round was worked off.
    pub(super) fn settle(&self, generation: u64) -> Result<()> {
        self.change_state(|held| {
            let Some(held) = held else { return Ok(None) };
            self.cache.ask(|g| g.larder.larder_cache_pools().call_settle(&mut g.store, &held.state, generation))
        })?;
        Ok(())
    }

    /// Empties the pool, what earlier plans left included. It fills again with the next round; with `regenerate` that is due at
    /// once. Answers how many entries went, combinations included.
    ///
    /// # Errors
    /// As [`begin_round`](Self::begin_round).
    pub fn clear(&self, regenerate: bool) -> Result<u64> {
        self.change_state(|held| {
            let Some(held) = held else { return Ok(None) };
            let state = self
                .cache
                .ask(|g| g.larder.larder_cache_pools().call_clear_pool(&mut g.store, &held.state, regenerate))?;
            Ok(Some(state).filter(|state| *state != held.state))
        })?;
        let gone = self.cache.clear()?;
        tracing::info!(
            pool = self.name(),
            entries = gone,
            "cleared the pool{}",
            if regenerate { " for fresh regeneration" } else { "" }
        );
        Ok(gone)
    }

    /// Empties the pool and forgets its plan. Answers how many entries went.
    ///
    /// # Errors
    /// As [`begin_round`](Self::begin_round).
    pub fn remove(&self) -> Result<u64> {
        self.registry.remove(&self.key)?;
        self.cache.clear()
    }

    /// How far a retry may lie ahead, in milliseconds.
    pub(super) fn longest_retry(info: &PoolInfo) -> u64 {
        /// As long as a service may ask to be left alone.
        const DAY: Duration = Duration::from_secs(24 * 3600);
        super::super::options::millis(info.plan.retry.max(DAY))
    }
}
