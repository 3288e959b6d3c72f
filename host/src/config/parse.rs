//! Values of settings.

use super::units::size;
use crate::cache::{Codec, Durability, Strategy};
use crate::depend::RefreshMode;

type Result<T> = std::result::Result<T, String>;

pub(super) fn number(text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number"))
}

pub(super) fn small_size(text: &str) -> Result<u32> {
    u32::try_from(size(text)?).map_err(|_| format!("{text:?} is more than 4 GiB"))
}

pub(super) fn strategy(text: &str) -> Result<Strategy> {
    match text {
        "shared" => Ok(Strategy::Shared),
        "process-isolated" => Ok(Strategy::ProcessIsolated),
        "memory" => Ok(Strategy::Memory),
        "read-only" => Ok(Strategy::ReadOnly),
        _ => Err(format!("there is no strategy {text:?}; there are shared, process-isolated, memory and read-only")),
    }
}

pub(super) fn refresh_mode(text: &str) -> Result<RefreshMode> {
    match text {
        "auto" => Ok(RefreshMode::Auto),
        "files" => Ok(RefreshMode::Files),
        "always" => Ok(RefreshMode::Always),
        "manual" => Ok(RefreshMode::Manual),
        _ => Err(format!("there is no refresh mode {text:?}; there are auto, files, always and manual")),
    }
}

pub(super) fn switch(text: &str) -> Result<bool> {
    match text {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither on nor off")),
    }
}

pub(super) fn codec(text: &str) -> Result<Codec> {
    match text {
        "none" => Ok(Codec::None),
        "deflate" => Ok(Codec::Deflate),
        "lz4" => Ok(Codec::Lz4),
        "auto" => Ok(Codec::Auto),
        _ => Err(format!("there is no codec {text:?}; there are none, deflate, lz4 and auto")),
    }
}

/// Parses a durability by name.
///
/// # Errors
/// A sentence that names those there are.
pub fn durability(text: &str) -> Result<Durability> {
    match text {
        "memory" => Ok(Durability::Memory),
        "process" => Ok(Durability::Process),
        "sync" => Ok(Durability::Sync),
        _ => Err(format!("there is no durability {text:?}; there are memory, process and sync")),
    }
}
