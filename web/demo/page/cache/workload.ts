// Which keys are asked for, one after the other.

import { seeded, zipf } from "../random.js";

export type Pattern = "zipf" | "scans" | "loop";

/** A scan of so many keys that were never asked for comes after so many requests. */
export const SCAN = { every: 8000, keys: 2000 } as const;

/** Keys of scans are numbered from here. */
const SCANNED = 1e9;

/** The next key's number. */
export type Workload = () => number;

export function workload(pattern: Pattern, keys: number, skew: number): Workload {
  if (pattern === "loop") {
    let next = 0;
    return () => next++ % keys;
  }
  const draw = zipf(keys, skew, seeded(Math.random() * 2 ** 32));
  if (pattern === "zipf") return draw;
  let requests = 0;
  let scanned = SCANNED;
  return () => (requests++ % (SCAN.every + SCAN.keys) < SCAN.every ? draw() : scanned++);
}

/** The name of a key. */
export const nameOf = (id: number): string => (id >= SCANNED ? `scan:${id - SCANNED}` : `item:${id}`);

/** How many tags there are. */
export const TAGS = 10;

/** The tag of a key's entry: every key has one of ten. */
export const tagOf = (id: number): string => `shelf-${id % TAGS}`;
