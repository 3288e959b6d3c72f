//! One computation for each key: whoever asks while it runs waits for it.

use super::Cache;
use super::options::SetOptions;
use crate::error::{Error, Result};
use crate::flight::Role;
use crate::store::Lease;

impl Cache {
    /// The value under a key, or the one that `compute` makes, stored with `options`. However many threads ask for a
    /// missing key, one computes and the others wait. A panic in `compute` passes through and lets the next one compute.
    ///
    /// # Errors
    /// `InvalidArgument` when `compute` asks for the same key, or for one whose computation waits for it; else as
    /// [`get`](Self::get). A value that cannot be stored is returned all the same.
    pub fn get_or_insert_with(
        &self,
        key: impl AsRef<[u8]>,
        options: &SetOptions,
        compute: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>> {
        self.get_or_try_insert_with(key, options, || Ok::<_, Error>(compute()))
    }

    /// The right to compute what is under a key, among all processes that share the store: waits until no other has it.
    /// Ends when dropped, or with the process. `None` for a cache without a store.
    ///
    /// # Errors
    /// I/O errors.
    pub fn lease(&self, key: impl AsRef<[u8]>) -> Result<Option<Lease>> {
        self.inner.store.as_ref().map(|store| store.lease(self.hash(key.as_ref()))).transpose()
    }

    /// As [`get_or_insert_with`](Self::get_or_insert_with), for a computation that can fail. A failure is not stored.
    ///
    /// # Errors
    /// The computation's, and those of [`get_or_insert_with`](Self::get_or_insert_with).
    pub fn get_or_try_insert_with<E: From<Error>>(
        &self,
        key: impl AsRef<[u8]>,
        options: &SetOptions,
        compute: impl FnOnce() -> std::result::Result<Vec<u8>, E>,
    ) -> std::result::Result<Vec<u8>, E> {
        let key = key.as_ref();
        loop {
            if let Some(hit) = self.find(key)? {
                return Ok(hit.value);
            }
            match self.inner.flights.join(self.id, key)? {
                Role::LookAgain => {}
                Role::Landed(value) => return Ok(value.to_vec()),
                Role::Compute(flying) => {
                    // Between the look and the take-off somebody may have landed. Asked first without counting a read.
                    if self.contains(key)?
                        && let Some(hit) = self.find(key)?
                    {
                        return Ok(hit.value);
                    }
                    let value = compute()?;
                    if let Err(e) = self.set_with(key, &value, options) {
                        tracing::warn!("a computed value was not stored: {e}");
                    }
                    flying.land(&value);
                    return Ok(value);
                }
            }
        }
    }
}
