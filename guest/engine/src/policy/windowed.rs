//! A window for arrivals in front of a segmented LRU, with a history and a rule of admission: the structure behind
//! `w-tinylfu` and `adaptive`.
//!
//! Arrivals enter the *window*, an LRU queue with a share of the room. Who falls out of it is a *candidate* for *main*, a
//! segmented LRU: read once more in main, an entry is *protected*; before, it is on *probation*, from whose end main's victims
//! come. Evicted entries leave their fingerprint in the history. An arrival that is found there, and was asked for more recently
//! than main's next victim, proves by it that main would have had a hit had it kept the one for the other: it enters
//! main at once. The older the next victim, the further back the history counts, so that it bounds itself.
//!
//! [`Rules`] are the dials; they can be turned while the cache runs. With a small window, no admission by frequency and the
//! history this is close to FRD and LIRS; with admission by frequency and no history it is W-TinyLFU; with a large window
//! LRU.
//!
//! Entries of different weight: window and main are bounded by weight. A candidate must be asked for as often as all those
//! together that would go for it ("AV"). Where worth is seen by the byte ([`Objective::Objects`], [`Objective::Cost`]), main's
//! victim is the least of [`SAMPLE`] drawn at random, by frequency times worth over weight, and a candidate must have more
//! of that. An entry that is larger than the window, and than a 32nd of the cache, is a candidate on arrival.
//!
//! Sources: Einziger, Friedman and Manes, "TinyLFU" (2017); Park and Park, "FRD: a filtering based buffer cache algorithm that
//! considers both frequency and reuse distance" (2017); Jiang and Zhang, "LIRS" (2002); Einziger, Eytan, Friedman and Manes,
//! "Lightweight robust size aware cache management" (2022).

use alloc::string::String;

use super::history::History;
use super::segments::{Queue, Segments};
use super::sketch::Sketch;
use super::{AllAlike, Entry, Objective, Policy, Worth};
use crate::rng::SplitMix64;

/// How a windowed policy behaves. Shares are in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The window's share of the room.
    pub(crate) window: u16,
    /// Share of main that may be protected.
    pub(crate) protected: u16,
    /// Whether candidates enter main that were asked for more often than main's next victim. Otherwise none do.
    pub(crate) admission: bool,
    /// Whether arrivals that are remembered enter main.
    pub(crate) history: bool,
    /// Whether an entry of the window that is read again sooner than main's next victim changes places with it.
    pub(crate) promotion: bool,
}

/// One warm candidate in so many gets in though it lost, so that nobody who knows the sketch's collisions can keep an entry
/// out, or in, for ever.
const LUCK: u64 = 128;

/// From this frequency on a candidate is warm.
const WARM: u32 = 6;

/// The most entries whose frequencies are added up against one candidate.
const MOST_VICTIMS: usize = 64;

/// Entries drawn to find one of little worth by the byte.
const SAMPLE: usize = 64;

/// Entries of the window that are moved to main at once after it was told to be smaller.
const STEP: usize = 8;

/// What is heavier than this part of the cache, and than the window, does not enter the window.
const LARGE: u64 = 32;

pub(crate) struct Windowed {
    rules: Rules,
    objective: Objective,
    segments: Segments,
    limits: Limits,
    /// What all weighed, the arrival included, when a victim was asked for last; 0 when none was yet.
    capacity: u64,
    sketch: Sketch,
    history: History,
    /// Accesses so far; wraps around.
    now: u32,
    /// The window is still larger than new rules want.
    shrinking: bool,
    /// The arrival for which victims were asked, and where it goes.
    arrival: Option<(u32, Way)>,
    /// The rules stay: what they do not need is not kept.
    fixed: bool,
    rng: SplitMix64,
}

/// What the parts may weigh.
#[derive(Debug, Default)]
struct Limits {
    /// Weight and number of all entries when this was worked out.
    of: (u64, u32),
    window: u64,
    main: u64,
    protected: u64,
}

/// Where an arrival goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Window,
    Main,
    Nowhere,
}

impl Windowed {
    /// An empty cache with rules that stay.
    pub(crate) fn fixed(rules: Rules, objective: Objective, seed: u64) -> Self {
        Self { fixed: true, ..Self::new(rules, objective, seed) }
    }

    /// An empty cache whose rules may change.
    pub(crate) fn new(rules: Rules, objective: Objective, seed: u64) -> Self {
        Self {
            rules,
            objective,
            segments: Segments::default(),
            limits: Limits::default(),
            capacity: 0,
            sketch: Sketch::default(),
            history: History::default(),
            now: 0,
            shrinking: false,
            arrival: None,
            fixed: false,
            rng: SplitMix64::new(seed),
        }
    }

    /// Goes by other rules from now on; entries stay where they are until something moves them.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.limits.of = (0, 0);
        self.shrinking = true;
    }

    /// Weight of all entries.
    pub(crate) fn weight(&self) -> u64 {
        self.segments.weight()
    }

    /// What the policy noted of an entry.
    pub(crate) fn hash_and_weight(&self, id: u32) -> (u32, u32) {
        let note = self.segments.note(id);
        (note.hash, note.weight() as u32)
    }

    /// Works out what the parts may weigh of what all weigh now: the window its share, but room for one entry of average
    /// weight. Done when an entry comes, not when one is read.
    fn measure(&mut self) {
        let of = (self.weight(), self.segments.len());
        if of == self.limits.of {
            return;
        }
        let (weight, len) = (of.0, u64::from(of.1).max(1));
        let window = (weight * u64::from(self.rules.window) / 1000).max(weight.div_ceil(len)).min(weight);
        let main = weight - window;
        self.limits = Limits { of, window, main, protected: main * u64::from(self.rules.protected) / 1000 };
    }

    fn main_weight(&self) -> u64 {
        self.segments.weight_of(Queue::Probation) + self.segments.weight_of(Queue::Protected)
    }

    /// Main's next victim.
    fn main_victim(&self) -> Option<u32> {
        self.segments.back(Queue::Probation).or_else(|| self.segments.back(Queue::Protected))
    }

    fn age(&self, id: u32) -> u32 {
        self.now.wrapping_sub(self.segments.note(id).accessed)
    }

    /// Who goes from main next: the end of probation, or the least of a sample.
    fn pick(&mut self, worth: &dyn Worth) -> Option<u32> {
        let mut picked = self.main_victim()?;
        if !self.objective.is_by_the_byte() {
            return Some(picked);
        }
        let mut least = self.density(picked, worth);
        for _ in 1..SAMPLE {
            let id = self.rng.up_to(u64::from(self.segments.end() - 1)) as u32;
            if matches!(self.segments.note(id).queue(), Queue::Probation | Queue::Protected) {
                let density = self.density(id, worth);
                if density < least {
                    (picked, least) = (id, density);
                }
            }
        }
        Some(picked)
    }

    /// Hits to expect of each byte, and what they are worth.
    fn density(&self, id: u32, worth: &dyn Worth) -> f32 {
        let note = self.segments.note(id);
        self.sketch.frequency(note.hash) as f32 * worth.worth(id) / note.weight() as f32
    }

    /// Whether an arrival is remembered, and was asked for more recently than `victim`; by the byte, where worth is seen so.
    fn is_proven(&self, entry: &Entry, victim: Option<u32>, worth: &dyn Worth) -> bool {
        let Some(age) = self.history.age(entry.hash, self.now).filter(|_| self.rules.history) else { return false };
        let Some(victim) = victim else { return true };
        if !self.objective.is_by_the_byte() {
            return age < self.age(victim);
        }
        let rate = |age: u32, weight: u64, worth: f32| worth / (age.max(1) as f32 * weight as f32);
        let note = self.segments.note(victim);
        rate(age, u64::from(entry.weight), entry.worth) > rate(self.age(victim), note.weight(), worth.worth(victim))
    }

    /// Where an arrival goes when others have to go for it, `victim` first.
    fn way(&mut self, entry: &Entry, victim: u32, worth: &dyn Worth) -> Way {
        if self.is_proven(entry, Some(victim), worth) {
            return Way::Main;
        }
        let weight = u64::from(entry.weight);
        if weight <= self.limits.window.max(self.weight() / LARGE) {
            return Way::Window;
        }
        if self.is_admitted(entry, victim, worth) {
            return Way::Main;
        }
        self.tick(entry.hash);
        self.history.insert(entry.hash, self.now, self.now);
        Way::Nowhere
    }

    /// Whether a candidate is worth more than those that would go for it, `victim` first.
    fn is_admitted(&mut self, candidate: &Entry, victim: u32, worth: &dyn Worth) -> bool {
        if !self.rules.admission {
            return false;
        }
        let frequency = self.sketch.frequency(candidate.hash);
        let value = frequency as f32 * candidate.worth;
        let won = if self.objective.is_by_the_byte() {
            value / candidate.weight as f32 > self.density(victim, worth)
        } else {
            value > self.worth_of_victims(u64::from(candidate.weight), victim, value, worth)
        };
        won || (frequency >= WARM && self.rng.next().is_multiple_of(LUCK))
    }

    /// What those are worth together that go for `weight`: `victim`, and those before it. Stops when that is `enough`.
    fn worth_of_victims(&self, weight: u64, victim: u32, enough: f32, worth: &dyn Worth) -> f32 {
        let (mut sum, mut freed, mut next) = (0.0, 0, Some(victim));
        for _ in 0..MOST_VICTIMS {
            let Some(victim) = next.filter(|_| freed < weight && sum < enough) else { break };
            let note = self.segments.note(victim);
            freed += note.weight();
            sum += self.sketch.frequency(note.hash) as f32 * worth.worth(victim);
            next = self.segments.before(victim);
        }
        sum
    }

    /// The first candidate that does not get into main while the window makes room; `None` when it has room. Those that get in
    /// are moved.
    fn loser(&mut self, incoming: &Entry, victim: u32, worth: &dyn Worth) -> Option<u32> {
        for _ in 0..STEP {
            let candidate = self.segments.back(Queue::Window)?;
            if self.segments.weight_of(Queue::Window) + u64::from(incoming.weight) <= self.limits.window {
                return None;
            }
            let note = self.segments.note(candidate);
            let entry = Entry { hash: note.hash, weight: note.weight() as u32, worth: worth.worth(candidate) };
            if !self.is_admitted(&entry, victim, worth) {
                return Some(candidate);
            }
            self.segments.put(candidate, Queue::Probation);
        }
        None
    }

    /// Whether victims were asked for, and not much has gone since.
    fn is_nearly_full(&self) -> bool {
        self.capacity > 0 && self.weight() >= self.capacity / 8 * 7
    }

    /// Lets the window have what its rules say, a step at a time.
    fn shrink(&mut self) {
        let limit = self.limits.window;
        for _ in 0..STEP {
            match self.segments.back(Queue::Window) {
                Some(id) if self.segments.weight_of(Queue::Window) > limit => self.segments.put(id, Queue::Probation),
                _ => {
                    self.shrinking = false;
                    return;
                }
            }
        }
    }

    fn demote(&mut self) {
        while self.segments.weight_of(Queue::Protected) > self.limits.protected {
            let Some(id) = self.segments.back(Queue::Protected) else { break };
            self.segments.put(id, Queue::Probation);
        }
    }

    /// Another request, for the key with this hash.
    #[inline]
    fn tick(&mut self, hash: u32) {
        self.now = self.now.wrapping_add(1);
        self.count(hash);
    }

    #[inline]
    fn count(&mut self, hash: u32) {
        if self.counts() {
            self.sketch.count(hash);
        }
    }

    /// Whether the rules, or those to come, want to know how often keys are asked for.
    #[inline]
    fn counts(&self) -> bool {
        self.rules.admission || !self.fixed || self.objective.is_by_the_byte()
    }

    /// Whether the rules, or those to come, want to know what went.
    fn remembers(&self) -> bool {
        self.rules.history || !self.fixed
    }
}

impl Policy for Windowed {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        let way = match self.arrival.take().filter(|(hash, _)| *hash == entry.hash) {
            Some((_, way)) => Some(way),
            // Room that a larger victim left is no reason to let anybody into main.
            None if self.is_nearly_full() => match self.is_proven(entry, self.main_victim(), &AllAlike) {
                true => Some(Way::Main),
                false => Some(Way::Window),
            },
            None => None,
        };
        self.history.remove(entry.hash);
        self.tick(entry.hash);
        let queue = if way == Some(Way::Main) { Queue::Probation } else { Queue::Window };
        self.segments.insert(id, entry.hash, entry.weight, self.now, queue);
        if self.counts() {
            self.sketch.grow(self.segments.len() as usize);
        }
        if way.is_some() {
            return;
        }
        // While there is room, nobody need win to get into main.
        self.measure();
        while self.segments.weight_of(Queue::Window) > self.limits.window && self.segments.len_of(Queue::Window) > 1 {
            let Some(candidate) = self.segments.back(Queue::Window) else { break };
            self.segments.put(candidate, Queue::Probation);
        }
    }

    #[inline]
    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        self.now = self.now.wrapping_add(1);
        let note = self.segments.touch(id, self.now);
        self.count(note.hash);
        let age = self.now.wrapping_sub(note.accessed);
        match note.queue() {
            Queue::Window => {
                if self.rules.promotion
                    && let Some(victim) = self.main_victim()
                    && age < self.age(victim)
                {
                    if self.main_weight() >= self.limits.main {
                        self.segments.put(victim, Queue::Window);
                    }
                    self.segments.put(id, Queue::Probation);
                } else {
                    self.segments.put(id, Queue::Window);
                }
            }
            Queue::None => {}
            Queue::Probation if self.rules.protected == 0 => self.segments.put(id, Queue::Probation),
            Queue::Probation | Queue::Protected => {
                self.segments.put(id, Queue::Protected);
                self.demote();
            }
        }
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        self.segments.reweigh(id, weight);
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        let note = self.segments.remove(id);
        if evicted && self.remembers() {
            self.history.insert(note.hash, note.accessed, self.now);
        }
    }

    fn victim(&mut self, incoming: Option<&Entry>, worth: &dyn Worth) -> Option<u32> {
        if self.remembers() {
            self.history.fit(self.segments.len() as usize);
        }
        self.measure();
        if self.shrinking {
            self.shrink();
        }
        let (oldest, main_victim) = (self.segments.back(Queue::Window), self.pick(worth));
        let (Some(candidate), Some(victim)) = (oldest, main_victim) else { return oldest.or(main_victim) };
        let Some(incoming) = incoming else { return Some(victim) };
        self.capacity = self.weight() + u64::from(incoming.weight);
        let way = match self.arrival {
            Some((hash, way)) if hash == incoming.hash => way,
            _ => self.way(incoming, victim, worth),
        };
        self.arrival = Some((incoming.hash, way));
        match way {
            Way::Nowhere => {
                self.arrival = None;
                None
            }
            Way::Main => {
                let is_full = self.main_weight() + u64::from(incoming.weight) > self.limits.main;
                Some(if is_full { victim } else { candidate })
            }
            Way::Window => Some(self.loser(incoming, victim, worth).unwrap_or(victim)),
        }
    }

    fn clear(&mut self) {
        *self = Self { fixed: self.fixed, ..Self::new(self.rules, self.objective, self.rng.next()) };
    }

    fn check(&self) -> Result<u32, String> {
        self.segments.check()
    }
}
