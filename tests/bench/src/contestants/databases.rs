//! Embedded databases as stores: fjall, redb, LMDB, SQLite. Each as its own documentation shows it, told not to wait for
//! the disk.

use std::path::Path;

use anyhow::Result;
use heed::types::Bytes;
use redb::{Durability, ReadableDatabase, TableDefinition};
use rusqlite::OptionalExtension;

use super::DiskStore;

/// A log-structured merge tree. It hands its journal to the operating system at every write and syncs when it is closed.
pub struct Fjall {
    entries: fjall::Keyspace,
    /// Closed after the keyspace.
    _database: fjall::Database,
}

impl Fjall {
    /// Built without its LZ4.
    pub fn open(dir: &Path) -> Result<Self> {
        let database = fjall::Database::builder(dir.join("fjall")).open()?;
        let entries = database.keyspace("entries", fjall::KeyspaceCreateOptions::default)?;
        Ok(Self { entries, _database: database })
    }
}

impl DiskStore for Fjall {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.entries.insert(key, value)?)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.entries.get(key)?.map(|value| value.to_vec()))
    }
}

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");

/// A copy-on-write B-tree, at `Durability::None`.
pub struct Redb(redb::Database);

impl Redb {
    /// Creates the table, so that reads find it.
    pub fn open(dir: &Path) -> Result<Self> {
        let database = redb::Database::create(dir.join("redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?;
        transaction.commit()?;
        Ok(Self(database))
    }
}

impl DiskStore for Redb {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::None)?;
        transaction.open_table(TABLE)?.insert(key, value)?;
        Ok(transaction.commit()?)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }
}

/// A memory-mapped B-tree, with `MDB_NOSYNC`.
pub struct Lmdb {
    environment: heed::Env,
    database: heed::Database<Bytes, Bytes>,
}

impl Lmdb {
    /// `room`: how large the map may become, in bytes.
    pub fn open(dir: &Path, room: usize) -> Result<Self> {
        let mut options = heed::EnvOpenOptions::new();
        options.map_size(room);
        // SAFETY: without syncing a power loss can damage the file, which is removed after the round in any case.
        unsafe { options.flags(heed::EnvFlags::NO_SYNC) };
        // SAFETY: the directory is this round's own; nobody else opens, truncates or edits the file.
        let environment = unsafe { options.open(dir)? };
        let mut transaction = environment.write_txn()?;
        let database = environment.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Self { environment, database })
    }
}

impl DiskStore for Lmdb {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        self.database.put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let transaction = self.environment.read_txn()?;
        Ok(self.database.get(&transaction, key)?.map(<[u8]>::to_vec))
    }
}

/// SQLite with a write-ahead log, `synchronous=OFF` and prepared statements.
pub struct Sqlite(rusqlite::Connection);

impl Sqlite {
    /// One table, its keys an index.
    pub fn open(dir: &Path) -> Result<Self> {
        let connection = rusqlite::Connection::open(dir.join("sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch("CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL)")?;
        Ok(Self(connection))
    }
}

impl DiskStore for Sqlite {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.prepare_cached("INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)")?.execute((key, value))?;
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut statement = self.0.prepare_cached("SELECT value FROM entries WHERE key = ?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }
}
