//! Pools: sets of variants that grow, from which one is picked at random.
//!
//! A pool has dimensions, each with values; a combination is one value of each. A round gives every combination some new
//! variants, which share a generation: the round's beginning in Unix seconds. Beyond a cap the oldest variants go.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `plan` | dimensions and settings, with their limits |
//! | `space` | the combinations of a plan, counted, numbered and named |
//! | `pool` | the state of a pool: its plan, its round, what earlier plans left |
//! | `combination` | the state of a combination: its variants, and what is missing of a round |
//! | `format` | both as bytes |
//! | `picker` | which variant is picked |
//! | `figures` | statistics |
//!
//! All of it is bytes to bytes; [`Engine`](crate::Engine) keeps combinations and variants as entries.

mod combination;
mod figures;
mod format;
mod picker;
mod plan;
mod pool;
mod space;

pub use combination::{CombinationInfo, NewVariant, Round, VariantInfo};
pub use figures::{Figures, Tally};
pub use picker::Choice;
pub use plan::{Dimension, MAX_COMBINATIONS, Plan, Value};
pub use pool::Pool;
pub use space::{Combination, Page, variant_key};

pub(crate) use combination::{State, info_of};
pub(crate) use format::Lines;
pub(crate) use picker::Picker;
pub(crate) use space::write_variant_key;

/// Content type of the entries that hold what is known of a combination.
pub const CONTENT_TYPE: &str = "application/vnd.larder.combination";
