//! Combinations: one value of each dimension of a pool.

use std::fmt;
use std::sync::Arc;

use super::super::register::Held;
use super::plan::value;
use super::{Dimension, Pool, wit};
use crate::error::Result;
use crate::generate::Value;

/// Combinations that are asked for at a time.
const PAGE: u32 = 1_000;

/// One value of each dimension of a pool. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Combination(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    key: Vec<u8>,
    hash: u64,
    values: Vec<(String, Value)>,
}

impl Combination {
    pub(super) fn new(pool: &Pool, key: Vec<u8>, values: Vec<(String, Value)>) -> Self {
        let hash = pool.cache.hash(&key);
        Self(Arc::new(Parts { key, hash, values }))
    }

    /// Dimensions and values, in the order of the plan.
    pub fn values(&self) -> &[(String, Value)] {
        &self.0.values
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0.key
    }

    pub(super) fn hash(&self) -> u64 {
        self.0.hash
    }
}

impl fmt::Display for Combination {
    /// The values, with `/` between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (_, value)) in self.values().iter().enumerate() {
            let between = if at > 0 { "/" } else { "" };
            write!(f, "{between}{value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Combination({self})")
    }
}

impl Pool {
    /// The combination of these values, one for each dimension in any order.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension or value that the plan does not have, one that is missing, and one that is given twice;
    /// when there is no such pool any more.
    pub fn combination<N: AsRef<str>, V: AsRef<str>>(
        &self,
        values: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Combination> {
        let held = self.must_be_held()?;
        let given: Vec<(String, String)> =
            values.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())).collect();
        let key = self
            .cache
            .ask(|g| g.larder.larder_cache_pools().call_combination_key(&mut g.store, &held.state, &given))?;
        let of_plan = |Dimension { name, values }: &Dimension| {
            let (_, wanted) = given.iter().find(|(other, _)| other == name)?;
            Some((name.clone(), values.iter().find(|value| value.as_str() == wanted)?.clone()))
        };
        let values = self.info_of(&held)?.plan.dimensions.iter().filter_map(of_plan).collect();
        Ok(Combination::new(self, key, values))
    }

    /// All combinations of the plan that have these values, in its order: the last dimension varies fastest. With `kept`
    /// those that earlier plans had and this one has not.
    ///
    /// # Errors
    /// As [`combination`](Self::combination).
    pub fn combinations(&self, filter: &[(String, String)], kept: bool) -> Result<Vec<Combination>> {
        let mut all = Vec::new();
        self.each_combination(&self.must_be_held()?, filter, kept, |combination| {
            all.push(combination);
            Ok(true)
        })?;
        Ok(all)
    }

    /// Visits combinations until `visit` has seen enough.
    pub(super) fn each_combination(
        &self,
        held: &Held,
        filter: &[(String, String)],
        kept: bool,
        mut visit: impl FnMut(Combination) -> Result<bool>,
    ) -> Result<()> {
        let mut next = Some(0);
        while let Some(first) = next {
            let page = self.cache.ask(|g| {
                let pools = g.larder.larder_cache_pools();
                pools.call_combinations(&mut g.store, &held.state, filter, kept, first, PAGE)
            })?;
            // A cursor that does not advance would never end.
            next = page.next.filter(|next| *next > first);
            for wit::Combination { key, values } in page.combinations {
                let values = values.into_iter().map(|(name, given)| (name, value(given))).collect();
                if !visit(Combination::new(self, key, values))? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
