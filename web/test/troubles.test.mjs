// Fears that a browser that keeps nothing, runs out of room, throws the store away or damages it costs more than entries: the cache must go on,
// say so, and never answer with a wrong value.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";

let chromium;

before(async () => {
  chromium = await start();
});

after(() => chromium?.end());

/** A page of its own, after a script that takes something away. */
async function fresh(script, ...args) {
  const context = await chromium.browser.newContext();
  if (script !== undefined) await context.addInitScript(script, ...args);
  const page = await chromium.page(context);
  await page.evaluate(async () => {
    globalThis.Larder = (await import("/web/pkg/index.js")).Larder;
    globalThis.warned = (cache) => cache.warnings.map(({ code }) => code);
  });
  return [page, () => context.close()];
}

const LACKING = [
  ["no IndexedDB", () => Object.defineProperty(globalThis, "indexedDB", { value: undefined }), "unsupported"],
  ["an IndexedDB that is forbidden", () => (IDBFactory.prototype.open = () => { throw new DOMException("not here", "SecurityError"); }), "storage"],
  ["an IndexedDB that fails", () => (IDBDatabase.prototype.transaction = () => { throw new DOMException("broken", "UnknownError"); }), "storage"],
];
for (const [what, script, code] of LACKING) {
  test(`with ${what} the cache is in memory, and says so`, async () => {
    const [page, close] = await fresh(script);
    const [codes, event, value, isStored, sync] = await page.evaluate(async () => {
      const cache = await Larder.open({ store: "indexeddb" });
      const event = await new Promise((done) => cache.addEventListener("warning", ({ detail }) => done(detail.code)));
      await cache.set("key", "value");
      const sync = await cache.set("key", "value", { durability: "sync" }).catch(({ code }) => code);
      // With a store there would be a limit, which only it can lift.
      for (let at = 0; at < 1100; at++) await cache.invalidate({ tag: `tag ${at}` });
      return [warned(cache), event, await cache.get("key"), cache.isStored, sync];
    });
    assert.deepEqual([codes, event, value, isStored, sync], [[code], code, "value", false, "storage"]);
    await close();
  });
}

test("when there is no more room older entries go, and the cache goes on", async () => {
  const [page, close] = await fresh();
  const session = await page.context().newCDPSession(page);
  const origin = new URL(page.url()).origin;
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3_000_000 });
  await page.evaluate(async () => {
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "quota", maxBytes: "1MB" });
    await cache.set("key 0", "old");
  });
  const codes = await page.evaluate(async () => {
    // Large writes: small ones are not counted at once.
    for (let round = 0; round < 3; round++) {
      await cache.setMany(Array.from({ length: 100 }, (_, at) => [`key ${at}`, crypto.getRandomValues(new Uint8Array(50_000 + at))]));
    }
    return warned(cache);
  });
  assert.ok(codes.length > 0 && codes.every((code) => code === "quota" || code === "storage"), String(codes));
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  const lengths = await page.evaluate(async () => {
    await cache.close();
    cache = await Larder.open({ store: "indexeddb", name: "quota" });
    return Promise.all(Array.from({ length: 100 }, async (_, at) => (await cache.get(`key ${at}`))?.length));
  });
  for (const [at, length] of lengths.entries()) assert.ok(length === undefined || length === 50_000 + at, `key ${at}: ${length}`);
  await close();
});

test("a write that fails for good does not bring back what it was to overwrite", async () => {
  const [page, close] = await fresh();
  const [codes, before, isStored, after] = await page.evaluate(async () => {
    let cache = await Larder.open({ store: "indexeddb", name: "fails" });
    await cache.set("key", "old");
    const add = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = () => { throw new DOMException("the disk is broken", "UnknownError"); };
    await cache.set("key", "new");
    await cache.set("other", 1);
    IDBObjectStore.prototype.add = add;
    const before = await cache.getMany(["key", "other"]);
    const found = [warned(cache), before, cache.isStored];
    await cache.close();
    cache = await Larder.open({ store: "indexeddb", name: "fails" });
    await cache.set("again", 1);
    return [...found, [await cache.get("key"), cache.isStored]];
  });
  assert.deepEqual([codes, before, isStored, after], [["storage"], ["new", 1], false, [undefined, true]]);
  await close();
});

test("a store that the browser throws away is begun anew", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "gone", maxBytes: "10kB" });
    await cache.setMany(Array.from({ length: 50 }, (_, at) => [`key ${at}`, "x".repeat(1000)]));
    await new Promise((done, failed) => {
      const request = indexedDB.deleteDatabase("larder:gone");
      request.onsuccess = done;
      request.onerror = failed;
    });
    const values = await cache.getMany(Array.from({ length: 50 }, (_, at) => `key ${at}`));
    await cache.set("after", 1);
    await cache.close();
    const again = await Larder.open({ store: "indexeddb", name: "gone" });
    return [values.every((value) => value === undefined || value.length === 1000), await again.get("after"), warned(again)];
  });
  assert.deepEqual(found, [true, 1, []]);
  await close();
});

test("a store of a newer version is refused and left alone", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const open = (version) => new Promise((done, failed) => {
      const request = indexedDB.open("larder:newer", version);
      request.onupgradeneeded = () => request.result.createObjectStore("things").put("precious", "key");
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
    (await open(7)).close();
    const code = await Larder.open({ store: "indexeddb", name: "newer" }).catch((error) => error.code);
    const database = await open();
    const request = database.transaction("things").objectStore("things").get("key");
    return [code, await new Promise((done) => (request.onsuccess = () => done(request.result)))];
  });
  assert.deepEqual(found, ["newer-format", "precious"]);
  await close();
});

/** In a page: rewrites everything in a database with what `spoil` makes of it. */
const SPOIL = async ([name, store, how]) => {
  const database = await new Promise((done) => (indexedDB.open(name).onsuccess = ({ target }) => done(target.result)));
  const transaction = database.transaction(store, "readwrite");
  const ended = new Promise((done) => (transaction.oncomplete = done));
  const cursor = transaction.objectStore(store).openCursor();
  let at = 0;
  cursor.onsuccess = () => {
    const { result } = cursor;
    if (result === null) return;
    const { value } = result;
    let spoilt = value.slice();
    if (how === "flip") for (let place = at % 61; place < spoilt.length; place += 61) spoilt[place] ^= 1 << place % 8;
    else if (how === "cut") spoilt = spoilt.slice(0, spoilt.length - 7);
    else if (how === "text") spoilt = "not bytes at all";
    else if (how === "ones") spoilt.fill(0xff);
    else if (how === "swap") spoilt.reverse();
    at++;
    result.update(spoilt);
    result.continue();
  };
  await ended;
  database.close();
};

for (const store of ["records", "lines"]) {
  for (const how of ["flip", "cut", "text", "ones", "swap"]) {
    test(`damaged ${store} (${how}) are misses`, async () => {
      const [page, close] = await fresh();
      const name = `damaged ${store} ${how}`;
      await page.evaluate(async (name) => {
        const cache = await Larder.open({ store: "indexeddb", name });
        for (let at = 0; at < 40; at++) await cache.set(`key ${at}`, `value ${at} `.repeat(at));
        await cache.invalidate({ tag: "none" });
        await cache.close();
      }, name);
      await page.evaluate(SPOIL, [`larder:${name}`, store, how]);
      const wrong = await page.evaluate(async (name) => {
        const cache = await Larder.open({ store: "indexeddb", name });
        const wrong = [];
        for (let at = 0; at < 40; at++) {
          const value = await cache.get(`key ${at}`);
          if (value !== undefined && value !== `value ${at} `.repeat(at)) wrong.push([at, value]);
        }
        for await (const [key, value] of cache) if (value !== `${key.replace("key", "value")} `.repeat(key.slice(4))) wrong.push([key, value]);
        await cache.set("key 1", "works");
        await cache.close();
        const again = await Larder.open({ store: "indexeddb", name });
        if ((await again.get("key 1")) !== "works") wrong.push("it does not work again");
        return wrong;
      }, name);
      assert.deepEqual(wrong, []);
      await close();
    });
  }
}

test("a damaged record does not keep others from being made invalid", async () => {
  const [page, close] = await fresh();
  const open = () => page.evaluate(async () => {
    globalThis.cache = await Larder.open({ store: "indexeddb", name: "swept" });
  });
  await open();
  await page.evaluate(async () => {
    await cache.setMany([["key 0", 0], ["key 1", 1]]);
    await cache.close();
  });
  await page.evaluate(SPOIL, ["larder:swept", "records", "flip"]);
  await open();
  const value = await page.evaluate(async () => {
    await cache.set("key 2", 2, { tags: ["tag 7"] });
    // More bans than are kept: all records are looked through.
    for (let at = 0; at < 1024; at++) cache.sync.invalidate({ tag: `tag ${at}` });
    await cache.invalidate({ tag: "one more" });
    return cache.get("key 2");
  });
  assert.equal(value, undefined);
  await close();
});

test("while a cache is opened again nothing is answered that was made invalid", async () => {
  const [page, close] = await fresh();
  const seen = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "reopened" });
    await cache.setMany([["banned", "old"], ["other", "value"]], { tags: ["t"] });
    await cache.invalidate({ tag: "t" });
    await cache.set("other", "anew", { tags: ["t"] });
    new Uint8Array(cache.sync.tier.engine.exports.memory.buffer).fill(0xff, 1024);
    await cache.get("other").catch(() => {});
    const reopened = cache.reopen();
    const [banned, other] = await Promise.all([cache.get("banned"), cache.getOrSet("other", () => "made")].map((it) => it.catch(({ code }) => code)));
    await reopened;
    return [banned, other, await cache.get("banned"), await cache.get("other")];
  });
  assert.deepEqual(seen, ["trapped", "trapped", undefined, "anew"]);
  await close();
});

test("what is named while a cache is opened again is there when it is open", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "named" });
    const plan = { dimensions: { a: ["x"] } };
    await cache.pool("before", plan);
    await cache.set("key", "value");
    // A write that takes its time.
    void cache.sync.tier.log.serial(() => new Promise((done) => setTimeout(done, 200)));
    const opened = cache.reopen();
    const pool = await cache.pool("pool", plan);
    await opened;
    await pool.add({ a: "x" }, "variant");
    return [(await pool.pick({ a: "x" })).value, await cache.get("key")];
  });
  assert.deepEqual(found, ["variant", "value"]);
  await close();
});

test("a cache whose store failed for good goes on in every way", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "dead" });
    await cache.set("key 0", 0);
    IDBDatabase.prototype.transaction = () => { throw new DOMException("the disk is broken", "UnknownError"); };
    await cache.setMany([["key 1", 1], ["key 2", 2]], { tags: ["tag 1050"] });
    const keys = [];
    for await (const [key] of cache) keys.push(key);
    const snapshot = await cache.export();
    const other = await Larder.open();
    const { entries } = await other.import(snapshot);
    for (let at = 0; at < 1100; at++) await cache.invalidate({ tag: `tag ${at}` });
    return [keys.sort(), entries, await cache.get("key 0"), await cache.get("key 1"), await cache.delete("key 0"), await cache.clear(), await cache.cleanup()];
  });
  assert.deepEqual(found, [["key 0", "key 1", "key 2"], 3, 0, undefined, true, 1, 0], "what is invalid is there until it is met");
  await close();
});

test("a store that cannot be had keeps nobody from deleting it", async () => {
  const [page, close] = await fresh();
  const deleted = await page.evaluate(async () => {
    const { get } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.get = () => { throw new DOMException("damaged", "UnknownError"); };
    const cache = await Larder.open({ store: "indexeddb", name: "held", maxBytes: "1MB" });
    IDBObjectStore.prototype.get = get;
    const deleted = await new Promise((done) => {
      const request = indexedDB.deleteDatabase("larder:held");
      request.onsuccess = () => done("deleted");
      // While its transaction ends it may be told of that; a connection that nobody closes holds it up for ever.
      request.onblocked = () => setTimeout(done, 10_000, "blocked");
    });
    return [deleted, warned(cache), cache.maxEntrySize];
  });
  assert.deepEqual(deleted, ["deleted", ["storage"], 1_000_000]);
  await close();
});

test("a number is flushed as it is asked for", async () => {
  const [page, close] = await fresh();
  const how = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "counted" });
    const { transaction } = IDBDatabase.prototype;
    const how = [];
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite") how.push(options?.durability);
      return transaction.call(this, stores, mode, options);
    };
    await cache.increment("count", 1, { durability: "sync" });
    await cache.increment("count", 1);
    return how;
  });
  assert.deepEqual(how, ["strict", "relaxed"]);
  await close();
});

test("after a trap the cache is opened again from its store", async () => {
  const [page, close] = await fresh();
  const found = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "trap", ttl: "1h" });
    await cache.set("key", "value", { tags: ["t"] });
    await cache.set("banned", "value", { tags: ["b"] });
    await cache.invalidate({ tag: "b" });
    new Uint8Array(cache.sync.tier.engine.exports.memory.buffer).fill(0xff, 1024);
    const codes = new Set();
    for (let at = 0; at < 3; at++) await cache.set(`key ${at}`, 1).then(() => cache.get("key")).catch(({ code }) => codes.add(code));
    await cache.reopen();
    await cache.set("after", 1);
    return [[...codes], await cache.get("key"), await cache.get("banned"), (await cache.ttl("after")) > 3_500_000];
  });
  assert.deepEqual(found, [["trapped"], "value", undefined, true]);
  await close();
});

test("what is to survive a loss of power is flushed, however long it takes to write", async () => {
  const [page, close] = await fresh();
  const how = await page.evaluate(async () => {
    const cache = await Larder.open({ store: "indexeddb", name: "strict" });
    const { transaction } = IDBDatabase.prototype;
    const how = [];
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite") how.push(options?.durability);
      return transaction.call(this, stores, mode, options);
    };
    const slowly = function* () {
      for (let at = 0; at < 10; at++) {
        for (const begun = performance.now(); performance.now() - begun < 20; );
        yield [`key ${at}`, at];
      }
    };
    await cache.setMany(slowly(), { durability: "sync" });
    IDBDatabase.prototype.transaction = transaction;
    return [...new Set(how)];
  });
  assert.deepEqual(how, ["strict"]);
  await close();
});

for (const who of ["another one that is opened", "another one that was open"]) {
  test(`a store that is thrown away and made anew by ${who} is left to that one`, async () => {
    const [page, close] = await fresh();
    const found = await page.evaluate(async (who) => {
      const open = () => Larder.open({ store: "indexeddb", name: who, maxBytes: "2kB" });
      const one = await open();
      for (let at = 0; at < 30; at++) await one.set(`key ${at}`, "x".repeat(300));
      const before = who.endsWith("was open") ? await open() : undefined;
      await new Promise((done, failed) => {
        const request = indexedDB.deleteDatabase(`larder:${who}`);
        request.onsuccess = done;
        request.onerror = failed;
      });
      const two = before ?? (await open());
      await two.set("mine", 1);
      const values = await one.getMany(Array.from({ length: 30 }, (_, at) => `key ${at}`));
      await one.set("mine", 2);
      const found = [values.every((value) => value === undefined || value.length === 300), await one.get("mine"), warned(one).at(-1), one.isStored];
      await one.close();
      await two.close();
      const three = await open();
      return [...found, await three.get("mine"), (await three.stats())["stored-entries"]];
    }, who);
    assert.deepEqual(found, [true, 2, "storage", false, 1, 1]);
    await close();
  });
}
