//! What a cache tries to have much of.

use crate::error::{Error, Result};

/// What a policy that weighs entries against each other tries to maximise. Policies that look at the order of accesses
/// only (`lru`, `fifo`, …) do not care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Objective {
    /// Hits and bytes both: an entry must be worth as much as all that go for it.
    #[default]
    Balanced,
    /// Hits: of two entries that are read equally often, the smaller one is kept.
    Objects,
    /// Bytes that come from the cache.
    Bytes,
    /// What the hits would have cost: every entry may be given a cost, in money or time.
    Cost,
}

impl Objective {
    /// Every objective, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Balanced, Self::Objects, Self::Bytes, Self::Cost];

    /// The name used in configuration, on the command line and in WIT.
    pub fn name(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Objects => "objects",
            Self::Bytes => "bytes",
            Self::Cost => "cost",
        }
    }

    /// The objective called `name`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the objectives there are.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|objective| objective.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::invalid(text!("there is no objective called \"", name, "\"; there are: ", known))
        })
    }

    /// What one hit on an entry is worth when it is weighed against others. Bytes are no part of it: whom an entry would
    /// replace has as many.
    #[inline]
    pub(crate) fn worth(self, cost: f32) -> f32 {
        match self {
            Self::Cost => cost,
            _ => 1.0,
        }
    }

    /// What one hit on an entry of `weight` adds to what is to be had much of.
    #[inline]
    pub(crate) fn gain(self, weight: u32, worth: f32) -> f32 {
        match self {
            Self::Bytes => weight as f32,
            _ => worth,
        }
    }

    /// Whether what an entry is worth is seen by the byte it takes: of two that are worth the same, the smaller is kept.
    pub(crate) fn is_by_the_byte(self) -> bool {
        matches!(self, Self::Objects | Self::Cost)
    }
}
