// Fears that tabs with one store answer what another one overwrote, compute twice, lose each other's work, or wait for a tab that is closed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";

let chromium;

before(async () => {
  chromium = await start();
});

after(() => chromium?.end());

/** Two tabs that have opened one store. What a browser without some part lacks is taken away first. */
async function tabs(name, lacks = []) {
  const context = await chromium.browser.newContext();
  await context.addInitScript((lacks) => {
    for (const lack of lacks) Object.defineProperty(lack === "locks" ? Navigator.prototype : globalThis, lack, { value: undefined });
  }, lacks);
  const pages = [await chromium.page(context), await chromium.page(context)];
  for (const page of pages) {
    await page.evaluate(async (name) => {
      const { Larder } = await import("/web/pkg/index.js");
      globalThis.cache = await Larder.open({ store: "indexeddb", name });
      /** When another tab's change of this key has come; made before it happens. */
      globalThis.change = (key) => new Promise((done) => {
        globalThis.cache.addEventListener("change", ({ detail }) => {
          if (detail.key === undefined || new TextDecoder().decode(detail.key) === key) done();
        });
      });
    }, name);
  }
  return [...pages, () => context.close()];
}

test("what one tab writes the other one reads", async () => {
  const [one, two, close] = await tabs("writes");
  await one.evaluate(() => cache.setMany([["a", 1], ["b", 1], ["c", 1]], { tags: ["t"] }));
  await two.evaluate(async () => {
    while ((await cache.get("b")) !== 1) await change("b");
    globalThis.changed = [change("a"), change("b")];
  });
  await one.evaluate(async () => {
    await cache.set("b", 2);
    await cache.delete("a");
  });
  const seen = await two.evaluate(async () => {
    await Promise.all(changed);
    return [await cache.get("a"), await cache.get("b"), await cache.get("c"), cache.sync.get("b")];
  });
  assert.deepEqual(seen, [undefined, 2, 1, 2]);
  await close();
});

test("what one tab asked a server before another one wrote to it is not stored after", async () => {
  const [one, two, close] = await tabs("asked before");
  const url = "https://example.com/";
  await two.evaluate(async (url) => {
    const { cachedFetch } = await import("/web/pkg/fetch.js");
    const headers = { "cache-control": "max-age=60" };
    const server = () => new Promise((done) => (globalThis.release = (text) => done(new Response(text, { headers }))));
    globalThis.ask = cachedFetch(cache, { fetch: server });
    globalThis.early = ask(url);
    while (globalThis.release === undefined) await new Promise((done) => setTimeout(done));
    globalThis.changed = change(`fetch/${url} omit `);
  }, url);
  await one.evaluate(async (url) => {
    const { cachedFetch } = await import("/web/pkg/fetch.js");
    await cachedFetch(cache, { fetch: async () => new Response() })(url, { method: "POST" });
  }, url);
  const seen = await two.evaluate(async (url) => {
    await changed;
    release("old");
    const texts = [await (await early).text()];
    const late = ask(url);
    setTimeout(() => release("new"), 50);
    return [...texts, await (await late).text()];
  }, url);
  assert.deepEqual(seen, ["old", "new"]);
  await close();
});

test("what one tab makes invalid is invalid in the other, and both bans stand", async () => {
  const [one, two, close] = await tabs("bans");
  await one.evaluate(() => cache.setMany([["a", 1], ["b", 1]], { tags: ["t"] }));
  await two.evaluate(async () => {
    await cache.setMany([["c", 1], ["d", 1]], { tags: ["u"] });
    while ((await cache.get("a")) !== 1) await change("a");
  });
  await Promise.all([one.evaluate(() => cache.invalidate({ tag: "t" })), two.evaluate(() => cache.invalidate({ tag: "u" }))]);
  for (const page of [one, two]) {
    const left = await page.evaluate(async () => {
      await cache.close();
      const { Larder } = await import("/web/pkg/index.js");
      globalThis.cache = await Larder.open({ store: "indexeddb", name: "bans" });
      return cache.getMany(["a", "b", "c", "d"]);
    });
    assert.deepEqual(left, [undefined, undefined, undefined, undefined]);
  }
  await one.evaluate(() => cache.set("a", "anew", { tags: ["t"] }));
  assert.equal(await one.evaluate(() => cache.get("a")), "anew");
  await close();
});

for (const lacks of [[], ["BroadcastChannel"], ["BroadcastChannel", "locks"]]) {
  test(`tabs ${lacks.length > 0 ? `without ${lacks.join(" and ")}` : ""} compute, and never answer wrongly`, async () => {
    const [one, two, close] = await tabs(`flights ${lacks.join()}`, lacks);
    const compute = async (tab) => {
      let calls = 0;
      const make = ({ key }) => new Promise((done) => setTimeout(() => done(`${key} of ${tab}`), 20, calls++));
      const values = await Promise.all(Array.from({ length: 20 }, (_, at) => cache.getOrSet(`key ${at}`, make)));
      return { calls, values };
    };
    const [a, b] = await Promise.all([one.evaluate(compute, "one"), two.evaluate(compute, "two")]);
    if (lacks.includes("locks")) assert.ok(a.calls + b.calls <= 40);
    else {
      assert.equal(a.calls + b.calls, 20, "one tab computes each");
      assert.deepEqual(a.values, b.values);
    }
    for (const { values } of [a, b]) for (const [at, value] of values.entries()) assert.match(value, new RegExp(`^key ${at} of (one|two)$`));
    await close();
  });
}

test("numbers that both tabs add to add up", async () => {
  const [one, two, close] = await tabs("numbers");
  const add = async () => {
    for (let at = 0; at < 25; at++) await cache.increment("count");
  };
  await Promise.all([one.evaluate(add), two.evaluate(add)]);
  const sums = [one, two].map((page) => page.evaluate(async () => Number(await cache.increment("count", 0))));
  assert.deepEqual(await Promise.all(sums), [50, 50]);
  await close();
});

test("a closed tab is not waited for", async () => {
  const [one, two, close] = await tabs("closed");
  await one.evaluate(() => {
    const begun = new Promise((done) => {
      cache.getOrSet("key", () => {
        done();
        return new Promise(() => {});
      });
    });
    return begun;
  });
  const waiting = two.evaluate(() => cache.getOrSet("key", () => "made by the other"));
  await one.close();
  assert.equal(await waiting, "made by the other");
  await close();
});

test("what one tab tidies away the other one still finds", async () => {
  const [one, two, close] = await tabs("tidy");
  await one.evaluate(() => cache.setMany(Array.from({ length: 100 }, (_, at) => [`key ${at}`, `value ${at}`])));
  await two.evaluate(async () => {
    while ((await cache.get("key 99")) === undefined) await change("key 99");
    cache.sync.tier.log.keeper.changedMuch();
    // It hears of nothing from here on.
    cache.tabs.close();
  });
  await one.evaluate(async () => {
    for (let round = 0; round < 40; round++) await cache.set("large", new Uint8Array(100_000));
    await cache.flush();
  });
  const found = await two.evaluate(() => cache.getMany(Array.from({ length: 100 }, (_, at) => `key ${at}`)));
  assert.deepEqual(found, Array.from({ length: 100 }, (_, at) => `value ${at}`));
  await close();
});

test("a pool that both tabs fill is filled once", async () => {
  const [one, two, close] = await tabs("pools");
  const fill = async () => {
    const pool = await cache.pool("p", { dimensions: { language: ["rust", "go"], lines: [1, 2, 3] } });
    let calls = 0;
    await pool.accumulate(({ values, entry }) => `${++calls} ${values.language} ${values.lines} ${entry}`);
    return [calls, (await pool.stats()).cachedEntries];
  };
  const [[a], [b]] = await Promise.all([one.evaluate(fill), two.evaluate(fill)]);
  assert.equal(a + b, 18);
  for (const page of [one, two]) {
    assert.equal(await page.evaluate(async () => (await (await cache.pool("p")).stats()).cachedEntries), 18);
  }
  await close();
});

test("two tabs fetch what one of them queued, each item once", async () => {
  const [one, two, close] = await tabs("queues");
  await one.evaluate(() => cache.prefetchMany(Array.from({ length: 40 }, (_, at) => ({ key: `key ${at}`, priority: at / 40 }))));
  const work = async (tab) => {
    const keys = [];
    const prefetcher = await cache.prefetcher(({ key }) => {
      keys.push(key);
      return `${key} of ${tab}`;
    }, { every: 1, batch: 3 });
    while ((await cache.prefetchStats()).length > 0) await new Promise((done) => setTimeout(done));
    prefetcher.stop();
    return keys;
  };
  const keys = (await Promise.all([one.evaluate(work, "one"), two.evaluate(work, "two")])).flat();
  assert.deepEqual([keys.length, new Set(keys).size], [40, 40]);
  for (const page of [one, two]) {
    const { fetched, unneeded, failures } = await page.evaluate(() => cache.prefetchStats());
    assert.deepEqual([fetched, unneeded, failures], [40, 0, 0]);
    assert.match(await page.evaluate(() => cache.get("key 7")), /^key 7 of (one|two)$/);
  }
  await close();
});

test("tabs without locks prefetch, each by itself, and answer what was fetched", async () => {
  const [one, two, close] = await tabs("lockless", ["BroadcastChannel", "locks"]);
  const work = async () => {
    await cache.prefetchMany(Array.from({ length: 10 }, (_, at) => ({ key: `key ${at}` })));
    const prefetcher = await cache.prefetcher(({ key }) => `made for ${key}`, { every: 1 });
    // To ask for the queue is to look into the store.
    for (let found; found !== "made for key 7"; found = await cache.get("key 7")) await cache.prefetchQueue();
    prefetcher.stop();
    return cache.warnings.map(String);
  };
  assert.deepEqual(await Promise.all([one.evaluate(work), two.evaluate(work)]), [[], []]);
  await close();
});

test("what tabs queue at once is all queued, and who listens for changes hears of entries only", async () => {
  const [one, two, close] = await tabs("queueing");
  await two.evaluate(() => {
    globalThis.heard = [];
    cache.addEventListener("change", ({ detail }) => heard.push(new TextDecoder().decode(detail.key)));
  });
  const queue = async (tab) => Promise.all(Array.from({ length: 20 }, (_, at) => cache.prefetch(`${tab} ${at}`)));
  await Promise.all([one.evaluate(queue, "one"), two.evaluate(queue, "two")]);
  for (const page of [one, two]) assert.equal(await page.evaluate(async () => (await cache.prefetchQueue()).length), 40);
  await two.evaluate(() => {
    globalThis.changed = change("key");
  });
  await one.evaluate(() => cache.set("key", 1));
  assert.deepEqual(await two.evaluate(() => changed.then(() => heard)), ["key"]);
  await close();
});

test("what tabs learn adds up, and is stored when a page is hidden", async () => {
  const [one, two, close] = await tabs("learning");
  const learn = async (keys) => {
    for (const key of keys) await cache.observe(key, { session: keys[1] });
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
    while ((await cache.learnt()).unsaved > 0) await new Promise((done) => setTimeout(done));
  };
  await Promise.all([one.evaluate(learn, ["/", "/cart"]), two.evaluate(learn, ["/", "/help"])]);
  const three = await chromium.page(one.context());
  const predicted = await three.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const cache = await Larder.open({ store: "indexeddb", name: "learning", learn: true });
    return cache.predict("/");
  });
  assert.deepEqual(predicted, [{ key: "/cart", probability: 0.25 }, { key: "/help", probability: 0.25 }]);
  await close();
});

test("what was made invalid stays so, and the rest stays, when another tab moves the record of it", async () => {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  const found = await page.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const { IndexedDb } = await import("/web/pkg/store/indexeddb.js");
    const open = () => Larder.open({ store: "indexeddb", name: "moved bans" });
    const one = await open();
    await one.setMany([["a", 1], ["b", 1]], { tags: ["t"] });
    await one.set("c", 1);
    await one.invalidate({ tag: "t" });
    const two = await open();
    // It hears of nothing from here on.
    two.tabs.channel.onmessage = null;
    two.sync.tier.log.backend.kept.clear();
    const garbage = async () => {
      for (let round = 0; round < 40; round++) await one.set("large", crypto.getRandomValues(new Uint8Array(60_000)));
      await one.flush();
    };
    const { block } = two.sync.tier.log.catalog.bans;
    await garbage();
    const found = [one.sync.tier.log.catalog.bans.block > block];
    await two.reopen();
    found.push(await two.getMany(["a", "b", "c"]));
    // A third one has read where the bans are when they are moved.
    const { blocks } = IndexedDb.prototype;
    IndexedDb.prototype.blocks = async function* (after) {
      IndexedDb.prototype.blocks = blocks;
      yield* blocks.call(this, after);
      await garbage();
    };
    const three = await open();
    found.push(await three.getMany(["a", "b", "c"]));
    for (const cache of [one, two, three]) found.push(cache.warnings.map(String));
    return found;
  });
  const left = [undefined, undefined, 1];
  assert.deepEqual(found, [true, left, left, [], [], []]);
  await context.close();
});

test("what is emptied in one namespace stays in others, in memory too", async () => {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  const found = await page.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const open = (namespace) => Larder.open({ store: "indexeddb", name: "namespaces", namespace });
    const [one, two, other] = [await open("one"), await open("one"), await open("other")];
    for (const cache of [one, two, other]) {
      await cache.set("memory", 1, { durability: "memory" });
      await cache.set("key", 1);
    }
    let computed;
    const flight = other.getOrSet("made", () => new Promise((done) => (computed = done)));
    await one.clear();
    await one.set("after", 1);
    await Promise.all([two, other].map((cache) => cache.sync.tier.log.follow()));
    while (computed === undefined) await other.sync.tier.log.follow();
    computed("made");
    await flight;
    return [await two.getMany(["memory", "key", "after"]), await other.getMany(["memory", "key", "made"])];
  });
  assert.deepEqual(found, [[undefined, undefined, 1], [1, 1, "made"]]);
  await context.close();
});

test("what is computed is stored although others made something invalid before it began", async () => {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  const found = await page.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const open = () => Larder.open({ store: "indexeddb", name: "before" });
    const [one, two] = [await open(), await open()];
    two.tabs.channel.onmessage = null;
    await one.invalidate({ tag: "t" });
    const made = await two.getOrSet("key", () => "made");
    // What is made invalid while it is computed is not stored.
    const overtaken = await two.getOrSet("other", async () => {
      await one.invalidate({ tag: "t" });
      await two.sync.tier.log.follow();
      return "made";
    });
    return [made, await two.get("key"), overtaken, await two.get("other")];
  });
  assert.deepEqual(found, ["made", "made", "made", undefined]);
  await context.close();
});

test("what is made invalid in the millisecond in which another tab wrote it is invalid", async () => {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  const found = await page.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const open = () => Larder.open({ store: "indexeddb", name: "millisecond", now: () => 1_750_000_000_000 });
    const [one, two] = [await open(), await open()];
    two.tabs.channel.onmessage = null;
    await one.setMany([["a", 1], ["b", 1], ["c", 1]], { tags: ["t"] });
    await two.invalidate({ tag: "t" });
    await one.sync.tier.log.follow();
    const found = [await one.getMany(["a", "b", "c"]), await two.getMany(["a", "b", "c"])];
    await two.setMany([["a", 2], ["d", 2]], { tags: ["t"] });
    await one.sync.tier.log.follow();
    return [...found, await one.getMany(["a", "d"]), await (await open()).getMany(["a", "b", "c", "d"])];
  });
  const none = [undefined, undefined, undefined];
  assert.deepEqual(found, [none, none, [2, 2], [2, undefined, undefined, 2]]);
  await context.close();
});

test("more bans than can be kept, of several tabs, cost entries and not the store", async () => {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  const found = await page.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const open = () => Larder.open({ store: "indexeddb", name: "many bans" });
    const [one, two] = [await open(), await open()];
    for (const cache of [one, two]) cache.tabs.channel.onmessage = null;
    await one.setMany([["one", 1], ["two", 1]], { tags: ["gone"] });
    one.sync.invalidate({ tag: "gone" });
    for (let at = 0; at < 1020; at++) one.sync.invalidate({ tag: `one ${at}` });
    await one.flush();
    await Promise.all(Array.from({ length: 10 }, (_, at) => two.invalidate({ tag: `two ${at}` })));
    await two.set("after", 1, { tags: ["gone", "two 1"] });
    await one.sync.tier.log.follow();
    const three = await open();
    return [one, two, three].map((cache) => [cache.isStored, cache.warnings.map(({ code }) => code)]).concat(
      await Promise.all([one, two, three].map((cache) => cache.getMany(["one", "two", "after"]))),
    );
  });
  const left = [undefined, undefined, 1];
  assert.deepEqual(found, [[true, []], [true, ["full"]], [true, []], left, left, left]);
  await context.close();
});

test("a tab that gives time to what another one overwrote or deleted undoes nothing", async () => {
  const [one, two, close] = await tabs("touched", ["BroadcastChannel"]);
  await one.evaluate(() => cache.setMany([["overwritten", "old"], ["deleted", "old"], ["kept", "old"]], { ttl: "1h", tti: "1h" }));
  await two.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "touched", preload: true });
  });
  await one.evaluate(async () => {
    await cache.set("overwritten", "new");
    await cache.delete("deleted");
  });
  const seen = await two.evaluate(async () => {
    const touched = await Promise.all(["overwritten", "deleted", "kept"].map((key) => cache.touch(key, "2h")));
    return [...touched, ...(await cache.getMany(["overwritten", "deleted", "kept"])), (await cache.ttl("kept")) > 7_000_000];
  });
  assert.deepEqual(seen, [true, true, true, "new", undefined, "old", true]);
  const later = await one.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "touched" });
    return [...(await cache.getMany(["overwritten", "deleted", "kept"])), (await cache.ttl("kept")) > 7_000_000];
  });
  assert.deepEqual(later, ["new", undefined, "old", true]);
  await close();
});

test("time that is given to an entry is stored although the old one is over before that, and is cleaned up", async () => {
  const [one, , close] = await tabs("renewed");
  const found = await one.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    let time = 1_700_000_000_000;
    const open = () => Larder.open({ store: "indexeddb", name: "cleaned", now: () => time });
    let cache = await open();
    await cache.setMany([["key", 1], ["over", 1]], { ttl: 1_000 });
    time += 999;
    cache.sync.touch("key", 10_000);
    time += 2;
    const removed = cache.sync.cleanup();
    await cache.close();
    cache = await open();
    return [removed, await cache.get("key"), await cache.get("over")];
  });
  assert.deepEqual(found, [1, 1, undefined]);
  await close();
});

test("what a tab deletes that it does not know of yet is deleted", async () => {
  const [one, two, close] = await tabs("unknown", ["BroadcastChannel"]);
  await one.evaluate(() => cache.set("key", 1));
  await two.evaluate(() => cache.delete("key"));
  const left = await one.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "unknown" });
    return cache.get("key");
  });
  assert.equal(left, undefined);
  await close();
});

test("what another one writes while a store is opened is known when it is open", async () => {
  const [one, two, close] = await tabs("meanwhile");
  await one.evaluate(() => cache.set("key", "old"));
  await two.exposeFunction("writeThere", () => one.evaluate(() => cache.set("key", "new")));
  const value = await two.evaluate(async () => {
    await cache.close();
    const { getAll } = IDBObjectStore.prototype;
    // The blocks are read; before they are taken, another one is written.
    IDBObjectStore.prototype.getAll = function (...args) {
      IDBObjectStore.prototype.getAll = getAll;
      const request = getAll.apply(this, args);
      return {
        set onsuccess(done) { request.onsuccess = () => writeThere().then(done); },
        get result() { return request.result; },
      };
    };
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "meanwhile" });
    return cache.get("key");
  });
  assert.equal(value, "new");
  await close();
});

test("what another tab dropped for lack of room is exported by who has it in memory", async () => {
  const [one, two, close] = await tabs("dropped", ["BroadcastChannel"]);
  await one.evaluate(() => cache.setMany(Array.from({ length: 50 }, (_, at) => [`key ${at}`, at])));
  const found = await two.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "dropped", preload: true });
    return cache.sync.size;
  });
  assert.equal(found, 50);
  await one.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "dropped", maxStoreBytes: "200kB" });
  });
  for (let at = 0; at < 20; at++) {
    await one.evaluate((at) => cache.set(`large ${at}`, crypto.getRandomValues(new Uint8Array(50_000))), at);
    // Else it could not know that nothing of it was deleted.
    await two.evaluate(() => cache.sync.tier.log.follow());
  }
  const [entries, keys] = await two.evaluate(async () => {
    const { Larder } = await import("/web/pkg/index.js");
    const other = await Larder.open();
    const { entries } = await other.import(await cache.export());
    return [entries, (await other.getMany(Array.from({ length: 50 }, (_, at) => `key ${at}`))).filter((value) => value !== undefined).length];
  });
  assert.equal(keys, 50);
  assert.ok(entries >= 50, `${entries}`);
  await close();
});

test("what many blocks had that another tab dropped is not looked for one by one", async () => {
  const [one, two, close] = await tabs("many dropped");
  await one.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "many dropped", maxStoreBytes: "1MB" });
    await cache.setMany(Array.from({ length: 2_000 }, (_, at) => [`key ${at}`, "x".repeat(100)]));
  });
  await two.evaluate(() => cache.sync.tier.log.follow());
  for (let at = 0; at < 30; at++) {
    await one.evaluate((at) => cache.set(`large ${at}`, crypto.getRandomValues(new Uint8Array(50_000))), at);
    await two.evaluate(() => cache.sync.tier.log.follow());
  }
  const [before, after, transactions] = await two.evaluate(async () => {
    const count = async () => (await cache.stats())["stored-entries"];
    const { transaction } = IDBDatabase.prototype;
    let transactions = 0;
    IDBDatabase.prototype.transaction = function (...args) {
      transactions++;
      return transaction.apply(this, args);
    };
    const before = await count();
    await cache.export();
    return [before, await count(), transactions];
  });
  const there = await one.evaluate(async () => (await cache.stats())["stored-entries"]);
  assert.ok(before > there + 1_000, `${before} and ${there}`);
  assert.equal(after, there);
  assert.ok(transactions < 200, `${transactions}`);
  await close();
});

test("a tab that slept while another one deleted, overwrote and tidied answers nothing that is no more, and brings nothing back", async () => {
  const [one, two, close] = await tabs("slept", ["BroadcastChannel"]);
  await one.evaluate(async () => {
    await cache.close();
    const { Larder } = await import("/web/pkg/index.js");
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "slept", maxStoreBytes: "1MB", ttl: "1h" });
    await cache.setMany([["deleted", 1], ["renewed", 1], ["overwritten", 1]]);
  });
  await two.evaluate(async () => {
    await cache.sync.tier.log.follow();
    await cache.getMany(["deleted", "renewed", "overwritten"]);
  });
  await one.evaluate(async () => {
    await cache.delete("deleted");
    await cache.delete("renewed");
    await cache.set("overwritten", 2);
    for (let at = 0; at < 60; at++) await cache.set(`large ${at}`, crypto.getRandomValues(new Uint8Array(50_000)));
  });
  const found = await two.evaluate(async () => {
    // It has not heard of it yet.
    await cache.touch("renewed", "2h");
    return cache.getMany(["deleted", "renewed", "overwritten"]);
  });
  const left = await one.evaluate(async () => {
    await cache.sync.tier.log.follow();
    return cache.getMany(["deleted", "renewed", "overwritten"]);
  });
  for (const [deleted, renewed, overwritten] of [found, left]) {
    assert.deepEqual([deleted, renewed], [undefined, undefined]);
    // It may have gone for lack of room.
    assert.notEqual(overwritten, 1);
  }
  await close();
});
