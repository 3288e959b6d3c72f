// Fears that a cache learns what nobody asked for, learns unasked, mixes sessions up, or forgets what is likely to be asked for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Larder } from "../pkg/index.js";
import { clock } from "./origin.mjs";

const VISIT = ["/", "/cart", "/checkout"];

/** A cache that some visits were observed by. */
async function taught(options = {}, visits = 3) {
  const cache = await Larder.open(options);
  for (let visit = 0; visit < visits; visit++) for (const key of VISIT) await cache.observe(key, { session: `visit ${visit}` });
  return cache;
}

test("what followed is predicted, the likeliest first", async () => {
  const cache = await taught();
  await cache.observe("/", { session: "other" });
  await cache.observe("/help", { session: "other" });
  const all = await cache.predict("/");
  assert.deepEqual(all.map(({ key }) => key), ["/cart", "/help"]);
  assert.ok(all[0].probability > all[1].probability && all[0].probability < 1);
  assert.deepEqual(await cache.predict("/", { limit: 1 }), all.slice(0, 1));
  assert.deepEqual(await cache.predict("/", { min: all[0].probability }), all.slice(0, 1));
  assert.deepEqual(await cache.predict(["/cart", "/"]), all, "nobody was at the cart before");
  assert.ok((await cache.predict(["/", "/cart"]))[0].probability > (await cache.predict("/cart"))[0].probability);
  assert.deepEqual(await cache.predict("nobody asked"), []);
});

test("keys may be any bytes", async () => {
  const [cache, bytes] = [await Larder.open(), new Uint8Array([0xff, 0])];
  for (const key of ["a", bytes, "b"]) await cache.observe(key);
  assert.deepEqual((await cache.predict("a"))[0].key, bytes);
  assert.deepEqual((await cache.predict(bytes))[0].key, "b");
});

test("sessions are apart, whether they are numbers or text, and over after a while", async () => {
  const now = clock();
  const cache = await taught({ now, learn: { gap: "1m" } });
  await cache.observe("/", { session: "ada" });
  await cache.observe("/cart", { session: 7 });
  await cache.observe("/", { session: 8 });
  assert.equal((await cache.next({ session: "ada" }))[0].key, "/cart");
  assert.equal((await cache.next({ session: 7 }))[0].key, "/checkout");
  assert.deepEqual(await cache.next(), []);
  const outlook = await cache.outlook();
  assert.deepEqual(outlook.map(({ key }) => key), ["/cart", "/checkout"]);
  assert.ok(outlook[0].probability > (await cache.next({ session: 8 }))[0].probability, "two are before it");
  now.time += 60_001;
  assert.deepEqual([await cache.next({ session: 7 }), await cache.outlook()], [[], []]);
  for (const session of [-1, 0.5, NaN, 2 ** 53]) await assert.rejects(cache.observe("/", { session }), { code: "invalid-argument" });
});

test("a cache that was told to learns from every read, and from nothing else", async () => {
  const cache = await Larder.open({ learn: true });
  const { predictor } = cache.sync;
  await cache.set("a", 1);
  const reads = {
    "get, a hit": () => cache.get("a"),
    "get, a miss": () => cache.get("b"),
    getOrSet: () => cache.getOrSet("c", () => 1),
    look: () => cache.look("d"),
    getMany: () => cache.getMany(["e", "f"]),
    "get of the synchronous face": () => cache.sync.get("g"),
    "getMany of the synchronous face": () => cache.sync.getMany(["h"]),
    "look of the synchronous face": () => cache.sync.look("i"),
  };
  for (const read of Object.values(reads)) await read();
  for (const [at, key] of [..."abcdefgh"].entries()) assert.deepEqual(predictor.predict(key).map(({ key }) => key), ["abcdefghi"[at + 1]], key);
  const { observed } = await cache.learnt();
  for (const it of [() => cache.has("a"), () => cache.ttl("a"), () => cache.inspect("a"), () => cache.set("b", 1), () => cache.delete("b")]) await it();
  for await (const _ of cache);
  for (const _ of cache.sync);
  assert.equal((await cache.learnt()).observed, observed);
});

test("a cache that was not told to learns nothing by itself, and from what it is told", async () => {
  const cache = await Larder.open();
  assert.equal(cache.sync.predictor, undefined);
  for (const key of VISIT) await cache.get(key);
  assert.equal((await cache.learnt()).keys, 0);
  for (const key of VISIT) await cache.observe(key);
  assert.equal((await cache.learnt()).keys, 3);
  assert.equal((await cache.next({ session: 0 })).length, 0);
});

test("what was learnt is bounded, told in numbers, and forgotten", async () => {
  const cache = await Larder.open({ learn: { maxBytes: "16KiB" } });
  for (let at = 0; at < 5000; at++) await cache.get(`key ${at % 700}`);
  const { keys, contexts, bytes, observed, guessed, foreseen, unsaved } = await cache.learnt();
  assert.ok(bytes <= 16 * 1024 && keys > 10 && contexts > 10, `${bytes} bytes, ${keys} keys`);
  assert.ok(observed === 4999 && foreseen <= guessed && guessed <= observed && unsaved <= observed);
  await cache.unlearn();
  assert.deepEqual([(await cache.learnt()).keys, await cache.outlook()], [0, []]);
});

test("options outside their range are refused when the cache is opened", async () => {
  for (const learn of [{ maxBytes: 1 }, { maxBytes: "1GB" }, { gap: 0 }, { gap: "soon" }]) {
    await assert.rejects(Larder.open({ learn }), { code: "invalid-argument" });
  }
});

test("what is unlikely goes first", async () => {
  const cache = await Larder.open({ policy: "predicted", maxEntries: 3 });
  for (const key of ["a", "b", "c"]) await cache.set(key, 1);
  assert.equal(await cache.expect([{ key: "a", probability: 0.5 }, { key: "c", probability: 0.25 }, { key: "none", probability: 1 }]), 2);
  await cache.set("d", 1);
  assert.deepEqual(["a", "b", "c"].map((key) => cache.sync.has(key)), [true, false, true]);
  const gone = cache.sync.evictUnlikely([{ key: "a", probability: 0.5 }, { key: "c", probability: 0.1 }, { key: "none", probability: 0 }], 1);
  assert.deepEqual([gone, cache.sync.has("a"), cache.sync.has("c")], [1, true, false]);
  assert.equal(await cache.evictUnlikely([{ key: "a", probability: 2 }], 1), 0);
  await assert.rejects(cache.expect([{ key: "a", probability: 2 }]), { code: "invalid-argument" });
  const told = await taught({ policy: "predicted", learn: true });
  assert.equal(await told.expect(await told.outlook()), 0);
});

test("a prefetched entry counts once, when somebody asks for it", async () => {
  const cache = await Larder.open();
  await cache.set("a", 1, { prefetched: true });
  assert.deepEqual([(await cache.inspect("a")).prefetched, (await cache.prefetchStats()).hitRate], [true, 0]);
  await cache.set("b", 1);
  for (const key of ["a", "a", "b"]) await cache.get(key);
  assert.deepEqual([(await cache.inspect("a")).prefetched, (await cache.inspect("b")).prefetched], [false, false]);
  const { prefetched, prefetchHits, hitRate } = await cache.prefetchStats();
  assert.deepEqual([prefetched, prefetchHits, hitRate], [1, 1, 1]);
  const { prefetched: sets, "prefetch-hits": hits } = await cache.stats();
  assert.deepEqual([sets, hits], [1, 1]);
});

test("where the cache keeps what is its own no user's is", async () => {
  for (const namespace of ["larder.prefetch", "larder.prediction", "larder.pools", "larder.bans"]) {
    await assert.rejects(Larder.open({ namespace }), { code: "invalid-argument" });
  }
});

test("after an inner error what was saved is known, and the queue is still there", async () => {
  const cache = await taught({ learn: true });
  await cache.flush();
  await cache.prefetch("a");
  new Uint8Array(cache.sync.tier.engine.exports.memory.buffer).fill(0xff, 1024);
  await assert.rejects(cache.get("/"), { code: "trapped" });
  await cache.reopen();
  await cache.get("/");
  await cache.get("/cart");
  const [{ key, probability }] = await cache.predict("/");
  assert.ok(key === "/cart" && probability > 0.7, `${key} ${probability}`);
  assert.deepEqual((await cache.prefetchQueue()).map(({ key }) => key), ["a"]);
});

test("a closed cache predicts and queues nothing", async () => {
  const cache = await taught({ learn: true });
  await cache.close();
  const calls = [() => cache.predict("/"), () => cache.observe("/"), () => cache.prefetch("a"), () => cache.prefetchStats(), () => cache.expect([])];
  for (const call of calls) await assert.rejects(call(), { code: "closed" }, String(call));
});
