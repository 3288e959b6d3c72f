//! A shard: one guest in one wasmtime Store, with the entries of its share of the keys.
//!
//! A trap ends the guest and nothing else. The next call finds a new one, empty; a cache with a store refills it as it
//! is asked. A guest that keeps trapping is left alone for a while that doubles each time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashSet;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bans::{Bans, List};
use crate::component::bindings::{Larder, api, types};
use crate::component::{Limits, Loaded, Room};
use crate::error::{Error, ErrorKind, Result};
use crate::namespace::Namespaces;

const LONGEST_REST: Duration = Duration::from_secs(30);

/// Changes by other processes that a shard notes one by one; beyond, it empties itself instead.
const MAX_OUTDATED: usize = 1 << 16;

pub(crate) type Answer<T> = wasmtime::Result<std::result::Result<T, types::Error>>;

pub(crate) struct Shard {
    loaded: Arc<Loaded>,
    settings: Vec<api::Setting>,
    room: Room,
    bans: Arc<Bans>,
    guest: Option<Guest>,
    traps_in_a_row: u32,
    rest_until: Option<Instant>,
    /// Hashes of keys that other processes changed since the guest saw them.
    outdated: HashSet<u64, Passthrough>,
    /// Operations since the cache's counts were saved last on this shard's account.
    pub(crate) operations: u32,
    /// Entries that were read and that the store was not told of yet: hashes, and when (Unix seconds).
    pub(crate) reads: Vec<(u64, u32)>,
    /// Namespaces of those operations; may name one more than once.
    pub(crate) active: Vec<u32>,
}

/// Bytes of records that are carried from one guest to another at a time.
const PAGE: u32 = 1 << 20;

/// Linear memory that a guest may keep whose memory tier holds so many bytes.
fn worth_keeping(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(4 << 20)
}

/// The hashes are keyed already.
type Passthrough = std::hash::BuildHasherDefault<PassthroughHasher>;

#[derive(Default)]
pub(crate) struct PassthroughHasher(u64);

impl std::hash::Hasher for PassthroughHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// A living instance of the component and the cache in it.
pub(crate) struct Guest {
    pub(crate) store: Store<Limits>,
    pub(crate) larder: Larder,
    pub(crate) cache: ResourceAny,
    /// How many namespaces it knows; numbers are the same in all guests.
    namespaces: u32,
    /// Which state of the list of bans it knows.
    bans: u64,
}

impl Guest {
    fn new(loaded: &Loaded, settings: &[api::Setting], room: Room) -> Result<Self> {
        let (mut store, larder) = loaded.instantiate(room).map_err(Error::trap)?;
        let cache = larder.larder_cache_cache().cache().call_open(&mut store, settings).map_err(Error::trap)??;
        Ok(Self { store, larder, cache, namespaces: 0, bans: 0 })
    }

    /// Makes the namespaces up to `id` known.
    #[cold]
    fn learn(&mut self, namespaces: &Namespaces) -> wasmtime::Result<std::result::Result<(), types::Error>> {
        for namespace in namespaces.from(self.namespaces) {
            let methods = self.larder.larder_cache_cache();
            let id = match methods.cache().call_namespace(&mut self.store, self.cache, &namespace.name)? {
                Ok(id) => id,
                Err(e) => return Ok(Err(e)),
            };
            let set = methods.cache().call_set_defaults(&mut self.store, self.cache, id, &namespace.defaults)?;
            if let Err(e) = set {
                return Ok(Err(e));
            }
            self.namespaces = id + 1;
        }
        Ok(Ok(()))
    }

    /// Takes over the bans in force.
    #[cold]
    fn learn_bans(&mut self, bans: &Bans) -> wasmtime::Result<std::result::Result<(), types::Error>> {
        let (generation, list) = bans.get();
        let cache = self.larder.larder_cache_cache().cache();
        let lost = match list {
            List::Empty => {
                if let Err(e) = cache.call_reap_bans(&mut self.store, self.cache, u64::MAX, 0, None)? {
                    return Ok(Err(e));
                }
                None
            }
            List::Record(record) => cache.call_take_bans(&mut self.store, self.cache, &record)?.err().map(|e| {
                tracing::warn!("the list of bans is lost, and with it everything older: {}", e.message);
                bans.newest()
            }),
            List::Lost(sequence) => Some(sequence),
        };
        if let Some(sequence) = lost {
            let all = [api::BanRule::All];
            if let Err(e) = cache.call_ban(&mut self.store, self.cache, None, &all, 0, Some(sequence))? {
                return Ok(Err(e));
            }
        }
        self.bans = generation;
        Ok(Ok(()))
    }
}

impl Shard {
    pub(crate) fn new(loaded: Arc<Loaded>, settings: Vec<api::Setting>, room: Room, bans: Arc<Bans>) -> Self {
        Self {
            loaded,
            settings,
            room,
            bans,
            guest: None,
            traps_in_a_row: 0,
            rest_until: None,
            outdated: HashSet::default(),
            operations: 0,
            reads: Vec::new(),
            active: Vec::new(),
        }
    }

    /// Calls the guest, which knows the namespaces up to `namespace`.
    #[inline]
    pub(crate) fn call<T>(
        &mut self,
        namespaces: &Namespaces,
        namespace: u32,
        op: impl FnOnce(&mut Guest) -> Answer<T>,
    ) -> Result<T> {
        let guest = match &mut self.guest {
            Some(guest) => guest,
            None => {
                let fresh = self.instantiate()?;
                self.guest.insert(fresh)
            }
        };
        guest.store.set_epoch_deadline(self.loaded.deadline());
        if guest.namespaces <= namespace {
            match guest.learn(namespaces) {
                Ok(learnt) => learnt?,
                Err(trap) => return Err(self.trapped(trap)),
            }
        }
        if guest.bans != self.bans.generation() {
            match guest.learn_bans(&self.bans) {
                Ok(learnt) => learnt?,
                Err(trap) => return Err(self.trapped(trap)),
            }
        }
        match op(guest) {
            Ok(answer) => {
                self.traps_in_a_row = 0;
                Ok(answer?)
            }
            Err(trap) => Err(self.trapped(trap)),
        }
    }

    /// Lets the guest's memory tier hold so many bytes from now on, and those that come after it. If what the guest took
    /// from the system is much more, a new one takes over what it still holds, and the rest is given back. Answers how
    /// many entries went.
    pub(crate) fn resize(&mut self, namespaces: &Namespaces, bytes: u64, now: u64) -> Result<u32> {
        self.settings.retain(|setting| !matches!(setting, api::Setting::MaxBytes(_)));
        self.settings.push(api::Setting::MaxBytes(bytes));
        if self.guest.is_none() {
            return Ok(0);
        }
        let last = namespaces.len().saturating_sub(1);
        let gone = self.call(namespaces, last, |g| {
            g.larder.larder_cache_cache().cache().call_resize(&mut g.store, g.cache, bytes, now).map(Ok)
        })?;
        if self.guest.as_ref().is_some_and(|guest| guest.store.data().taken() > worth_keeping(bytes)) {
            self.move_house(namespaces, last, now)?;
        }
        Ok(gone)
    }

    /// Lets a new guest take over what the old one holds. If it fails, what it has taken over by then is what is left.
    fn move_house(&mut self, namespaces: &Namespaces, last: u32, now: u64) -> Result<()> {
        let mut pages = Vec::new();
        let mut next = Some(0);
        while let Some(cursor) = next {
            let page = self.call(namespaces, last, |g| {
                let cache = g.larder.larder_cache_cache().cache();
                cache.call_carry(&mut g.store, g.cache, cursor, PAGE, now).map(Ok)
            })?;
            // A cursor that does not advance would never end.
            next = page.next.filter(|next| *next > cursor);
            pages.push(page.records);
        }
        // What was outdated stays so; the marks are for this guest too.
        let outdated = std::mem::take(&mut self.outdated);
        self.guest = None;
        for record in pages.into_iter().flatten() {
            self.call(namespaces, last, |g| {
                let methods = g.larder.larder_cache_cache();
                let info = match methods.call_describe(&mut g.store, &record)? {
                    Ok(info) => info,
                    Err(e) => return Ok(Err(e)),
                };
                let id = match methods.cache().call_namespace(&mut g.store, g.cache, &info.namespace)? {
                    Ok(id) => id,
                    Err(e) => return Ok(Err(e)),
                };
                // One whose time is over by now is not missed.
                methods.cache().call_admit(&mut g.store, g.cache, id, &info.key, &record, now).map(|_| Ok(()))
            })?;
        }
        self.outdated = outdated;
        Ok(())
    }

    /// The policy with which guests begin from now on.
    pub(crate) fn set_policy(&mut self, name: &str) {
        self.settings.retain(|setting| !matches!(setting, api::Setting::Policy(_)));
        self.settings.push(api::Setting::Policy(name.to_owned()));
    }

    /// Whether there is a guest.
    pub(crate) fn is_alive(&self) -> bool {
        self.guest.is_some()
    }

    /// Notes that another process changed a key.
    pub(crate) fn mark_outdated(&mut self, hash: u64) {
        if self.guest.is_none() {
            return;
        }
        self.outdated.insert(hash);
        if self.outdated.len() > MAX_OUTDATED {
            self.start_anew();
        }
    }

    /// Gives up all that is in memory.
    pub(crate) fn start_anew(&mut self) {
        self.guest = None;
        self.outdated.clear();
    }

    /// Whether what the guest has under this hash must be forgotten.
    #[inline]
    pub(crate) fn is_outdated(&self, hash: u64) -> bool {
        !self.outdated.is_empty() && self.outdated.contains(&hash)
    }

    /// Notes that what the guest had under this hash was forgotten.
    pub(crate) fn is_current_again(&mut self, hash: u64) {
        self.outdated.remove(&hash);
    }

    #[cold]
    fn instantiate(&mut self) -> Result<Guest> {
        if let Some(until) = self.rest_until
            && Instant::now() < until
        {
            return Err(Error::new(ErrorKind::Trap, "this part of the cache failed repeatedly and rests for a while"));
        }
        self.outdated.clear();
        Guest::new(&self.loaded, &self.settings, self.room)
    }

    #[cold]
    fn trapped(&mut self, trap: wasmtime::Error) -> Error {
        self.guest = None;
        self.traps_in_a_row += 1;
        tracing::error!("a shard was stopped ({} in a row) and starts anew: {trap:#}", self.traps_in_a_row);
        // The first two are on the house: a single bad call should not cost anyone a wait.
        if self.traps_in_a_row > 2 {
            let rest = Duration::from_millis(10).saturating_mul(1 << self.traps_in_a_row.min(20)).min(LONGEST_REST);
            self.rest_until = Some(Instant::now() + rest);
        }
        Error::trap(trap)
    }
}
