//! The interface `prefetch`, on the engine.

use larder_engine::Result;
use larder_engine::prefetch::{
    Failed, Learnt, Prediction, Predictor, PredictorConfig, Queue, QueueFigures, Queued, Wanted,
};
use serde_json::{Value, json};

use super::answers::{Answer, Bytes, answer};
use super::args::{Args, case};
use crate::bytes::to_json;
use crate::host::{to_float, to_unsigned, unsigned};

/// A call of this interface; `None` when it has none of that name.
pub(super) fn call(predictor: &mut Predictor, name: &str, a: Args<'_>) -> Option<Value> {
    Some(match name {
        "prepare" => answer(prepare(a).map(|made| *predictor = made)),
        "observe" => {
            predictor.observe(a.number("session"), &a.bytes("key"), a.number("now"));
            Value::Null
        }
        "predict" => {
            let after: Vec<_> = a.list("after").iter().map(super::args::byte_string).collect();
            predictor.predict(&after, limit(a)).answer()
        }
        "next" => predictor.next(a.number("session"), limit(a), a.number("now")).answer(),
        "outlook" => predictor.outlook(limit(a), a.number("now")).answer(),
        "learnt" => predictor.learnt().answer(),
        "save" => answer(predictor.save(a.optional_bytes("stored").as_deref()).map(Bytes)),
        "load" => answer(predictor.load(&a.bytes("state"))),
        "unlearn" => {
            predictor.unlearn();
            Value::Null
        }
        "enqueue" => answer(enqueue(a)),
        "take" => answer(queue(a).map(|mut queue| {
            let taken = queue.take(a.number("count") as u32, a.number("lease"), a.number("now"));
            json!({ "state": state(&queue), "items": taken.items.answer(), "next": taken.next.answer() })
        })),
        "finish" => answer(queue(a).map(|mut queue| {
            let count = queue.finish(&a.keys(), a.yes("unneeded"));
            json!({ "state": state(&queue), "count": count })
        })),
        "fail-fetch" => answer(queue(a).map(|mut queue| {
            let failed = queue.fail(&a.bytes("key"), a.text("reason"), a.number("retry"), a.number("now"));
            json!([state(&queue), failed.answer()])
        })),
        "withdraw" => answer(queue(a).map(|mut queue| {
            let count = if a.0.get("keys").is_some() { queue.remove(&a.keys()) } else { queue.clear() };
            json!({ "state": state(&queue), "count": count })
        })),
        "queued-items" => answer(queue(a).map(|queue| {
            let first = queue.items().iter().take(limit(a) as usize);
            Value::from_iter(first.cloned().map(Answer::answer))
        })),
        "figures" => answer(queue(a).map(|queue| queue.figures(a.number("now")))),
        _ => return None,
    })
}

fn limit(a: Args<'_>) -> u32 {
    a.number("limit") as u32
}

fn prepare(a: Args<'_>) -> Result<Predictor> {
    let mut config = PredictorConfig::default();
    for (case, payload) in a.list("settings").iter().map(case) {
        let number = to_unsigned(payload);
        match case {
            "max-bytes" => config.max_bytes = number,
            "gap" => config.gap = number,
            "seed" => config.seed = number,
            _ => panic!("the contract has no predictor setting {case:?}"),
        }
    }
    Predictor::open(config)
}

fn queue(a: Args<'_>) -> Result<Queue> {
    Queue::decode(&a.bytes("state"))
}

fn state(queue: &Queue) -> Value {
    to_json(&queue.encode())
}

fn enqueue(a: Args<'_>) -> Result<Value> {
    let before = a.optional_bytes("state").map(|state| Queue::decode(&state)).transpose()?;
    let wanted = |given: &Value| {
        let given = Args(given);
        let priority = to_float(given.given("priority"));
        Wanted { key: given.bytes("key"), priority, payload: given.bytes("payload") }
    };
    let mut queue = before.unwrap_or_default();
    let capacity = a.number("capacity") as u32;
    let done = queue.enqueue(a.list("wanted").iter().map(wanted).collect(), capacity, a.number("now"))?;
    Ok(json!({ "state": state(&queue), "added": done.added, "merged": done.merged, "dropped": done.dropped }))
}

impl Answer for Value {
    fn answer(self) -> Value {
        self
    }
}

impl Answer for Prediction {
    fn answer(self) -> Value {
        json!({ "key": to_json(&self.key), "probability": self.probability })
    }
}

impl Answer for Learnt {
    fn answer(self) -> Value {
        json!({
            "keys": unsigned(self.keys),
            "contexts": unsigned(self.contexts),
            "bytes": unsigned(self.bytes),
            "observed": unsigned(self.observed),
            "guessed": unsigned(self.guessed),
            "foreseen": unsigned(self.foreseen),
            "unsaved": unsigned(self.unsaved),
        })
    }
}

impl Answer for Queued {
    fn answer(self) -> Value {
        let Wanted { key, priority, payload } = self.wanted;
        json!({
            "wanted": { "key": to_json(&key), "priority": priority, "payload": to_json(&payload) },
            "since": unsigned(self.since),
            "waits": unsigned(self.waits),
            "attempts": self.attempts,
            "reason": self.reason,
        })
    }
}

impl Answer for Failed {
    fn answer(self) -> Value {
        match self {
            Failed::Again(at) => json!({ "again": unsigned(at) }),
            Failed::GivenUp => json!({ "given-up": null }),
            Failed::Unknown => json!({ "unknown": null }),
        }
    }
}

impl Answer for QueueFigures {
    fn answer(self) -> Value {
        json!({
            "length": unsigned(self.length),
            "ready": unsigned(self.ready),
            "requests": unsigned(self.requests),
            "merged": unsigned(self.merged),
            "dropped": unsigned(self.dropped),
            "fetched": unsigned(self.fetched),
            "unneeded": unsigned(self.unneeded),
            "failures": unsigned(self.failures),
            "given-up": unsigned(self.given_up),
        })
    }
}
