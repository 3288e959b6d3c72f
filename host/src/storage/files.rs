//! The operating system's files.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::{File, Found, Kind, Look, Mode, SharedNumber, Storage};

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files;

impl Storage for Files {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let mut options = OpenOptions::new();
        options.read(true).write(mode.writes()).mode(0o600).custom_flags(no_follow);
        options.create(mode == Mode::Create).create_new(mode == Mode::CreateNew);
        Ok(Box::new(options.open(path)?))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        let meta = fs::symlink_metadata(path)?;
        let kind = match meta.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        let modified = meta.modified().ok();
        Ok(Found { kind, len: meta.len(), owner: meta.uid(), permissions: meta.mode() & 0o7777, modified })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    /// Linux says it; elsewhere nobody knows.
    fn boot(&self) -> Option<[u8; 16]> {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
        bytes?.try_into().ok()
    }
}

impl File for fs::File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    #[inline]
    fn look(&self) -> io::Result<Look> {
        // The cheapest system call there is for it.
        let stat = rustix::fs::fstat(self)?;
        Ok(Look { len: stat.st_size as u64, is_there: stat.st_nlink > 0 })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match Self::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn lock(&self) -> io::Result<()> {
        Self::lock(self)
    }

    fn unlock(&self) -> io::Result<()> {
        Self::unlock(self)
    }

    fn shared_number(&self, offset: u64) -> Option<Box<dyn SharedNumber>> {
        let offset = usize::try_from(offset).ok()?;
        let len = offset.checked_add(size_of::<u64>())?;
        if self.metadata().ok()?.len() < len as u64 {
            return None;
        }
        let mut options = MmapOptions::new();
        options.len(len);
        let map = options.map_raw(self).or_else(|_| options.map_raw_read_only(self)).ok()?;
        offset.is_multiple_of(size_of::<u64>()).then(|| Box::new(Mapped { map, offset }) as Box<dyn SharedNumber>)
    }
}

/// A number in a mapped file.
#[derive(Debug)]
struct Mapped {
    map: MmapRaw,
    offset: usize,
}

impl Mapped {
    #[inline]
    fn number(&self) -> &AtomicU64 {
        // SAFETY: the place lies within the mapping, which lives as long as `self`, and is aligned: the mapping begins at a
        // page, and the offset is a multiple of 8. All processes touch it with atomic operations only.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(self.offset).cast()) }
    }
}

impl SharedNumber for Mapped {
    #[inline]
    fn get(&self) -> u64 {
        self.number().load(Ordering::Acquire)
    }

    fn increase(&self) -> u64 {
        self.number().fetch_add(1, Ordering::AcqRel) + 1
    }
}
