//! Who goes when space is needed. One file a policy, named as in the literature, behind one small trait.

mod fifo;
mod list;
mod lru;

use crate::error::{Error, Result};
use crate::slab::Slab;

/// The contract between the engine and a policy. A policy keeps its order in the slots' links and in itself; it never
/// frees a slot.
///
/// The caller guarantees that every occupied slot was announced by `inserted` exactly once and not yet by `removed`.
pub(crate) trait Policy: Send {
    /// The slot was filled and takes part from now on.
    fn inserted(&mut self, slab: &mut Slab, id: u32);
    /// The slot was read.
    fn accessed(&mut self, slab: &mut Slab, id: u32);
    /// The slot is about to be freed or refilled.
    fn removed(&mut self, slab: &mut Slab, id: u32);
    /// The slot to evict next, or `None` when none takes part. Does not remove it.
    fn victim(&self, slab: &Slab) -> Option<u32>;
    /// Forgets everything. The caller guarantees that the slab is emptied as well.
    fn clear(&mut self);
    /// How many slots take part, after a look at the structure.
    fn check(&self, slab: &Slab) -> std::result::Result<u32, String>;
}

/// The policies by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum PolicyKind {
    /// Least recently used goes first.
    #[default]
    Lru,
    /// First in goes first out; reading changes nothing.
    Fifo,
}

impl PolicyKind {
    /// Every policy, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Lru, Self::Fifo];

    /// The name used in configuration, on the command line and in WIT.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Fifo => "fifo",
        }
    }

    /// The policy called `name`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the policies there are.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("there is no policy called {name:?}; there are: {known}"))
        })
    }

    pub(crate) fn build(self) -> Box<dyn Policy> {
        match self {
            Self::Lru => Box::new(lru::Lru::default()),
            Self::Fifo => Box::new(fifo::Fifo::default()),
        }
    }
}
