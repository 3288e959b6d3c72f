//! The calls by number, in the order of `web/ts/contract.ts`, which names them.

use alloc::vec::Vec;

use larder_engine::{Engine, PolicyKind, Result, describe};

use crate::convert::{defaults, options, rule, settings, summary};
use crate::wire::{Reader, Writer};
use crate::{State, unknown};

/// Calls of the interface `keys` begin here, and those of `pools` and of `prefetch`.
const KEYS: u32 = 64;
const POOLS: u32 = 96;
const PREFETCH: u32 = 128;

/// Whether this build has a call.
pub(crate) fn is_here(number: u32) -> bool {
    let is_unused = matches!(number, 5 | 10 | 12 | 17..=20 | 25 | 26 | 35 | 36 | 40 | 43 | 46 | 48 | 70 | 72..=75);
    let is_left_out = !cfg!(feature = "contract") && is_unused
        || !cfg!(feature = "keys") && (KEYS..POOLS).contains(&number)
        || !cfg!(feature = "pools") && (POOLS..PREFETCH).contains(&number)
        || !cfg!(feature = "prediction") && matches!(number, 49 | 50 | PREFETCH..);
    !is_left_out
}

pub(crate) fn call(state: &mut State, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        0 => state.engine = Engine::open(settings(reader)?)?,
        #[cfg(feature = "contract")]
        5 | 10 | 12 | 17..=20 | 25 | 26 | 35 | 36 | 40 | 43 | 46 | 48 => {
            crate::contract::call(&mut state.engine, number, reader, writer)?
        }
        #[cfg(feature = "contract")]
        70 | 72..=75 => crate::contract::hashed_key(&mut state.hasher, number, reader, writer)?,
        #[cfg(feature = "prediction")]
        49 | 50 => crate::prefetch::cache(&mut state.engine, number, reader, writer)?,
        1..16 => read(&mut state.engine, number, reader, writer)?,
        16..32 => write(&mut state.engine, number, reader, writer)?,
        32..KEYS => maintain(&mut state.engine, number, reader, writer)?,
        #[cfg(feature = "keys")]
        KEYS..POOLS => crate::keys::call(number - KEYS, reader, writer)?,
        #[cfg(feature = "pools")]
        POOLS..PREFETCH => crate::pools::call(&mut state.engine, number - POOLS, reader, writer)?,
        #[cfg(feature = "prediction")]
        PREFETCH.. => crate::prefetch::call(&mut state.predictor, number - PREFETCH, reader, writer)?,
        #[cfg(not(all(feature = "keys", feature = "pools", feature = "prediction")))]
        _ => return Err(unknown()),
    }
    Ok(())
}

fn read(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        1 => writer.u32(engine.namespace(&reader.text())?),
        2 => engine.set_defaults(reader.u32(), defaults(reader))?,
        3 => {
            let found = engine.get(reader.u32(), reader.bytes(), reader.u64())?;
            writer.option(found, |writer, hit| writer.hit(&hit));
        }
        4 => writer.hit(&engine.admit(reader.u32(), reader.bytes(), reader.bytes(), reader.u64())?),
        6 => {
            let found = engine.ttl(reader.u32(), reader.bytes(), reader.u64())?;
            writer.option(found, |writer, times| writer.times(times.expires, times.gone));
        }
        7 => {
            let found = engine.inspect(reader.u32(), reader.bytes(), reader.u64())?;
            writer.option(found, |writer, info| writer.info(&info));
        }
        8 => {
            let (namespace, keys, now) = (reader.u32(), reader.list(Reader::bytes), reader.u64());
            let found: Vec<_> = engine.get_many(namespace, keys, now)?;
            writer.list(found, |writer, hit| writer.option(hit, |writer, hit| writer.hit(&hit)));
        }
        9 => {
            let (namespace, prefix) = (reader.option(Reader::u32), reader.bytes());
            writer.page(&engine.scan(namespace, prefix, reader.u32(), reader.u32(), reader.u64())?);
        }
        11 => writer.info(&describe(reader.bytes())?),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn write(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    let namespace = reader.u32();
    let sequence = |reader: &mut Reader<'_>| reader.option(Reader::u64);
    let stored = |reader: &mut Reader<'_>| reader.option(|reader| reader.bytes().to_vec());
    match number {
        16 => {
            let (key, value, options) = (reader.bytes(), reader.bytes(), options(reader));
            writer.stored(&engine.set(namespace, key, value, &options, reader.u64(), sequence(reader))?);
        }
        21 => {
            let (key, delta, options, stored) = (reader.bytes(), reader.i64(), options(reader), stored(reader));
            let (now, sequence) = (reader.u64(), sequence(reader));
            let (sum, stored) = engine.increment(namespace, key, delta, &options, stored.as_deref(), now, sequence)?;
            writer.i64(sum);
            writer.stored(&stored);
        }
        22 => {
            let (key, ttl, stored) = (reader.bytes(), reader.option(Reader::u64), stored(reader));
            let written = engine.touch(namespace, key, ttl, stored.as_deref(), reader.u64(), sequence(reader))?;
            writer.option(written, |writer, stored| writer.stored(&stored));
        }
        23 => {
            let (key, stored) = (reader.bytes(), stored(reader));
            writer.bool(engine.delete(namespace, key, stored.as_deref(), reader.u64())?);
        }
        24 => engine.forget(namespace, reader.bytes())?,
        _ => return Err(unknown()),
    }
    Ok(())
}

fn maintain(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    let namespace = |reader: &mut Reader<'_>| reader.option(Reader::u32);
    match number {
        32 => {
            let (namespace, rules) = (namespace(reader), reader.list(rule));
            writer.banned(&engine.ban(namespace, rules, reader.u64(), reader.option(Reader::u64))?);
        }
        33 => engine.take_bans(reader.bytes())?,
        34 => writer.bytes(&engine.reap_bans(reader.u64(), reader.u64(), reader.option(Reader::u64))?),
        37 => writer.u32(engine.clear(namespace(reader))?),
        38 => writer.u32(engine.cleanup(reader.u64(), reader.u32())),
        39 => writer.u32(engine.maintain(reader.u64(), reader.u32())),
        41 => writer.u32(engine.resize(reader.u64(), reader.u64())),
        42 => writer.carried(&engine.carry(reader.u32(), reader.u32(), reader.u64())),
        44 => engine.set_policy(PolicyKind::parse(&reader.text())?),
        45 => writer.statistics(&engine.stats(namespace(reader))?),
        47 => {
            let candidates = reader.list(summary);
            writer.list(engine.judge(&candidates, reader.u64(), reader.u64()), Writer::u32);
        }
        _ => return Err(unknown()),
    }
    Ok(())
}
