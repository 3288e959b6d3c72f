// The part of the contract that the package itself does not call, and only `fast.wasm` has: `src/contract.rs`. Who plays vectors does.

import { CALLS, TYPES, type Call, type Compound } from "./contract.js";

const MORE_TYPES: Readonly<Record<string, Compound>> = {
  item: {
    record: [
      ["key", "bytes"],
      ["value", "bytes"],
      ["options", "set-option[]"],
    ],
  },
  estimate: {
    record: [
      ["policy", "text"],
      ["capacity-percent", "u32"],
      ["requests", "u64"],
      ["hits", "u64"],
      ["bytes", "u64"],
      ["bytes-hit", "u64"],
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

const MORE_CALLS: Readonly<Record<string, Call>> = {
  exists: [5, [NAMESPACE, KEY, NOW], "bool"],
  matches: [10, [["pattern", "bytes"], KEY], "bool"],
  verify: [12, [RECORD, ["limit", "u32"]], "entry-info"],
  restore: [17, [NAMESPACE, RECORD, NOW, SEQUENCE], "stored"],
  add: [18, [NAMESPACE, KEY, VALUE, OPTIONS, STORED, NOW, SEQUENCE], "stored?"],
  replace: [19, [NAMESPACE, KEY, VALUE, OPTIONS, STORED, NOW, SEQUENCE], "stored?"],
  "compare-and-set": [
    20,
    [NAMESPACE, KEY, ["expected", "u64"], VALUE, OPTIONS, STORED, NOW, SEQUENCE],
    "stored?",
  ],
  "set-many": [25, [NAMESPACE, ["items", "item[]"], NOW, SEQUENCE], "stored-or-error[]"],
  "delete-many": [26, [NAMESPACE, ["keys", "bytes[]"], NOW], "bool[]"],
  "is-banned": [35, [RECORD], "bool"],
  bans: [36, [], "u32"],
  "next-expiry": [40, [], "u64?"],
  evict: [43, [["count", "u32"]], "u32"],
  advice: [46, [], "estimate[]"],
  check: [48, [], ""],
  "text-hashed": [
    70,
    [
      ["operation", "text"],
      ["options", "token[]"],
      ["length", "u64"],
      ["hash", "bytes"],
      ["settings", "text-setting[]"],
    ],
    "made",
  ],
  hasher: [72, [], ""],
  update: [73, [["bytes", "bytes"]], ""],
  length: [74, [], "u64"],
  digest: [75, [], "bytes"],
};

/** Calls that only `fast.wasm` has. */
export const UNCALLED: readonly string[] = Object.keys(MORE_CALLS);

/** Adds what the package does not call to the contract. */
export function knowMore(): void {
  Object.assign(TYPES, MORE_TYPES);
  Object.assign(CALLS, MORE_CALLS);
}
