//! The disk as the store sees it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use larder::storage::{File, Found, Kind, Look, Mode, Storage};

use super::node::{Change, Id, Naming, Node};
use super::state::State;
use super::{Disk, Operation};

impl Storage for Disk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let creates = matches!(mode, Mode::Create | Mode::CreateNew);
        if creates && self.state().find(path).is_err() {
            self.begin(Operation::Create);
        }
        let mut state = self.state();
        let node = match state.find(path) {
            Ok(_) if mode == Mode::CreateNew => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(e) if creates && e.kind() == io::ErrorKind::NotFound => state.create(path)?,
            found => found?,
        };
        state.file_mut(node)?.openings += 1;
        state.openings += 1;
        Ok(Box::new(Open { disk: self.clone(), node, opening: state.openings, writes: mode.writes() }))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        let state = self.state();
        let found = state.node(state.find(path)?)?;
        let owner = rustix::process::geteuid().as_raw();
        Ok(match found {
            Node::File(file) => Found {
                kind: Kind::File,
                len: file.bytes().len() as u64,
                owner,
                permissions: 0o600,
                modified: Some(file.modified),
            },
            Node::Directory(_) => Found { kind: Kind::Directory, len: 0, owner, permissions: 0o700, modified: None },
        })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let state = self.state();
        Ok(state.directory(state.find(directory)?)?.visible.keys().cloned().collect())
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.begin(Operation::CreateDirectory);
        self.state().make_directories(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin(Operation::Rename);
        let mut state = self.state();
        let node = state.find(from)?;
        let ((parent, from), (other, to)) = (state.place(from)?, state.place(to)?);
        if parent != other {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let replaced = state.directory(parent)?.visible.get(to).copied().filter(|id| *id != node);
        if let Some(replaced) = replaced {
            state.file_mut(replaced)?.links -= 1;
        }
        state.name(parent, Naming::Rename { from: from.to_owned(), to: to.to_owned(), node })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.begin(Operation::Remove);
        let mut state = self.state();
        let node = state.find(path)?;
        let (parent, name) = state.place(path)?;
        state.file_mut(node)?.links -= 1;
        state.name(parent, Naming::Unlink(name.to_owned(), node))
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.begin(Operation::RemoveDirectory);
        let mut state = self.state();
        let node = state.find(path)?;
        let (parent, name) = state.place(path)?;
        unlink_all(&mut state, node)?;
        state.name(parent, Naming::Unlink(name.to_owned(), node))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.begin(Operation::SyncDirectory);
        let mut state = self.state();
        let node = state.find(path)?;
        state.directory_mut(node)?.sync();
        state.sweep();
        Ok(())
    }

    fn boot(&self) -> Option<[u8; 16]> {
        Some(u128::from(self.state().boot).to_le_bytes())
    }
}

/// Takes all names out of a directory and those in it.
fn unlink_all(state: &mut State, directory: Id) -> io::Result<()> {
    let names = state.directory(directory)?.visible.clone();
    for (name, node) in names {
        match state.file_mut(node) {
            Ok(file) => file.links -= 1,
            Err(_) => unlink_all(state, node)?,
        }
        state.name(directory, Naming::Unlink(name, node))?;
    }
    Ok(())
}

/// An open file.
#[derive(Debug)]
struct Open {
    disk: Disk,
    node: Id,
    opening: u64,
    writes: bool,
}

impl Open {
    fn change(&self, operation: Operation, change: Change) -> io::Result<()> {
        if !self.writes {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.disk.begin(operation);
        let mut state = self.disk.state();
        state.moment += 1;
        let moment = state.moment;
        state.file_mut(self.node)?.change(moment, change);
        Ok(())
    }
}

impl File for Open {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let content = state.file(self.node)?.bytes();
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.change(Operation::Write, Change::Write { offset: offset as usize, bytes: bytes.into() })?;
        Ok(bytes.len())
    }

    fn look(&self) -> io::Result<Look> {
        let state = self.disk.state();
        let file = state.file(self.node)?;
        Ok(Look { len: file.bytes().len() as u64, is_there: file.links > 0 })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::SetLength, Change::Length(len as usize))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.begin(Operation::Sync);
        self.disk.state().file_mut(self.node)?.sync();
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.state();
        let file = state.file_mut(self.node)?;
        let has = *file.locked_by.get_or_insert(self.opening) == self.opening;
        Ok(has)
    }

    fn lock(&self) -> io::Result<()> {
        while !self.try_lock()? {
            let state = self.disk.state();
            if state.file(self.node)?.locked_by.is_some() {
                drop(self.disk.shared.unlocked.wait(state).unwrap_or_else(PoisonError::into_inner));
            }
        }
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let file = state.file_mut(self.node)?;
        if file.locked_by == Some(self.opening) {
            file.locked_by = None;
            self.disk.shared.unlocked.notify_all();
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Fails only if the file is gone, and its lock with it.
        let _ = self.unlock();
        if let Ok(file) = self.disk.state().file_mut(self.node) {
            file.openings -= 1;
        }
    }
}
