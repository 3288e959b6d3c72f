// The part of the contract that is about prediction and prefetch (wit/prefetch.wit), which is not known before it is asked for.

import { CALLS, TYPES, type Call, type Compound } from "../contract.js";

const numbers = (names: string, type: string): readonly (readonly [string, string])[] => names.split(" ").map((name) => [name, type] as const);

const PREFETCH_TYPES: Readonly<Record<string, Compound>> = {
  "predictor-setting": {
    variant: [
      ["max-bytes", "u64"],
      ["gap", "u64"],
      ["seed", "i64"],
    ],
  },
  prediction: {
    record: [
      ["key", "bytes"],
      ["probability", "f64"],
    ],
  },
  learnt: { record: numbers("keys contexts bytes observed guessed foreseen unsaved", "u64") },
  wanted: {
    record: [
      ["key", "bytes"],
      ["priority", "f64"],
      ["payload", "bytes"],
    ],
  },
  queued: {
    record: [
      ["wanted", "wanted"],
      ["since", "u64"],
      ["waits", "u64"],
      ["attempts", "u32"],
      ["reason", "text"],
    ],
  },
  enqueued: { record: [["state", "bytes"], ...numbers("added merged dropped", "u32")] },
  taken: {
    record: [
      ["state", "bytes"],
      ["items", "queued[]"],
      ["next", "u64?"],
    ],
  },
  removed: {
    record: [
      ["state", "bytes"],
      ["count", "u32"],
    ],
  },
  failed: {
    variant: [
      ["again", "u64"],
      ["given-up", ""],
      ["unknown", ""],
    ],
  },
  "state-and-failed": { tuple: ["bytes", "failed"] },
  "queue-figures": { record: numbers("length ready requests merged dropped fetched unneeded failures given-up", "u64") },
};

const STATE = ["state", "bytes"] as const;
const SESSION = ["session", "i64"] as const;
const KEY = ["key", "bytes"] as const;
const LIMIT = ["limit", "u32"] as const;
const NOW = ["now", "u64"] as const;

const PREFETCH_CALLS: Readonly<Record<string, Call>> = {
  prepare: [128, [["settings", "predictor-setting[]"]], ""],
  observe: [129, [SESSION, KEY, NOW], ""],
  predict: [130, [["after", "bytes[]"], LIMIT], "prediction[]"],
  next: [131, [SESSION, LIMIT, NOW], "prediction[]"],
  outlook: [132, [LIMIT, NOW], "prediction[]"],
  learnt: [133, [], "learnt"],
  save: [134, [["stored", "bytes?"]], "bytes"],
  load: [135, [STATE], ""],
  unlearn: [136, [], ""],
  enqueue: [144, [["state", "bytes?"], ["wanted", "wanted[]"], ["capacity", "u32"], NOW], "enqueued"],
  take: [145, [STATE, ["count", "u32"], ["lease", "u64"], NOW], "taken"],
  finish: [146, [STATE, ["keys", "bytes[]"], ["unneeded", "bool"]], "removed"],
  "fail-fetch": [147, [STATE, KEY, ["reason", "text"], ["retry", "u64"], NOW], "state-and-failed"],
  withdraw: [148, [STATE, ["keys", "bytes[]?"]], "removed"],
  "queued-items": [149, [STATE, LIMIT], "queued[]"],
  figures: [150, [STATE, NOW], "queue-figures"],
};

/** Adds what is about prediction and prefetch to the contract. */
export function knowPrefetch(): void {
  Object.assign(TYPES, PREFETCH_TYPES);
  Object.assign(CALLS, PREFETCH_CALLS);
}
