//! What must be true after every step.

use std::collections::BTreeSet;

use crate::known::Known;
use crate::world::{KEY, LONGEST_RETRY, World, bytes};

impl World {
    /// Engine and reference agree, and the reference's own promises hold.
    pub fn compare(&mut self) {
        self.engine.check().expect("no contradiction");
        if !self.has_store() && !self.exists(KEY) {
            // It went for lack of space: nothing is known of it any more.
            self.known = Known::default();
        }
        let info = self.look();
        if !self.has_store() {
            let left: BTreeSet<_> = info.variants.iter().map(|it| (it.generation, it.entry)).collect();
            let struck: Vec<_> = self.known.variants.keys().filter(|place| !left.contains(place)).copied().collect();
            for place in struck {
                assert!(!self.exists(&Self::key_of(place)), "{place:?} was struck though memory has it");
                self.known.variants.remove(&place);
            }
        }
        let found = info.variants.iter().map(|it| ((it.generation, it.entry), (it.size, it.score)));
        let expected = self.known.variants.iter();
        let expected = expected.map(|(at, it)| (*at, (bytes(it.value).len() as u32, it.score.map(f64::from))));
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "variants, the oldest first");
        let values: BTreeSet<_> = self.known.variants.values().map(|variant| variant.value).collect();
        assert_eq!(values.len(), info.variants.len(), "no two have the same bytes");

        let (round, mut known) = (self.pool.round(), self.known.clone());
        known.join(&round);
        assert_eq!(
            known.missing().len() + known.made.len(),
            known.wanted as usize,
            "what is missing and what was made"
        );
        assert_eq!(info.missing, known.missing());
        let waits = known.retry_at > self.now && known.retry_at - self.now <= LONGEST_RETRY;
        let is_due = |entry: &u32| !(waits && known.failed.contains(entry));
        assert_eq!(info.due, info.missing.iter().copied().filter(is_due).collect::<Vec<_>>());
        let rest = info.missing.len() - info.due.len();
        assert!(rest == 0 || info.retry_at.is_some_and(|at| at > self.now), "what waits has its time ahead");
        assert_eq!(info.retry_at.is_some(), !info.missing.is_empty());
        assert_eq!((info.failures, info.duplicates, info.broken), (known.failures, known.duplicates, false));
        if let Some(at) = info.retry_at.filter(|_| rest > 0) {
            let stored = self.stored();
            let then = self.engine.look(0, KEY, &round, LONGEST_RETRY, stored.as_deref(), at).expect("known namespace");
            assert_eq!(then.due, info.missing, "everything is due once its time has come");
        }
    }
}
