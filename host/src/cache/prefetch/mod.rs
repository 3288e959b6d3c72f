//! Prefetch: what will be asked for next, and what is fetched before it is.
//!
//! A [`Predictor`] learns which key follows which; a queue, [`Prefetches`], holds what is to be fetched, by priority, for all
//! processes that share the store; a [`Fetcher`] gets it. What is fetched is stored as prefetched, and the statistics say how much of
//! it was asked for.
//!
//! ```
//! use larder::Cache;
//! use larder::generate::Variant;
//! use larder::prefetch::{Queued, Wanted, Work};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder().learn(true).open()?;
//! for _ in 0..3 {
//!     cache.get("/cart")?;
//!     cache.get("/checkout")?;
//! }
//! let next = cache.predictor()?.predict(&["/cart"], 1)?;
//! assert_eq!(next[0].key, b"/checkout");
//!
//! let queue = cache.prefetches()?;
//! let likely = next.into_iter().filter(|next| next.probability > 0.5);
//! queue.push_all(likely.map(|next| Wanted::new(next.key).priority(next.probability)))?;
//! let fetcher = |item: &Queued| Ok(Variant::new(format!("the page {}", item.key_text())));
//! let report = queue.run(&fetcher, &Work::new()?)?;
//! assert_eq!(report.fetched, 1);
//! assert!(cache.get("/checkout")?.is_some());
//! assert_eq!(cache.stats()?.memory.counters.prefetch_hits, 1);
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `learner` | the predictor of a namespace: its guest, and what is kept of it |
//! | `predictor` | asking it |
//! | `queue` | the queue of a namespace |
//! | `worker` | fetching what is queued: a batch, or as it comes |

mod learner;
mod predictor;
mod queue;
mod worker;

pub use super::worker::Worker;
pub use predictor::{Learnt, Prediction, Predictor};
pub use queue::{Enqueued, Failed, Prefetches, QueueFigures, Queued, Taken, Wanted};
pub use worker::{Fetcher, Report, Work};

pub(super) use learner::{Learner, Learners};

/// The namespace of queues; the key is the name of theirs.
pub(super) const QUEUES: &str = "larder.prefetch";

/// The namespace of what predictors learnt.
pub(super) const MODELS: &str = "larder.prediction";
