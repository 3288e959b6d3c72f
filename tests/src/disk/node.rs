//! What can be on the disk: a file, a directory. Each knows what processes see, what is durable, and the changes between.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

/// A place in the table of nodes.
pub(super) type Id = usize;

/// A change that was not synced yet, and the moment it was made.
#[derive(Debug, Clone)]
pub(super) struct Pending<T> {
    pub(super) moment: u64,
    pub(super) change: T,
}

/// A change to a file.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Arc<[u8]> },
    Length(usize),
}

/// A change to the names in a directory.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    Link(OsString, Id),
    Unlink(OsString, Id),
    Rename { from: OsString, to: OsString, node: Id },
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<OsString, Id>) {
        match self {
            Self::Link(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Unlink(name, node) => {
                if names.get(name) == Some(node) {
                    names.remove(name);
                }
            }
            Self::Rename { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
        }
    }
}

#[derive(Debug)]
pub(super) enum Node {
    File(FileNode),
    Directory(DirectoryNode),
}

#[derive(Debug)]
pub(super) struct FileNode {
    visible: Arc<Vec<u8>>,
    pub(super) durable: Arc<Vec<u8>>,
    pub(super) pending: Vec<Pending<Change>>,
    /// Names that processes see.
    pub(super) links: u32,
    pub(super) openings: u32,
    /// The opening that has the lock.
    pub(super) locked_by: Option<u64>,
    pub(super) modified: SystemTime,
}

impl FileNode {
    /// A file that holds this, durably.
    pub(super) fn new(bytes: Arc<Vec<u8>>) -> Self {
        Self {
            visible: bytes.clone(),
            durable: bytes,
            pending: Vec::new(),
            links: 0,
            openings: 0,
            locked_by: None,
            modified: SystemTime::now(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.visible
    }

    /// Makes a change that is seen at once and durable later.
    pub(super) fn change(&mut self, moment: u64, change: Change) {
        apply(&change, Arc::make_mut(&mut self.visible));
        self.pending.push(Pending { moment, change });
        self.modified = SystemTime::now();
    }

    pub(super) fn sync(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let durable = Arc::make_mut(&mut self.durable);
        self.pending.drain(..).for_each(|pending| apply(&pending.change, durable));
    }

    /// Takes the changes for durable that are not.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
    }

    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        *self =
            Self { links: self.links, openings: self.openings, locked_by: self.locked_by, ..Self::new(bytes.into()) };
    }
}

fn apply(change: &Change, content: &mut Vec<u8>) {
    match change {
        Change::Length(len) => content.resize(*len, 0),
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct DirectoryNode {
    pub(super) visible: BTreeMap<OsString, Id>,
    pub(super) durable: BTreeMap<OsString, Id>,
    pub(super) pending: Vec<Pending<Naming>>,
}

impl DirectoryNode {
    pub(super) fn change(&mut self, moment: u64, change: Naming) {
        change.apply(&mut self.visible);
        self.pending.push(Pending { moment, change });
    }

    pub(super) fn sync(&mut self) {
        if !self.pending.is_empty() {
            self.durable = self.visible.clone();
            self.pending.clear();
        }
    }
}
