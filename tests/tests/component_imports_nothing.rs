//! Fears that the component begins to ask its host for something, grows fat, or loses its contract.

use larder::COMPONENT;
use wasmtime::Engine;
use wasmtime::component::Component;
use wit_component::DecodedWasm;

/// 735 KB.
const LARGEST: usize = 752_640;

#[test]
fn the_component_has_no_import() {
    let engine = Engine::default();
    let component = Component::new(&engine, COMPONENT).expect("the component compiles");
    let ty = component.component_type();
    let imports: Vec<_> = ty.imports(&engine).map(|(name, _)| name).collect();
    assert!(imports.is_empty(), "the component imports {imports:?}");
}

#[test]
fn the_component_stays_small() {
    let size = COMPONENT.len();
    assert!(size <= LARGEST, "the component has {size} bytes, {LARGEST} are allowed");
}

#[test]
fn the_component_carries_its_contract() {
    let decoded = wit_component::decode(COMPONENT).expect("the component can be read");
    let DecodedWasm::Component(resolve, world) = decoded else { panic!("it is a component") };
    let world = &resolve.worlds[world];
    assert_eq!(world.imports.len(), 0, "the world imports nothing");
    let exports: Vec<_> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    assert_eq!(
        exports,
        ["types", "cache", "simulation", "keys", "pools", "prefetch"].map(|name| format!("larder:cache/{name}@0.1.0"))
    );
    let packages: Vec<_> = resolve.packages.iter().map(|(_, package)| package.name.to_string()).collect();
    assert!(packages.contains(&"larder:cache@0.1.0".to_owned()), "decoded packages: {packages:?}");
}
