// Fears values that come back as something else, factories that run twice, waits that do not end, and errors without a code.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Larder, LarderError } from "../pkg/index.js";
import { knowMore } from "../pkg/uncalled.js";

const clock = () => {
  const clock = () => clock.time;
  clock.time = 1_750_000_000_000;
  return clock;
};

test("values come back as what they were", async () => {
  const cache = await Larder.open();
  const values = ["", "\ufeffwith a mark", "\ufffd", "text", "ünïcode ☃ 𝄞", "x".repeat(10_000), "é".repeat(300), 0, -1.5, true, null, [], [1, [2]], { a: { b: [] } }];
  for (const [at, value] of values.entries()) await cache.set(`key ${at}`, value);
  for (const [at, value] of values.entries()) assert.deepEqual(await cache.get(`key ${at}`), value);
  for (const length of [0, 1, 191, 192, 193, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 31) & 0xff);
    await cache.set("bytes", bytes);
    assert.deepEqual(await cache.get("bytes"), bytes);
  }
  assert.deepEqual(await cache.getMany(["key 3", "none", "key 13"]), ["text", undefined, { a: { b: [] } }]);
  // As another host may have stored them.
  const untyped = { namespace: 0, key: new Uint8Array([1]), value: new Uint8Array([0xff, 0x61]), now: Date.now() };
  cache.sync.tier.engine.call("set", untyped);
  assert.deepEqual(await cache.get(untyped.key), untyped.value);
});

test("keys are text or any bytes", async () => {
  const { sync } = await Larder.open();
  const keys = ["a", "ü", "☃".repeat(30), "k".repeat(65_535), new Uint8Array([0]), new Uint8Array([0, 255])];
  keys.forEach((key, at) => sync.set(key, at));
  keys.forEach((key, at) => assert.equal(sync.get(key), at));
  assert.equal(sync.get(new TextEncoder().encode("ü")), 1, "a text is its bytes");
  assert.equal(sync.size, keys.length);
  for (const [key, code] of [["", "invalid-argument"], ["k".repeat(65_536), "key-too-large"]]) {
    assert.throws(() => sync.set(key, 1), (error) => error instanceof LarderError && error.code === code);
  }
});

test("what is no value is refused, and what was there stays", async () => {
  const cache = await Larder.open({ maxEntrySize: "1kB" });
  await cache.set("key", "old");
  const circle = {};
  circle.circle = circle;
  for (const value of [undefined, () => {}, Symbol("s"), circle, 1n]) {
    await assert.rejects(cache.set("key", value), { name: "LarderError", code: "invalid-argument" });
  }
  await assert.rejects(cache.set("key", "x".repeat(1001)), { code: "too-large" });
  await assert.rejects(cache.set("key", "new", { ttl: "soon" }), { code: "invalid-argument" });
  await assert.rejects(cache.set("key", "new", { ttl: 0 }), { code: "invalid-argument" });
  assert.equal(await cache.get("key"), "old");
});

test("times are kept", async () => {
  const now = clock();
  const cache = await Larder.open({ now, ttl: "1m" });
  await cache.set("default", 1);
  await cache.set("own", 2, { ttl: "2m", stale: "1m" });
  await cache.set("idle", 3, { ttl: "1d", tti: "30s" });
  assert.equal(await cache.ttl("default"), 60_000);
  now.time += 20_000;
  assert.equal(await cache.get("idle"), 3);
  now.time += 40_000;
  assert.deepEqual([await cache.get("default"), await cache.get("own"), await cache.get("idle")], [undefined, 2, undefined]);
  now.time += 60_000;
  assert.deepEqual([cache.sync.look("own")?.isStale, await cache.ttl("own")], [true, 0]);
  assert.equal(await cache.touch("own", "5m"), true);
  assert.equal(await cache.ttl("own"), 300_000);
  assert.equal(await cache.touch("none"), false);
});

test("however many ask, one makes it", async () => {
  const cache = await Larder.open();
  let calls = 0;
  const factory = async () => `made ${++calls}`;
  const answers = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet("key", factory)));
  assert.deepEqual([new Set(answers), calls], [new Set(["made 1"]), 1]);
  assert.equal(await cache.getOrSet("key", factory), "made 1");
});

test("a factory that fails fails all who wait, and the next one tries again", async () => {
  const cache = await Larder.open();
  let calls = 0;
  const factory = () => {
    if (++calls === 1) throw new Error("not now");
    return "at last";
  };
  const both = await Promise.allSettled([cache.getOrSet("key", factory), cache.getOrSet("key", factory)]);
  assert.deepEqual(both.map((one) => one.reason?.message), ["not now", "not now"]);
  assert.equal(await cache.getOrSet("key", factory), "at last");
  assert.equal(calls, 2);
});

test("a stale value is answered while another one is made", async () => {
  const now = clock();
  const cache = await Larder.open({ now, ttl: "1m", stale: "1h" });
  await cache.set("key", "old");
  now.time += 61_000;
  let made;
  const factory = () => new Promise((done) => (made = done));
  assert.equal(await cache.getOrSet("key", factory), "old");
  assert.equal(await cache.getOrSet("key", () => assert.fail("one is enough")), "old");
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  made("new");
  await stored;
  assert.equal(await cache.get("key"), "new");
});

test("who does not wait any more ends what nobody waits for", async () => {
  const cache = await Larder.open();
  const [first, second] = [new AbortController(), new AbortController()];
  let asked;
  const factory = ({ signal }) => new Promise((_, failed) => {
    asked = signal;
    signal.addEventListener("abort", () => failed(signal.reason));
  });
  const waits = [first, second].map(({ signal }) => cache.getOrSet("key", factory, { signal }));
  await Promise.resolve();
  first.abort(new Error("one"));
  await assert.rejects(waits[0], { message: "one" });
  assert.equal(asked.aborted, false, "the other one waits on");
  second.abort(new Error("two"));
  await assert.rejects(waits[1], { message: "two" });
  assert.equal(asked.aborted, true);
  assert.equal(await cache.getOrSet("key", () => "anew"), "anew");
});

test("what is deleted while it is made is answered and not stored", async () => {
  const cache = await Larder.open();
  let made;
  const waiting = cache.getOrSet("key", () => new Promise((done) => (made = done)));
  await Promise.resolve();
  await cache.delete("key");
  made("outdated");
  assert.equal(await waiting, "outdated");
  assert.equal(await cache.has("key"), false);
});

test("what the synchronous face removes while it is made is not stored", async () => {
  const cache = await Larder.open();
  const removals = [(key) => cache.sync.delete(key), () => cache.sync.clear(), (key) => cache.sync.invalidate({ prefix: key }), () => cache.sync.invalidate("all")];
  for (const [at, remove] of removals.entries()) {
    const made = cache.getOrSet(`key ${at}`, () => {
      remove(`key ${at}`);
      return "made before";
    });
    assert.equal(await made, "made before");
    assert.equal(await cache.get(`key ${at}`), undefined, `removal ${at}`);
  }
});

test("what was given up is not stored over what came after", async () => {
  const cache = await Larder.open();
  const stop = new AbortController();
  const { promise, finish } = (() => {
    let finish;
    return { promise: new Promise((done) => (finish = done)), finish };
  })();
  const first = cache.getOrSet("key", () => promise, { signal: stop.signal });
  stop.abort();
  await assert.rejects(first);
  assert.equal(await cache.getOrSet("key", () => "second"), "second");
  finish("first");
  await new Promise((done) => setImmediate(done));
  assert.equal(await cache.get("key"), "second");
});

test("numbers that do not fit are refused, not bent", async () => {
  const cache = await Larder.open();
  await cache.set("count", "5");
  for (const by of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 1.5, NaN, Infinity]) {
    await assert.rejects(cache.increment("count", by), { code: "invalid-argument" }, String(by));
    assert.throws(() => cache.sync.increment("count", by), { code: "invalid-argument" }, String(by));
  }
  assert.equal(await cache.increment("count", -(2n ** 63n)), 5n - 2n ** 63n);
  for (const options of [{ maxEntries: 2 ** 32 + 1 }, { maxEntries: 1.5 }, { jitter: 300 }, { jitter: -1 }, { maxEntrySize: 2 ** 32 }]) {
    await assert.rejects(Larder.open(options), { code: "invalid-argument" }, JSON.stringify(options));
  }
  const unlimited = await Larder.open({ maxEntries: Infinity });
  assert.equal(await unlimited.set("key", 1).then(() => unlimited.evictUnlikely([{ key: "key", probability: 0.5 }], Infinity)), 1, "no limit is one");
  await assert.rejects(cache.increment("count", 1, { durability: "sync" }), { code: "storage" }, "there is no store");
});

test("a value larger than memory could be is refused, and the cache goes on", async () => {
  const cache = await Larder.open();
  // Nothing is written to it, so it takes no room.
  await assert.rejects(cache.set("key", new Uint8Array(2_200_000_000)), { code: "too-large" });
  await cache.set("key", 1);
  assert.equal(await cache.get("key"), 1);
});

test("entries are made invalid by what they have in common", async () => {
  const cache = await Larder.open();
  const fill = async () => {
    await cache.set("user:1", 1, { tags: ["users", "first"] });
    await cache.set("user:2", 2, { tags: ["users"] });
    await cache.set("other", 3);
  };
  const left = () => [...cache.sync.keys()].sort();
  for (const [rule, expected] of [
    [{ tag: "users" }, ["other"]],
    [{ tags: ["users", "first"] }, ["other", "user:2"]],
    [{ prefix: "user:" }, ["other"]],
    [{ glob: "*:1" }, ["other", "user:2"]],
    ["all", []],
  ]) {
    await fill();
    await cache.invalidate(rule);
    assert.deepEqual(left(), expected, JSON.stringify(rule));
  }
});

test("what happens is told", async () => {
  const cache = await Larder.open();
  const told = [];
  for (const type of ["set", "delete", "clear", "invalidate"]) cache.addEventListener(type, ({ type, detail }) => told.push([type, detail]));
  await cache.set("a", 1);
  await cache.delete("a");
  await cache.clear();
  await cache.invalidate("all");
  assert.deepEqual(told, [["set", { key: "a" }], ["delete", { key: "a" }], ["clear", { removed: 0 }], ["invalidate", { rule: "all" }]]);
});

test("memory is bounded and the policy decides", async () => {
  const cache = await Larder.open({ maxEntries: 3, policy: "lru" });
  for (const key of ["a", "b", "c"]) await cache.set(key, key);
  await cache.get("a");
  await cache.set("d", "d");
  assert.deepEqual([...cache.sync.keys()].sort(), ["a", "c", "d"]);
  await assert.rejects(cache.setPolicy("newest"), { code: "invalid-argument" });
  assert.equal((await cache.stats())["evicted-entries"], 1);
  await assert.rejects(Larder.open({ policy: "newest" }), { code: "invalid-argument" });
});

test("caches are apart, and a closed one refuses", async () => {
  const [one, other] = [await Larder.open(), await Larder.open()];
  await one.set("key", 1);
  assert.equal(await other.get("key"), undefined);
  one.close();
  await assert.rejects(one.get("key"), { code: "closed" });
  assert.equal(await other.has("key"), false);
});

test("an exception of the caller's own leaves the cache whole", async () => {
  let breaks = false;
  const cache = await Larder.open({
    now: () => {
      if (breaks) throw new Error("no time");
      return 1_750_000_000_000;
    },
  });
  await cache.set("key", 1);
  breaks = true;
  await assert.rejects(cache.get("key"), { message: "no time" });
  breaks = false;
  assert.equal(await cache.get("key"), 1);
  knowMore();
  assert.equal(cache.sync.tier.engine.call("check", {}), null);
});

test("after a trap every call is refused, and another cache works", async () => {
  const cache = await Larder.open();
  await cache.set("key", 1);
  const engine = cache.sync.tier.engine;
  // As if the engine had met a bug: its memory, overwritten.
  new Uint8Array(engine.exports.memory.buffer).fill(0xff, 1024);
  const errors = [];
  for (let at = 0; at < 3; at++) {
    try {
      cache.sync.set(`key ${at}`, "value");
      cache.sync.get(`key ${at}`);
    } catch (error) {
      errors.push(error);
    }
  }
  assert.ok(errors.length > 0 && errors.every((error) => error instanceof LarderError && error.code === "trapped"), String(errors));
  assert.equal(await (await Larder.open()).get("key"), undefined);
});

test("who asks after a deletion is not answered with what was computed before it", async () => {
  const cache = await Larder.open();
  let finish;
  const before = cache.getOrSet("key", () => new Promise((done) => (finish = done)));
  await Promise.resolve();
  await cache.delete("key");
  const after = cache.getOrSet("key", () => "new");
  finish("old");
  assert.deepEqual([await before, await after, await cache.get("key")], ["old", "new", "new"]);
});

test("who asks after the last one left does not leave with them", async () => {
  const cache = await Larder.open();
  const controller = new AbortController();
  // A factory that takes its time to end.
  const first = cache.getOrSet("key", () => new Promise(() => {}), { signal: controller.signal });
  controller.abort(new Error("left"));
  await assert.rejects(first, { message: "left" });
  assert.equal(await cache.getOrSet("key", () => "anew"), "anew");
});

test("what UTF-8 or JSON cannot say is refused, not stored as something else", async () => {
  const cache = await Larder.open();
  for (const text of ["\ud800", "a\udfffb", `${"x".repeat(300)}\ud800`]) {
    await assert.rejects(cache.set(text, 1), { code: "invalid-argument" });
    await assert.rejects(cache.set("key", text), { code: "invalid-argument" });
    await assert.rejects(cache.get(text), { code: "invalid-argument" });
    assert.throws(() => cache.keys.parts(text), { code: "invalid-argument" });
  }
  for (const value of [new Map([["a", 1]]), new Set([1]), new ArrayBuffer(8), /x/, new Error("x")]) {
    await assert.rejects(cache.set("key", value), { code: "invalid-argument" }, String(value));
  }
  for (const value of [new Date(0), /x/, new URL("http://host/")]) {
    assert.throws(() => cache.keys.structured(value), { code: "invalid-argument" });
    assert.throws(() => cache.keys.structured({ a: [value] }), { code: "invalid-argument" });
  }
  await cache.set("\ufeffmark", "😀");
  assert.deepEqual([...cache.sync], [["\ufeffmark", "😀"]]);
});

test("memory can be made smaller, and what cooled is compressed by itself", async () => {
  const cache = await Larder.open({ maxBytes: "1MB", coldTier: true });
  const json = (at) => JSON.stringify(Array.from({ length: 40 }, (_, place) => ({ number: at, place, name: "a name that comes again" })));
  for (let at = 0; at < 600; at++) cache.sync.set(`key ${at}`, json(at));
  for (let wait = 0; (await cache.stats())["cold-entries"] === 0; wait++) {
    assert.ok(wait < 500, "it is compressed");
    await new Promise((done) => setTimeout(done, 20));
  }
  for (const [key, value] of cache.sync) assert.equal(value, json(Number(key.slice(4))));
  assert.ok((await cache.resize("100kB")) > 0);
  assert.ok((await cache.stats()).bytes <= 100_000);
});

test("what is of the wrong type is refused, and the cache goes on", async () => {
  const cache = await Larder.open();
  await cache.set("key", 1);
  for (const strange of [42, null, undefined, {}, { length: 5 }, ["a"], Symbol("s"), true]) {
    for (const call of [
      () => cache.get(strange),
      () => cache.set(strange, 1),
      () => cache.has(strange),
      () => cache.delete(strange),
      () => cache.getOrSet(strange, () => 1),
      () => cache.set("key", 1, { tags: [strange] }),
      () => cache.set("key", 1, { durability: strange ?? "strange" }),
      () => cache.set("key", 1, { metadata: { name: strange } }),
      () => cache.invalidate({ tag: strange }),
    ]) {
      await assert.rejects(call, (error) => error instanceof Error && error.code !== "trapped", `${call} with ${String(strange)}`);
    }
  }
  assert.equal(await cache.get("key"), 1);
});
