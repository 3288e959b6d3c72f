//! Reading, writing and locking one opening of a file.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use larder::storage::{File, Look};

use super::{Node, lock};

/// One opening of a file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) node: Arc<Node>,
    /// No other opening has it; 0 is none.
    pub(super) number: u64,
}

impl File for Opened {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let all = lock(&self.node.bytes);
        let rest = usize::try_from(offset).ok().and_then(|offset| all.get(offset..)).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut all = lock(&self.node.bytes);
        let all = Arc::make_mut(&mut all);
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        let end = offset.checked_add(bytes.len()).ok_or(ErrorKind::FileTooLarge)?;
        if all.len() < end {
            all.resize(end, 0);
        }
        all[offset..end].copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn look(&self) -> io::Result<Look> {
        let len = lock(&self.node.bytes).len() as u64;
        Ok(Look { len, is_there: !self.node.nameless.load(Ordering::Relaxed) })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| ErrorKind::FileTooLarge)?;
        Arc::make_mut(&mut lock(&self.node.bytes)).resize(len, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut holder = lock(&self.node.locked_by);
        if *holder == 0 {
            *holder = self.number;
        }
        Ok(*holder == self.number)
    }

    fn lock(&self) -> io::Result<()> {
        let mut holder = lock(&self.node.locked_by);
        while *holder != 0 && *holder != self.number {
            holder = self.node.unlocked.wait(holder).unwrap_or_else(PoisonError::into_inner);
        }
        *holder = self.number;
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        let mut holder = lock(&self.node.locked_by);
        if *holder == self.number {
            *holder = 0;
            self.node.unlocked.notify_all();
        }
        Ok(())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.unlock();
    }
}
