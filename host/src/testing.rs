//! For tests that break things on purpose: traps at any point, memory denied, another component. Not part of the API.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::Builder;

/// Asked at a point where a test may want something to fail.
pub type Ask = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a test wants to go wrong.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Asked at the entry of every function of the component and at every turn of a loop; true stops the call.
    pub interrupt: Option<Ask>,
    /// Asked when the component wants more memory; true denies it.
    pub deny_memory: Option<Ask>,
    /// Told how many bytes of linear memory the guest has that grew last.
    pub linear_memory: Option<Arc<AtomicUsize>>,
    /// Ticks of a second after which a call is stopped, instead of 20.
    pub deadline_ticks: Option<u64>,
    /// Where the files lie that tell how short memory is, instead of `/`.
    pub pressure: Option<PathBuf>,
    /// Run instead of the embedded component.
    pub component: Option<Arc<[u8]>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("interrupt", &self.interrupt.is_some())
            .field("deny_memory", &self.deny_memory.is_some())
            .field("linear_memory", &self.linear_memory)
            .field("deadline_ticks", &self.deadline_ticks)
            .field("pressure", &self.pressure)
            .field("component", &self.component.as_ref().map(|bytes| bytes.len()))
            .finish()
    }
}

/// A cache in which things go wrong as `hooks` say.
pub fn with_hooks(builder: Builder, hooks: Hooks) -> Builder {
    builder.hooks(hooks)
}
