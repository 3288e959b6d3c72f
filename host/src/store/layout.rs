//! What lies in the directory, and whose it is.
//!
//! `larder.store` is the superblock: it makes the directory a store, gives it an identity and the key of its hash, and
//! says which version of the format the rest is in. `larder.lock` is locked by writers. `segments/` holds the log, `leases/` a file
//! for each key that is being computed, `statistics.json` what all processes counted.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::random;

/// The version of the store's format that is written, and the newest one read.
pub(crate) const FORMAT_VERSION: u32 = 1;

const SUPERBLOCK: &str = "larder.store";
const LOCK: &str = "larder.lock";
const SEGMENTS: &str = "segments";
const STATISTICS: &str = "statistics.json";
const LEASES: &str = "leases";
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
        if let Some(version) = part(8, 4).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes)
            && version > FORMAT_VERSION
        {
            let message = format!(
                "{shown} is in format {version}, written by a newer larder; this one reads up to {FORMAT_VERSION}. Use \
                 the newer larder, or another directory with --dir"
            );
            return Err(Error::new(ErrorKind::NewerFormat, message));
        }
        let sound =
            bytes.len() == SUPERBLOCK_SIZE && part(40, 8).is_some_and(|sum| sum == xxh3_64(&bytes[..40]).to_le_bytes());
        match (sound, part(16, 8).and_then(|v| v.try_into().ok()), part(24, 16).and_then(|v| v.try_into().ok())) {
            (true, Some(id), Some(hash_key)) => Ok(Self { id: u64::from_le_bytes(id), hash_key }),
            _ => {
                let message = format!("{shown} is damaged; `larder clear` makes a new, empty store");
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }
}

/// The paths of a store.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
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

    pub(crate) fn segments(&self) -> PathBuf {
        self.root.join(SEGMENTS)
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
        private_dir(true).create(&dir).map_err(|e| Error::io("create", &dir, e))?;
        Ok(dir.join(format!("{hash:016x}")))
    }

    /// Removes what killed processes left behind: files they had begun to write, leases they held. What cannot be removed
    /// stays for the next time.
    pub(crate) fn sweep(&self) {
        for dir in [self.root.clone(), self.segments()] {
            for path in paths(&dir) {
                let begun = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
                let age = fs::symlink_metadata(&path).and_then(|meta| meta.modified()).map(|then| then.elapsed());
                // A living process is done with such a file in moments.
                if begun && matches!(age, Ok(Ok(age)) if age > ABANDONED) {
                    let _ = fs::remove_file(&path);
                }
            }
        }
        for path in paths(&self.root.join(LEASES)) {
            // Removed while locked: whoever waits for it finds it gone and makes a new one.
            if let Ok(file) = open_regular(&path, OpenOptions::new().read(true).write(true))
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// The numbers of the segments there are, ascending.
    pub(crate) fn list(&self) -> Result<Vec<u32>> {
        let dir = self.segments();
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("list", &dir, e)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| Error::io("list", &dir, e))?.file_name();
            if let Some(number) = name.to_str().and_then(|n| n.strip_suffix(".seg")).and_then(|n| n.parse().ok()) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes sure that the directory is one we may use, and makes it if it is not there.
    pub(crate) fn ensure_directory(&self) -> Result<()> {
        let shown = self.root.display();
        match fs::metadata(&self.root) {
            Ok(meta) if !meta.is_dir() => {
                Err(Error::new(ErrorKind::Directory, format!("{shown} is not a directory; use another with --dir")))
            }
            Ok(meta) => {
                let me = rustix::process::geteuid().as_raw();
                if meta.uid() != me {
                    let message = format!(
                        "{shown} belongs to user {}, not to you (user {me}); a cache is only safe in a directory of \
                         one's own. Use another with --dir",
                        meta.uid()
                    );
                    return Err(Error::new(ErrorKind::Directory, message));
                }
                if meta.mode() & 0o022 != 0 {
                    let message = format!(
                        "{shown} can be written by others (mode {:03o}); run `chmod go-w {shown}`, or use another \
                         directory with --dir",
                        meta.mode() & 0o777
                    );
                    return Err(Error::new(ErrorKind::Directory, message));
                }
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                private_dir(true).create(&self.root).map_err(|e| Error::io("create", &self.root, e))
            }
            Err(e) => Err(Error::io("look at", &self.root, e)),
        }
    }

    /// The superblock; `None` when the directory holds no store yet. A directory with other things in it is refused.
    pub(crate) fn read_superblock(&self) -> Result<Option<Superblock>> {
        let path = self.superblock();
        let names = self.names()?;
        match open_regular(&path, OpenOptions::new().read(true)) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(4096).read_to_end(&mut bytes).map_err(|e| Error::io("read", &path, e))?;
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
        let entries = fs::read_dir(&self.root).map_err(|e| Error::io("list", &self.root, e))?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect())
    }

    /// Whether everything in the directory has a name that a store gives, and something in it begins as a store's file
    /// does: only then may it be emptied although it cannot be opened.
    pub(crate) fn looks_like_ours(&self) -> Result<bool> {
        if !self.names()?.iter().all(|name| is_our_name(name)) {
            return Ok(false);
        }
        let begins = |path: &Path, magic: &[u8]| {
            let mut start = Vec::new();
            let read = open_regular(path, OpenOptions::new().read(true));
            let read = read.and_then(|file| file.take(magic.len() as u64).read_to_end(&mut start));
            read.is_ok() && start == magic
        };
        if begins(&self.superblock(), MAGIC) {
            return Ok(true);
        }
        let Ok(entries) = fs::read_dir(self.segments()) else { return Ok(false) };
        let paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        let ours = |path: &PathBuf| path.extension().is_some_and(|e| e == "seg" || e == "idx");
        Ok(paths.iter().all(ours) && paths.iter().any(|path| begins(path, SEGMENT_MAGIC)))
    }

    pub(crate) fn make_segments(&self) -> Result<()> {
        let segments = self.segments();
        private_dir(true).create(&segments).map_err(|e| Error::io("create", &segments, e))
    }

    /// Writes the superblock, whole or not at all.
    pub(crate) fn write_superblock(&self, superblock: &Superblock) -> Result<()> {
        write_whole(&self.superblock(), &superblock.encode(), true)
    }

    pub(crate) fn open_lock(&self) -> io::Result<File> {
        open_regular(&self.lock(), OpenOptions::new().read(true).write(true).create(true))
    }
}

/// What is in a directory; nothing if it cannot be listed.
fn paths(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect()).unwrap_or_default()
}

fn is_our_name(name: &str) -> bool {
    [SUPERBLOCK, LOCK, SEGMENTS, LEASES, STATISTICS].contains(&name) || name.starts_with(TEMPORARY)
}

fn private_dir(recursive: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive).mode(0o700);
    builder
}

/// Opens a file of the store, which is never a symbolic link, for its owner only.
pub(crate) fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    options.clone().mode(0o600).custom_flags(no_follow).open(path)
}

/// Writes a file so that it is there whole or not at all; with `sync`, after a power loss too.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], sync: bool) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir).and_then(|mut file| {
        file.write_all(bytes)?;
        if sync {
            file.as_file().sync_data()?;
        }
        file.persist(path).map_err(|e| e.error)
    });
    written.map(drop).map_err(|e| Error::io("write", path, e))
}

/// Makes new and removed names in a directory last.
pub(crate) fn sync_directory(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io("sync", dir, e))
}
