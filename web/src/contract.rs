//! Calls of the contract that the package itself does not make, which the slim module leaves out.

use larder_engine::{Engine, Result, matches, verify};

use crate::convert::{item, options};
use crate::unknown;
use crate::wire::{Reader, Writer};

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
        _ => return Err(unknown()),
    }
    Ok(())
}
