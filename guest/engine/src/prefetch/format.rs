//! Models and queues as bytes. Numbers are little-endian. `docs/design.md` has the layouts.

use alloc::vec::Vec;

use super::model::{Context, Follower, MAX_FOLLOWERS, MAX_TOTAL, Model, NONE};
use super::queue::{MAX_ITEMS, MAX_REASON, Queue, QueueFigures, Queued, Wanted, is_before};
use super::sessions::Sessions;
use crate::ascending::Ascending;
use crate::error::{Error, Result};
use crate::hash::KeyHasher;
use crate::record::Reader;

const MODEL: [u8; 4] = *b"LPM\x01";
const QUEUE: [u8; 4] = *b"LPQ\x01";

/// Counters are below this, so that nothing counts past the end.
const MAX_COUNT: u64 = 1 << 53;

/// Sessions that are saved: those that asked last.
const SAVED_SESSIONS: usize = 64;

fn put(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

fn put_u32(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

pub(super) fn encode_model(model: &Model, sessions: &Sessions) -> Vec<u8> {
    let mut out = MODEL.to_vec();
    put(&mut out, &[model.all.observed, model.all.guessed, model.all.foreseen]);
    put_u32(&mut out, &[model.names.len() as u32]);
    for id in 0..model.names.len() as u32 {
        let name = model.names.get(id);
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name);
    }
    put_u32(&mut out, &[model.all.contexts.len() as u32]);
    for Context { keys, total, followers, used } in &model.all.contexts {
        put_u32(&mut out, &[keys.0, keys.1, *total]);
        put(&mut out, &[*used]);
        out.push(followers.len() as u8);
        followers.iter().for_each(|follower| put_u32(&mut out, &[follower.id, follower.count]));
    }
    let all = sessions.all();
    let places = (0..all.len() as u32).filter(|&at| all[at as usize].last != NONE);
    let is_later = |a: u32, b: u32| all[a as usize].at > all[b as usize].at;
    let latest: Vec<u32> = Ascending::new(places.collect(), &is_later).take(SAVED_SESSIONS).collect();
    out.push(latest.len() as u8);
    for at in latest {
        let session = &all[at as usize];
        put(&mut out, &[session.id, session.at]);
        put_u32(&mut out, &[session.before, session.last]);
    }
    out
}

/// # Errors
/// `Corrupt`, also for counts that cannot be; `NewerFormat`.
pub(super) fn decode_model(bytes: &[u8], hasher: KeyHasher) -> Result<(Model, Sessions)> {
    let mut rest = Reader(bytes);
    rest.mark(MODEL, "what a predictor learnt")?;
    let mut model = Model::new(hasher);
    let (observed, guessed, foreseen) = (rest.u64()?, rest.u64()?, rest.u64()?);
    if foreseen > guessed || guessed > observed || observed > MAX_COUNT {
        return Err(Error::corrupt("it foresaw more than it saw"));
    }
    (model.all.observed, model.all.guessed, model.all.foreseen) = (observed, guessed, foreseen);
    let names = rest.u32()?;
    for id in 0..names {
        let len = rest.u32()? as usize;
        if model.name(rest.take(len)?) != id {
            return Err(Error::corrupt("it has a key twice"));
        }
    }
    let key = |rest: &mut Reader<'_>, may_lack: bool| match rest.u32()? {
        id if id < names || may_lack && id == NONE => Ok(id),
        _ => Err(Error::corrupt("it speaks of a key that it does not have")),
    };
    for _ in 0..rest.u32()? {
        let keys = (key(&mut rest, true)?, key(&mut rest, false)?);
        let (total, used, count) = (rest.u32()?, rest.u64()?, rest.u8()?);
        let mut followers = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            followers.push(Follower { id: key(&mut rest, false)?, count: rest.u32()? });
        }
        let counted = followers.iter().try_fold(0u32, |sum, follower| sum.checked_add(follower.count));
        let is_sound = followers.len() <= MAX_FOLLOWERS
            && counted.is_some_and(|counted| counted <= total)
            && total <= MAX_TOTAL
            && used <= observed
            && model.all.context(keys).is_none();
        if !is_sound {
            return Err(Error::corrupt("a context is not as it can be"));
        }
        model.all.add(Context { keys, total, followers, used });
    }
    let mut sessions = Sessions::default();
    for _ in 0..rest.u8()? {
        let (id, at) = (rest.u64()?, rest.u64()?);
        let (before, last) = (key(&mut rest, true)?, key(&mut rest, false)?);
        let session = sessions.find_or_begin(id);
        (session.before, session.last, session.at) = (before, last, at);
    }
    at_end(&rest)?;
    Ok((model, sessions))
}

pub(super) fn encode_queue(queue: &Queue) -> Vec<u8> {
    let QueueFigures { requests, merged, dropped, fetched, unneeded, failures, given_up, .. } = queue.counts;
    let mut out = QUEUE.to_vec();
    put(&mut out, &[requests, merged, dropped, fetched, unneeded, failures, given_up, queue.number]);
    put_u32(&mut out, &[queue.items.len() as u32]);
    for Queued { wanted: Wanted { key, priority, payload }, since, waits, attempts, reason, number } in &queue.items {
        put(&mut out, &[*number, priority.to_bits(), *since, *waits]);
        put_u32(&mut out, &[*attempts, key.len() as u32, payload.len() as u32, reason.len() as u32]);
        [key, payload, reason.as_bytes()].iter().for_each(|bytes| out.extend_from_slice(bytes));
    }
    out
}

/// # Errors
/// `Corrupt`, also when items are out of order; `NewerFormat`.
pub(super) fn decode_queue(bytes: &[u8]) -> Result<Queue> {
    let mut rest = Reader(bytes);
    rest.mark(QUEUE, "the queue of prefetches")?;
    let mut counts = QueueFigures::default();
    let QueueFigures { requests, merged, dropped, fetched, unneeded, failures, given_up, .. } = &mut counts;
    for count in [requests, merged, dropped, fetched, unneeded, failures, given_up] {
        *count = bounded(rest.u64()?)?;
    }
    let mut queue = Queue { counts, number: bounded(rest.u64()?)?, ..Queue::default() };
    for _ in 0..rest.u32()? {
        let (number, priority) = (rest.u64()?, f64::from_bits(rest.u64()?));
        let (since, waits, attempts) = (rest.u64()?, rest.u64()?, rest.u32()?);
        let lens = [rest.u32()? as usize, rest.u32()? as usize, rest.u32()? as usize];
        let key = rest.take(lens[0])?.to_vec();
        let payload = rest.take(lens[1])?.to_vec();
        let reason = rest.text(lens[2])?;
        let item = Queued { wanted: Wanted { key, priority, payload }, since, waits, attempts, reason, number };
        let is_next = queue.items.last().is_none_or(|last| is_before(last, &item));
        let is_within_limits =
            super::queue::check(&item.wanted).is_ok() && lens[2] <= MAX_REASON && queue.items.len() < MAX_ITEMS;
        if !is_next || !is_within_limits || number >= queue.number {
            return Err(Error::corrupt("an item is not as it can be"));
        }
        queue.items.push(item);
    }
    at_end(&rest)?;
    Ok(queue)
}

fn bounded(count: u64) -> Result<u64> {
    if count <= MAX_COUNT { Ok(count) } else { Err(Error::corrupt("it counted more than anybody can")) }
}

fn at_end(rest: &Reader<'_>) -> Result<()> {
    if rest.0.is_empty() { Ok(()) } else { Err(Error::corrupt("something follows its end")) }
}
