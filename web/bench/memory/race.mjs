// The race in memory: everyone is set up, then everyone measures each operation once in each round, beginning with another one each time.

import { EVICTION, OPERATIONS } from "./operations.mjs";

/** 1,000 keys stay in the processor's caches, 50,000 do not. */
export const SUITES = [
  { title: "1,000 keys", size: 1000, operations: OPERATIONS },
  { title: "50,000 keys", size: 50_000, operations: OPERATIONS },
  { title: "full at 1,000 entries", isFull: true, limit: 1000, operations: EVICTION },
  { title: "full at 50,000 entries", isFull: true, limit: 50_000, operations: EVICTION },
];

/** Unrecorded, while code is compiled. */
const WARM = 2;

export async function race(start, contestants, suite, rounds, options = {}) {
  const names = Object.keys(contestants).filter((name) => !suite.isFull || contestants[name].isBounded);
  const { operations, ...rest } = suite;
  const started = [];
  for (const name of names) started.push([name, await start({ ...rest, ...options, name })]);
  const results = {};
  for (const operation of Object.keys(operations)) {
    const result = (results[operation] = {});
    for (let round = -WARM; round < rounds; round++) {
      const from = (round + WARM) % started.length;
      for (const [name, { measure }] of [...started.slice(from), ...started.slice(0, from)]) {
        const taken = await measure(operation);
        if (round >= 0 && taken !== undefined) (result[name] ??= []).push(taken);
      }
    }
  }
  for (const [, { end }] of started) await end();
  return { results, names };
}
