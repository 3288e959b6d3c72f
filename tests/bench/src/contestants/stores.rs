//! The trait of stores on a disk, and the list of them. None compresses, none waits for the disk after a write: a write
//! survives the death of the process, not a power loss.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use larder::{Cache, Codec};

use super::databases::{Fjall, Lmdb, Redb, Sqlite};

/// A store on a disk.
pub trait DiskStore {
    /// Stores a value; each call is a transaction of its own.
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Reads a value into bytes of the caller's own.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>>;
}

/// A kind of store.
pub struct StoreKind {
    /// Name in the report.
    pub name: &'static str,
    /// Opens or creates one in an existing directory.
    pub open: fn(&Path) -> Result<Box<dyn DiskStore>>,
    /// It compresses, so that it is given text that compresses.
    pub text: bool,
    /// It makes a file for each entry.
    pub files: bool,
}

/// Bytes that stores with a fixed maximum may take.
const ROOM: u64 = 2 << 30;

/// All kinds; the first is the base of the ratios.
pub const STORES: [StoreKind; 8] = [
    StoreKind { name: "Larder", open: |dir| larder(dir, 1 << 20, Codec::None), text: false, files: false },
    StoreKind {
        name: "Larder, 64 MiB in memory",
        open: |dir| larder(dir, 64 << 20, Codec::None),
        text: false,
        files: false,
    },
    StoreKind {
        name: "Larder, DEFLATE, JSON text",
        open: |dir| larder(dir, 1 << 20, Codec::Deflate),
        text: true,
        files: false,
    },
    StoreKind { name: "fjall", open: |dir| Ok(Box::new(Fjall::open(dir)?)), text: false, files: false },
    StoreKind { name: "redb", open: |dir| Ok(Box::new(Redb::open(dir)?)), text: false, files: false },
    StoreKind { name: "LMDB", open: |dir| Ok(Box::new(Lmdb::open(dir, ROOM as usize)?)), text: false, files: false },
    StoreKind { name: "SQLite", open: |dir| Ok(Box::new(Sqlite::open(dir)?)), text: false, files: false },
    StoreKind { name: "file per entry", open: |dir| Ok(Box::new(Files::open(dir)?)), text: false, files: true },
];

fn larder(dir: &Path, memory: u64, codec: Codec) -> Result<Box<dyn DiskStore>> {
    let builder = Cache::builder().directory(dir.join("larder")).max_memory(memory).max_size(ROOM).codec(codec);
    Ok(Box::new(Larder(builder.open()?)))
}

struct Larder(Cache);

impl DiskStore for Larder {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.set(key, value)?;
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key)?)
    }
}

/// What people write first: a file for each entry, in 256 directories, put in place by renaming.
struct Files {
    root: PathBuf,
}

impl Files {
    fn open(dir: &Path) -> Result<Self> {
        for number in 0..256 {
            fs::create_dir_all(dir.join(format!("{number:02x}")))?;
        }
        Ok(Self { root: dir.to_owned() })
    }

    fn path(&self, key: &[u8]) -> Result<PathBuf> {
        // FNV-1a, to spread the keys over the directories.
        let hash = key.iter().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01B3));
        Ok(self.root.join(format!("{:02x}", hash >> 56)).join(std::str::from_utf8(key)?))
    }
}

impl DiskStore for Files {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let path = self.path(key)?;
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, value)?;
        fs::rename(temporary, path)?;
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match fs::read(self.path(key)?) {
            Ok(value) => Ok(Some(value)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}
