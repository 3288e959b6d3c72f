//! Pools: sets of variants that grow, and from which one is picked at random, so that one question has several good answers.
//!
//! A [`Plan`] has dimensions, each with values; a [`Combination`] is one value of each. A round gives every combination some new
//! variants; beyond a cap the oldest go. [`Pool::accumulate`] works a round off, [`Pool::pick`] picks.
//!
//! ```
//! use larder::Cache;
//! use larder::generate::{Request, Variant};
//! use larder::pools::{Accumulate, Plan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder().open()?;
//! let plan = Plan::new().dimension("language", ["rust", "python"]).dimension("lines", [10, 20]);
//! let pool = cache.define_pool("snippets", &plan)?;
//! let generator = |request: &Request<'_>| {
//!     Ok(Variant::new(format!("snippet {} for {:?}", request.entry, request.dimensions)))
//! };
//! let report = pool.accumulate(&generator, &Accumulate::new()?)?;
//! assert_eq!((report.made, report.failed), (2 * 2 * 3, 0));
//!
//! let combination = pool.combination([("lines", "10"), ("language", "rust")])?;
//! let picked = pool.pick(&combination)?.expect("there are three");
//! assert!(picked.value.starts_with(b"snippet "));
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `plan`, `combination` | plans and combinations |
//! | `state` | what is known of a pool as a whole, and where it is kept |
//! | `pick` | picking |
//! | `change` | adding variants, noting failures: one transaction for all that a change touches |
//! | `look` | what there is, listed and counted |
//! | `live` | picking, or making one at once |
//! | `round`, `items`, `options` | working a round off; how, and what it brought |
//! | `presence` | whether somebody does |
//! | `worker` | rounds in the background |

mod change;
mod combination;
mod items;
mod live;
mod look;
mod options;
mod pick;
mod plan;
mod presence;
mod round;
mod state;
mod statistics;
mod worker;

use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};

pub use super::worker::Worker;
pub use change::{Added, NewVariant};
pub use combination::Combination;
pub use live::PickError;
pub use look::{CombinationInfo, Listed, VariantInfo};
pub use options::{Accumulate, Budget, Progress, Report};
pub use pick::Picked;
pub use plan::{Dimension, Plan};
pub use state::{Forecast, PoolInfo};
pub use statistics::{FailedCombination, PoolStatistics};

pub(super) use state::Board;

use super::options::Defaults;
use super::register::{Held, Register};
use super::{Cache, Inner};
use crate::component::bindings::api::EntryInfo;
use crate::component::bindings::exports::larder::cache::pools as wit;
use crate::error::{Error, Result};
use state::LastRead;

/// The namespace of what is known of pools as a whole.
pub(crate) const NAMESPACE: &str = "larder.pools";

/// The longest name of a pool, in bytes.
const MAX_NAME: usize = 64;

/// A pool. Cheap to clone; all clones share one pool.
#[derive(Clone, Debug)]
pub struct Pool {
    name: Arc<str>,
    /// Entries of combinations, and variants.
    cache: Cache,
    /// The entry of what is known of the pool.
    registry: Register,
    key: Arc<str>,
    /// How the plan wants variants to be picked, as of when it was read last.
    how: Arc<AtomicU8>,
    read: Arc<Mutex<LastRead>>,
}

impl Cache {
    /// Makes a pool in this handle's namespace, or gives the one of this name another plan: values that are new become due, what values
    /// that are no more have is kept until the pool is cleared.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is not 1 to 64 letters, digits, `.`, `-` and `_`, or a plan outside its limits; `TooLarge` for more than
    /// 1,000,000 combinations. `Store`, `Locked`, I/O errors when it cannot be stored.
    pub fn define_pool(&self, name: &str, plan: &Plan) -> Result<Pool> {
        let pool = self.pool_handle(name)?;
        pool.define(plan)?;
        Ok(pool)
    }

    /// Whether [`define_pool`](Self::define_pool) would take this plan; nothing is changed.
    ///
    /// # Errors
    /// As [`define_pool`](Self::define_pool).
    pub fn check_pool(&self, name: &str, plan: &Plan) -> Result<()> {
        self.pool_handle(name)?.planned(plan).map(drop)
    }

    /// The pool of this name; `None` when there is none.
    ///
    /// # Errors
    /// As [`get`](Self::get); `NewerFormat` for a pool of a newer larder.
    pub fn pool(&self, name: &str) -> Result<Option<Pool>> {
        let pool = self.pool_handle(name)?;
        Ok(pool.held()?.map(|_| pool))
    }

    /// What a plan would make due in a pool now, whether the pool is there or not; nothing is changed. With `force` as if the next round
    /// were due.
    ///
    /// # Errors
    /// As [`define_pool`](Self::define_pool).
    pub fn forecast_pool(&self, name: &str, plan: &Plan, force: bool) -> Result<Forecast> {
        self.pool_handle(name)?.forecast(plan, force)
    }

    /// The names of the pools of this handle's namespace, sorted.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn pools(&self) -> Result<Vec<String>> {
        let prefix = format!("{}/pool/", self.own_name());
        let mut names: Vec<String> = self
            .registry()?
            .names()?
            .into_iter()
            .filter_map(|key| key.strip_prefix(&prefix).map(str::to_owned))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn pool_handle(&self, name: &str) -> Result<Pool> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_word) {
            let message =
                format!("{name:?} is no name of a pool: it has 1 to {MAX_NAME} letters, digits, `.`, `-` and `_`");
            return Err(Error::invalid(message));
        }
        let key = format!("{}/pool/{name}", self.own_name());
        Ok(Pool {
            name: name.into(),
            // Variants stay until they are pruned, whatever other entries do.
            cache: self.namespace_with(&key, &Defaults::default())?,
            registry: self.registry()?,
            key: key.into(),
            how: Arc::default(),
            read: Arc::default(),
        })
    }

    fn own_name(&self) -> String {
        self.inner.namespaces.name(self.id).unwrap_or_default()
    }

    fn registry(&self) -> Result<Register> {
        Register::open(self.inner.clone(), NAMESPACE, state::CONTENT_TYPE)
    }

    /// A handle on the namespace of what is known of pools, for a record from elsewhere that may be of it.
    pub(super) fn namespace_for_pool(&self, info: &EntryInfo) -> Result<Option<Self>> {
        let registry = self.registry()?;
        Ok(state::may_be_state(&registry, info).then_some(registry.cache))
    }
}

impl Pool {
    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace of its variants: statistics count it like every other.
    pub fn namespace(&self) -> &str {
        &self.key
    }

    fn inner(&self) -> &Inner {
        &self.cache.inner
    }

    /// What is known of the pool.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no more; as [`Cache::get`].
    pub fn info(&self) -> Result<PoolInfo> {
        Ok(PoolInfo::clone(&*self.known()?))
    }

    fn known(&self) -> Result<Arc<PoolInfo>> {
        let held = self.must_be_held()?;
        self.info_of(&held)
    }

    fn must_be_held(&self) -> Result<Held> {
        self.held()?.ok_or_else(|| Error::invalid(format!("there is no pool {:?}; define it first", self.name)))
    }
}

fn round(info: &PoolInfo) -> wit::Round {
    wit::Round {
        generation: info.generation,
        per_generation: info.plan.per_generation,
        cap: info.plan.cap,
        settled: info.is_settled,
    }
}
