// How wasmtime runs the component. Shared by `build.rs`, which precompiles it, and the host, which loads the result:
// wasmtime refuses a precompiled form whose settings differ.

/// The settings of the engine that compiles and runs the component.
pub(crate) fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    // Neither is looked at when a call ends in a trap, and both cost start-up time.
    config.generate_address_map(false);
    config.wasm_backtrace_max_frames(None);
    config
}
