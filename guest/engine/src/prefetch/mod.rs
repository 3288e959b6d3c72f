//! Prefetch: what will be asked for next, and what is to be fetched before it is.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `predictor` | who asked for what after what, and what that says of the next request |
//! | `model` | how often which key followed which, in bounded memory |
//! | `names` | the keys of a model, by number |
//! | `sessions` | who is where |
//! | `places` | finding any of these by hash |
//! | `queue` | what is to be fetched, by priority |
//! | `format` | models and queues as bytes |
//!
//! Predicting and fetching are two things: a host decides which predictions are worth a fetch, and may queue what nobody
//! predicted.

mod format;
mod model;
mod names;
mod places;
mod predictor;
mod queue;
mod sessions;

pub use predictor::{Learnt, Prediction, Predictor, PredictorConfig};
pub use queue::{Enqueued, Failed, MAX_ITEMS, Queue, QueueFigures, Queued, Taken, Wanted};
