//! What a store needs of a file system, as two small traits: so that the same store runs on the real one, and in tests on
//! one that fails on purpose or forgets what was not synced.
//!
//! [`Files`] is the real one and the default. Another is given with [`Builder::storage`](crate::Builder::storage).

mod files;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::SystemTime;

pub use files::Files;

/// A file system. Paths are those of the store's directory and what is in it.
///
/// Nothing but a failure of [`File::sync`] or [`sync_directory`](Self::sync_directory) may be forgotten: what they
/// acknowledged has to survive power loss, and everything else only the death of the process.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Opens a regular file, readable by its owner only when it is made. Never follows a symbolic link in the last part
    /// of the path.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` as the mode says; what the file system says.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>>;

    /// What is under a path, without following a symbolic link in its last part.
    ///
    /// # Errors
    /// `NotFound`; what the file system says.
    fn look(&self, path: &Path) -> io::Result<Found>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// `NotFound`; what the file system says.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Makes a directory, and those above it, open to its owner only; one that is there is left as it is.
    ///
    /// # Errors
    /// What the file system says.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    /// What the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`; what the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all that is in it, following no symbolic link.
    ///
    /// # Errors
    /// `NotFound`; what the file system says.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes new, changed and removed names in a directory survive power loss.
    ///
    /// # Errors
    /// What the file system says.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Something that changes each time the machine starts, if that is known: what was not synced before it last changed
    /// may be lost.
    fn boot(&self) -> Option<[u8; 16]>;
}

/// An open file. Closed when dropped, which also ends its lock.
pub trait File: fmt::Debug + Send + Sync {
    /// Reads at an offset; answers how many bytes, 0 at the end of the file.
    ///
    /// # Errors
    /// What the file system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at an offset; answers how many bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// The file's length, and whether it still has a name. Every operation of a cache begins with this.
    ///
    /// # Errors
    /// What the file system says.
    fn look(&self) -> io::Result<Look>;

    /// Cuts the file off, or fills it up with zeros.
    ///
    /// # Errors
    /// What the file system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes what was written survive power loss, and the length with it.
    ///
    /// # Errors
    /// What the file system says. What was written before is then in doubt for good.
    fn sync(&self) -> io::Result<()>;

    /// Takes the file's exclusive lock if no other opening of it has it.
    ///
    /// # Errors
    /// What the file system says.
    fn try_lock(&self) -> io::Result<bool>;

    /// Waits until no other opening of the file has its exclusive lock, and takes it.
    ///
    /// # Errors
    /// What the file system says.
    fn lock(&self) -> io::Result<()>;

    /// Gives the lock back.
    ///
    /// # Errors
    /// What the file system says.
    fn unlock(&self) -> io::Result<()>;

    /// The number at an offset (a multiple of 8, within the file), shared with all who have the file open: what one adds the
    /// others see at once. `None` where there is no such thing; then the number is not used.
    fn shared_number(&self, offset: u64) -> Option<Box<dyn SharedNumber>> {
        let _ = offset;
        None
    }

    /// Reads until `bytes` are full.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before; what [`read_at`](Self::read_at) says.
    fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `WriteZero` when the file takes no more; what [`write_at`](Self::write_at) says.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The whole file, up to `limit` bytes of it.
    ///
    /// # Errors
    /// What [`read_at`](Self::read_at) says.
    fn read_all(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.look()?.len.min(limit) as usize];
        match self.read_exact_at(&mut bytes, 0) {
            Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Err(e),
            _ => Ok(bytes),
        }
    }
}

/// A number that several processes share.
pub trait SharedNumber: fmt::Debug + Send + Sync {
    /// What it is now.
    fn get(&self) -> u64;

    /// Adds one; answers what it is then. Only for a file that was opened for writing.
    fn increase(&self) -> u64;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For reading; it must be there.
    Read,
    /// For reading and writing; it must be there.
    Write,
    /// For reading and writing; made when it is not there.
    Create,
    /// For reading and writing; it must not be there.
    CreateNew,
}

impl Mode {
    /// Whether files may be made or changed with it.
    pub fn writes(self) -> bool {
        self != Self::Read
    }
}

/// What an open file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Bytes.
    pub len: u64,
    /// Whether it still has a name: not so once somebody removed it.
    pub is_there: bool,
}

/// What is under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file.
    pub len: u64,
    /// The user whom it belongs to.
    pub owner: u32,
    /// Permission bits, as in `chmod`.
    pub permissions: u32,
    /// When it was written to last, if the file system knows.
    pub modified: Option<SystemTime>,
}

/// What can be under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link or anything else.
    Other,
}
