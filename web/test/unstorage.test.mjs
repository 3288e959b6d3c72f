// Fears a driver that does otherwise than those of unstorage, seen through a storage; items that outlive their base; watchers that hear of
// what is not theirs. What unstorage asks of its own drivers comes first (its test/drivers/utils.ts is not published).

import assert from "node:assert/strict";
import { test } from "node:test";

import { createStorage, defineDriver, prefixStorage, restoreSnapshot, snapshot } from "unstorage";

import { Larder } from "../pkg/index.js";
import { larderDriver } from "../pkg/unstorage.js";

const clock = () => {
  const clock = () => clock.time;
  clock.time = 1_750_000_000_000;
  return clock;
};

const open = async (options = {}, cacheOptions = {}) => {
  const cache = await Larder.open(cacheOptions);
  return { cache, storage: createStorage({ driver: defineDriver(larderDriver)({ cache, ...options }) }) };
};

test("a snapshot is restored, and an empty storage is empty", async () => {
  const { storage } = await open();
  assert.deepEqual([await storage.hasItem("s1:a"), await storage.getItem("s2:a"), await storage.getKeys()], [false, null, []]);
  await restoreSnapshot(storage, { initial: "works", "a:b": { deep: 1 } });
  assert.deepEqual([await storage.getItem("initial"), await snapshot(storage, "a")], ["works", { b: { deep: 1 } }]);
  await storage.clear();
  assert.deepEqual(await storage.getKeys(), []);
  await storage.clear();
});

test("items are found by keys in any of their forms, and listed by base and depth", async () => {
  const { storage } = await open();
  for (const key of ["s1:a", "s2/a", "s3:a?q=1", "s10:a"]) await storage.setItem(key, "test_data");
  assert.deepEqual([await storage.hasItem("s1:a"), await storage.getItem("s1/a"), await storage.getItem("s3:a?q=2")], [true, "test_data", "test_data"]);
  assert.deepEqual((await storage.getKeys()).sort(), ["s10:a", "s1:a", "s2:a", "s3:a"]);
  assert.deepEqual(await storage.getKeys("s1"), ["s1:a"]);
  await storage.clear();
  for (const key of ["depth0_0", "depth0:depth1:depth2_0", "depth0:depth1:depth2_1", "depth0:depth1_0", "depth0:depth1_1"]) await storage.setItem(key, "x");
  const keys = async (maxDepth) => (await storage.getKeys(undefined, { maxDepth })).sort();
  assert.deepEqual(await keys(0), ["depth0_0"]);
  assert.deepEqual(await keys(1), ["depth0:depth1_0", "depth0:depth1_1", "depth0_0"]);
  assert.equal((await keys(2)).length, 5);
});

test("values come back as what they were, and what is none is refused", async () => {
  const { storage } = await open();
  for (const value of [{ json: "works" }, true, false, 0, -1.5, "", "text", "☃", [1, [2]], null]) {
    await storage.setItem("/data/test.json", value);
    assert.deepEqual(await storage.getItem("/data/test.json"), value);
  }
  await storage.setItem("a", { toJSON: () => ({ serialized: "works" }) });
  await storage.setItem("b", new (class { toJSON() { return "SERIALIZED"; } })());
  assert.equal(await storage.getItem("b"), "SERIALIZED");
  await assert.rejects(storage.setItem("c", new (class Test {})()), { message: "[unstorage] Cannot stringify value!" });
  await storage.setItem("b", undefined);
  assert.equal(await storage.hasItem("b"), false);
});

test("raw items are bytes, to the byte, and what would change is refused", async () => {
  const { storage } = await open();
  const bytes = new Uint8Array([1, 2, 3, 0, 255]);
  for (const raw of [bytes, Buffer.from(bytes), bytes.buffer, new DataView(bytes.buffer)]) {
    await storage.setItemRaw("/data/raw.bin", raw);
    assert.deepEqual(await storage.getItemRaw("/data/raw.bin"), bytes);
  }
  for (const raw of ["text", { a: [1, null] }, new Uint8Array()]) {
    await storage.setItemRaw("raw", raw);
    assert.deepEqual(await storage.getItemRaw("raw"), raw);
  }
  const circle = [];
  circle.push(circle);
  for (const raw of [new Date(), new Map(), { a: new Set() }, [undefined], NaN, { bytes }, () => {}, 1n, circle]) {
    await assert.rejects(storage.setItemRaw("raw", raw), { name: "LarderError", code: "invalid-argument" });
  }
  assert.equal(await storage.getItemRaw("none"), null);
});

test("several items are set and had at once, each with its own options", async () => {
  const now = clock();
  const { storage } = await open({}, { now });
  await storage.setItems([{ key: "t:1", value: "one" }, { key: "t:2?q", value: { two: 2 }, options: { ttl: 1 } }], { ttl: 10 });
  const items = () => storage.getItems([{ key: "t:1" }, "t:2", { key: "t/2?q=1" }, "t:none"]);
  assert.deepEqual(await items(), [{ key: "t:1", value: "one" }, { key: "t:2", value: { two: 2 } }, { key: "t:2", value: { two: 2 } }, { key: "t:none", value: null }]);
  now.time += 1000;
  assert.deepEqual((await items()).map(({ value }) => value), ["one", null, null, null]);
  now.time += 9000;
  assert.deepEqual(await storage.getKeys(), []);
});

test("an item that is removed is gone, its own metadata too", async () => {
  const { storage } = await open();
  await storage.setItem("s1:a", "test_data");
  await storage.setMeta("s1:a", { mtime: new Date(0), own: "x" });
  assert.equal((await storage.getMeta("s1:a")).own, "x");
  await storage.removeItem("s1:a", true);
  assert.deepEqual([await storage.hasItem("s1:a"), await storage.getItem("s1:a"), await storage.hasItem("s1:a$")], [false, null, false]);
});

test("times are in seconds, and can be read", async () => {
  const now = clock();
  const { cache, storage } = await open({ ttl: "1m" }, { now, stale: "1h" });
  await storage.setItem("default", "x");
  await storage.setItem("own", "x", { ttl: 1.5, tags: ["group"] });
  await storage.setItem("zero", "x", { ttl: 0 });
  const meta = await storage.getMeta("own", { nativeOnly: true });
  assert.deepEqual({ ...meta }, { atime: new Date(now.time), mtime: new Date(now.time), size: 1, ttl: 2 });
  assert.deepEqual([await cache.ttl("unstorage/default"), "ttl" in (await storage.getMeta("zero"))], [60_000, false]);
  assert.deepEqual({ ...(await storage.getMeta("none")) }, {});
  now.time += 1500;
  assert.deepEqual([await storage.hasItem("own"), await storage.getItem("own"), await storage.hasItem("default")], [false, null, true]);
  await storage.setItem("own", "x", { tags: ["group"] });
  await cache.invalidate({ tag: "group" });
  assert.equal(await storage.hasItem("own"), false);
  for (const ttl of [-1, NaN]) await assert.rejects(storage.setItem("own", "x", { ttl }), { code: "invalid-argument" });
});

test("clearing a base removes no more than it, and nothing of the cache besides", async () => {
  const { cache, storage } = await open();
  const other = prefixStorage(createStorage({ driver: larderDriver({ cache, base: "other/" }) }), "within");
  await cache.set("mine", 1);
  await other.setItem("a", 1);
  for (let at = 0; at < 1000; at++) await storage.setItem(`many:${at}`, at);
  await storage.setItem("manymore:a", 1);
  // A storage asks its drivers for whole mounts only; a driver may be asked for less.
  await storage.getMount("").driver.clear("many:", {});
  assert.deepEqual(await storage.getKeys(), ["manymore:a"]);
  await storage.clear();
  assert.deepEqual([await storage.getKeys(), await other.getKeys(), await cache.get("mine")], [[], ["a"], 1]);
});

test("a mounted driver is asked for its own", async () => {
  const cache = await Larder.open();
  const storage = createStorage();
  storage.mount("cache", larderDriver({ cache }));
  await storage.setItem("cache:a:b", 1);
  await storage.setItem("elsewhere", 2);
  assert.equal(await cache.get("unstorage/a:b"), "1");
  assert.deepEqual([(await storage.getKeys()).sort(), await storage.getKeys("cache:a")], [["cache:a:b", "elsewhere"], ["cache:a:b"]]);
  await storage.clear("cache");
  assert.deepEqual(await storage.getKeys(), ["elsewhere"]);
});

test("without a base the keys are those of the cache, whatever they begin with", async () => {
  const { cache, storage } = await open({ base: "" });
  for (const key of ["\ufeffmark", "☃:a", "user:1"]) await cache.set(key, key);
  assert.deepEqual((await storage.getKeys()).sort(), ["user:1", "☃:a", "\ufeffmark"].sort());
  for (const key of await storage.getKeys()) assert.equal(await storage.getItem(key), key);
});

test("watchers hear of what changes, whoever changes it, and of nothing else", async () => {
  const { cache, storage } = await open();
  const heard = [];
  const stop = await storage.watch((event, key) => heard.push(`${event} ${key}`));
  await storage.setItem("a:b", 1);
  await storage.setItems([{ key: "c", value: 1 }]);
  await storage.setItemRaw("raw", new Uint8Array(1));
  await cache.set("unstorage/d", 1);
  await cache.set("other", 1);
  await cache.delete(new TextEncoder().encode("unstorage/d"));
  await storage.removeItem("c");
  await storage.getMount("").driver.clear("a:", {});
  assert.deepEqual(heard, ["update a:b", "update c", "update raw", "update d", "remove d", "remove c", "remove a:b"]);
  await stop();
  await storage.setItem("a", 1);
  assert.equal(heard.length, 7);
});

test("a storage that is disposed of hears nothing more, and the cache stays open", async () => {
  const { cache, storage } = await open();
  const heard = [];
  await storage.watch((...change) => heard.push(change));
  await storage.dispose();
  await cache.set("unstorage/a", 1);
  assert.deepEqual([heard, await cache.get("unstorage/a")], [[], 1]);
  cache.close();
  await assert.rejects(storage.getItem("a"), { code: "closed" });
});
