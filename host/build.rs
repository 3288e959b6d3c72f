//! Builds the component from `guest/` and `wit/`, precompiles it for the target machine, and leaves three files in
//! `OUT_DIR` for `src/component`: `larder.wasm`, `larder.cwasm` and `larder.wit`.

#[path = "src/component/settings.rs"]
mod settings;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use wit_component::{ComponentEncoder, DecodedWasm, OutputToString, WitPrinter};

const TARGET: &str = "wasm32-unknown-unknown";

type Failure = Box<dyn std::error::Error>;

fn main() {
    if let Err(failure) = build() {
        for line in failure.to_string().lines() {
            println!("cargo::error={line}");
        }
        exit(1);
    }
}

fn build() -> Result<(), Failure> {
    let root = var("CARGO_MANIFEST_DIR").join("..").canonicalize()?;
    for input in ["guest/engine/src", "guest/engine/Cargo.toml", "guest/component", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/component/settings.rs");

    ensure_target()?;
    let component = encode(&fs::read(build_module(&root)?)?)?;
    let out = var("OUT_DIR");
    fs::write(out.join("larder.wit"), print_wit(&root.join("wit"))?)?;
    fs::write(out.join("larder.cwasm"), precompile(&component)?)?;
    fs::write(out.join("larder.wasm"), component)?;
    Ok(())
}

fn var(name: &str) -> PathBuf {
    env::var_os(name).unwrap_or_default().into()
}

/// Adds the Wasm target through rustup if it is missing and rustup is there.
fn ensure_target() -> Result<(), Failure> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let listed = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&listed.stdout).trim());
    if listed.status.success() && libdir.is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).output();
    match added {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "larder's component needs the Rust target {TARGET}, and `rustup target add {TARGET}` failed:\n{}\n\
             Add the target by hand and build again.",
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into()),
        Err(_) => Err(format!(
            "larder's component needs the Rust target {TARGET}, which this toolchain lacks, and there is no rustup to \
             add it.\nInstall the standard library for {TARGET} (Debian: libstd-rust-dev-wasm32), or use rustup."
        )
        .into()),
    }
}

/// Builds the core module and answers where it is. One target directory serves all profiles, so that a debug and a
/// release build share it.
fn build_module(root: &Path) -> Result<PathBuf, Failure> {
    let out = var("OUT_DIR");
    let target = out.ancestors().nth(4).unwrap_or(&out).join("guest");
    let home = env::var_os("CARGO_HOME").map_or_else(|| var("HOME").join(".cargo"), PathBuf::from);
    let mut flags = Vec::new();
    for (from, to) in [(root, "/larder"), (home.as_path(), "/cargo")] {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--package", "larder-component", "--profile", "guest", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&target);
    // What the outer build was told holds for its own target, and clippy's wrapper would check instead of build.
    for name in ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"] {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(format!("building the component failed:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(target.join(TARGET).join("guest").join("larder_component.wasm"))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, Failure> {
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    // With what it comes from.
    Ok(encoded.map_err(|e| format!("{e:#}"))?)
}

/// The contract with its documentation, as one text.
fn print_wit(dir: &Path) -> Result<String, Failure> {
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(dir)?;
    let decoded = DecodedWasm::WitPackage(resolve, package);
    let mut printer = WitPrinter::new(OutputToString::default());
    printer.print(decoded.resolve(), package, &[])?;
    Ok(printer.output.to_string())
}

fn precompile(component: &[u8]) -> Result<Vec<u8>, Failure> {
    let (target, host) = (env::var("TARGET")?, env::var("HOST")?);
    let mut config = settings::settings();
    if target != host {
        config.target(&target)?;
    }
    Ok(wasmtime::Engine::new(&config)?.precompile_component(component)?)
}
