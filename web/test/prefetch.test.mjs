// Fears that what is to be fetched is lost, fetched twice or for ever, out of order, by a worker that was stopped, or fails unseen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Larder } from "../pkg/index.js";
import { clock } from "./origin.mjs";

/** Turns of the event loop until something is so. */
async function until(isSo) {
  while (!(await isSo())) await new Promise((done) => setImmediate(done));
}

/** A cache with a clock of its own, what failed of it, and a way to have its queue worked off. */
async function opened(options = {}) {
  const now = clock();
  const cache = await Larder.open({ now, ...options });
  const failed = [];
  cache.addEventListener("error", ({ detail: { key, error } }) => failed.push([key, error.message]));
  const figures = async (...names) => {
    const stats = await cache.prefetchStats();
    return names.map((name) => stats[name]);
  };
  return { cache, now, failed, figures };
}

const keys = (items) => items.map(({ key }) => key);

test("the queue is by priority, then as it came, and each key is in it once", async () => {
  const { cache, now, figures } = await opened();
  assert.deepEqual(await cache.prefetch("a", { payload: "how" }), { added: 1, merged: 0, dropped: 0 });
  await cache.prefetchMany([{ key: "b", priority: 0.9 }, { key: "c" }, { key: new Uint8Array([0xff]), priority: 0, payload: new Uint8Array([0xfe]) }]);
  assert.deepEqual(await cache.prefetch("c", { priority: 0.6, payload: "newer" }), { added: 0, merged: 1, dropped: 0 });
  const items = await cache.prefetchQueue();
  assert.deepEqual(keys(items), ["b", "c", "a", new Uint8Array([0xff])]);
  assert.deepEqual(items[2], { key: "a", priority: 0.5, payload: "how", since: now.time, waits: 0, attempts: 0, reason: "" });
  assert.deepEqual([items[1].payload, items[3].payload], ["newer", new Uint8Array([0xfe])]);
  assert.deepEqual(keys(await cache.prefetchQueue({ limit: 1 })), ["b"]);
  assert.equal(await cache.withdraw(["a", "nobody"]), 1);
  assert.equal(await cache.withdraw(), 3);
  assert.deepEqual(await figures("length", "ready", "requests", "merged"), [0, 0, 5, 1]);
});

test("what cannot be queued is refused, and the queue holds the likeliest", async () => {
  const { cache, figures } = await opened();
  assert.deepEqual(await figures("length", "requests", "hitRate"), [0, 0, 0]);
  for (const priority of [-0.1, 1.1, NaN]) await assert.rejects(cache.prefetch("a", { priority }), { code: "invalid-argument" });
  await assert.rejects(cache.prefetch(""), { code: "invalid-argument" });
  await assert.rejects(cache.prefetch("a", { payload: "x".repeat(70_000) }), { code: "invalid-argument" });
  const many = Array.from({ length: 1200 }, (_, at) => ({ key: `key ${at}`, priority: at / 1200 }));
  assert.equal((await cache.prefetchMany(many)).dropped, 200);
  assert.deepEqual(keys(await cache.prefetchQueue({ limit: 2 })), ["key 1199", "key 1198"]);
});

test("what is queued at once is all there", async () => {
  const { cache } = await opened();
  await Promise.all(Array.from({ length: 50 }, (_, at) => cache.prefetch(`key ${at}`)));
  assert.equal((await cache.prefetchQueue()).length, 50);
});

test("a prefetcher fetches what is not there or stale, and stores it as prefetched", async () => {
  const { cache, now, figures, failed } = await opened();
  await cache.set("fresh", "old");
  await cache.set("stale", "old", { ttl: "1m", stale: "1h" });
  now.time += 61_000;
  await cache.prefetchMany([{ key: "fresh" }, { key: "stale" }, { key: "new", priority: 0.8, payload: "/new" }]);
  const fetched = [];
  const prefetcher = await cache.prefetcher(
    ({ key, payload, attempts }, signal) => {
      fetched.push([key, payload, attempts, signal.aborted]);
      return `made for ${key}`;
    },
    { every: 1, ttl: "1h", tags: ["ahead"] },
  );
  await until(async () => (await figures("length"))[0] === 0);
  prefetcher.stop();
  assert.deepEqual(fetched, [["new", "/new", 1, false], ["stale", "", 1, false]]);
  assert.deepEqual(await cache.getMany(["fresh", "stale", "new"]), ["old", "made for stale", "made for new"]);
  const { tags, expires } = await cache.inspect("new");
  assert.deepEqual([tags, expires], [["ahead"], now.time + 3_600_000]);
  assert.deepEqual(await figures("fetched", "unneeded", "failures", "prefetched", "prefetchHits", "hitRate"), [2, 1, 0, 2, 2, 1]);
  assert.deepEqual(failed, []);
});

test("batches are taken one behind the other, a few items at a time", async () => {
  const { cache, figures } = await opened();
  await cache.prefetchMany(Array.from({ length: 25 }, (_, at) => ({ key: `key ${at}` })));
  let [now, most, done, release] = [0, 0, [], undefined];
  const three = new Promise((done) => (release = done));
  const prefetcher = await cache.prefetcher(
    async ({ key }) => {
      most = Math.max(most, ++now);
      if (now === 3) release();
      await three;
      const waiting = (await cache.prefetchQueue()).filter(({ waits }) => waits > 0).length;
      assert.ok(waiting <= 10, `${waiting} are taken`);
      now--;
      done.push(key);
      return key;
    },
    { every: 1, concurrency: 3 },
  );
  await until(async () => (await figures("fetched"))[0] === 25);
  prefetcher.stop();
  assert.equal(most, 3);
  assert.deepEqual(new Set(done).size, 25);
});

test("what fails is shown, tried again later, three times in all, and the rest goes on", async () => {
  const { cache, now, failed, figures } = await opened();
  await cache.prefetchMany([{ key: "bad", priority: 1 }, { key: "good" }]);
  const times = [];
  const fetch = ({ key, reason }) => {
    if (key === "good") return 1;
    times.push([now.time, reason]);
    throw new Error(`no ${key}`);
  };
  const prefetcher = await cache.prefetcher(fetch, { every: 1, retry: "10s" });
  const begin = now.time;
  await until(async () => (await figures("failures", "fetched")).join() === "1,1");
  assert.deepEqual((await cache.prefetchQueue()).map(({ key, reason, waits }) => [key, reason, waits]), [["bad", "Error: no bad", begin + 10_000]]);
  now.time += 10_000;
  await until(async () => (await figures("failures"))[0] === 2);
  now.time += 20_000;
  await until(async () => (await figures("failures"))[0] === 3);
  prefetcher.stop();
  assert.deepEqual(times, [[begin, ""], [begin + 10_000, "Error: no bad"], [begin + 30_000, "Error: no bad"]]);
  assert.deepEqual(await figures("length", "givenUp"), [0, 1]);
  assert.deepEqual(failed, [["bad", "no bad"], ["bad", "no bad"], ["bad", "no bad"]]);
});

test("a failure whose reason ends in half a character is noted", async () => {
  const { cache, figures } = await opened();
  await cache.prefetch("bad");
  const prefetcher = await cache.prefetcher(() => Promise.reject(new Error("no \ud83d")), { every: 1 });
  await until(async () => (await figures("failures"))[0] === 1);
  prefetcher.stop();
  assert.deepEqual((await cache.prefetchQueue()).map(({ reason }) => reason), ["Error: no \ufffd"]);
});

test("what is fetched at a time may be without end", async () => {
  const { cache, figures } = await opened();
  await cache.prefetchMany(Array.from({ length: 20 }, (_, at) => ({ key: `key ${at}` })));
  const prefetcher = await cache.prefetcher(({ key }) => key, { every: 1, batch: Infinity, concurrency: Infinity });
  await until(async () => cache.warnings.length > 0 || (await figures("fetched"))[0] === 20);
  prefetcher.stop();
  assert.deepEqual([await figures("fetched"), cache.warnings], [[20], []]);
});

const ENDINGS = {
  stop: (prefetcher) => prefetcher.stop(),
  "a signal": (_, controller) => controller.abort(),
  "Symbol.dispose": (prefetcher) => prefetcher[Symbol.dispose](),
  "Symbol.asyncDispose": (prefetcher) => prefetcher[Symbol.asyncDispose](),
  "closing the cache": (_prefetcher, _controller, cache) => void cache.close(),
};
for (const [what, end] of Object.entries(ENDINGS)) {
  test(`a prefetcher ends with ${what}, and waits for nobody`, async () => {
    const { cache, now, failed } = await opened();
    await cache.prefetch("a");
    const controller = new AbortController();
    let aborted = 0;
    const begun = new Promise((begin) => {
      void cache.prefetcher((_, signal) => {
        signal.addEventListener("abort", () => aborted++);
        begin();
        // It never ends by itself, and does not listen.
        return new Promise(() => {});
      }, { every: 1, lease: "5s", signal: controller.signal }).then((prefetcher) => (globalThis.prefetcher = prefetcher));
    });
    await begun;
    const { prefetcher } = globalThis;
    await end(prefetcher, controller, cache);
    assert.equal(prefetcher.isStopped, true);
    await until(() => aborted === 1);
    if (what === "closing the cache") return;
    assert.equal(await cache.get("a"), undefined);
    assert.deepEqual((await cache.prefetchQueue()).map(({ attempts, reason, waits }) => [attempts, reason, waits]), [[1, "", now.time + 5_000]]);
    now.time += 5_001;
    const another = await cache.prefetcher(() => "now", { every: 1 });
    await until(async () => (await cache.get("a")) === "now");
    another.stop();
    assert.deepEqual(failed, []);
  });
}

test("what a prefetcher that is stopped did not begin is ready at once", async () => {
  const { cache } = await opened();
  await cache.prefetchMany([{ key: "a", priority: 1 }, { key: "b" }]);
  const prefetcher = await new Promise((begun) => {
    const made = cache.prefetcher(() => {
      begun(made);
      return new Promise(() => {});
    }, { every: 1, concurrency: 1 });
  });
  prefetcher.stop();
  assert.deepEqual((await cache.prefetchQueue()).map(({ key, attempts, waits }) => [key, attempts, waits > 0]), [["a", 1, true], ["b", 0, false]]);
});

test("a prefetcher that is stopped before it begins does nothing", async () => {
  const { cache } = await opened();
  await cache.prefetch("a");
  const prefetcher = await cache.prefetcher(() => assert.fail("it was stopped"), { every: 1, signal: AbortSignal.abort() });
  assert.equal(prefetcher.isStopped, true);
  assert.equal((await cache.prefetchQueue())[0].attempts, 0);
});

test("a fetch that takes longer than its lease fails", async () => {
  const { cache, failed, figures } = await opened();
  await cache.prefetch("a");
  const prefetcher = await cache.prefetcher(() => new Promise(() => {}), { every: 1, lease: 5 });
  await until(async () => (await figures("failures"))[0] === 1);
  prefetcher.stop();
  assert.deepEqual(failed, [["a", "fetching took longer than the lease"]]);
});

test("what somebody computes is not fetched, and what is fetched is computed by nobody", async () => {
  const { cache, figures } = await opened();
  let [finish, fetches] = [undefined, 0];
  const computed = cache.getOrSet("a", () => new Promise((done) => (finish = done)));
  await cache.prefetch("a");
  let answer;
  const prefetcher = await cache.prefetcher(() => {
    fetches++;
    return new Promise((done) => (answer = done));
  }, { every: 1 });
  await until(async () => (await cache.prefetchQueue())[0].attempts === 1);
  finish("computed");
  assert.equal(await computed, "computed");
  await until(async () => (await figures("unneeded"))[0] === 1);
  assert.equal(fetches, 0);
  await cache.prefetch("b");
  await until(() => answer !== undefined);
  const joined = cache.getOrSet("b", () => assert.fail("it is being fetched"));
  answer("fetched");
  assert.equal(await joined, "fetched");
  await until(async () => (await figures("fetched"))[0] === 1);
  prefetcher.stop();
});

test("what is likely after a read is queued, unless it is there", async () => {
  const { cache, figures } = await opened({ learn: true });
  for (let visit = 0; visit < 9; visit++) for (const key of ["/", "/cart", "/checkout", `/end ${visit}`]) await cache.observe(key, { session: visit });
  await cache.set("/checkout", "there");
  const fetched = [];
  const fetch = ({ key, priority }) => {
    fetched.push([key, priority > 0.8]);
    return "fetched";
  };
  const prefetcher = await cache.prefetcher(fetch, { every: 1, predicted: 0.5 });
  await cache.get("/");
  await until(async () => (await figures("fetched"))[0] === 1);
  assert.equal(await cache.get("/cart"), "fetched");
  for (const key of ["once", "seen once"]) await cache.observe(key, { session: "one observation is believed by half" });
  await cache.observe("once", { session: "and not more" });
  // What follows the checkout was never the same.
  await cache.get("/checkout");
  await cache.observe("/", { session: "somebody else" });
  assert.deepEqual(fetched, [["/cart", true]]);
  assert.deepEqual(await figures("requests", "prefetchHits"), [1, 1]);
  prefetcher.stop();
  await cache.delete("/cart");
  await cache.get("/");
  assert.deepEqual(await figures("requests"), [1]);
});

test("options that make no sense are refused", async () => {
  const { cache } = await opened();
  for (const options of [{ batch: 0 }, { concurrency: NaN }, { every: "soon" }, { lease: -1 }, { predicted: 2 }]) {
    await assert.rejects(cache.prefetcher(() => 1, options), { code: "invalid-argument" }, JSON.stringify(options));
  }
});
