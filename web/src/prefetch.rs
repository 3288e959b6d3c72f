//! The interface `prefetch`, and what the cache does with predictions. An instance has one predictor.

use alloc::string::String;
use alloc::vec::Vec;

use larder_engine::prefetch::{Enqueued, Failed, Prediction, Predictor, PredictorConfig, Queue, Queued, Taken, Wanted};
use larder_engine::{Engine, Error, Result};

use crate::convert::unknown_case;
use crate::unknown;
use crate::wire::{Reader, Writer};

pub(crate) fn call(
    predictor: &mut Option<Predictor>,
    number: u32,
    reader: &mut Reader<'_>,
    writer: &mut Writer,
) -> Result<()> {
    match number {
        0 => *predictor = Some(Predictor::open(settings(reader))?),
        1..16 => learn(predictor.as_mut().ok_or_else(unprepared)?, number, reader, writer)?,
        _ => queue(number, reader, writer)?,
    }
    Ok(())
}

/// The calls of the interface `cache` that are about predictions.
pub(crate) fn cache(engine: &mut Engine, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    let (namespace, predictions) = (reader.u32(), reader.list(|reader| (reader.bytes(), reader.f64())));
    writer.u32(match number {
        49 => engine.evict_unlikely(namespace, &predictions, reader.u32(), reader.u64())?,
        _ => engine.expect(namespace, &predictions, reader.u64())?,
    });
    Ok(())
}

fn learn(predictor: &mut Predictor, number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    match number {
        1 => predictor.observe(session(reader), reader.bytes(), reader.u64()),
        2 => {
            let after = reader.list(Reader::bytes);
            predictions(writer, predictor.predict(&after, reader.u32()));
        }
        3 => predictions(writer, predictor.next(session(reader), reader.u32(), reader.u64())),
        4 => predictions(writer, predictor.outlook(reader.u32(), reader.u64())),
        5 => {
            let it = predictor.learnt();
            [it.keys, it.contexts, it.bytes, it.observed, it.guessed, it.foreseen, it.unsaved]
                .into_iter()
                .for_each(|number| writer.u64(number));
        }
        6 => writer.bytes(&predictor.save(reader.option(Reader::bytes))?),
        7 => predictor.load(reader.bytes())?,
        8 => predictor.unlearn(),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn queue(number: u32, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
    if number == 16 {
        let mut queue = reader.option(stored).transpose()?.unwrap_or_default();
        let wanted = reader.list(|reader| Wanted {
            key: reader.bytes().to_vec(),
            priority: reader.f64(),
            payload: reader.bytes().to_vec(),
        });
        let Enqueued { added, merged, dropped } = queue.enqueue(wanted, reader.u32(), reader.u64())?;
        writer.bytes(&queue.encode());
        [added, merged, dropped].into_iter().for_each(|number| writer.u32(number));
        return Ok(());
    }
    let mut queue = stored(reader)?;
    match number {
        17 => {
            let Taken { items, next } = queue.take(reader.u32(), reader.u64(), reader.u64());
            writer.bytes(&queue.encode());
            writer.list(&items, item);
            writer.option(next, Writer::u64);
        }
        18 => {
            let (keys, unneeded) = (keys(reader), reader.bool());
            let count = queue.finish(&keys, unneeded);
            writer.bytes(&queue.encode());
            writer.u32(count);
        }
        19 => {
            let (key, reason): (_, String) = (reader.bytes(), reader.text());
            let failed = queue.fail(key, &reason, reader.u64(), reader.u64());
            writer.bytes(&queue.encode());
            match failed {
                Failed::Again(at) => {
                    writer.u8(0);
                    writer.u64(at);
                }
                Failed::GivenUp => writer.u8(1),
                Failed::Unknown => writer.u8(2),
            }
        }
        20 => {
            let count = match reader.option(keys) {
                Some(keys) => queue.remove(&keys),
                None => queue.clear(),
            };
            writer.bytes(&queue.encode());
            writer.u32(count);
        }
        21 => {
            let limit = queue.items().len().min(reader.u32() as usize);
            writer.list(queue.items().iter().take(limit), item);
        }
        22 => {
            let it = queue.figures(reader.u64());
            let outcomes = [it.fetched, it.unneeded, it.failures, it.given_up];
            [it.length, it.ready, it.requests, it.merged, it.dropped]
                .into_iter()
                .chain(outcomes)
                .for_each(|number| writer.u64(number));
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

fn unprepared() -> Error {
    Error::invalid("there is no predictor yet")
}

fn stored(reader: &mut Reader<'_>) -> Result<Queue> {
    Queue::decode(reader.bytes())
}

fn session(reader: &mut Reader<'_>) -> u64 {
    reader.i64() as u64
}

fn keys(reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
    reader.list(|reader| reader.bytes().to_vec())
}

fn settings(reader: &mut Reader<'_>) -> PredictorConfig {
    let mut config = PredictorConfig::default();
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => config.max_bytes = reader.u64(),
            1 => config.gap = reader.u64(),
            2 => config.seed = reader.i64() as u64,
            _ => unknown_case(),
        }
    }
    config
}

fn predictions(writer: &mut Writer, predictions: Vec<Prediction>) {
    writer.list(&predictions, |writer, prediction| {
        writer.bytes(&prediction.key);
        writer.f64(prediction.probability);
    });
}

fn item(writer: &mut Writer, item: &Queued) {
    let Wanted { key, priority, payload } = &item.wanted;
    writer.bytes(key);
    writer.f64(*priority);
    writer.bytes(payload);
    writer.u64(item.since);
    writer.u64(item.waits);
    writer.u32(item.attempts);
    writer.text(&item.reason);
}
