//! What a cache should be, done to harm its host. The name of a key, a policy or a namespace says how: see [`Harm`].
#![cfg(target_family = "wasm")]

use std::arch::wasm32;
use std::hint::black_box;

use bindings::exports::larder::cache::cache::{
    BanRule, Banned, Cache, Carried, Counted, EntryInfo, Estimate, Guest, GuestCache, Hit, Item, NamespaceDefault, Page, SetOption, Setting,
    Statistics, Stored, Summary, Times,
};
use bindings::exports::larder::cache::cache::CacheBorrow;
use bindings::exports::larder::cache::{keys, pools, prefetch, simulation};
use bindings::exports::larder::cache::types::{Codec, Durability, Error, ErrorCode, Freshness};

mod bindings {
    #![allow(missing_docs, clippy::all, unsafe_op_in_unsafe_fn)]
    wit_bindgen::generate!({ path: "../../wit", world: "larder", generate_all });
    export!(Component with_types_in self);
    use super::Component;
}

struct Component;

/// An instance, and how its policy says to do harm.
struct Hostile(String);

/// Bytes that do not exist, or exist once and are handed out many times: never freed, because no call returns from it.
fn bytes_at(address: usize, len: usize) -> Vec<u8> {
    // SAFETY: none. That is the point.
    unsafe { Vec::from_raw_parts(address as *mut u8, len, len) }
}

/// So many bytes that are really there.
fn bytes(len: usize) -> Vec<u8> {
    vec![b'x'; len]
}

#[inline(never)]
#[allow(unconditional_recursion, reason = "it is to end the stack")]
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    recurse(depth + 1) + here[(depth % 16) as usize]
}

fn refusal(message: Vec<u8>) -> Error {
    // SAFETY: none, as above.
    Error { code: ErrorCode::Internal, message: unsafe { String::from_utf8_unchecked(message) } }
}

fn hit(value: Vec<u8>) -> Hit {
    Hit {
        value,
        content_type: String::new(),
        version: 1,
        created: 0,
        expires: None,
        freshness: Freshness::Fresh,
        renew: false,
        depends: false,
    }
}

fn entry(key: Vec<u8>) -> EntryInfo {
    EntryInfo {
        namespace: "default".into(),
        key,
        content_type: String::new(),
        metadata: Vec::new(),
        tags: Vec::new(),
        dependencies: Vec::new(),
        version: 1,
        created: 0,
        accessed: 0,
        expires: None,
        gone: None,
        idle_timeout: None,
        stale_window: None,
        cost: None,
        prefetched: false,
        hits: 0,
        value_size: 0,
        size: 0,
        codec: Codec::None,
        durability: Durability::Memory,
    }
}

/// The harms that need no answer. Those that come back have done their worst, or there is none of that name.
fn harm(name: &[u8]) {
    match name {
        b"endless loop" => loop {
            black_box(());
        },
        b"memory bomb" => loop {
            let grown = wasm32::memory_grow::<0>(16);
            if grown == usize::MAX {
                wasm32::unreachable();
            }
            // SAFETY: the pages are there since they were grown.
            unsafe { ((grown << 16) as *mut u8).write_bytes(1, 16 << 16) };
        },
        b"memory asked for without end" => loop {
            black_box(wasm32::memory_grow::<0>(1));
        },
        b"a million handles" => {
            for _ in 0..1_000_000 {
                std::mem::forget(Cache::new(Hostile(String::new())));
            }
        }
        b"deep recursion" => {
            black_box(recurse(0));
        }
        b"unreachable" => wasm32::unreachable(),
        b"out of bounds" => {
            // SAFETY: none, as above.
            black_box(unsafe { (0xFFFF_FFF0 as *const u64).read_volatile() });
        }
        _ => {}
    }
}

fn find(key: &[u8]) -> Result<Option<Hit>, Error> {
    harm(key);
    match key {
        b"claims 1 GiB" => Ok(Some(hit(bytes_at(1 << 16, 1 << 30)))),
        b"claims 4 GiB" => Ok(Some(hit(bytes_at(8, 0x7FFF_FFFF)))),
        b"beyond the end" => Ok(Some(hit(bytes_at(0xFFFF_FFF0, 64)))),
        b"8 MiB" => Ok(Some(hit(bytes(8 << 20)))),
        b"text of 1 GiB" => Err(refusal(bytes_at(1 << 16, 1 << 30))),
        b"text of 40 MiB" => Err(refusal(bytes(40 << 20))),
        b"text that is none" => Err(refusal(vec![0xFF; 100])),
        _ => Ok(None),
    }
}

fn nothing<T>() -> Result<T, Error> {
    Err(refusal(b"this component keeps nothing".to_vec()))
}

impl Guest for Component {
    type Cache = Hostile;

    fn matches(_: Vec<u8>, _: Vec<u8>) -> bool {
        false
    }

    fn describe(_: Vec<u8>) -> Result<EntryInfo, Error> {
        nothing()
    }

    fn verify(_: Vec<u8>, _: u32) -> Result<EntryInfo, Error> {
        nothing()
    }
}

/// Nobody simulates with a hostile guest.
impl simulation::Guest for Component {
    type Simulation = Nobody;

    fn policies() -> Vec<String> {
        Vec::new()
    }
}

struct Nobody;

impl simulation::GuestSimulation for Nobody {
    fn open(_: String, _: String, _: simulation::Unit, _: u64, _: u64) -> Result<simulation::Simulation, Error> {
        nothing()
    }

    fn requests(&self, _: Vec<u64>, _: Vec<u32>) {}

    fn totals(&self) -> simulation::Totals {
        simulation::Totals { requests: 0, hits: 0, bytes: 0, bytes_hit: 0, refused: 0 }
    }
}

/// Nor makes keys with one.
impl keys::Guest for Component {
    type Hasher = Nobody;

    fn parts(_: Vec<Vec<u8>>) -> Result<keys::Made, Error> {
        nothing()
    }

    fn dictionary(_: Vec<keys::Token>) -> Result<keys::Made, Error> {
        nothing()
    }

    fn structured(_: Vec<keys::Token>) -> Result<keys::Made, Error> {
        nothing()
    }

    fn path(_: Vec<u8>, _: keys::PathState) -> Result<keys::Made, Error> {
        nothing()
    }

    fn endpoint(_: String, _: Vec<(String, String)>) -> Result<keys::Made, Error> {
        nothing()
    }

    fn text(_: String, _: Vec<keys::Token>, _: Vec<u8>, _: Vec<keys::TextSetting>) -> Result<keys::Made, Error> {
        nothing()
    }

    fn text_hashed(
        _: String,
        _: Vec<keys::Token>,
        _: u64,
        _: Vec<u8>,
        _: Vec<keys::TextSetting>,
    ) -> Result<keys::Made, Error> {
        nothing()
    }

    fn operation_prefix(_: String) -> Result<Vec<u8>, Error> {
        nothing()
    }
}

impl keys::GuestHasher for Nobody {
    fn new() -> Self {
        Nobody
    }

    fn update(&self, _: Vec<u8>) {}

    fn length(&self) -> u64 {
        0
    }

    fn digest(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Nor has it do anything ahead.
impl prefetch::Guest for Component {
    type Predictor = Nobody;

    fn enqueue(
        _: Option<Vec<u8>>,
        _: Vec<prefetch::Wanted>,
        _: u32,
        _: u64,
    ) -> Result<prefetch::Enqueued, Error> {
        nothing()
    }

    fn take(_: Vec<u8>, _: u32, _: u64, _: u64) -> Result<prefetch::Taken, Error> {
        nothing()
    }

    fn finish(_: Vec<u8>, _: Vec<Vec<u8>>, _: bool) -> Result<prefetch::Removed, Error> {
        nothing()
    }

    fn fail_fetch(
        _: Vec<u8>,
        _: Vec<u8>,
        _: String,
        _: u64,
        _: u64,
    ) -> Result<(Vec<u8>, prefetch::Failed), Error> {
        nothing()
    }

    fn withdraw(_: Vec<u8>, _: Option<Vec<Vec<u8>>>) -> Result<prefetch::Removed, Error> {
        nothing()
    }

    fn queued_items(_: Vec<u8>, _: u32) -> Result<Vec<prefetch::Queued>, Error> {
        nothing()
    }

    fn figures(_: Vec<u8>, _: u64) -> Result<prefetch::QueueFigures, Error> {
        nothing()
    }
}

impl prefetch::GuestPredictor for Nobody {
    fn prepare(_: Vec<prefetch::PredictorSetting>) -> Result<prefetch::Predictor, Error> {
        nothing()
    }

    fn observe(&self, _: u64, _: Vec<u8>, _: u64) {}

    fn predict(&self, _: Vec<Vec<u8>>, _: u32) -> Vec<prefetch::Prediction> {
        Vec::new()
    }

    fn next(&self, _: u64, _: u32, _: u64) -> Vec<prefetch::Prediction> {
        Vec::new()
    }

    fn outlook(&self, _: u32, _: u64) -> Vec<prefetch::Prediction> {
        Vec::new()
    }

    fn learnt(&self) -> prefetch::Learnt {
        prefetch::Learnt { keys: 0, contexts: 0, bytes: 0, observed: 0, guessed: 0, foreseen: 0, unsaved: 0 }
    }

    fn save(&self, _: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn load(&self, _: Vec<u8>) -> Result<(), Error> {
        nothing()
    }

    fn unlearn(&self) {}
}

/// Nor keeps pools in one.
impl pools::Guest for Component {
    fn define(_: Option<Vec<u8>>, _: Vec<pools::Dimension>, _: Vec<pools::PlanOption>) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn inspect_pool(_: Vec<u8>) -> Result<pools::PoolInfo, Error> {
        nothing()
    }

    fn combination_key(_: Vec<u8>, _: Vec<(String, String)>) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn combinations(
        _: Vec<u8>,
        _: Vec<(String, String)>,
        _: bool,
        _: u64,
        _: u32,
    ) -> Result<pools::CombinationsPage, Error> {
        nothing()
    }

    fn begin(_: Vec<u8>, _: u64, _: bool) -> Result<Option<Vec<u8>>, Error> {
        nothing()
    }

    fn settle(_: Vec<u8>, _: u64) -> Result<Option<Vec<u8>>, Error> {
        nothing()
    }

    fn clear_pool(_: Vec<u8>, _: bool) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn statistics(_: Vec<u8>, _: pools::Tally) -> Result<pools::PoolStatistics, Error> {
        nothing()
    }

    fn variant_key(_: Vec<u8>, _: u64, _: u32) -> Vec<u8> {
        Vec::new()
    }

    fn pick(
        _: CacheBorrow<'_>,
        _: u32,
        _: Vec<u8>,
        _: pools::Choice,
        _: Option<Vec<u8>>,
        _: u64,
    ) -> Result<Option<pools::Picked>, Error> {
        nothing()
    }

    fn add_variant(
        _: CacheBorrow<'_>,
        _: u32,
        _: Vec<u8>,
        _: pools::Round,
        _: pools::NewVariant,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<pools::Added, Error> {
        nothing()
    }

    fn fail(
        _: CacheBorrow<'_>,
        _: u32,
        _: Vec<u8>,
        _: pools::Round,
        _: (u64, u32),
        _: String,
        _: u64,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        nothing()
    }

    fn lose(
        _: CacheBorrow<'_>,
        _: u32,
        _: Vec<u8>,
        _: (u64, u32),
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        nothing()
    }

    fn look(
        _: CacheBorrow<'_>,
        _: u32,
        _: Vec<u8>,
        _: pools::Round,
        _: u64,
        _: Option<Vec<u8>>,
        _: u64,
    ) -> Result<pools::CombinationInfo, Error> {
        nothing()
    }
}

impl GuestCache for Hostile {
    fn open(given: Vec<Setting>) -> Result<Cache, Error> {
        let policy = given.into_iter().find_map(|setting| match setting {
            Setting::Policy(name) => Some(name),
            _ => None,
        });
        let policy = policy.unwrap_or_default();
        harm(policy.as_bytes());
        Ok(Cache::new(Hostile(policy)))
    }

    fn namespace(&self, name: String) -> Result<u32, Error> {
        harm(name.as_bytes());
        Ok(0)
    }

    fn set_defaults(&self, _: u32, _: Vec<NamespaceDefault>) -> Result<(), Error> {
        Ok(())
    }

    fn get(&self, _: u32, key: Vec<u8>, _: u64) -> Result<Option<Hit>, Error> {
        find(&key)
    }

    fn get_short(&self, _: u32, len: u8, a: u64, b: u64, c: u64, d: u64, _: u64) -> Result<Option<Hit>, Error> {
        let key: Vec<u8> = [a, b, c, d].iter().flat_map(|word| word.to_le_bytes()).take(len.into()).collect();
        find(&key)
    }

    fn admit(&self, _: u32, key: Vec<u8>, _: Vec<u8>, _: u64) -> Result<Hit, Error> {
        harm(&key);
        nothing()
    }

    fn exists(&self, _: u32, key: Vec<u8>, _: u64) -> Result<bool, Error> {
        harm(&key);
        Ok(false)
    }

    fn ttl(&self, _: u32, _: Vec<u8>, _: u64) -> Result<Option<Times>, Error> {
        nothing()
    }

    fn inspect(&self, _: u32, key: Vec<u8>, _: u64) -> Result<Option<EntryInfo>, Error> {
        harm(&key);
        Ok(None)
    }

    fn set(
        &self,
        _: u32,
        key: Vec<u8>,
        _: Vec<u8>,
        _: Vec<SetOption>,
        _: u64,
        sequence: Option<u64>,
    ) -> Result<Stored, Error> {
        harm(&key);
        Ok(Stored { version: sequence.unwrap_or(1), gone: None, record: Vec::new() })
    }

    fn restore(&self, _: u32, _: Vec<u8>, _: u64, _: Option<u64>) -> Result<Stored, Error> {
        nothing()
    }

    fn add(
        &self,
        _: u32,
        key: Vec<u8>,
        _: Vec<u8>,
        _: Vec<SetOption>,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        harm(&key);
        Ok(None)
    }

    fn replace(
        &self,
        _: u32,
        _: Vec<u8>,
        _: Vec<u8>,
        _: Vec<SetOption>,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        nothing()
    }

    fn compare_and_set(
        &self,
        _: u32,
        _: Vec<u8>,
        _: u64,
        _: Vec<u8>,
        _: Vec<SetOption>,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        nothing()
    }

    fn increment(
        &self,
        _: u32,
        _: Vec<u8>,
        _: i64,
        _: Vec<SetOption>,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Counted, Error> {
        nothing()
    }

    fn touch(
        &self,
        _: u32,
        _: Vec<u8>,
        _: Option<u64>,
        _: Option<Vec<u8>>,
        _: u64,
        _: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        nothing()
    }

    fn delete(&self, _: u32, key: Vec<u8>, _: Option<Vec<u8>>, _: u64) -> Result<bool, Error> {
        harm(&key);
        Ok(false)
    }

    fn forget(&self, _: u32, _: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }

    fn ban(&self, _: Option<u32>, _: Vec<BanRule>, _: u64, _: Option<u64>) -> Result<Banned, Error> {
        nothing()
    }

    fn take_bans(&self, _: Vec<u8>) -> Result<(), Error> {
        nothing()
    }

    fn reap_bans(&self, _: u64, _: u64, _: Option<u64>) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn is_banned(&self, _: Vec<u8>) -> Result<bool, Error> {
        nothing()
    }

    fn bans(&self) -> u32 {
        0
    }

    fn resize(&self, _: u64, _: u64) -> u32 {
        0
    }

    fn carry(&self, _: u32, _: u32, _: u64) -> Carried {
        Carried { records: Vec::new(), next: None }
    }

    fn get_many(&self, _: u32, _: Vec<Vec<u8>>, _: u64) -> Result<Vec<Option<Hit>>, Error> {
        nothing()
    }

    fn set_many(&self, _: u32, _: Vec<Item>, _: u64, _: Option<u64>) -> Vec<Result<Stored, Error>> {
        Vec::new()
    }

    fn delete_many(&self, _: u32, _: Vec<Vec<u8>>, _: u64) -> Result<Vec<bool>, Error> {
        nothing()
    }

    fn scan(&self, _: Option<u32>, _: Vec<u8>, cursor: u32, _: u32, _: u64) -> Result<Page, Error> {
        match self.0.as_str() {
            "a 1 GiB list" => {
                let one = bytes(1 << 20).leak().as_ptr() as usize;
                let entries = (0..1024).map(|_| entry(bytes_at(one, 1 << 20))).collect();
                Ok(Page { entries, next: None })
            }
            "a list of 3 GiB" => {
                let one = bytes(1 << 20).leak().as_ptr() as usize;
                let entries = (0..3 * 1024).map(|_| entry(bytes_at(one, 1 << 20))).collect();
                Ok(Page { entries, next: None })
            }
            "a scan without end" => Ok(Page { entries: Vec::new(), next: Some(cursor.wrapping_add(1)) }),
            _ => Ok(Page { entries: Vec::new(), next: None }),
        }
    }

    fn clear(&self, _: Option<u32>) -> Result<u32, Error> {
        Ok(u32::MAX)
    }

    fn cleanup(&self, _: u64, _: u32) -> u32 {
        harm(self.0.strip_prefix("cleanup: ").unwrap_or_default().as_bytes());
        u32::MAX
    }

    fn maintain(&self, _: u64, _: u32) -> u32 {
        harm(self.0.strip_prefix("maintain: ").unwrap_or_default().as_bytes());
        u32::MAX
    }

    fn next_expiry(&self) -> Option<u64> {
        None
    }

    fn set_policy(&self, _: String) -> Result<(), Error> {
        nothing()
    }

    fn evict_unlikely(&self, _: u32, _: Vec<(Vec<u8>, f64)>, _: u32, _: u64) -> Result<u32, Error> {
        Ok(u32::MAX)
    }

    fn expect(&self, _: u32, _: Vec<(Vec<u8>, f64)>, _: u64) -> Result<u32, Error> {
        Ok(u32::MAX)
    }

    fn evict(&self, _: u32) -> u32 {
        u32::MAX
    }

    fn advice(&self) -> Vec<Estimate> {
        Vec::new()
    }

    fn stats(&self, _: Option<u32>) -> Result<Statistics, Error> {
        nothing()
    }

    fn judge(&self, _: Vec<Summary>, _: u64, _: u64) -> Vec<u32> {
        vec![u32::MAX; 1_000]
    }

    fn check(&self) -> Result<(), Error> {
        harm(self.0.strip_prefix("check: ").unwrap_or_default().as_bytes());
        Ok(())
    }
}
