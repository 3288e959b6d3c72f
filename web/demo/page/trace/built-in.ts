// The trace that the page brings: some keys are asked for far more often than others, now and then a scan passes, and at the end a loop that is larger
// than small caches. The same each time, as a file that `larder simulate` can read.

import { scattered, seeded, zipf } from "../random.js";

export const NAME = "built-in.csv";
const REQUESTS = 200_000;
const KEYS = 12_000;
const SKEW = 0.9;
/** A scan of so many new keys after so many requests. */
const SCAN = { every: 25_000, keys: 4_000 };
/** Of the last part of the trace, every second request goes round a loop. */
const LOOP = { from: 120_000, keys: 3_000 };

/** 100 to some 30,000 bytes, few of them large; always the same for a key. */
function sizeOf(key: number): number {
  const share = scattered(key) / 2 ** 32;
  return Math.floor(100 * Math.exp(5.7 * share ** 2));
}

export function builtIn(): File {
  const rank = zipf(KEYS, SKEW, seeded(1));
  const lines: string[] = [];
  let scanned = 0;
  let looped = 0;
  for (let request = 0; lines.length < REQUESTS; request++) {
    if (request % SCAN.every === SCAN.every - 1) {
      for (let key = 0; key < SCAN.keys; key++, scanned++) lines.push(`scan:${scanned},${sizeOf(2e6 + scanned)}`);
    }
    const loops = request > LOOP.from && request % 2 === 0;
    const key = loops ? looped++ % LOOP.keys : rank();
    lines.push(loops ? `loop:${key},${sizeOf(1e6 + key)}` : `item:${key},${sizeOf(key)}`);
  }
  lines.length = REQUESTS;
  return new File([`${lines.join("\n")}\n`], NAME, { type: "text/csv" });
}
