//! Larder for Rust: placeholder while the host grows.
pub mod component;
