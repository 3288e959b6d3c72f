// The part of the contract that is about pools (wit/pools.wit), which is not known before a pool is asked for.

import { CALLS, TYPES, type Call, type Compound } from "../contract.js";

const POOL_TYPES: Readonly<Record<string, Compound>> = {
  place: { tuple: ["u64", "u32"] },
  value: {
    record: [
      ["text", "text"],
      ["literal", "bool"],
    ],
  },
  dimension: {
    record: [
      ["name", "text"],
      ["values", "value[]"],
    ],
  },
  "plan-option": {
    variant: [
      ["per-generation", "u32"],
      ["cap", "u32"],
      ["interval", "u64"],
      ["retry", "u64"],
      ["batch", "u32"],
      ["weighted", "bool"],
      ["repeats", "bool"],
    ],
  },
  plan: {
    record: [
      ["dimensions", "dimension[]"],
      ["per-generation", "u32"],
      ["cap", "u32"],
      ["interval", "u64"],
      ["retry", "u64"],
      ["batch", "u32"],
      ["weighted", "bool"],
      ["repeats", "bool"],
    ],
  },
  round: {
    record: [
      ["generation", "u64"],
      ["per-generation", "u32"],
      ["cap", "u32"],
      ["settled", "bool"],
    ],
  },
  "pool-info": {
    record: [
      ["plan", "plan"],
      ["combinations", "u64"],
      ["kept", "u64"],
      ["round", "round"],
      ["started", "u64"],
      ["next", "u64"],
    ],
  },
  "named-value": { tuple: ["text", "value"] },
  combination: {
    record: [
      ["key", "bytes"],
      ["values", "named-value[]"],
    ],
  },
  "combinations-page": {
    record: [
      ["combinations", "combination[]"],
      ["next", "u64?"],
    ],
  },
  choice: { flags: ["weighted", "no-repeats"] },
  picked: {
    record: [
      ["generation", "u64"],
      ["entry", "u32"],
      ["variants", "u32"],
      ["hit", "hit?"],
    ],
  },
  "new-variant": {
    record: [
      ["place", "place?"],
      ["value", "bytes"],
      ["score", "f64?"],
      ["options", "set-option[]"],
    ],
  },
  "keyed-stored": { tuple: ["bytes", "stored"] },
  added: {
    record: [
      ["duplicate", "bool"],
      ["generation", "u64"],
      ["entry", "u32"],
      ["variant", "keyed-stored?"],
      ["combination", "stored"],
      ["pruned", "bytes[]"],
    ],
  },
  "variant-info": {
    record: [
      ["generation", "u64"],
      ["entry", "u32"],
      ["cached-at", "u64"],
      ["size", "u32"],
      ["score", "f64?"],
    ],
  },
  "combination-info": {
    record: [
      ["variants", "variant-info[]"],
      ["missing", "u32[]"],
      ["due", "u32[]"],
      ["retry-at", "u64?"],
      ["failures", "u32"],
      ["reason", "text"],
      ["duplicates", "u64"],
      ["broken", "bool"],
    ],
  },
  tally: {
    record: [
      ["entries", "u64"],
      ["covered", "u64"],
      ["failed", "u64"],
    ],
  },
  "pool-statistics": {
    record: [
      ["cached-entries", "u64"],
      ["unique-combinations-covered", "u64"],
      ["total-combinations", "u64"],
      ["entries-per-generation", "u32"],
      ["max-entries-per-combination", "u32"],
      ["max-possible-entries", "u64"],
      ["avg-entries-per-combination-tenths", "u64"],
      ["combination-coverage-percentage", "u32"],
      ["entry-coverage-percentage", "u32"],
      ["failed-combinations", "u64"],
      ["last-generation", "u64?"],
    ],
  },
};

const NAMESPACE = ["namespace", "u32"] as const;
const STORED = ["stored", "bytes?"] as const;
const NOW = ["now", "u64"] as const;
const SEQUENCE = ["sequence", "u64?"] as const;
const STATE = ["state", "bytes"] as const;
const COMBINATION = ["combination", "bytes"] as const;
const ROUND = ["round", "round"] as const;
const PLACE = ["place", "place"] as const;

const POOL_CALLS: Readonly<Record<string, Call>> = {
  define: [96, [["state", "bytes?"], ["dimensions", "dimension[]"], ["options", "plan-option[]"]], "bytes"],
  "inspect-pool": [97, [STATE], "pool-info"],
  "combination-key": [98, [STATE, ["values", "pair[]"]], "bytes"],
  combinations: [
    99,
    [STATE, ["values", "pair[]"], ["kept", "bool"], ["first", "u64"], ["limit", "u32"]],
    "combinations-page",
  ],
  begin: [100, [STATE, NOW, ["force", "bool"]], "bytes?"],
  settle: [109, [STATE, ["generation", "u64"]], "bytes?"],
  "clear-pool": [101, [STATE, ["regenerate", "bool"]], "bytes"],
  statistics: [102, [STATE, ["tally", "tally"]], "pool-statistics"],
  "variant-key": [103, [COMBINATION, ["generation", "u64"], ["entry", "u32"]], "bytes"],
  pick: [104, [NAMESPACE, COMBINATION, ["how", "choice"], STORED, NOW], "picked?"],
  "add-variant": [
    105,
    [NAMESPACE, COMBINATION, ROUND, ["variant", "new-variant"], STORED, NOW, SEQUENCE],
    "added",
  ],
  fail: [
    106,
    [NAMESPACE, COMBINATION, ROUND, PLACE, ["reason", "text"], ["retry-at", "u64"], STORED, NOW, SEQUENCE],
    "stored?",
  ],
  lose: [107, [NAMESPACE, COMBINATION, PLACE, STORED, NOW, SEQUENCE], "stored?"],
  look: [108, [NAMESPACE, COMBINATION, ROUND, ["longest-retry", "u64"], STORED, NOW], "combination-info"],
};

/** Adds what is about pools to the contract. */
export function knowPools(): void {
  Object.assign(TYPES, POOL_TYPES);
  Object.assign(CALLS, POOL_CALLS);
}
