// Fears that the hash tables of places lose one, keep one, or mix up two: played against a map, with hashes that meet in the same slots.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Table } from "../pkg/store/table.js";

function numbers(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

/** Hashes that share the part of the table, or the slot in it, or both, or nothing. */
const HASHES = {
  "one part": (next, many) => next(many),
  "one slot": (next, many) => next(many) * 2 ** 12,
  "one slot of one part": (next, many) => (next(many) % 512) * 2 ** 20 + 2 ** 38 * Math.floor(next(many) / 512),
  "the last slots": (next, many) => 63 - next(8) + 64 * next(many),
  spread: (next, many) => (next(many) * 0x9e37_79b9_7f4a_7) % 2 ** 53,
};

for (const [what, hashOf] of Object.entries(HASHES)) {
  test(`as a map: ${what}`, () => {
    const next = numbers(what.length);
    const table = new Table();
    const model = new Map();
    for (let step = 0; step < 300_000; step++) {
      const many = step % 100_000 < 50_000 ? 3000 : 100;
      const hash = hashOf(next, many);
      const kind = next(1000);
      const block = next(50);
      if (kind < 500) {
        const found = { hash, namespace: next(3), at: next(1000), length: 1 + next(1000), gone: next(4) === 0 ? next(1000) : Infinity, version: step };
        table.put(found, block);
        if ((model.get(hash)?.block ?? -1) <= block) model.set(hash, { ...found, block });
      } else if (kind < 800) {
        const isThere = model.has(hash) && model.get(hash).block <= block;
        assert.equal(table.remove(hash, block), isThere);
        if (isThere) model.delete(hash);
      } else if (kind < 997) {
        assert.deepEqual(table.get(hash), model.get(hash));
        assert.equal(table.blockOf(hash), model.get(hash)?.block ?? -1);
        assert.equal(table.versionOf(hash), model.get(hash)?.version ?? -1);
        const { block: its = block, at = 0 } = model.get(hash) ?? {};
        for (const place of [at, at + 1]) assert.equal(table.isAt(hash, its, place), model.has(hash) && place === at);
      } else if (kind < 999) {
        const [its, time] = [next(3), next(1000)];
        const isMeant = (of, gone, namespace) => (its === 2 ? gone <= time : namespace === its && of < block);
        const meant = [...model.values()].filter((place) => isMeant(place.block, place.gone, place.namespace));
        assert.equal(table.removeWhere(isMeant), meant.length);
        for (const place of meant) model.delete(place.hash);
      } else if (next(10) === 0) {
        table.clear();
        model.clear();
      }
      if (step % 1000 === 0) {
        assert.equal(table.size, model.size);
        assert.equal(table.bytes, [...model.values()].reduce((sum, { length }) => sum + length, 0));
        for (const place of model.values()) assert.deepEqual(table.get(place.hash), place);
      }
    }
  });
}
