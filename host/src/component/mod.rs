//! The embedded component: the portable bytes, the form precompiled for this machine, and its WIT.

pub(crate) mod bindings;
mod epoch;
mod limits;
mod settings;

use epoch::DEADLINE_TICKS;
pub(crate) use limits::{Limits, Room};

use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::testing::Hooks;
use bindings::{Larder, LarderPre};

/// The component, as any WebAssembly host can load it.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/larder.wasm"));

/// The component's contract, with its documentation.
pub const WIT: &str = include_str!(concat!(env!("OUT_DIR"), "/larder.wit"));

static PRECOMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/larder.cwasm"));

/// The component, ready to be instantiated. The embedded one is loaded once for each process.
pub(crate) struct Loaded {
    pre: LarderPre<Limits>,
    hooks: Hooks,
}

impl Loaded {
    /// The embedded component, or what a test wants instead.
    pub(crate) fn with_hooks(hooks: &Hooks) -> wasmtime::Result<Arc<Self>> {
        let loaded = Self::get()?;
        let Hooks {
            interrupt: None,
            deny_memory: None,
            linear_memory: None,
            deadline_ticks: None,
            component: None,
            ..
        } = hooks
        else {
            let engine = loaded.pre.engine();
            let pre = match &hooks.component {
                Some(bytes) => {
                    let component = Component::new(engine, bytes)?;
                    LarderPre::new(Linker::new(engine).instantiate_pre(&component)?)?
                }
                None => loaded.pre.clone(),
            };
            return Ok(Arc::new(Self { pre, hooks: hooks.clone() }));
        };
        Ok(loaded)
    }

    fn get() -> wasmtime::Result<Arc<Self>> {
        static LOADED: OnceLock<Arc<Loaded>> = OnceLock::new();
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded.clone());
        }
        let engine = Engine::new(&settings::settings())?;
        let component = load(&engine, PRECOMPILED)?;
        // An empty linker: the component imports nothing.
        let pre: InstancePre<Limits> = Linker::new(&engine).instantiate_pre(&component)?;
        let loaded = Arc::new(Self { pre: LarderPre::new(pre)?, hooks: Hooks::default() });
        Ok(LOADED
            .get_or_init(|| {
                epoch::start(engine);
                loaded
            })
            .clone())
    }

    /// A new guest.
    pub(crate) fn instantiate(&self, room: Room) -> wasmtime::Result<(Store<Limits>, Larder)> {
        let mut store = Store::new(self.pre.engine(), Limits::new(room.memory, &self.hooks));
        store.limiter(|limits| limits);
        if let Some(stop) = self.hooks.interrupt.clone() {
            store.epoch_deadline_callback(move |_| match stop() {
                true => Err(wasmtime::Trap::Interrupt.into()),
                false => Ok(UpdateDeadline::Continue(0)),
            });
        }
        store.set_epoch_deadline(self.deadline());
        store.set_hostcall_fuel(room.answer);
        let instance = self.pre.instantiate(&mut store)?;
        Ok((store, instance))
    }

    /// After how many ticks of the epoch a call is stopped.
    #[inline]
    pub(crate) fn deadline(&self) -> u64 {
        match self.hooks.interrupt {
            Some(_) => 0,
            None => self.hooks.deadline_ticks.unwrap_or(DEADLINE_TICKS),
        }
    }
}

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
