//! Listing entries.

use hashbrown::HashSet;

use super::Cache;
use super::negative::Negative;
use super::options::EntryInfo;
use crate::error::{Error, ErrorKind, Result};

/// Which entries a listing shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only keys that begin so.
    pub prefix: Vec<u8>,
    /// Only keys that match this pattern: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set, `\` escapes.
    pub glob: Option<Vec<u8>>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Pages of one shard that are looked at, at most: more than any memory holds.
const MAX_PAGES: u32 = 1 << 20;

impl Cache {
    /// Live entries of this handle's namespace, in the order in which they were written.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn list(&self, filter: &Filter) -> Result<Vec<EntryInfo>> {
        let (mut found, mut failure) = (Vec::new(), None);
        if filter.limit == Some(0) {
            return Ok(found);
        }
        self.each_entry(true, |info| {
            let wanted = Negative::of(&info.content_type).is_none() && info.key.starts_with(&filter.prefix);
            match filter.glob.as_deref().filter(|_| wanted).map(|pattern| self.inner.matches(pattern, &info.key)) {
                Some(Err(e)) => failure = Some(e),
                Some(Ok(false)) => {}
                Some(Ok(true)) => found.push(info),
                None if wanted => found.push(info),
                None => {}
            }
            failure.is_none() && filter.limit.is_none_or(|limit| found.len() < limit)
        })?;
        failure.map_or(Ok(found), Err)
    }

    /// Visits live entries, those of this handle's namespace `only` or all, until `visit` answers false.
    pub(super) fn each_entry(&self, only: bool, mut visit: impl FnMut(EntryInfo) -> bool) -> Result<()> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let mut seen = HashSet::<u64, std::hash::RandomState>::default();
        if let Some(store) = &inner.store {
            self.refresh(store, now);
            for (at, accessed) in store.locations(now)? {
                if (only && at.line.namespace != self.hash) || at.line.hash == store.bans() {
                    continue;
                }
                let Some(mut info) = self.describe(store, &at)? else { continue };
                seen.insert(at.line.hash);
                info.accessed = info.accessed.max(u64::from(accessed) * 1000);
                if !visit(info) {
                    return Ok(());
                }
            }
        }
        // What lasts in memory only is nowhere else.
        for shard in &inner.shards {
            let (mut cursor, mut pages) = (Some(0), 0);
            while let Some(from) = cursor {
                pages += 1;
                if pages > MAX_PAGES {
                    return Err(Error::new(ErrorKind::Internal, "a listing has no end"));
                }
                let page = inner.on_shard(shard, self.id, |g| {
                    let methods = g.larder.larder_cache_cache();
                    methods.cache().call_scan(&mut g.store, g.cache, only.then_some(self.id), &[], from, 1000, now)
                })?;
                for info in page.entries {
                    let hash = inner.hasher.key(inner.hasher.namespace(&info.namespace), &info.key);
                    if !seen.contains(&hash) && !visit(info.into()) {
                        return Ok(());
                    }
                }
                // A cursor that does not advance would never end.
                cursor = page.next.filter(|next| *next > from);
            }
        }
        Ok(())
    }
}
