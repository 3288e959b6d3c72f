//! Namespaces, statistics, and keeping the memory tier tidy.

#[cfg(feature = "prediction")]
use alloc::vec::Vec;

use super::{Cause, Engine};
#[cfg(feature = "prediction")]
use crate::ascending::Ascending;
use crate::bans::{Bans, Tagged};
use crate::config::NamespaceDefaults;
use crate::error::{Error, Result};
use crate::namespace::NamespaceId;
use crate::stats::Statistics;

impl Engine {
    /// The number of the namespace `name`, which is created if new.
    ///
    /// # Errors
    /// `InvalidArgument` when the name is empty or longer than 255 bytes, or 65,536 namespaces exist.
    pub fn namespace(&mut self, name: &str) -> Result<NamespaceId> {
        self.namespaces.find_or_create(name)
    }

    /// Sets what entries of a namespace get when their `set` does not say otherwise. Entries already there keep theirs.
    ///
    /// # Errors
    /// `InvalidArgument` for a time of zero or a jitter above 100 percent; `UnknownNamespace`.
    pub fn set_defaults(&mut self, namespace: NamespaceId, defaults: NamespaceDefaults) -> Result<()> {
        if defaults.ttl == Some(0) || defaults.tti == Some(0) {
            return Err(Error::invalid("a default time of zero would expire every entry at once; leave it out"));
        }
        if defaults.jitter > 100 {
            return Err(Error::invalid("jitter is a percentage between 0 and 100"));
        }
        self.namespaces.get_mut(namespace)?.defaults = defaults;
        Ok(())
    }

    /// The defaults of a namespace.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn defaults(&self, namespace: NamespaceId) -> Result<&NamespaceDefaults> {
        self.namespaces.get(namespace).map(|ns| &ns.defaults)
    }

    /// The statistics of one namespace, or of all added up.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn stats(&self, namespace: Option<NamespaceId>) -> Result<Statistics> {
        if let Some(id) = namespace {
            return self.namespaces.get(id).map(|ns| ns.stats);
        }
        let mut sum = Statistics::default();
        self.namespaces.iter().for_each(|ns| sum.add(&ns.stats));
        Ok(sum)
    }

    /// Removes up to `limit` entries whose time is over and answers how many. Costs O(log n) for each, whatever else
    /// the tier holds.
    pub fn cleanup(&mut self, now: u64, limit: u32) -> u32 {
        let mut removed = 0;
        while removed < limit
            && let Some((id, end)) = self.expiry.first(&self.slab)
            && end <= now
        {
            self.remove(id, Cause::Expired);
            removed += 1;
        }
        removed
    }

    /// When the next entry's time is over; `None` when nothing expires.
    pub fn next_expiry(&self) -> Option<u64> {
        self.expiry.first(&self.slab).map(|(_, end)| end)
    }

    /// Evicts up to `count` entries from the memory tier, in the policy's order, and answers how many went.
    pub fn evict(&mut self, count: u32) -> u32 {
        (0..count).take_while(|_| self.evict_one(Cause::Asked)).count() as u32
    }

    /// Evicts up to `count` of these entries from the memory tier, the least likely first, of equals in the order given; answers how
    /// many went. What is not there, or has no probability between 0 and 1, is passed over.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    #[cfg(feature = "prediction")]
    pub fn evict_unlikely(
        &mut self,
        namespace: NamespaceId,
        predictions: &[(impl AsRef<[u8]>, f64)],
        count: u32,
        now: u64,
    ) -> Result<u32> {
        let ns = self.known_namespace(namespace)?;
        let probability = |at: u32| predictions[at as usize].1;
        let before = |a: u32, b: u32| probability(a) < probability(b);
        let known = (0..predictions.len() as u32).filter(|&at| (0.0..=1.0).contains(&probability(at))).collect();
        let mut evicted = 0;
        for at in Ascending::new(known, &before) {
            if evicted == count {
                break;
            }
            if let Some(id) = self.find_live(ns, predictions[at as usize].0.as_ref(), now) {
                self.remove(id, Cause::Asked);
                evicted += 1;
            }
        }
        Ok(evicted)
    }

    /// Tells the policy `predicted` how likely entries are to be asked for, in place of all that it was told of them before:
    /// what is not named is not expected. Answers how many of these entries are in memory; under another policy nothing
    /// comes of it.
    ///
    /// # Errors
    /// `UnknownNamespace`; `InvalidArgument` for a probability outside 0 to 1, and nothing is changed.
    #[cfg(feature = "prediction")]
    pub fn expect(&mut self, namespace: NamespaceId, predictions: &[(impl AsRef<[u8]>, f64)], now: u64) -> Result<u32> {
        let ns = self.known_namespace(namespace)?;
        if predictions.iter().any(|(_, probability)| !(0.0..=1.0).contains(probability)) {
            return Err(Error::invalid("a probability is a number from 0 to 1"));
        }
        let mut expected = Vec::new();
        for (key, probability) in predictions {
            expected.extend(self.find_live(ns, key.as_ref(), now).map(|id| (id, *probability)));
        }
        self.policy.expect(&expected);
        Ok(expected.len() as u32)
    }

    /// Empties one namespace, or all, in the memory tier and answers how many entries went. Counters stay.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn clear(&mut self, namespace: Option<NamespaceId>) -> Result<u32> {
        let Some(id) = namespace else { return Ok(self.clear_all()) };
        let ns = self.known_namespace(id)?;
        let mut removed = 0;
        for id in 0..self.slab.end() {
            let slot = self.slab.slot(id);
            if slot.is_occupied() && slot.namespace == ns {
                self.remove(id, Cause::Silent);
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Emptying everything gives the memory back instead of unlinking entry by entry.
    fn clear_all(&mut self) -> u32 {
        let removed = self.slab.len();
        self.slab = crate::slab::Slab::new();
        self.index.clear();
        self.expiry.clear();
        self.policy.clear();
        self.cold.clear();
        self.tagged = Tagged::default();
        if !self.config.store {
            // Nothing older is left anywhere.
            self.bans = Bans::default();
        }
        if let Some(advice) = self.advice.get_mut() {
            advice.begin_anew(self.config.policy);
        }
        self.bytes = 0;
        self.namespaces.iter_mut().for_each(|ns| {
            ns.stats.entries = 0;
            ns.stats.bytes = 0;
            ns.stats.cold_entries = 0;
            ns.stats.cold_bytes = 0;
            ns.stats.cold_values = 0;
            ns.stats.dictionary_bytes = 0;
        });
        removed
    }
}
