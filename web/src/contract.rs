//! Calls of the contract that the package itself does not make, which only the module for Node has.

use larder_engine::keys::{Hasher, text_hashed};
use larder_engine::{Engine, Estimate, Item, Result, matches, verify};

use crate::convert::options;
use crate::wire::{Reader, Writer};
use crate::{keys, unknown};

pub(crate) fn call(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    let sequence = |reader: &mut Reader<'_>| reader.option(Reader::u64);
    let stored = |reader: &mut Reader<'_>| reader.option(|reader| reader.bytes().to_vec());
    match number {
        5 => writer.bool(engine.exists(reader.u32(), reader.bytes(), reader.u64())?),
        10 => writer.bool(matches(reader.bytes(), reader.bytes())),
        12 => writer.info(&verify(reader.bytes(), reader.u32() as usize)?),
        17 => writer.stored(&engine.restore(reader.u32(), reader.bytes(), reader.u64(), sequence(reader))?),
        18 | 19 => {
            let namespace = reader.u32();
            let (key, value, options, stored) = (reader.bytes(), reader.bytes(), options(reader), stored(reader));
            let (now, sequence) = (reader.u64(), sequence(reader));
            let written = match number {
                18 => engine.add(namespace, key, value, &options, stored.as_deref(), now, sequence)?,
                _ => engine.replace(namespace, key, value, &options, stored.as_deref(), now, sequence)?,
            };
            writer.option(written, |writer, stored| writer.stored(&stored));
        }
        20 => {
            let namespace = reader.u32();
            let (key, expected, value) = (reader.bytes(), reader.u64(), reader.bytes());
            let (options, stored, now) = (options(reader), stored(reader), reader.u64());
            let sequence = sequence(reader);
            let written =
                engine.compare_and_set(namespace, key, expected, value, &options, stored.as_deref(), now, sequence)?;
            writer.option(written, |writer, stored| writer.stored(&stored));
        }
        25 => {
            let namespace = reader.u32();
            let (items, now) = (reader.list(item), reader.u64());
            let outcomes = engine.set_many(namespace, &items, now, sequence(reader));
            writer.list(outcomes, |writer, outcome| match outcome {
                Ok(stored) => {
                    writer.u8(0);
                    writer.stored(&stored);
                }
                Err(refusal) => writer.refusal(&refusal),
            });
        }
        26 => {
            let namespace = reader.u32();
            let (keys, now) = (reader.list(Reader::bytes), reader.u64());
            writer.list(engine.delete_many(namespace, keys, now)?, Writer::bool);
        }
        35 => writer.bool(engine.is_banned(reader.bytes())?),
        36 => writer.u32(engine.bans()),
        40 => writer.option(engine.next_expiry(), Writer::u64),
        43 => writer.u32(engine.evict(reader.u32())),
        46 => writer.list(engine.advice(), |writer, it| estimate(writer, &it)),
        48 => engine.check()?,
        _ => return Err(unknown()),
    }
    Ok(())
}

/// Keys of texts that are hashed piece by piece.
pub(crate) fn hashed_key(hasher: &mut Hasher, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        70 => {
            let (operation, options, length, hash) =
                (reader.text(), keys::options(reader)?, reader.u64(), reader.bytes());
            keys::made(writer, text_hashed(&operation, &options, length, hash, &keys::settings(reader))?);
        }
        72 => *hasher = Hasher::default(),
        73 => hasher.update(reader.bytes()),
        74 => writer.u64(hasher.length()),
        75 => writer.bytes(&hasher.digest()),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn item(reader: &mut Reader<'_>) -> Item {
    Item { key: reader.bytes().to_vec(), value: reader.bytes().to_vec(), options: options(reader) }
}

fn estimate(writer: &mut Writer, estimate: &Estimate) {
    writer.text(estimate.policy.name());
    writer.u32(estimate.capacity_percent);
    [estimate.requests, estimate.hits, estimate.bytes, estimate.bytes_hit]
        .into_iter()
        .for_each(|number| writer.u64(number));
}
