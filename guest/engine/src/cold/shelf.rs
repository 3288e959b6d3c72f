//! The dictionaries in use, and how well each namespace does with its own.
//!
//! A dictionary lives as long as an entry needs it: a new version leaves the old one on the shelf until the last entry that
//! was packed with it is gone or packed anew. There are at most 32, all namespaces together; a namespace that comes too
//! late does without.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Dictionaries at most.
const PLACES: usize = 32;

/// Small values of a namespace that are met before its first dictionary is trained.
const FIRST: u32 = 64;

/// After how many values a dictionary that does worse than at first is replaced.
const TRIED: u32 = 1_024;

/// A trained dictionary.
#[derive(Debug)]
pub(crate) struct Dictionary {
    /// Its own for ever, unlike its place.
    pub(crate) number: u32,
    /// The namespace whose values it fits; pays for it.
    pub(crate) namespace: u16,
    pub(crate) bytes: Box<[u8]>,
    /// Whether values are so small that DEFLATE's fixed codes do better than codes of their own.
    pub(crate) fixed_codes: bool,
    users: u32,
}

impl Dictionary {
    pub(crate) fn new(number: u32, namespace: u16, bytes: Vec<u8>, fixed_codes: bool) -> Self {
        Self { number, namespace, bytes: bytes.into_boxed_slice(), fixed_codes, users: 0 }
    }

    /// What the memory tier charges for it.
    pub(crate) fn charge(&self) -> u64 {
        (self.bytes.len() + size_of::<u64>() * 4) as u64
    }
}

/// What a namespace has made of its dictionary so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    current: Option<u8>,
    /// Small values to be met before the next training.
    wait: u32,
    /// How many values were met before; doubles with each training in vain.
    patience: u32,
    /// Values packed with the current dictionary.
    packed: u32,
    /// What they shrank to, in parts of 1,024: of the first ones, and a running mean in which each counts a sixteenth.
    first_share: u32,
    share: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self { current: None, wait: FIRST, patience: FIRST, packed: 0, first_share: 0, share: 0 }
    }
}

impl Tally {
    /// A small value is about to be packed. True when a dictionary should be trained first.
    pub(crate) fn is_due(&mut self) -> bool {
        let worse = self.packed >= TRIED && self.share > self.first_share + self.first_share / 4;
        if self.current.is_some() && !worse {
            return false;
        }
        self.wait = self.wait.saturating_sub(1);
        self.wait == 0
    }

    /// Training came to nothing: the next one waits twice as long.
    pub(crate) fn gave_up(&mut self) {
        self.patience = self.patience.saturating_mul(2).min(1 << 20);
        self.wait = self.patience;
    }

    /// A value was packed with the current dictionary.
    pub(crate) fn learn(&mut self, packed: usize, value: usize) {
        let share = (packed * 1_024 / value.max(1)) as u32;
        self.packed = self.packed.saturating_add(1);
        self.share = if self.packed == 1 { share } else { (self.share * 15 + share) / 16 };
        if self.packed == FIRST {
            self.first_share = self.share;
        }
    }
}

/// Dictionaries by place, and tallies by namespace.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    places: Vec<Option<Dictionary>>,
    tallies: Vec<Tally>,
    last_number: u32,
}

impl Shelf {
    pub(crate) fn tally(&mut self, namespace: u16) -> &mut Tally {
        let at = usize::from(namespace);
        if self.tallies.len() <= at {
            self.tallies.resize(at + 1, Tally::default());
        }
        &mut self.tallies[at]
    }

    /// The dictionary that a namespace's values are packed with now.
    pub(crate) fn current(&self, namespace: u16) -> Option<u8> {
        self.tallies.get(usize::from(namespace)).and_then(|tally| tally.current)
    }

    pub(crate) fn get(&self, place: u8) -> Option<&Dictionary> {
        self.places.get(usize::from(place))?.as_ref()
    }

    /// The bytes that something packed with this dictionary, if any, refers to. `None` when it should be there and is not.
    pub(crate) fn bytes(&self, place: Option<u8>) -> Option<&[u8]> {
        place.map_or(Some(&[]), |place| self.get(place).map(|dictionary| &*dictionary.bytes))
    }

    /// A number that no dictionary had yet.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// Everything is gone. Numbers go on: the packer knows the dictionary that it used last by its number.
    pub(crate) fn clear(&mut self) {
        *self = Self { last_number: self.last_number, ..Self::default() };
    }

    /// Whether there is a place left.
    pub(crate) fn has_room(&self) -> bool {
        self.places.iter().flatten().count() < PLACES
    }

    /// Makes a dictionary its namespace's current one; it has no users yet. The caller guarantees that there is room.
    pub(crate) fn put(&mut self, dictionary: Dictionary) -> u8 {
        let namespace = dictionary.namespace;
        let place = self.places.iter().position(Option::is_none).unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(dictionary);
        *self.tally(namespace) = Tally { current: Some(place as u8), ..Tally::default() };
        place as u8
    }

    /// An entry was packed with this dictionary.
    pub(crate) fn take(&mut self, place: u8) {
        if let Some(Some(dictionary)) = self.places.get_mut(usize::from(place)) {
            dictionary.users += 1;
        }
    }

    /// An entry needs this dictionary no more. Answers with it when it was the last one.
    pub(crate) fn release(&mut self, place: u8) -> Option<Dictionary> {
        let slot = self.places.get_mut(usize::from(place))?;
        let dictionary = slot.as_mut()?;
        dictionary.users = dictionary.users.saturating_sub(1);
        if dictionary.users > 0 {
            return None;
        }
        let gone = slot.take()?;
        let tally = self.tally(gone.namespace);
        if tally.current == Some(place) {
            *tally = Tally::default();
        }
        Some(gone)
    }

    /// Takes away what nobody came to use.
    pub(crate) fn take_unused(&mut self) -> Vec<Dictionary> {
        let unused = |slot: &&mut Option<Dictionary>| slot.as_ref().is_some_and(|dictionary| dictionary.users == 0);
        let gone: Vec<Dictionary> = self.places.iter_mut().filter(unused).filter_map(Option::take).collect();
        for dictionary in &gone {
            self.tally(dictionary.namespace).current = None;
            self.tally(dictionary.namespace).gave_up();
        }
        gone
    }

    /// All dictionaries, their places, and how many entries need each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &Dictionary, u32)> {
        let known = (0u8..).zip(&self.places);
        known.filter_map(|(place, slot)| slot.as_ref().map(|dictionary| (place, dictionary, dictionary.users)))
    }
}
