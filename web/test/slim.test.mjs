// Fears that the slim module answers otherwise than the whole one where it answers at all, or wrongly where it lacks something.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Engine } from "../pkg/engine.js";
import { Larder } from "../pkg/index.js";
import { Keys } from "../pkg/keys.js";
import { knowPools } from "../pkg/pools/contract.js";
import { knowPrefetch } from "../pkg/prefetch/contract.js";
import "../pkg/snapshot.js";
import { knowStores } from "../pkg/store/contract.js";
import { names } from "./files.mjs";
import { called, play } from "./play.mjs";

knowPools();
knowPrefetch();
knowStores();
const read = (name) => new WebAssembly.Module(readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url)));
const [whole, slim] = [read("larder"), read("slim")];
const folder = new URL("../../tests/vectors/", import.meta.url);

/** Settings that the slim module leaves out. */
const LEFT_OUT = { settings: ["cold-tier", "advice"], policies: ["lfu", "clock-pro", "gdsf", "predicted"], codecs: ["lz4", "auto"] };

function opened(module, ...settings) {
  const engine = new Engine(module);
  engine.call("open", { settings });
  engine.call("namespace", { name: "default" });
  return engine;
}

const refused = (code) => (refusal) => refusal.code === code && refusal.message.length > 10;

test("a setting that is left out is refused", () => {
  const open = (setting) => () => opened(slim, setting);
  for (const name of LEFT_OUT.settings) assert.throws(open({ [name]: true }), refused("invalid-argument"), name);
  for (const policy of LEFT_OUT.policies) assert.throws(open({ policy }), refused("invalid-argument"), policy);
  for (const codec of LEFT_OUT.codecs) assert.throws(open({ codec }), refused("invalid-argument"), codec);
});

test("a call that is left out is unsupported", () => {
  const engine = opened(slim);
  assert.throws(() => engine.call("check", {}), refused("unsupported"));
  assert.throws(() => new Keys(() => engine).parts("a"), refused("unsupported"));
  assert.throws(() => engine.call("inspect-pool", { state: new Uint8Array() }), refused("unsupported"));
  assert.throws(() => engine.call("matches", { pattern: new Uint8Array(), key: new Uint8Array() }), refused("unsupported"));
});

test("prediction and prefetch are unsupported, and the cache goes on", async () => {
  await assert.rejects(Larder.open({ wasm: slim, learn: true }), refused("unsupported"));
  const cache = await Larder.open({ wasm: slim });
  const calls = {
    observe: () => cache.observe("a"),
    predict: () => cache.predict("a"),
    outlook: () => cache.outlook(),
    learnt: () => cache.learnt(),
    unlearn: () => cache.unlearn(),
    prefetch: () => cache.prefetch("a"),
    prefetchStats: () => cache.prefetchStats(),
    evictUnlikely: () => cache.evictUnlikely([], 1),
    expect: () => cache.expect([]),
    prefetcher: () => cache.prefetcher(() => 1, { predicted: 0.5 }),
  };
  for (const [name, call] of Object.entries(calls)) await assert.rejects(call(), refused("unsupported"), name);
  await cache.set("a", 1, { prefetched: true });
  assert.equal(await cache.get("a"), 1);
  assert.equal((await cache.stats())["prefetch-hits"], 1);
  await cache.close();
});

test("a record in LZ4 is a refusal and no value", () => {
  const [key, value] = [new TextEncoder().encode("k"), new TextEncoder().encode("larder ".repeat(1000))];
  const record = (codec) => {
    const engine = opened(whole, { store: true }, { codec });
    return engine.call("set", { namespace: 0, key, value, options: [], now: 1000 }).record;
  };
  const engine = opened(slim, { store: true });
  const admit = (bytes) => engine.call("admit", { namespace: 0, key, record: bytes, now: 2000 });
  assert.throws(() => admit(record("lz4")), refused("newer-format"));
  assert.deepEqual(admit(record("deflate")).value, value);
  assert.deepEqual(engine.call("set", { namespace: 0, key, value, options: [], now: 1000 }).record.length, record("deflate").length);
});

test("what is not left out is answered as the vectors say", () => {
  let played = 0;
  for (const file of names()) {
    const vector = called(JSON.parse(readFileSync(new URL(file, folder), "utf8")));
    const engine = new Engine(slim);
    let lacks = false;
    const call = (name, args) => {
      try {
        return engine.call(name, args);
      } catch (refusal) {
        lacks ||= (refusal.code === "unsupported" && name !== "check") || /leaves out|no policy called/.test(refusal.message);
        throw refusal;
      }
    };
    const mismatches = play({ call, hash: (bytes, seed) => engine.hash(bytes, seed) }, vector);
    if (lacks) continue;
    assert.deepEqual(mismatches, [], file);
    played += vector.steps.length;
  }
  assert.ok(played >= 300, `${played} calls were played`);
});
