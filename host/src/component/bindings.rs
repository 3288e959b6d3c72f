//! The contract's types as wasmtime's macro makes them from `wit/`.

#![allow(missing_docs, clippy::unwrap_used, clippy::undocumented_unsafe_blocks, reason = "generated")]

wasmtime::component::bindgen!({ path: "../wit", world: "larder" });

pub(crate) use exports::larder::cache::cache as api;
pub(crate) use exports::larder::cache::types;
