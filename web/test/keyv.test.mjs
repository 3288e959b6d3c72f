// Fears a store that Keyv does not take for one of its own: its suite; clearing what belongs to others; and times that only Keyv keeps.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import Keyv from "keyv";

import { Larder } from "../pkg/index.js";
import { KeyvLarder } from "../pkg/keyv.js";

const web = fileURLToPath(new URL("..", import.meta.url));

const clock = () => {
  const clock = () => clock.time;
  clock.time = Date.now();
  return clock;
};

const all = async (iterator) => {
  const found = [];
  for await (const [key] of iterator) found.push(key);
  return found.sort();
};

test("the suite that Keyv has for storage adapters passes, whole", async () => {
  const args = ["node_modules/vitest/vitest.mjs", "run", "--dir", "test/keyv", "--reporter", "json"];
  // Vitest takes the environment of one test runner for its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const printed = await new Promise((done) => execFile(process.execPath, args, { cwd: web, env }, (_, stdout, stderr) => done([stdout, stderr])));
  const { numPassedTests, numTotalTests, testResults } = JSON.parse(printed[0] || assert.fail(printed[1]));
  const failed = testResults.flatMap((file) => file.assertionResults).filter(({ status }) => status !== "passed");
  assert.deepEqual([failed, numTotalTests - numPassedTests], [[], 0]);
  assert.equal(numTotalTests, 42, "a suite that grew or shrank is looked at");
});

test("a time to live ends the entry in the cache, and nothing else is asked", async () => {
  const now = clock();
  const cache = await Larder.open({ now, stale: "1h" });
  const store = new KeyvLarder(cache);
  const keyv = new Keyv({ store });
  await keyv.set("short", 1, 1000);
  await keyv.set("long", 2);
  assert.equal(await cache.ttl("keyv/keyv:short"), 1000);
  now.time += 1000;
  assert.deepEqual(await store.hasMany(["keyv:short", "keyv:long"]), [false, true]);
  assert.deepEqual(await store.getMany(["keyv:short"]), [undefined]);
  assert.deepEqual(await all(keyv.iterator()), ["long"]);
});

test("times that are none are for ever, over, or refused", async () => {
  const cache = await Larder.open();
  const keyv = new Keyv({ store: new KeyvLarder(cache), throwOnErrors: true });
  for (const ttl of [undefined, 0, Infinity]) {
    await keyv.set("key", "value", ttl);
    assert.deepEqual([await keyv.get("key"), await cache.ttl("keyv/keyv:key")], ["value", Infinity], String(ttl));
  }
  await keyv.set("key", "value", 0.5);
  assert.equal(await keyv.set("key", "value", -1), true);
  assert.equal(await keyv.get("key"), undefined);
  await assert.rejects(keyv.set("key", "value", NaN), { code: "invalid-argument" });
});

test("clearing removes no entry of another namespace or of another user of the cache", async () => {
  const cache = await Larder.open();
  const [one, other, none] = ["one", "one more", ""].map((namespace) => new Keyv({ store: new KeyvLarder(cache), namespace }));
  await cache.set("one:key", "mine");
  for (let at = 0; at < 1000; at++) await one.set(`key ${at}`, at);
  await other.set("key", "other");
  await one.clear();
  assert.deepEqual([await one.get("key 1"), await one.get("key 999"), await other.get("key")], [undefined, undefined, "other"]);
  await none.set("key", "none");
  await none.clear();
  assert.deepEqual([await none.get("key"), await other.get("key"), await cache.get("one:key")], [undefined, undefined, "mine"]);
});

test("where Keyv writes no namespaces the adapter does, and one that looks like a key is none", async () => {
  const cache = await Larder.open();
  const make = (namespace) => new Keyv({ store: new KeyvLarder(cache, { useKeyPrefix: false, prefix: "" }), namespace, useKeyPrefix: false });
  const [one, nested] = [make("a"), make("a:b")];
  await one.set("b:key", 1);
  await one.set("a:key", 2);
  await nested.set("key", 3);
  assert.deepEqual([await one.get("b:key"), await nested.get("key"), await one.get("key")], [1, 3, undefined]);
  assert.deepEqual([await all(one.iterator()), await all(nested.iterator())], [["a:key", "b:key"], ["key"]]);
  await one.clear();
  assert.deepEqual([await one.get("b:key"), await nested.get("key")], [undefined, 3]);
});

test("what the cache refuses is an error of Keyv with a code, and others of the batch are stored", async () => {
  const cache = await Larder.open({ maxEntrySize: "1kB" });
  const keyv = new Keyv({ store: new KeyvLarder(cache) });
  const codes = [];
  keyv.on("error", ({ code }) => codes.push(code));
  assert.equal(await keyv.set("large", "x".repeat(2000)), false);
  const many = await keyv.setMany([{ key: "a", value: 1 }, { key: "large", value: "x".repeat(2000) }, { key: "b", value: 2, ttl: 1000 }]);
  assert.deepEqual([many, codes], [[true, false, true], ["too-large", "too-large"]]);
  assert.deepEqual(await keyv.getMany(["a", "large", "b"]), [1, undefined, 2]);
  assert.equal(await keyv.delete(["large", "b"]), true);
  cache.close();
  assert.equal(await keyv.set("a", 1), false);
  assert.equal(codes.at(-1), "closed");
});

test("values without a serializer come back as they went in", async () => {
  const cache = await Larder.open();
  const keyv = new Keyv({ store: new KeyvLarder(cache), serialize: undefined, deserialize: undefined, namespace: "ünïcode ☃" });
  for (const value of [{ a: [1, null, "x"] }, "", 0, false, null, "☃"]) {
    await keyv.set("κ ☃", value);
    assert.deepEqual(await keyv.get("κ ☃"), value);
    assert.deepEqual(await keyv.getMany(["κ ☃"]), [value]);
  }
  await keyv.disconnect();
  assert.equal(await keyv.has("κ ☃"), true, "the cache is closed by who opened it");
});
