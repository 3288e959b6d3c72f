//! What a power loss leaves.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::sync::Arc;

use super::Disk;
use super::node::{Change, DirectoryNode, FileNode, Id, Node, Pending};
use super::state::{ROOT, State};
use crate::scale::Random;

/// Bytes that a medium writes as a whole.
const SECTOR: usize = 512;

/// How much of what was not synced a power loss takes.
#[derive(Debug, Clone, Copy)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Each change by itself is there in so many of a hundred cases, and torn in so many.
    Scattered {
        /// There.
        kept: u64,
        /// Only some sectors of it.
        torn: u64,
    },
    /// What was changed before a moment is there, what was changed after it is not, what was changed then is torn.
    After {
        /// Of all moments that changes were made at, in the order of time.
        moment: u64,
    },
}

impl Disk {
    /// A disk as this one may look after power was lost now. No locks are held, and the machine was started once more.
    #[must_use]
    pub fn crash(&self, random: &mut Random) -> Self {
        let loss = match random.below(10) {
            0 => Loss::Everything,
            1 => Loss::Scattered { kept: 100, torn: 0 },
            2..=4 => {
                let moments = self.state().pending_moments();
                match moments.len() {
                    0 => Loss::Everything,
                    len => Loss::After { moment: moments[random.below(len as u64) as usize] },
                }
            }
            _ => Loss::Scattered { kept: random.below(101), torn: [0, 10, 50][random.below(3) as usize] },
        };
        self.crash_with(loss, random)
    }

    /// As [`crash`](Self::crash), with so much lost.
    #[must_use]
    pub fn crash_with(&self, loss: Loss, random: &mut Random) -> Self {
        let state = self.state();
        let mut revived = State::new();
        revived.boot = state.boot + 1;
        let mut known = HashMap::from([(ROOT, ROOT)]);
        let names = match state.directory(ROOT) {
            Ok(root) => names_left(root, loss, random),
            Err(_) => BTreeMap::new(),
        };
        let names = revive_all(&state, names, &mut revived, &mut known, loss, random);
        if let Ok(root) = revived.directory_mut(ROOT) {
            (root.visible, root.durable) = (names.clone(), names);
        }
        Self::with(revived)
    }
}

impl State {
    /// When the changes were made that are not durable, in order.
    fn pending_moments(&self) -> Vec<u64> {
        let mut moments: Vec<u64> = Vec::new();
        for id in 0.. {
            match self.get(id) {
                None => break,
                Some(Some(Node::File(file))) => moments.extend(file.pending.iter().map(|p| p.moment)),
                Some(Some(Node::Directory(directory))) => moments.extend(directory.pending.iter().map(|p| p.moment)),
                Some(None) => {}
            }
        }
        moments.sort_unstable();
        moments
    }
}

/// What becomes of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Torn,
    Lost,
}

fn fate(loss: Loss, moment: u64, random: &mut Random) -> Fate {
    match loss {
        Loss::Everything => Fate::Lost,
        Loss::Scattered { torn, .. } if random.chance(torn) => Fate::Torn,
        Loss::Scattered { kept, .. } if random.chance(kept) => Fate::Kept,
        Loss::Scattered { .. } => Fate::Lost,
        Loss::After { moment: end } => match moment.cmp(&end) {
            std::cmp::Ordering::Less => Fate::Kept,
            std::cmp::Ordering::Equal => Fate::Torn,
            std::cmp::Ordering::Greater => Fate::Lost,
        },
    }
}

fn names_left(directory: &DirectoryNode, loss: Loss, random: &mut Random) -> BTreeMap<OsString, Id> {
    let mut names = directory.durable.clone();
    for Pending { moment, change } in &directory.pending {
        let happened = match fate(loss, *moment, random) {
            Fate::Kept => true,
            // A name is changed or it is not.
            Fate::Torn => random.chance(50),
            Fate::Lost => false,
        };
        if happened {
            change.apply(&mut names);
        }
    }
    names
}

/// Brings what `names` lead to over to the new disk, and answers the names there.
fn revive_all(
    state: &State,
    names: BTreeMap<OsString, Id>,
    revived: &mut State,
    known: &mut HashMap<Id, Id>,
    loss: Loss,
    random: &mut Random,
) -> BTreeMap<OsString, Id> {
    let mut left = BTreeMap::new();
    for (name, id) in names {
        let new = match (known.get(&id), state.node(id)) {
            (Some(new), _) => *new,
            (None, Ok(Node::File(file))) => {
                let bytes = bytes_left(file, loss, random);
                revived.add(Node::File(FileNode::new(bytes)))
            }
            (None, Ok(Node::Directory(directory))) => {
                let names = names_left(directory, loss, random);
                let names = revive_all(state, names, revived, known, loss, random);
                let directory = DirectoryNode { visible: names.clone(), durable: names, pending: Vec::new() };
                revived.add(Node::Directory(directory))
            }
            (None, Err(_)) => continue,
        };
        known.insert(id, new);
        if let Ok(file) = revived.file_mut(new) {
            file.links += 1;
        }
        left.insert(name, new);
    }
    left
}

fn bytes_left(file: &FileNode, loss: Loss, random: &mut Random) -> Arc<Vec<u8>> {
    if file.pending.is_empty() {
        return file.durable.clone();
    }
    let mut content = file.durable.to_vec();
    for Pending { moment, change } in &file.pending {
        let fate = fate(loss, *moment, random);
        match change {
            Change::Length(len) if fate == Fate::Kept || fate == Fate::Torn && random.chance(50) => {
                content.resize(*len, 0);
            }
            Change::Length(_) => {}
            Change::Write { offset, bytes } => write_left(&mut content, *offset, bytes, fate, random),
        }
    }
    content.into()
}

fn write_left(content: &mut Vec<u8>, offset: usize, bytes: &[u8], fate: Fate, random: &mut Random) {
    let end = offset + bytes.len();
    if fate == Fate::Kept {
        grow(content, end, random);
        content[offset..end].copy_from_slice(bytes);
        return;
    }
    // The length may arrive without the data: wholly, or at a sector's end.
    let grown = match random.below(3) {
        0 => end,
        1 => (offset + random.below(bytes.len() as u64 + 1) as usize).next_multiple_of(SECTOR).min(end),
        _ => 0,
    };
    if content.len() < grown {
        grow(content, grown, random);
    }
    if fate == Fate::Lost {
        return;
    }
    let mut from = offset;
    while from < end {
        let to = (from + 1).next_multiple_of(SECTOR).min(end);
        if random.chance(50) {
            grow(content, to, random);
            content[from..to].copy_from_slice(&bytes[from - offset..to - offset]);
        }
        from = to;
    }
}

/// Makes a file longer, by zeros or by what lay on the medium.
fn grow(content: &mut Vec<u8>, len: usize, random: &mut Random) {
    let more = len.saturating_sub(content.len());
    if more > 0 && random.chance(25) {
        let garbage = random.draw().to_le_bytes();
        content.extend(garbage.iter().cycle().take(more));
    } else if more > 0 {
        content.resize(len, 0);
    }
}
