// Fears that a cache that is closed, or stopped by an inner error, while it writes empties the store, hangs, or fails without a code.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";

let chromium;

before(async () => {
  chromium = await start();
});

after(() => chromium?.end());

async function fresh() {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  await page.evaluate(async () => {
    globalThis.Larder = (await import("/web/pkg/index.js")).Larder;
    globalThis.open = (options) => Larder.open({ store: "indexeddb", name: "ends", ...options });
    globalThis.unhandled = [];
    addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));
    globalThis.codeOf = (promise) => promise.then(() => "done", ({ code, name }) => code ?? name);
    /** A turn in which what nobody handles is told. */
    globalThis.turn = () => new Promise((done) => setTimeout(done));
    globalThis.trap = (cache) => {
      new Uint8Array(cache.sync.tier.engine.exports.memory.buffer).fill(0xff, 1024);
      return codeOf(cache.get("anything"));
    };
  });
  return [page, () => context.close()];
}

test("closed while something is made invalid, the store is left with the rest", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    let cache = await open();
    await cache.setMany([["a", 1], ["b", 1]], { tags: ["t"] });
    await cache.set("c", 1);
    const invalid = codeOf(cache.invalidate({ tag: "t" }));
    await cache.close();
    const found = [await invalid, cache.warnings.map(String)];
    cache = await open();
    return [...found, await cache.getMany(["a", "b", "c"])];
  });
  assert.deepEqual(found, ["done", [], [undefined, undefined, 1]]);
  await close();
});

test("closed while another one writes, both leave what they wrote", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const [one, two] = [await open(), await open()];
    await one.setMany(Array.from({ length: 20 }, (_, at) => [`before ${at}`, at]));
    const writes = [];
    for (let at = 0; at < 20; at++) writes.push(one.set(`one ${at}`, at), two.set(`two ${at}`, at), Promise.resolve());
    await two.close();
    await Promise.all(writes);
    const warnings = [...one.warnings, ...two.warnings].map(String);
    await one.close();
    const three = await open();
    const keys = ["before", "one", "two"].flatMap((who) => Array.from({ length: 20 }, (_, at) => `${who} ${at}`));
    return [warnings, (await three.getMany(keys)).filter((value) => value !== undefined).length, unhandled];
  });
  assert.deepEqual(found, [[], 60, []]);
  await close();
});

test("an inner error while another one writes leaves the store as it is", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const [one, two] = [await open(), await open()];
    await one.setMany([["a", 1], ["b", 1]]);
    await two.getMany(["a", "b"]);
    const writes = [one.set("a", 2), one.invalidate({ tag: "none" }), two.set("c", 1), two.set("d", 1)];
    const code = await trap(two);
    await Promise.all(writes);
    await one.set("a", 3);
    await two.flush();
    await two.reopen();
    return [code, [...one.warnings, ...two.warnings].map(String), await two.getMany(["a", "b", "c", "d"]), two.isStored];
  });
  assert.deepEqual(found, ["trapped", [], [3, 1, 1, 1], true]);
  await close();
});

for (const next of ["reopen", "close"]) {
  test(`what was being made invalid when an inner error came is invalid after ${next}`, async () => {
    const [page, close] = await fresh();
    const found = await page.evaluate(async (next) => {
      let cache = await open();
      await cache.setMany([["a", 1], ["b", 1]], { tags: ["t"] });
      await cache.set("c", 1);
      const invalid = codeOf(cache.invalidate({ tag: "t" }));
      const code = await trap(cache);
      const found = [code, await invalid];
      await cache[next]();
      const left = next === "close" ? [] : await cache.getMany(["a", "b", "c"]);
      await cache.close();
      cache = await open();
      return [...found, left, await cache.getMany(["a", "b"]), cache.isStored];
    }, next);
    assert.deepEqual(found, ["trapped", "trapped", next === "close" ? [] : [undefined, undefined, 1], [undefined, undefined], true]);
    await close();
  });
}

test("emptied while much waits to be written, the writes come to their end", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await open();
    const writes = [];
    const write = (round) => {
      for (let at = 0; at < 50; at++) writes.push(cache.set(`key ${at}`, new Uint8Array(20_000).map(() => Math.random() * 256)));
    };
    write();
    // The first block is being written.
    const { backend } = cache.sync.tier.log;
    const append = backend.append.bind(backend);
    const cleared = new Promise((done) => {
      backend.append = (block) => {
        backend.append = append;
        const appended = append(block);
        done(cache.clear());
        return appended;
      };
    });
    await Promise.all([...writes, cleared]);
    const stored = (await cache.stats())["stored-entries"];
    await cache.set("after", 1);
    await cache.close();
    const again = await open();
    return [stored, await again.get("key 1"), await again.get("key 49"), await again.get("after")];
  });
  assert.deepEqual(found, [0, undefined, undefined, 1]);
  await close();
});

test("a closed cache refuses everything as closed", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await open();
    await cache.set("key", 1);
    const pool = await cache.pool("p", { dimensions: { a: ["x"] } });
    const snapshot = await cache.export();
    await Promise.all([cache.close(), cache.close()]);
    await cache.close();
    const calls = {
      get: () => cache.get("key"),
      getMany: () => cache.getMany(["key"]),
      look: () => cache.look("key"),
      has: () => cache.has("key"),
      set: () => cache.set("key", 1),
      setMany: () => cache.setMany([["key", 1]]),
      delete: () => cache.delete("key"),
      clear: () => cache.clear(),
      touch: () => cache.touch("key"),
      ttl: () => cache.ttl("key"),
      inspect: () => cache.inspect("key"),
      increment: () => cache.increment("key"),
      getOrSet: () => cache.getOrSet("key", () => 1),
      invalidate: () => cache.invalidate("all"),
      iterate: () => cache[Symbol.asyncIterator]().next(),
      infos: () => cache.infos().next(),
      cleanup: () => cache.cleanup(),
      stats: () => cache.stats(),
      resize: () => cache.resize(1000),
      setPolicy: () => cache.setPolicy("lru"),
      load: () => cache.load(),
      export: () => cache.export(),
      import: () => cache.import(snapshot),
      reopen: () => cache.reopen(),
      "get after reopen": () => cache.get("key"),
      pool: () => cache.pool("p"),
      "another pool": () => cache.pool("q", { dimensions: { a: ["x"] } }),
      pick: () => pool.pick({ a: "x" }),
      accumulate: () => pool.accumulate(() => "x"),
      "clear a pool": () => pool.clear(),
      "stats of a pool": () => pool.stats(),
    };
    const wrong = [];
    for (const [name, call] of Object.entries(calls)) {
      const code = await codeOf(call());
      if (code !== "closed") wrong.push([name, code]);
    }
    await turn();
    return [wrong, unhandled];
  });
  assert.deepEqual(found, [[], []]);
  await close();
});

test("what is refused is refused once, and to who asked", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await open();
    const codes = [await codeOf(cache.delete("\ud800")), await codeOf(cache.has("\ud800")), await trap(cache), await codeOf(cache.delete("key"))];
    await turn();
    return [codes, unhandled];
  });
  assert.deepEqual(found, [["invalid-argument", "invalid-argument", "trapped", "trapped"], []]);
  await close();
});

test("a store that cannot be read any more is a warning, and values are made", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    await (await open()).set("key", 1);
    const cache = await open({ preload: false });
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = () => { throw new DOMException("broken", "UnknownError"); };
    const found = [await cache.get("key"), await cache.getOrSet("other", () => 7), Number(await cache.increment("count"))];
    IDBDatabase.prototype.transaction = transaction;
    await turn();
    return [found, cache.warnings.every(({ code }) => code === "storage"), cache.warnings.length > 0, unhandled];
  });
  assert.deepEqual(found, [[undefined, 7, 1], true, true, []]);
  await close();
});

test("who computes and does not listen holds up nobody, once given up or closed", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const [one, two] = [await open(), await open()];
    const controller = new AbortController();
    /** Begins a computation that never ends. */
    const begin = (cache, key, options) => new Promise((begun) => {
      const code = codeOf(cache.getOrSet(key, () => {
        begun({ code });
        return new Promise(() => {});
      }, options));
    });
    const first = await begin(one, "key", { signal: controller.signal });
    controller.abort(new DOMException("no longer needed", "AbortError"));
    const codes = [await first.code, await one.getOrSet("key", () => "second")];
    const other = await begin(one, "other");
    const waiting = two.getOrSet("other", () => "made by the other");
    await one.close();
    codes.push(await other.code, await waiting);
    await turn();
    return [codes, unhandled];
  });
  assert.deepEqual(found, [[20, "second", "closed", "made by the other"], []]);
  await close();
});
