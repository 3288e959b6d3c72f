//! All nodes, and the paths to them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::node::{DirectoryNode, FileNode, Id, Naming, Node};

/// The topmost directory, which is always there.
pub(super) const ROOT: Id = 0;

#[derive(Debug)]
pub(super) struct State {
    /// A node that nobody can come to any more leaves its place empty.
    nodes: Vec<Option<Node>>,
    /// Grows with each change.
    pub(super) moment: u64,
    /// Which start of the machine this is.
    pub(super) boot: u64,
    /// The number of the next opening.
    pub(super) openings: u64,
}

impl State {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Some(Node::Directory(DirectoryNode::default()))], moment: 0, boot: 1, openings: 0 }
    }

    pub(super) fn add(&mut self, node: Node) -> Id {
        self.nodes.push(Some(node));
        self.nodes.len() - 1
    }

    /// What is in a place; `None` behind the last one.
    pub(super) fn get(&self, id: Id) -> Option<Option<&Node>> {
        self.nodes.get(id).map(Option::as_ref)
    }

    pub(super) fn node(&self, id: Id) -> io::Result<&Node> {
        self.nodes.get(id).and_then(Option::as_ref).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn file(&self, id: Id) -> io::Result<&FileNode> {
        match self.node(id)? {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file_mut(&mut self, id: Id) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(id).and_then(Option::as_mut) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn directory(&self, id: Id) -> io::Result<&DirectoryNode> {
        match self.node(id)? {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn directory_mut(&mut self, id: Id) -> io::Result<&mut DirectoryNode> {
        match self.nodes.get_mut(id).and_then(Option::as_mut) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<Id> {
        let mut at = ROOT;
        for part in path.components() {
            match part {
                Component::Normal(name) => {
                    let found = self.directory(at)?.visible.get(name);
                    at = *found.ok_or(io::ErrorKind::NotFound)?;
                }
                Component::ParentDir => return Err(io::ErrorKind::InvalidInput.into()),
                _ => {}
            }
        }
        // `components` leaves a dot at the end out, which only a directory may have.
        if path.as_os_str().as_encoded_bytes().ends_with(b"/.") {
            self.directory(at)?;
        }
        Ok(at)
    }

    /// The directory that a path's last part is in, and that part.
    pub(super) fn place<'a>(&self, path: &'a Path) -> io::Result<(Id, &'a OsStr)> {
        let (parent, name) = path.parent().zip(path.file_name()).ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.find(parent)?;
        self.directory(parent)?;
        Ok((parent, name))
    }

    /// Makes a change to a directory's names.
    pub(super) fn name(&mut self, directory: Id, change: Naming) -> io::Result<()> {
        self.moment += 1;
        let moment = self.moment;
        self.directory_mut(directory)?.change(moment, change);
        Ok(())
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<Id> {
        let (parent, name) = self.place(path)?;
        let mut file = FileNode::new(Vec::new().into());
        file.links = 1;
        let id = self.add(Node::File(file));
        self.name(parent, Naming::Link(name.to_owned(), id))?;
        Ok(id)
    }

    pub(super) fn find_or_create(&mut self, path: &Path) -> io::Result<Id> {
        match self.find(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.create(path),
            found => found,
        }
    }

    pub(super) fn make_directories(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for part in path.components() {
            let Component::Normal(name) = part else { continue };
            at = match self.directory(at)?.visible.get(name) {
                Some(id) => *id,
                None => {
                    let id = self.add(Node::Directory(DirectoryNode::default()));
                    self.name(at, Naming::Link(name.to_owned(), id))?;
                    id
                }
            };
        }
        self.directory(at).map(drop)
    }

    /// Makes everything durable.
    pub(super) fn settle(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            match node {
                Node::File(file) => file.sync(),
                Node::Directory(directory) => directory.sync(),
            }
        }
        self.sweep();
    }

    /// Forgets the nodes that nobody can come to, now or after a power loss.
    pub(super) fn sweep(&mut self) {
        let mut reached = HashSet::from([ROOT]);
        let mut ahead = vec![ROOT];
        while let Some(id) = ahead.pop() {
            let Ok(Node::Directory(directory)) = self.node(id) else { continue };
            let pending = directory.pending.iter().map(|pending| match &pending.change {
                Naming::Link(_, node) | Naming::Unlink(_, node) | Naming::Rename { node, .. } => *node,
            });
            let next = directory.visible.values().chain(directory.durable.values()).copied().chain(pending);
            ahead.extend(next.filter(|id| reached.insert(*id)));
        }
        for (id, node) in self.nodes.iter_mut().enumerate() {
            let is_open = matches!(node, Some(Node::File(file)) if file.openings > 0);
            if !is_open && !reached.contains(&id) {
                *node = None;
            }
        }
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut ahead = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, id)) = ahead.pop() {
            match self.node(id) {
                Ok(Node::File(_)) => files.push(path),
                Ok(Node::Directory(directory)) => {
                    ahead.extend(directory.visible.iter().map(|(name, id)| (path.join(name), *id)));
                }
                Err(_) => {}
            }
        }
        files.sort();
        files
    }
}
