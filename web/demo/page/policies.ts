// The policies by name, with what they do in a line (docs/design.md, section 6). Without `predicted`: nobody predicts anything here.

import type { Policy } from "../pkg/index.js";

export type Name = Exclude<Policy, "predicted">;

export const POLICIES: Readonly<Record<Name, string>> = {
  adaptive: "tries eight rules on a sample of the keys and uses the best",
  lru: "what was accessed least recently goes",
  fifo: "what was written first goes",
  lfu: "what was accessed least often goes; old fame fades",
  ttl: "nobody goes before its time: a full cache refuses new entries",
  sieve: "a hand takes the oldest that was not read since it came by",
  "s3-fifo": "newcomers pass a small queue; who is not read twice goes",
  "clock-pro": "cold entries go; those back soon turn hot",
  "w-tinylfu": "a newcomer stays if it was asked for more often than the next to go",
  gdsf: "the least of accesses divided by size goes",
};

export const NAMES = Object.keys(POLICIES) as Name[];
