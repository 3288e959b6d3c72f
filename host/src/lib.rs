//! Larder for Rust: placeholder while the host grows.
pub mod component;
mod error;
mod hash;
mod store;
pub use error::{Error, ErrorKind, Result};
