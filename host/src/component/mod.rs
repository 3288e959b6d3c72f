//! The embedded component: the portable bytes, the form precompiled for this machine, and its WIT.

pub(crate) mod bindings;
mod epoch;
mod limits;
mod settings;

pub(crate) use epoch::DEADLINE_TICKS;
pub(crate) use limits::Limits;

use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

use bindings::{Larder, LarderPre};

/// The component, as any WebAssembly host can load it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/larder.wasm"));

/// The component's contract, with its documentation.
pub const WIT: &str = include_str!(concat!(env!("OUT_DIR"), "/larder.wit"));

static PRECOMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/larder.cwasm"));

/// The component, ready to be instantiated. Loaded once for each process.
pub(crate) struct Loaded {
    pre: LarderPre<Limits>,
}

impl Loaded {
    pub(crate) fn get() -> wasmtime::Result<Arc<Self>> {
        static LOADED: OnceLock<Arc<Loaded>> = OnceLock::new();
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded.clone());
        }
        let engine = Engine::new(&settings::settings())?;
        let component = load(&engine, PRECOMPILED)?;
        // An empty linker: the component imports nothing.
        let pre: InstancePre<Limits> = Linker::new(&engine).instantiate_pre(&component)?;
        let loaded = Arc::new(Self { pre: LarderPre::new(pre)? });
        Ok(LOADED
            .get_or_init(|| {
                epoch::start(engine);
                loaded
            })
            .clone())
    }

    pub(crate) fn instantiate(&self, limits: Limits) -> wasmtime::Result<(Store<Limits>, Larder)> {
        let mut store = Store::new(self.pre.engine(), limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(DEADLINE_TICKS);
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        let instance = self.pre.instantiate(&mut store)?;
        Ok((store, instance))
    }
}

/// The most bytes that one call may hand to the host. A guest that claims more ends in a trap instead of an allocation.
const HOSTCALL_FUEL: usize = 2 << 30;

/// The precompiled form if this machine takes it; otherwise the portable one, compiled now.
fn load(engine: &Engine, precompiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: these bytes come from `precompile_component` in our build script and were embedded at build time; wasmtime
    // itself checks that version, settings and processor features match.
    match unsafe { Component::deserialize(engine, precompiled) } {
        Ok(component) => Ok(component),
        Err(reason) => {
            tracing::warn!("the precompiled component does not fit this machine and is compiled anew: {reason:#}");
            Component::new(engine, COMPONENT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precompiled_form_that_does_not_fit_is_compiled_anew() {
        let engine = Engine::new(&settings::settings()).expect("settings are valid");
        let foreign = [&PRECOMPILED[..64], &[0; 64][..]].concat();
        let component = load(&engine, &foreign).expect("falls back to compiling");
        let pre = Linker::<Limits>::new(&engine).instantiate_pre(&component).expect("imports nothing");
        LarderPre::new(pre).expect("exports the contract");
    }
}
