// The calls of the contract (wit/) by number, with the types of their arguments and answers. `wire.ts` reads and writes by them.
//
// A type is the name of a plain one, or of one of `TYPES`; "x?" is an option, "x[]" a list. The numbers are those of `src/calls.rs`.
// Those of pools are in `pools/contract.ts`, those of prefetch in `prefetch/contract.ts`, and what the package itself does not call in `uncalled.ts`.

/** A record: its fields in order. */
export type Fields = readonly (readonly [name: string, type: string])[];

/** What a call takes and answers. */
export type Call = readonly [number: number, args: Fields, answer: string];

/** Cases of a variant: name and type of what they carry, "" for nothing. */
export type Cases = readonly (readonly [name: string, type: string])[];

/** A type that is made of others. */
export type Compound =
  | { record: Fields }
  | { variant: Cases }
  | { enum: readonly string[] }
  | { flags: readonly string[] }
  | { tuple: readonly string[] }
  | { result: string };

/** Types that are made of others. */
export const TYPES: Record<string, Compound> = {
  pair: { tuple: ["text", "text"] },
  durability: { enum: ["memory", "process", "sync"] },
  codec: { enum: ["none", "deflate", "lz4"] },
  compression: { enum: ["none", "deflate", "lz4", "auto"] },
  freshness: { enum: ["fresh", "stale"] },
  tier: { enum: ["small", "medium", "large", "xlarge"] },
  "dependency-kind": { enum: ["file", "glob", "environment"] },
  setting: {
    variant: [
      ["max-bytes", "u64"],
      ["max-entries", "u32"],
      ["max-entry-size", "u32"],
      ["max-key-size", "u32"],
      ["policy", "text"],
      ["objective", "text"],
      ["codec", "compression"],
      ["compression-threshold", "u32"],
      ["compression-level", "u8"],
      ["cold-tier", "bool"],
      ["advice", "bool"],
      ["store", "bool"],
      ["seed", "i64"],
    ],
  },
  "namespace-default": {
    variant: [
      ["ttl", "u64"],
      ["tti", "u64"],
      ["stale", "u64"],
      ["jitter", "u8"],
    ],
  },
  dependency: {
    record: [
      ["kind", "dependency-kind"],
      ["name", "text"],
      ["stamp", "bytes"],
    ],
  },
  "set-option": {
    variant: [
      ["ttl", "u64"],
      ["tti", "u64"],
      ["stale", "u64"],
      ["content-type", "text"],
      ["metadata", "pair"],
      ["tag", "text"],
      ["durability", "durability"],
      ["cost", "u64"],
      ["dependency", "dependency"],
      ["prefetched", ""],
    ],
  },
  "ban-rule": {
    variant: [
      ["all", ""],
      ["tag", "text"],
      ["all-tags", "text[]"],
      ["prefix", "bytes"],
      ["glob", "bytes"],
      ["file", "text"],
    ],
  },
  banned: {
    record: [
      ["sequence", "u64"],
      ["hit", "u64?"],
      ["record", "bytes"],
    ],
  },
  hit: {
    record: [
      ["value", "bytes"],
      ["content-type", "text"],
      ["version", "u64"],
      ["created", "u64"],
      ["expires", "u64?"],
      ["freshness", "freshness"],
      ["renew", "bool"],
      ["depends", "bool"],
    ],
  },
  stored: {
    record: [
      ["version", "u64"],
      ["gone", "u64?"],
      ["record", "bytes"],
    ],
  },
  counted: {
    record: [
      ["value", "i64"],
      ["stored", "stored"],
    ],
  },
  times: {
    record: [
      ["expires", "u64?"],
      ["gone", "u64?"],
    ],
  },
  "entry-info": {
    record: [
      ["namespace", "text"],
      ["key", "bytes"],
      ["content-type", "text"],
      ["metadata", "pair[]"],
      ["tags", "text[]"],
      ["dependencies", "dependency[]"],
      ["version", "u64"],
      ["created", "u64"],
      ["accessed", "u64"],
      ["expires", "u64?"],
      ["gone", "u64?"],
      ["idle-timeout", "u64?"],
      ["stale-window", "u64?"],
      ["cost", "u64?"],
      ["prefetched", "bool"],
      ["hits", "u32"],
      ["value-size", "u64"],
      ["size", "u64"],
      ["codec", "codec"],
      ["durability", "durability"],
    ],
  },
  page: {
    record: [
      ["entries", "entry-info[]"],
      ["next", "u32?"],
    ],
  },
  carried: {
    record: [
      ["records", "bytes[]"],
      ["next", "u32?"],
    ],
  },
  summary: {
    record: [
      ["size", "u64"],
      ["version", "u64"],
      ["accessed", "u64"],
      ["gone", "u64?"],
    ],
  },
  statistics: {
    record: (
      "entries bytes hits stale-hits misses admitted refused refused-corrupt refused-newer refused-too-large refused-other-key " +
      "sets deletes expired invalidated evicted-bytes evicted-entries evicted-asked turned-away errors invalid-arguments " +
      "keys-too-large values-too-large not-numbers full prefetched prefetch-hits bytes-written bytes-read compressed-in compressed-out deflated lz4 " +
      "incompressible incompressible-bytes cold-entries cold-bytes cold-values dictionary-bytes cooled warmed cold-hits cold-damaged"
    )
      .split(" ")
      .map((name) => [name, "u64"] as const),
  },
  likely: { tuple: ["bytes", "f64"] },
  "stored-or-error": { result: "stored" },
  token: {
    variant: [
      ["null", ""],
      ["boolean", "bool"],
      ["integer", "i64"],
      ["unsigned", "i64"],
      ["float", "f64"],
      ["string", "text"],
      ["bytes", "bytes"],
      ["list", "u32"],
      ["set", "u32"],
      ["map", "u32"],
    ],
  },
  made: {
    record: [
      ["key", "bytes"],
      ["hashed", "bool"],
      ["tier", "tier?"],
    ],
  },
  stamp: {
    record: [
      ["size", "u64"],
      ["seconds", "i64"],
      ["nanoseconds", "u32"],
    ],
  },
  "path-state": {
    variant: [
      ["unknown", ""],
      ["stamp", "stamp"],
      ["content", "bytes"],
      ["content-hash", "bytes"],
    ],
  },
  "text-setting": {
    variant: [
      ["hash-above", "u64"],
      ["small", "u64"],
      ["medium", "u64"],
      ["large", "u64"],
    ],
  },
};

const NAMESPACE = ["namespace", "u32"] as const;
const KEY = ["key", "bytes"] as const;
const VALUE = ["value", "bytes"] as const;
const OPTIONS = ["options", "set-option[]"] as const;
const STORED = ["stored", "bytes?"] as const;
const RECORD = ["record", "bytes"] as const;
const NOW = ["now", "u64"] as const;
const SEQUENCE = ["sequence", "u64?"] as const;
const SOME = ["namespace", "u32?"] as const;
const PREDICTIONS = ["predictions", "likely[]"] as const;

/** The calls. */
export const CALLS: Record<string, Call> = {
  open: [0, [["settings", "setting[]"]], ""],
  namespace: [1, [["name", "text"]], "u32"],
  "set-defaults": [2, [NAMESPACE, ["defaults", "namespace-default[]"]], ""],
  get: [3, [NAMESPACE, KEY, NOW], "hit?"],
  admit: [4, [NAMESPACE, KEY, RECORD, NOW], "hit"],
  ttl: [6, [NAMESPACE, KEY, NOW], "times?"],
  inspect: [7, [NAMESPACE, KEY, NOW], "entry-info?"],
  "get-many": [8, [NAMESPACE, ["keys", "bytes[]"], NOW], "hit?[]"],
  scan: [9, [SOME, ["prefix", "bytes"], ["cursor", "u32"], ["limit", "u32"], NOW], "page"],
  describe: [11, [RECORD], "entry-info"],
  set: [16, [NAMESPACE, KEY, VALUE, OPTIONS, NOW, SEQUENCE], "stored"],
  increment: [21, [NAMESPACE, KEY, ["delta", "i64"], OPTIONS, STORED, NOW, SEQUENCE], "counted"],
  touch: [22, [NAMESPACE, KEY, ["ttl", "u64?"], STORED, NOW, SEQUENCE], "stored?"],
  delete: [23, [NAMESPACE, KEY, STORED, NOW], "bool"],
  forget: [24, [NAMESPACE, KEY], ""],
  ban: [32, [SOME, ["rules", "ban-rule[]"], NOW, SEQUENCE], "banned"],
  "take-bans": [33, [RECORD], ""],
  "reap-bans": [34, [["until", "u64"], NOW, SEQUENCE], "bytes"],
  clear: [37, [SOME], "u32"],
  cleanup: [38, [NOW, ["limit", "u32"]], "u32"],
  maintain: [39, [NOW, ["budget", "u32"]], "u32"],
  resize: [41, [["max-bytes", "u64"], NOW], "u32"],
  carry: [42, [["cursor", "u32"], ["size", "u32"], NOW], "carried"],
  "set-policy": [44, [["name", "text"]], ""],
  stats: [45, [SOME], "statistics"],
  judge: [47, [["candidates", "summary[]"], ["needed", "u64"], NOW], "u32[]"],
  "evict-unlikely": [49, [NAMESPACE, PREDICTIONS, ["count", "u32"], NOW], "u32"],
  expect: [50, [NAMESPACE, PREDICTIONS, NOW], "u32"],
  parts: [64, [["parts", "bytes[]"]], "made"],
  dictionary: [65, [["value", "token[]"]], "made"],
  structured: [66, [["value", "token[]"]], "made"],
  path: [67, [["path", "bytes"], ["state", "path-state"]], "made"],
  endpoint: [68, [["endpoint", "text"], ["parameters", "pair[]"]], "made"],
  text: [
    69,
    [["operation", "text"], ["options", "token[]"], ["text", "bytes"], ["settings", "text-setting[]"]],
    "made",
  ],
  "operation-prefix": [71, [["operation", "text"]], "bytes"],
};
