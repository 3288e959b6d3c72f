//! What lies in the directory, and whose it is.
//!
//! `larder.store` is the superblock: it makes the directory a store, gives it an identity and the key of its hash, and
//! says which version of the format the rest is in. `larder.lock` is locked by writers. `segments/` holds the log, `leases/` a file
//! for each key that is being computed, `statistics.json` what all processes counted, `accesses` when entries were last
//! read, `processes/` the stores of processes that want one of their own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::random;
use crate::storage::{File, Found, Kind, Mode, Storage};

/// The version of the store's format that is written, and the newest one read.
pub(crate) const FORMAT_VERSION: u32 = 1;

const SUPERBLOCK: &str = "larder.store";
const LOCK: &str = "larder.lock";
const SEGMENTS: &str = "segments";
const STATISTICS: &str = "statistics.json";
const ACCESSES: &str = "accesses";
const LEASES: &str = "leases";
const PROCESSES: &str = "processes";
/// How the names of files begin that are still being written.
const TEMPORARY: &str = ".larder-";
/// After so long, nobody writes such a file any more.
const ABANDONED: Duration = Duration::from_secs(3600);
const MAGIC: &[u8; 8] = b"\x8CLARDER\n";
/// The first bytes of every segment.
pub(crate) const SEGMENT_MAGIC: &[u8; 4] = b"\x8CLSG";

const SUPERBLOCK_SIZE: usize = 48;

/// Identity of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Superblock {
    /// Drawn at random when the store was made; seeds the checksums of frames.
    pub(crate) id: u64,
    /// The key of the store's hash.
    pub(crate) hash_key: [u8; 16],
}

impl Superblock {
    pub(crate) fn draw() -> Result<Self> {
        Ok(Self { id: u64::from_le_bytes(random()?), hash_key: random()? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SUPERBLOCK_SIZE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.hash_key);
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let shown = path.display();
        if bytes.first_chunk() != Some(MAGIC) {
            let message = format!("{shown} is not a Larder store; use another directory with --dir");
            return Err(Error::new(ErrorKind::Directory, message));
        }
        let part = |from: usize, len: usize| bytes.get(from..from + len);
        // The first 48 bytes end with their checksum in every format: without it, the version means nothing.
        let checked = part(40, 8).is_some_and(|sum| sum == xxh3_64(&bytes[..40]).to_le_bytes());
        if checked
            && let Some(version) = part(8, 4).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes)
            && version > FORMAT_VERSION
        {
            let message = format!(
                "{shown} is in format {version}, written by a newer larder; this one reads up to {FORMAT_VERSION}. Use \
                 the newer larder, or another directory with --dir"
            );
            return Err(Error::new(ErrorKind::NewerFormat, message));
        }
        let sound = bytes.len() == SUPERBLOCK_SIZE && checked;
        match (sound, part(16, 8).and_then(|v| v.try_into().ok()), part(24, 16).and_then(|v| v.try_into().ok())) {
            (true, Some(id), Some(hash_key)) => Ok(Self { id: u64::from_le_bytes(id), hash_key }),
            _ => {
                let message = format!("{shown} is damaged; `larder clear` makes a new, empty store");
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }
}

/// The paths of a store, and what can be done under them.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    storage: Arc<dyn Storage>,
    root: PathBuf,
    /// How the log is opened.
    mode: Mode,
}

impl Layout {
    pub(crate) fn new(storage: Arc<dyn Storage>, root: &Path) -> Self {
        Self { storage, root: root.to_owned(), mode: Mode::Write }
    }

    /// The same, for one who writes nothing.
    pub(crate) fn read_only(self) -> Self {
        Self { mode: Mode::Read, ..self }
    }

    /// How the log is opened.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn superblock(&self) -> PathBuf {
        self.root.join(SUPERBLOCK)
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    pub(crate) fn statistics(&self) -> PathBuf {
        self.root.join(STATISTICS)
    }

    pub(crate) fn accesses(&self) -> PathBuf {
        self.root.join(ACCESSES)
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.root.join(SEGMENTS)
    }

    /// Where processes that want a store of their own have it.
    pub(crate) fn processes(&self) -> PathBuf {
        self.root.join(PROCESSES)
    }

    pub(crate) fn segment(&self, number: u32) -> PathBuf {
        self.root.join(SEGMENTS).join(format!("{number:010}.seg"))
    }

    pub(crate) fn sealed(&self, number: u32) -> PathBuf {
        self.root.join(SEGMENTS).join(format!("{number:010}.idx"))
    }

    /// The file that is locked by whoever computes what is under a hash.
    pub(crate) fn lease(&self, hash: u64) -> Result<PathBuf> {
        let dir = self.root.join(LEASES);
        self.make_directory(&dir)?;
        Ok(dir.join(format!("{hash:016x}")))
    }

    /// Opens one of the store's files.
    pub(crate) fn open(&self, path: &Path, mode: Mode) -> Result<Box<dyn File>> {
        self.storage.open(path, mode).map_err(|e| Error::io("open", path, e))
    }

    /// What is under a path.
    pub(crate) fn look(&self, path: &Path) -> Result<Found> {
        self.storage.look(path).map_err(|e| Error::io("look at", path, e))
    }

    /// Removes a file, which may be gone already.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        match self.storage.remove(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
            _ => Ok(()),
        }
    }

    /// Writes a file so that it is there whole or not at all; with `sync`, after a power loss too.
    pub(crate) fn write_whole(&self, path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
        let name = format!("{TEMPORARY}{:016x}", u64::from_le_bytes(random()?));
        let temporary = path.with_file_name(name);
        let written = self.storage.open(&temporary, Mode::CreateNew).and_then(|file| {
            file.write_all_at(bytes, 0)?;
            if sync {
                file.sync()?;
            }
            self.storage.rename(&temporary, path)
        });
        written.map_err(|e| {
            // What is left of it is swept one day.
            let _ = self.storage.remove(&temporary);
            Error::io("write", path, e)
        })
    }

    /// Makes new and removed names in a directory last.
    pub(crate) fn sync_directory(&self, dir: &Path) -> Result<()> {
        self.storage.sync_directory(dir).map_err(|e| Error::io("sync", dir, e))
    }

    /// Makes a directory of the store, or makes sure that it is none of somebody else's making: a link could lead anywhere.
    pub(crate) fn make_directory(&self, dir: &Path) -> Result<()> {
        match self.storage.look(dir) {
            Ok(found) if found.kind == Kind::Directory => Ok(()),
            Ok(_) => Err(Error::new(ErrorKind::Directory, format!("{} is not a directory", dir.display()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.storage.create_directory(dir).map_err(|e| Error::io("create", dir, e))
            }
            Err(e) => Err(Error::io("look at", dir, e)),
        }
    }

    /// What is in a directory of the store; nothing if it cannot be listed, or is a link that could lead anywhere.
    pub(crate) fn paths(&self, dir: &Path) -> Vec<PathBuf> {
        // The root itself may be a link, what is in it may not.
        let is_own = dir == self.root || self.storage.look(dir).is_ok_and(|found| found.kind == Kind::Directory);
        if !is_own {
            return Vec::new();
        }
        self.storage.list(dir).unwrap_or_default().into_iter().map(|name| dir.join(name)).collect()
    }

    /// Removes what killed processes left behind: files they had begun to write, leases they held. What cannot be removed
    /// stays for the next time.
    pub(crate) fn sweep(&self) {
        for dir in [self.root.clone(), self.segments()] {
            for path in self.paths(&dir) {
                let begun = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
                let modified = self.storage.look(&path).ok().and_then(|found| found.modified);
                // A living process is done with such a file in moments.
                if begun && modified.and_then(|then| then.elapsed().ok()).is_some_and(|age| age > ABANDONED) {
                    let _ = self.storage.remove(&path);
                }
            }
        }
        super::isolated::sweep(self);
        for path in self.paths(&self.root.join(LEASES)) {
            // Removed while locked: whoever waits for it finds it gone and makes a new one.
            if let Ok(file) = self.storage.open(&path, Mode::Write)
                && matches!(file.try_lock(), Ok(true))
            {
                let _ = self.storage.remove(&path);
            }
        }
    }

    /// The numbers of the segments there are, ascending.
    pub(crate) fn list(&self) -> Result<Vec<u32>> {
        let dir = self.segments();
        let names = match self.storage.list(&dir) {
            Ok(names) => names,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("list", &dir, e)),
        };
        let number = |name: &std::ffi::OsString| name.to_str()?.strip_suffix(".seg")?.parse::<u32>().ok();
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes sure that the directory is one we may use; makes it if it is not there and `create` says so.
    pub(crate) fn ensure_directory(&self, create: bool) -> Result<()> {
        let shown = self.root.display();
        // The directory itself may be reached through a link; only what is in it may not.
        match self.storage.look(&self.root.join(".")) {
            Ok(found) if found.kind != Kind::Directory => {
                Err(Error::new(ErrorKind::Directory, format!("{shown} is not a directory; use another with --dir")))
            }
            Ok(found) => {
                let me = rustix::process::geteuid().as_raw();
                if found.owner != me {
                    let message = format!(
                        "{shown} belongs to user {}, not to you (user {me}); a cache is only safe in a directory of \
                         one's own. Use another with --dir",
                        found.owner
                    );
                    return Err(Error::new(ErrorKind::Directory, message));
                }
                if found.permissions & 0o022 != 0 {
                    let message = format!(
                        "{shown} can be written by others (mode {:03o}); run `chmod go-w {shown}`, or use another \
                         directory with --dir",
                        found.permissions & 0o777
                    );
                    return Err(Error::new(ErrorKind::Directory, message));
                }
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
                Err(Error::new(ErrorKind::Directory, format!("{shown} is not a directory; use another with --dir")))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && create => {
                let is_new = |dir: &&Path| {
                    !dir.as_os_str().is_empty()
                        && matches!(self.storage.look(dir), Err(e) if e.kind() == io::ErrorKind::NotFound)
                };
                let new: Vec<&Path> = self.root.ancestors().take_while(is_new).collect();
                self.storage.create_directory(&self.root).map_err(|e| Error::io("create", &self.root, e))?;
                // The names of all that were made must last.
                for above in new.into_iter().filter_map(Path::parent).filter(|above| !above.as_os_str().is_empty()) {
                    if let Err(e) = self.storage.sync_directory(above) {
                        tracing::debug!("{} was not synced: {e}", above.display());
                    }
                }
                Ok(())
            }
            Err(e) => Err(Error::io("look at", &self.root, e)),
        }
    }

    /// The superblock; `None` when the directory holds no store yet. A directory with other things in it is refused.
    pub(crate) fn read_superblock(&self) -> Result<Option<Superblock>> {
        let path = self.superblock();
        let names = self.names()?;
        match self.storage.open(&path, Mode::Read) {
            Ok(file) => {
                let bytes = file.read_all(4096).map_err(|e| Error::io("read", &path, e))?;
                Superblock::decode(&bytes, &path).map(Some)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                // Without a superblock, lock file and segments are a store that was never finished: nothing was stored yet.
                match names.iter().find(|name| !is_our_name(name)) {
                    Some(name) => Err(Error::new(
                        ErrorKind::Directory,
                        format!(
                            "{} holds {name:?} and is not a Larder store; use an empty or new directory with --dir",
                            self.root.display()
                        ),
                    )),
                    None => Ok(None),
                }
            }
            Err(e) => Err(Error::io("open", &path, e)),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let names = self.storage.list(&self.root).map_err(|e| Error::io("list", &self.root, e))?;
        Ok(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// Whether everything in the directory has a name that a store gives, and something in it begins as a store's file
    /// does: only then may it be emptied although it cannot be opened.
    pub(crate) fn looks_like_ours(&self) -> Result<bool> {
        if !self.names()?.iter().all(|name| is_our_name(name)) {
            return Ok(false);
        }
        let begins = |path: &Path, magic: &[u8]| {
            let start = self.storage.open(path, Mode::Read).and_then(|file| file.read_all(magic.len() as u64));
            start.is_ok_and(|start| start == magic)
        };
        if begins(&self.superblock(), MAGIC) {
            return Ok(true);
        }
        let paths = self.paths(&self.segments());
        let ours = |path: &PathBuf| path.extension().is_some_and(|e| e == "seg" || e == "idx");
        Ok(paths.iter().all(ours) && paths.iter().any(|path| begins(path, SEGMENT_MAGIC)))
    }

    pub(crate) fn make_segments(&self) -> Result<()> {
        self.make_directory(&self.segments())
    }

    /// Refuses a directory of segments that leads elsewhere.
    pub(crate) fn check_segments(&self) -> Result<()> {
        match self.storage.look(&self.segments()) {
            Ok(found) if found.kind != Kind::Directory => Err(Error::new(
                ErrorKind::Directory,
                format!(
                    "{} is not a directory of its own; use another directory with --dir",
                    self.segments().display()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Writes the superblock, whole or not at all.
    pub(crate) fn write_superblock(&self, superblock: &Superblock) -> Result<()> {
        self.write_whole(&self.superblock(), &superblock.encode(), true)
    }
}

fn is_our_name(name: &str) -> bool {
    [SUPERBLOCK, LOCK, SEGMENTS, LEASES, STATISTICS, ACCESSES, PROCESSES].contains(&name) || name.starts_with(TEMPORARY)
}
