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

test("without a worker there are no files, and that is said", async () => {
  const [page, close] = await fresh();
  assert.deepEqual(await page.evaluate(async () => warned(await Larder.open({ store: "opfs" }))), ["unsupported"]);
  await close();
});

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

/** Plays a function in a worker of a page; it has `Larder`. */
function inWorker(page, work, ...args) {
  return page.evaluate(async ([source, args]) => {
    const program = `const { Larder } = await import("${location.origin}/web/pkg/index.js");
      try { postMessage({ answer: await (${source})(...${JSON.stringify(args)}) }); } catch (error) { postMessage({ error: String(error.stack) }); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([program], { type: "text/javascript" })), { type: "module" });
    const answer = await new Promise((done) => (worker.onmessage = ({ data }) => done(data)));
    if (answer.keep !== true) worker.terminate();
    if ("error" in answer) throw new Error(answer.error);
    return answer.answer;
  }, [work.toString(), args]);
}

test("files that are damaged, cut or strange are misses", async () => {
  const [page, close] = await fresh();
  for (const how of ["flip", "cut", "ones", "strange"]) {
    const wrong = await inWorker(page, async (how) => {
      const open = () => Larder.open({ store: "opfs", name: how });
      let cache = await open();
      for (let at = 0; at < 40; at++) await cache.set(`key ${at}`, `value ${at} `.repeat(at));
      await cache.close();
      const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle(encodeURIComponent(`larder:${how}`));
      const handle = await (await directory.getFileHandle("1")).createSyncAccessHandle();
      const bytes = new Uint8Array(handle.getSize());
      handle.read(bytes, { at: 0 });
      if (how === "flip") for (let at = 1000; at < bytes.length; at += 997) bytes[at] ^= 4;
      if (how === "ones") bytes.fill(0xff, 2000, 3000);
      if (how === "cut") handle.truncate(bytes.length - 100);
      else handle.write(bytes, { at: 0 });
      handle.close();
      if (how === "strange") await directory.getFileHandle("not ours", { create: true });
      cache = await open();
      const wrong = [];
      for (let at = 0; at < 40; at++) {
        const value = await cache.get(`key ${at}`);
        if (value !== undefined && value !== `value ${at} `.repeat(at)) wrong.push([at, value]);
        if (value === undefined && how === "strange") wrong.push([at, "is missing"]);
      }
      if ((await cache.get("key 5")) === undefined && how === "cut") wrong.push("what was written before the cut is missing");
      await cache.set("key 1", "works");
      await cache.close();
      cache = await open();
      if ((await cache.get("key 1")) !== "works") wrong.push("it does not work again");
      await cache.close();
      return [...wrong, ...cache.warnings.map(String)];
    }, how);
    assert.deepEqual(wrong, [], how);
  }
  await close();
});

test("a second worker with the same files is told so, and works in memory", async () => {
  const [page, close] = await fresh();
  const found = await inWorker(page, async () => {
    const one = await Larder.open({ store: "opfs", name: "held" });
    const two = await Larder.open({ store: "opfs", name: "held" });
    await two.set("key", 1);
    const found = [two.warnings.map(({ code }) => code), two.isStored, await two.get("key")];
    await one.set("key", 2);
    await one.close();
    const three = await Larder.open({ store: "opfs", name: "held" });
    return [...found, await three.get("key"), three.warnings.length];
  });
  assert.deepEqual(found, [["storage"], false, 1, 2, 0]);
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

test("files: what is moved while it is read is found, and a number goes on", async () => {
  const [page, close] = await fresh();
  const found = await inWorker(page, async () => {
    const open = () => Larder.open({ store: "opfs", name: "moves", maxBytes: 2000, maxStoreBytes: "1MB" });
    let cache = await open();
    await cache.setMany([["key", "value"], ["count", "41"]]);
    await cache.close();
    cache = await open();
    const { backend } = cache.sync.tier.log;
    const { remove } = Object.getPrototypeOf(backend);
    const reads = [];
    backend.remove = async function (number) {
      await remove.call(this, number);
      // The file is gone, and where its records are now is not known yet.
      if (reads.length === 0) reads.push(cache.get("key"), cache.increment("count"));
      await new Promise((done) => setTimeout(done));
    };
    for (let round = 0; reads.length === 0 && round < 500; round++) await cache.set("large", crypto.getRandomValues(new Uint8Array(60_000)));
    const [value, count] = await Promise.all(reads);
    return [value, Number(count)];
  });
  assert.deepEqual(found, ["value", 42]);
  await close();
});

test("files that cannot be removed do not bring back what was deleted", async () => {
  const [page, close] = await fresh();
  const found = await inWorker(page, async () => {
    const open = () => Larder.open({ store: "opfs", name: "stays", maxBytes: 2000, maxStoreBytes: "1MB" });
    let cache = await open();
    await cache.set("key", "value");
    const { files } = cache.sync.tier.log.backend;
    const [{ number: first }] = files;
    for (let at = 0; files.length < 3; at++) await cache.set(`fill ${at}`, crypto.getRandomValues(new Uint8Array(60_000)));
    const { removeEntry } = FileSystemDirectoryHandle.prototype;
    FileSystemDirectoryHandle.prototype.removeEntry = async () => { throw new DOMException("in use", "NoModificationAllowedError"); };
    await cache.delete("key");
    for (let round = 0; round < 40; round++) await cache.set("large", crypto.getRandomValues(new Uint8Array(60_000)));
    await cache.close();
    FileSystemDirectoryHandle.prototype.removeEntry = removeEntry;
    // What deleted it goes with its own file.
    const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle(encodeURIComponent("larder:stays"));
    for await (const name of directory.keys()) if (/^\d+$/.test(name) && Number(name) > first) await directory.removeEntry(name);
    cache = await open();
    return cache.get("key");
  });
  assert.equal(found, undefined);
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
