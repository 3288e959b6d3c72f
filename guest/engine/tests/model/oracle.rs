//! The cache as a plain map: slow, obvious, and written from the documentation alone.

use std::collections::BTreeMap;

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{
    Codec, Config, EntryInfo, ErrorCode, Freshness, Hit, NamespaceDefaults, PolicyKind, Rule, SetOptions, Statistics,
    Stored,
};

use crate::ops::NAMESPACES;

/// The policies whose victims are known here.
pub const PREDICTABLE: [PolicyKind; 3] = [PolicyKind::Lru, PolicyKind::Fifo, PolicyKind::Ttl];

pub type Key = (u32, Vec<u8>);
pub type Answer<T> = Result<T, ErrorCode>;

/// The first millisecond of the year 10,000: times past it may count as never.
const YEAR_10_000: u64 = 253_402_300_800_000;

/// `time` + `span`, where `None` is never.
pub fn later(time: Option<u64>, span: u64) -> Option<u64> {
    time?.checked_add(span).filter(|&end| end < YEAR_10_000)
}

/// The earlier of two times, where `None` is never.
pub fn earlier(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub value: Vec<u8>,
    pub options: SetOptions,
    pub version: u64,
    pub created: u64,
    pub accessed: u64,
    pub expires: Option<u64>,
    pub hits: u32,
    /// When the policy saw it last.
    pub turn: u64,
}

impl Entry {
    /// A new entry. `options` are those in force: the namespace's defaults are in them.
    pub fn new(value: &[u8], options: SetOptions, now: u64, version: u64) -> Self {
        let expires = options.ttl.and_then(|ttl| later(Some(now), ttl));
        Self { value: value.to_vec(), options, version, created: now, accessed: now, expires, hits: 0, turn: 0 }
    }

    pub fn gone(&self) -> Option<u64> {
        let by_age = later(self.expires, self.options.stale.unwrap_or(0));
        earlier(by_age, self.options.tti.and_then(|idle| later(Some(self.accessed), idle)))
    }

    pub fn is_gone(&self, now: u64) -> bool {
        self.gone().is_some_and(|gone| gone <= now)
    }

    /// Whether a rule is true of it.
    pub fn is_meant(&self, key: &[u8], rule: &Rule) -> bool {
        let has = |tag: &String| self.options.tags.contains(tag);
        match rule {
            Rule::All => true,
            Rule::Tag(tag) => has(tag),
            Rule::AllTags(tags) => tags.iter().all(has),
            Rule::Prefix(prefix) => key.starts_with(prefix),
            Rule::Glob(pattern) => key.starts_with(&pattern[..pattern.len() - 1]),
            Rule::File(path) => self.options.dependencies.iter().any(|dependency| dependency.name == *path),
            other => panic!("{other:?} is not drawn"),
        }
    }

    pub fn freshness(&self, now: u64) -> Freshness {
        if self.expires.is_some_and(|end| end <= now) { Freshness::Stale } else { Freshness::Fresh }
    }

    /// What a read answers, but for `renew`.
    pub fn hit(&self, now: u64) -> Hit<'static> {
        Hit {
            value: self.value.clone().into(),
            content_type: self.options.content_type.clone().into(),
            version: self.version,
            created: self.created,
            expires: self.expires,
            freshness: self.freshness(now),
            renew: false,
            depends: !self.options.dependencies.is_empty(),
        }
    }

    pub fn info(&self, (namespace, key): &Key) -> EntryInfo {
        EntryInfo {
            namespace: NAMESPACES[*namespace as usize].into(),
            key: key.clone(),
            content_type: self.options.content_type.clone(),
            metadata: self.options.metadata.clone(),
            tags: self.options.tags.clone(),
            dependencies: self.options.dependencies.clone(),
            version: self.version,
            created: self.created,
            accessed: self.accessed,
            expires: self.expires,
            gone: self.gone(),
            idle_timeout: self.options.tti,
            stale_window: self.options.stale,
            cost: self.options.cost,
            prefetched: self.options.prefetched,
            hits: self.hits,
            value_size: self.value.len() as u64,
            size: self.charge(key),
            codec: Codec::None,
            durability: self.options.durability,
        }
    }

    /// Overhead, key, value and fields; a field has an id of one byte and a length of two before its data.
    pub fn charge(&self, key: &[u8]) -> u64 {
        let o = &self.options;
        let content_type = if o.content_type.is_empty() { 0 } else { 3 + o.content_type.len() };
        let metadata: usize = o.metadata.iter().map(|(name, text)| 3 + 2 + name.len() + text.len()).sum();
        let tags: usize = o.tags.iter().map(|tag| 3 + tag.len()).sum();
        let dependencies: usize = o.dependencies.iter().map(|d| 3 + 1 + 2 + d.name.len() + d.stamp.len()).sum();
        let numbers = [o.tti, o.stale, o.cost].iter().flatten().count();
        let times = (3 + 8) * numbers + 3 * usize::from(o.prefetched);
        (ENTRY_OVERHEAD + key.len() + self.value.len() + content_type + metadata + tags + dependencies + times) as u64
    }

    /// The sum that an increment by `delta` would store.
    pub fn plus(&self, delta: i64) -> Answer<i64> {
        let number = std::str::from_utf8(&self.value).ok().and_then(|text| text.trim_ascii().parse::<i64>().ok());
        number.and_then(|number| number.checked_add(delta)).ok_or(ErrorCode::NotANumber)
    }
}

/// `options` with the defaults of the namespace filled in.
pub fn in_force(options: &SetOptions, defaults: &NamespaceDefaults) -> SetOptions {
    SetOptions {
        ttl: options.ttl.or(defaults.ttl),
        tti: options.tti.or(defaults.tti),
        stale: options.stale.or(defaults.stale).filter(|&ms| ms > 0),
        ..options.clone()
    }
}

pub struct Oracle {
    config: Config,
    pub entries: BTreeMap<Key, Entry>,
    pub defaults: Vec<NamespaceDefaults>,
    pub stats: Vec<Statistics>,
    pub highest: u64,
    /// Numbers, namespaces and rules.
    bans: Vec<(u64, Option<u32>, Rule)>,
    turns: u64,
}

impl Oracle {
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            entries: BTreeMap::new(),
            defaults: vec![NamespaceDefaults::default(); NAMESPACES.len()],
            stats: vec![Statistics::default(); NAMESPACES.len()],
            highest: 0,
            bans: Vec::new(),
            turns: 0,
        }
    }

    fn stat(&mut self, at: &Key) -> &mut Statistics {
        &mut self.stats[at.0 as usize]
    }

    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().map(|((_, key), entry)| entry.charge(key)).sum()
    }

    /// The statistics of a namespace, with the current numbers filled in.
    pub fn statistics(&self, namespace: u32) -> Statistics {
        let here = self.entries.iter().filter(|((ns, _), _)| *ns == namespace);
        let (entries, bytes) = here.fold((0, 0), |(n, sum), ((_, key), e)| (n + 1, sum + e.charge(key)));
        Statistics { entries, bytes, ..self.stats[namespace as usize] }
    }

    pub fn next_expiry(&self) -> Option<u64> {
        self.entries.values().filter_map(Entry::gone).min()
    }

    /// The live entry; looking at one whose time is over removes it.
    pub fn live(&mut self, at: &Key, now: u64) -> Option<&mut Entry> {
        if self.entries.get(at).is_some_and(|entry| entry.is_gone(now)) {
            self.entries.remove(at);
            self.stat(at).expired += 1;
        }
        if self.entries.get(at).is_some_and(|entry| self.is_banned(at, entry)) {
            self.entries.remove(at);
            self.stat(at).invalidated += 1;
        }
        self.entries.get_mut(at)
    }

    fn is_banned(&self, (namespace, key): &Key, entry: &Entry) -> bool {
        self.bans.iter().any(|(sequence, scope, rule)| {
            *sequence > entry.version && scope.is_none_or(|scope| scope == *namespace) && entry.is_meant(key, rule)
        })
    }

    /// Whether what lies there is over or banned.
    pub fn is_dead(&self, at: &Key, entry: &Entry, now: u64) -> bool {
        entry.is_gone(now) || self.is_banned(at, entry)
    }

    /// The number of the newest ban.
    pub fn newest_ban(&self) -> u64 {
        self.bans.last().map_or(0, |(sequence, ..)| *sequence)
    }

    pub fn ban(&mut self, namespace: Option<u32>, rules: &[Rule]) -> u64 {
        self.highest += 1;
        self.bans.extend(rules.iter().map(|rule| (self.highest, namespace, rule.clone())));
        self.highest
    }

    pub fn get(&mut self, at: &Key, now: u64) -> Option<Hit<'static>> {
        let turn = self.turn();
        let reading_counts = self.config.policy == PolicyKind::Lru;
        let Some(entry) = self.live(at, now) else {
            self.stat(at).misses += 1;
            return None;
        };
        entry.hits += 1;
        entry.accessed = entry.accessed.max(now);
        if reading_counts {
            entry.turn = turn;
        }
        let hit = entry.hit(now);
        let is_first_use = std::mem::take(&mut entry.options.prefetched);
        let stats = self.stat(at);
        stats.prefetch_hits += u64::from(is_first_use);
        stats.hits += 1;
        stats.stale_hits += u64::from(hit.freshness == Freshness::Stale);
        stats.bytes_read += hit.value.len() as u64;
        Some(hit)
    }

    /// When an entry with this time to live may expire at the earliest and at the latest, by the namespace's jitter.
    pub fn may_expire(&self, at: &Key, ttl: u64, now: u64) -> (Option<u64>, Option<u64>) {
        let most = u128::from(ttl) * u128::from(self.defaults[at.0 as usize].jitter) / 100;
        let shortest = (ttl - most as u64).max(1);
        (later(Some(now), shortest), later(Some(now), ttl))
    }

    /// Whether an engine would take this entry, which says `options` in force.
    fn judge(&mut self, at: &Key, entry: &Entry) -> Answer<()> {
        let verdict = if at.1.is_empty() {
            Err(ErrorCode::InvalidArgument)
        } else if at.1.len() > self.config.max_key_size {
            Err(ErrorCode::KeyTooLarge)
        } else if entry.value.len() > self.config.max_entry_size {
            Err(ErrorCode::TooLarge)
        } else if entry.options.ttl == Some(0) || entry.options.tti == Some(0) {
            Err(ErrorCode::InvalidArgument)
        } else if entry.charge(&at.1) > self.config.max_bytes || self.config.max_entries == Some(0) {
            Err(ErrorCode::TooLarge)
        } else {
            Ok(())
        };
        if let Err(code) = verdict {
            let stats = self.stat(at);
            stats.errors += 1;
            match code {
                ErrorCode::InvalidArgument => stats.invalid_arguments += 1,
                ErrorCode::KeyTooLarge => stats.keys_too_large += 1,
                _ => stats.values_too_large += 1,
            }
        }
        verdict
    }

    /// A write that happens if `condition` says so of the live entry's version. `drawn` is the expiry that a namespace
    /// with jitter drew.
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words")]
    pub fn set_if(
        &mut self,
        at: &Key,
        value: &[u8],
        options: &SetOptions,
        now: u64,
        sequence: Option<u64>,
        drawn: Option<Option<u64>>,
        condition: impl FnOnce(Option<u64>) -> bool,
    ) -> Answer<Option<Stored>> {
        let mut entry = Entry::new(value, in_force(options, &self.defaults[at.0 as usize]), now, 0);
        entry.expires = drawn.unwrap_or(entry.expires);
        self.judge(at, &entry)?;
        if !condition(self.live(at, now).map(|live| live.version)) {
            return Ok(None);
        }
        self.check_room(at, &entry, now)?;
        Ok(Some(self.put(at, entry, now, sequence)))
    }

    pub fn set(
        &mut self,
        at: &Key,
        value: &[u8],
        options: &SetOptions,
        now: u64,
        sequence: Option<u64>,
        drawn: Option<Option<u64>>,
    ) -> Answer<Stored> {
        let mut entry = Entry::new(value, in_force(options, &self.defaults[at.0 as usize]), now, 0);
        entry.expires = drawn.unwrap_or(entry.expires);
        self.judge(at, &entry)?;
        self.check_room(at, &entry, now)?;
        Ok(self.put(at, entry, now, sequence))
    }

    pub fn increment(
        &mut self,
        at: &Key,
        delta: i64,
        options: &SetOptions,
        now: u64,
        sequence: Option<u64>,
        drawn: Option<Option<u64>>,
    ) -> Answer<(i64, Stored)> {
        let Some(entry) = self.live(at, now).cloned() else {
            return Ok((delta, self.set(at, delta.to_string().as_bytes(), options, now, sequence, drawn)?));
        };
        let sum = entry.plus(delta).inspect_err(|_| {
            self.stat(at).errors += 1;
            self.stat(at).not_numbers += 1;
        })?;
        let entry = Entry { value: sum.to_string().into_bytes(), accessed: now, ..entry };
        self.judge(at, &entry)?;
        self.check_room(at, &entry, now)?;
        Ok((sum, self.put(at, entry, now, sequence)))
    }

    pub fn touch(&mut self, at: &Key, ttl: Option<u64>, now: u64, sequence: Option<u64>) -> Option<Stored> {
        let entry = self.live(at, now)?.clone();
        let expires = ttl.map_or(entry.expires, |ttl| later(Some(now), ttl));
        Some(self.put(at, Entry { accessed: now, expires, ..entry }, now, sequence))
    }

    pub fn delete(&mut self, at: &Key, now: u64) -> bool {
        let existed = self.live(at, now).is_some();
        self.entries.remove(at);
        self.stat(at).deletes += u64::from(existed);
        existed
    }

    /// Writes a checked entry; others go as the policy says. What was there before counts as the same entry while it
    /// lives: its hits stay.
    fn put(&mut self, at: &Key, mut entry: Entry, now: u64, sequence: Option<u64>) -> Stored {
        let old = self.entries.remove(at);
        entry.version = sequence.unwrap_or(self.highest + 1);
        self.highest = self.highest.max(entry.version);
        entry.hits = old.as_ref().filter(|old| !self.is_dead(at, old, now)).map_or(0, |old| old.hits);
        entry.turn = self.turn();
        while self.bytes() + entry.charge(&at.1) > self.config.max_bytes {
            if self.expire_one(now) {
                continue;
            }
            let victim = self.evict_one().expect("an entry that fits alone fits into an empty tier");
            self.stat(&victim).evicted_bytes += 1;
        }
        while old.is_none() && self.config.max_entries.is_some_and(|max| self.entries.len() >= max as usize) {
            if self.expire_one(now) {
                continue;
            }
            let victim = self.evict_one().expect("max_entries of zero was refused");
            self.stat(&victim).evicted_entries += 1;
        }
        let stats = self.stat(at);
        stats.sets += 1;
        stats.prefetched += u64::from(entry.options.prefetched);
        stats.bytes_written += entry.value.len() as u64;
        let stored = Stored { version: entry.version, gone: entry.gone(), record: Vec::new() };
        self.entries.insert(at.clone(), entry);
        stored
    }

    /// Removes the entry that is over first, if one is.
    fn expire_one(&mut self, now: u64) -> bool {
        let over = self.entries.iter().filter(|(_, e)| e.is_gone(now)).min_by_key(|(_, e)| (e.gone(), e.version));
        let Some(at) = over.map(|(at, _)| at.clone()) else { return false };
        self.live(&at, now);
        true
    }

    /// Under the policy `ttl`, whether an entry finds room once what is over has gone.
    fn check_room(&mut self, at: &Key, entry: &Entry, now: u64) -> Answer<()> {
        if self.config.policy != PolicyKind::Ttl {
            return Ok(());
        }
        let old = self.live(at, now).map(|old| old.charge(&at.1));
        let lacks = |oracle: &Self| {
            let bytes = oracle.bytes() - old.unwrap_or(0) + entry.charge(&at.1);
            let entries = oracle.entries.len() + usize::from(old.is_none());
            bytes > oracle.config.max_bytes || oracle.config.max_entries.is_some_and(|max| entries > max as usize)
        };
        while lacks(self) {
            if !self.expire_one(now) {
                let stats = self.stat(at);
                stats.errors += 1;
                stats.full += 1;
                return Err(ErrorCode::Full);
            }
        }
        Ok(())
    }

    /// The first number from `sequence` on that begins four which no entry has: two entries never have the same version,
    /// also when a batch of up to four is numbered from there.
    pub fn unused(&self, sequence: u64) -> u64 {
        let used = |number| self.entries.values().any(|entry| entry.version == number);
        (sequence..).find(|&number| (number..number + 4).all(|number| !used(number))).expect("there are few entries")
    }

    /// Another policy is told of the entries in the order of their last access.
    pub fn switch(&mut self, policy: PolicyKind) {
        if policy == self.config.policy {
            return;
        }
        self.config.policy = policy;
        let mut order: Vec<_> = self.entries.iter().map(|(at, e)| (e.accessed, e.version, at.clone())).collect();
        order.sort();
        for (_, _, at) in order {
            let turn = self.turn();
            self.entries.entry(at).and_modify(|entry| entry.turn = turn);
        }
    }

    fn evict_one(&mut self) -> Option<Key> {
        if self.config.policy == PolicyKind::Ttl {
            return None;
        }
        let victim = self.entries.iter().min_by_key(|(_, entry)| entry.turn).map(|(at, _)| at.clone())?;
        self.entries.remove(&victim);
        Some(victim)
    }

    pub fn evict(&mut self, count: u32) -> u32 {
        for gone in 0..count {
            let Some(victim) = self.evict_one() else { return gone };
            self.stat(&victim).evicted_asked += 1;
        }
        count
    }

    pub fn clear(&mut self, namespace: Option<u32>) -> u32 {
        let before = self.entries.len();
        self.entries.retain(|(ns, _), _| namespace.is_some_and(|cleared| cleared != *ns));
        if namespace.is_none() {
            self.bans.clear();
        }
        (before - self.entries.len()) as u32
    }

    /// Removes all entries whose time is over.
    pub fn cleanup(&mut self, now: u64) -> u32 {
        let over: Vec<Key> = self.entries.iter().filter(|(_, e)| e.is_gone(now)).map(|(at, _)| at.clone()).collect();
        for at in &over {
            self.live(at, now);
        }
        over.len() as u32
    }

    pub fn scan(&self, namespace: Option<u32>, prefix: &[u8], now: u64) -> Vec<EntryInfo> {
        let seen = self.entries.iter().filter(|(at, entry)| {
            namespace.is_none_or(|wanted| wanted == at.0) && at.1.starts_with(prefix) && !self.is_dead(at, entry, now)
        });
        seen.map(|(at, entry)| entry.info(at)).collect()
    }
}
