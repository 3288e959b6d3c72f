//! The interface `pools`.

use alloc::string::String;
use alloc::vec::Vec;

use larder_engine::pools::{
    Choice, Dimension, Figures, NewVariant, Page, Plan, Pool, Round, Tally, Value, variant_key,
};
use larder_engine::{Engine, Result};

use crate::convert::{options, unknown_case};
use crate::unknown;
use crate::wire::{Reader, Writer};

pub(crate) fn call(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        0 => {
            let before = reader.option(|reader| Pool::decode(reader.bytes())).transpose()?;
            let pool = Pool::define(before, plan(reader))?;
            writer.bytes(&pool.encode());
        }
        1 => info(writer, &Pool::decode(reader.bytes())?),
        2 => {
            let pool = Pool::decode(reader.bytes())?;
            writer.bytes(&pool.combination_key(&pairs(reader))?);
        }
        3 => {
            let pool = Pool::decode(reader.bytes())?;
            let (values, kept, first, limit) = (pairs(reader), reader.bool(), reader.u64(), reader.u32());
            page(
                writer,
                match kept {
                    false => pool.combinations(&values, first, limit)?,
                    true => pool.kept_combinations(&values, first, limit)?,
                },
            );
        }
        4 => {
            let mut pool = Pool::decode(reader.bytes())?;
            let begins = pool.begin(reader.u64(), reader.bool());
            writer.option(begins.then(|| pool.encode()), |writer, state| writer.bytes(&state));
        }
        5 => {
            let mut pool = Pool::decode(reader.bytes())?;
            pool.clear(reader.bool());
            writer.bytes(&pool.encode());
        }
        6 => {
            let pool = Pool::decode(reader.bytes())?;
            let (entries, covered, failed) = (reader.u64(), reader.u64(), reader.u64());
            figures(writer, &pool.figures(&Tally { entries, covered, failed }));
        }
        13 => {
            let mut pool = Pool::decode(reader.bytes())?;
            let settles = pool.settle(reader.u64());
            writer.option(settles.then(|| pool.encode()), |writer, state| writer.bytes(&state));
        }
        7 => writer.bytes(&variant_key(reader.bytes(), reader.u64(), reader.u32())),
        _ => return combination(engine, number, reader, writer),
    }
    Ok(())
}

/// What is about one combination of a cache.
fn combination(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    let (namespace, key) = (reader.u32(), reader.bytes());
    let stored = |reader: &mut Reader<'_>| reader.option(|reader| reader.bytes().to_vec());
    match number {
        8 => {
            let flags = reader.u8();
            let how = Choice { weighted: flags & 1 != 0, no_repeats: flags & 2 != 0 };
            let picked = engine.pick(namespace, key, how, stored(reader).as_deref(), reader.u64())?;
            writer.option(picked, |writer, picked| {
                writer.u64(picked.generation);
                writer.u32(picked.entry);
                writer.u32(picked.variants);
                writer.option(picked.hit, |writer, hit| writer.hit(&hit));
            });
        }
        9 => {
            let round = round(reader);
            let place = reader.option(place);
            let value = reader.bytes().to_vec();
            let new = NewVariant { place, value, score: reader.option(Reader::f64), options: options(reader) };
            let (stored, now) = (stored(reader), reader.u64());
            let sequence = reader.option(Reader::u64);
            let added = engine.add_variant(namespace, key, &round, &new, stored.as_deref(), now, sequence)?;
            writer.bool(added.duplicate);
            writer.u64(added.generation);
            writer.u32(added.entry);
            writer.option(added.variant, |writer, (key, stored)| {
                writer.bytes(&key);
                writer.stored(&stored);
            });
            writer.stored(&added.combination);
            writer.list(added.pruned, |writer, key| writer.bytes(&key));
        }
        10 => {
            let (round, place, reason, retry_at) = (round(reader), place(reader), reader.text(), reader.u64());
            let (stored, now) = (stored(reader), reader.u64());
            let sequence = reader.option(Reader::u64);
            let noted =
                engine.fail(namespace, key, &round, place, &reason, retry_at, stored.as_deref(), now, sequence)?;
            writer.option(noted, |writer, stored| writer.stored(&stored));
        }
        11 => {
            let (place, stored, now) = (place(reader), stored(reader), reader.u64());
            let noted = engine.lose(namespace, key, place, stored.as_deref(), now, reader.option(Reader::u64))?;
            writer.option(noted, |writer, stored| writer.stored(&stored));
        }
        12 => {
            let (round, longest, stored) = (round(reader), reader.u64(), stored(reader));
            let info = engine.look(namespace, key, &round, longest, stored.as_deref(), reader.u64())?;
            writer.list(&info.variants, |writer, variant| {
                writer.u64(variant.generation);
                writer.u32(variant.entry);
                writer.u64(variant.cached_at);
                writer.u32(variant.size);
                writer.option(variant.score, Writer::f64);
            });
            writer.list(info.missing, Writer::u32);
            writer.list(info.due, Writer::u32);
            writer.option(info.retry_at, Writer::u64);
            writer.u32(info.failures);
            writer.text(&info.reason);
            writer.u64(info.duplicates);
            writer.bool(info.broken);
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

fn place(reader: &mut Reader<'_>) -> (u64, u32) {
    (reader.u64(), reader.u32())
}

fn round(reader: &mut Reader<'_>) -> Round {
    let (generation, per_generation, cap) = (reader.u64(), reader.u32(), reader.u32());
    Round { generation, per_generation, cap, is_settled: reader.bool() }
}

fn pairs(reader: &mut Reader<'_>) -> Vec<(String, String)> {
    reader.list(|reader| (reader.text(), reader.text()))
}

fn plan(reader: &mut Reader<'_>) -> Plan {
    let value = |reader: &mut Reader<'_>| Value { text: reader.text(), literal: reader.bool() };
    let dimensions = reader.list(|reader| Dimension { name: reader.text(), values: reader.list(value) });
    let mut plan = Plan { dimensions, ..Plan::default() };
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => plan.per_generation = reader.u32(),
            1 => plan.cap = reader.u32(),
            2 => plan.interval = reader.u64(),
            3 => plan.retry = reader.u64(),
            4 => plan.batch = reader.u32(),
            5 => plan.weighted = reader.bool(),
            6 => plan.repeats = reader.bool(),
            _ => unknown_case(),
        }
    }
    plan
}

fn value(writer: &mut Writer, value: &Value) {
    writer.text(&value.text);
    writer.bool(value.literal);
}

fn info(writer: &mut Writer, pool: &Pool) {
    let plan = pool.plan();
    writer.list(&plan.dimensions, |writer, dimension| {
        writer.text(&dimension.name);
        writer.list(&dimension.values, value);
    });
    writer.u32(plan.per_generation);
    writer.u32(plan.cap);
    writer.u64(plan.interval);
    writer.u64(plan.retry);
    writer.u32(plan.batch);
    writer.bool(plan.weighted);
    writer.bool(plan.repeats);
    writer.u64(pool.combination_count());
    writer.u64(pool.kept_count());
    let round = pool.round();
    writer.u64(round.generation);
    writer.u32(round.per_generation);
    writer.u32(round.cap);
    writer.bool(round.is_settled);
    writer.u64(pool.started());
    writer.u64(pool.next());
}

fn page(writer: &mut Writer, page: Page) {
    writer.list(page.combinations, |writer, combination| {
        writer.bytes(&combination.key);
        writer.list(&combination.values, |writer, (name, it)| {
            writer.text(name);
            value(writer, it);
        });
    });
    writer.option(page.next, Writer::u64);
}

fn figures(writer: &mut Writer, figures: &Figures) {
    writer.u64(figures.cached_entries);
    writer.u64(figures.unique_combinations_covered);
    writer.u64(figures.total_combinations);
    writer.u32(figures.entries_per_generation);
    writer.u32(figures.max_entries_per_combination);
    writer.u64(figures.max_possible_entries);
    writer.u64(figures.avg_entries_per_combination_tenths);
    writer.u32(figures.combination_coverage_percentage);
    writer.u32(figures.entry_coverage_percentage);
    writer.u64(figures.failed_combinations);
    writer.option(figures.last_generation, Writer::u64);
}
