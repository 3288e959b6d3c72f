//! The built component in wasmtime, with an empty linker, every call by its name: nothing here knows a single function
//! of the contract, so what is tested is what any host sees.

mod values;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Compiled, Func, Linker, ResourceAny, Type, Val};
use wasmtime::{Engine, Store};

use crate::Host;

/// The interfaces whose functions are called.
pub const INTERFACES: [&str; 4] =
    ["larder:cache/cache@0.1.0", "larder:cache/keys@0.1.0", "larder:cache/pools@0.1.0", "larder:cache/prefetch@0.1.0"];

/// An instance of the component.
pub struct Component {
    store: Store<()>,
    functions: BTreeMap<String, Function>,
    /// The open cache, and whatever else was constructed; one of each type.
    resources: Vec<ResourceAny>,
}

struct Function {
    func: Func,
    params: Vec<(String, Type)>,
    result: Option<Type>,
}

/// Compiles once for each process; an instance then takes less than a millisecond.
fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let engine = Engine::default();
        Compiled::new(&engine, larder::COMPONENT).expect("the component compiles")
    })
}

impl Component {
    /// A new instance, with a cache and a predictor of the default settings.
    ///
    /// # Panics
    /// When the component cannot be instantiated without imports, or does not export the interfaces.
    #[must_use]
    pub fn new() -> Self {
        let component = compiled();
        let engine = component.engine();
        let mut store = Store::new(engine, ());
        let instance = Linker::new(engine).instantiate(&mut store, component).expect("instantiates without imports");
        let mut functions = BTreeMap::new();
        for name in INTERFACES {
            let (item, at) = component.get_export(None, name).expect("exports the interface");
            let ComponentItem::ComponentInstance(interface) = item else { panic!("{name} is an interface") };
            for (full_name, _) in interface.exports(engine) {
                let Some(export) = component.get_export_index(Some(&at), full_name) else { continue };
                let Some(func) = instance.get_func(&mut store, export) else { continue };
                let ty = func.ty(&store);
                let params = ty.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
                let result = ty.results().next();
                let before = functions.insert(short(full_name).to_owned(), Function { func, params, result });
                assert!(before.is_none(), "two functions are called {}", short(full_name));
            }
        }
        let mut host = Self { store, functions, resources: Vec::new() };
        for open in ["open", "prepare"] {
            assert_eq!(host.call(open, &json!({})), Value::Null, "the defaults are valid");
        }
        host
    }

    /// Keeps a resource in place of the one of its type.
    fn keep(&mut self, resource: ResourceAny) {
        if let Some(at) = self.resources.iter().position(|old| old.ty() == resource.ty()) {
            let old = self.resources.swap_remove(at);
            old.resource_drop(&mut self.store).expect("dropping a resource does not trap");
        }
        self.resources.push(resource);
    }
}

/// `get` of `[method]cache.get`, `hasher` of `[constructor]hasher`.
fn short(full_name: &str) -> &str {
    full_name.rsplit_once(['.', ']']).map_or(full_name, |(_, name)| name)
}

impl Default for Component {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for Component {
    fn name(&self) -> &'static str {
        "the component"
    }

    fn call(&mut self, name: &str, args: &Value) -> Value {
        let function = self.functions.get(name).unwrap_or_else(|| panic!("the contract has no call {name:?}"));
        let argument = |(name, ty): &(String, Type)| match ty {
            Type::Borrow(of) => {
                let kept = self.resources.iter().find(|resource| resource.ty() == *of);
                Val::Resource(*kept.expect("there is one to call"))
            }
            _ => values::to_val(args.get(name).unwrap_or(&Value::Null), ty),
        };
        let params: Vec<_> = function.params.iter().map(argument).collect();
        let mut results = vec![Val::Bool(false); usize::from(function.result.is_some())];
        let called = function.func.call(&mut self.store, &params, &mut results);
        called.unwrap_or_else(|trap| panic!("{name} {args} ended in a trap: {trap:#}"));
        match (results.pop(), &function.result) {
            (Some(Val::Result(Ok(Some(opened)))), _) if matches!(*opened, Val::Resource(_)) => {
                let Val::Resource(cache) = *opened else { return Value::Null };
                self.keep(cache);
                Value::Null
            }
            (Some(Val::Resource(constructed)), _) => {
                self.keep(constructed);
                Value::Null
            }
            (Some(result), Some(ty)) => values::to_json(result, ty),
            _ => Value::Null,
        }
    }
}
