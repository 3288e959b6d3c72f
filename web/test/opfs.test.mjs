// Fears that files of the origin that are damaged, held by another worker or in use cost more than entries, or bring back what was deleted.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";

let chromium;

before(async () => {
  chromium = await start();
});

after(() => chromium?.end());

/** A page of its own. */
async function fresh() {
  const context = await chromium.browser.newContext();
  const page = await chromium.page(context);
  await page.evaluate(async () => {
    globalThis.Larder = (await import("/web/pkg/index.js")).Larder;
    globalThis.warned = (cache) => cache.warnings.map(({ code }) => code);
  });
  return [page, () => context.close()];
}

/** Plays a function in a worker of a page; it has `Larder` and `warned`. */
function inWorker(page, work, ...args) {
  return page.evaluate(async ([source, args]) => {
    const program = `const { Larder } = await import("${location.origin}/web/pkg/index.js");
      const warned = (cache) => cache.warnings.map(({ code }) => code);
      try { postMessage({ answer: await (${source})(...${JSON.stringify(args)}) }); } catch (error) { postMessage({ error: String(error.stack) }); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([program], { type: "text/javascript" })), { type: "module" });
    const answer = await new Promise((done) => (worker.onmessage = ({ data }) => done(data)));
    if (answer.keep !== true) worker.terminate();
    if ("error" in answer) throw new Error(answer.error);
    return answer.answer;
  }, [work.toString(), args]);
}

test("without a worker there are no files, and that is said", async () => {
  const [page, close] = await fresh();
  assert.deepEqual(await page.evaluate(async () => warned(await Larder.open({ store: "opfs" }))), ["unsupported"]);
  await close();
});

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

for (const [where, from] of [["in the midst of the last file", "last"], ["at the end of a file that others follow", "first"]]) {
  test(`damage ${where} brings back nothing that was deleted, and what was written later stays`, async () => {
    const [page, close] = await fresh();
    const found = await inWorker(page, async (name) => {
      const open = () => Larder.open({ store: "opfs", name, maxStoreBytes: "1MB" });
      const fill = () => crypto.getRandomValues(new Uint8Array(20_000));
      let cache = await open();
      const { files } = cache.sync.tier.log.backend;
      await cache.set("deleted", "value");
      await cache.set("before", "value");
      const [file, at] = [files[0], files[0].size];
      await cache.delete("deleted");
      const end = file.size;
      if (name === "first") while (files.length < 2) await cache.set("large", fill());
      await cache.set("after", "value");
      await cache.close();
      const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle(encodeURIComponent(`larder:${name}`));
      const handle = await (await directory.getFileHandle(String(file.number))).createSyncAccessHandle();
      // In the lines of what deleted it, or where nothing of this file follows.
      handle.write(new Uint8Array([0xff, 0xff]), { at: at + 30 });
      if (name === "first") handle.truncate(end - 1);
      handle.close();
      const found = [];
      for (let time = 0; time < 2; time++) {
        cache = await open();
        found.push([await cache.get("deleted"), await cache.get("before"), await cache.get("after"), warned(cache)]);
        await cache.set("after", "value");
        await cache.close();
      }
      return found;
    }, from);
    assert.deepEqual(found, [[undefined, undefined, "value", ["corrupt"]], [undefined, undefined, "value", []]]);
    await close();
  });
}

test("a value that looks like a block is none", async () => {
  const [page, close] = await fresh();
  const value = await inWorker(page, async () => {
    const directoryOf = async (name) => (await navigator.storage.getDirectory()).getDirectoryHandle(encodeURIComponent(`larder:${name}`));
    const fileOf = async (name) => (await (await directoryOf(name)).getFileHandle("1")).createSyncAccessHandle();
    let cache = await Larder.open({ store: "opfs", name: "forged" });
    await cache.set("key", "forged");
    await cache.close();
    const forged = await fileOf("forged");
    const block = new Uint8Array(forged.getSize());
    forged.read(block, { at: 0 });
    cache = await Larder.open({ store: "opfs", name: "real" });
    await cache.set("key", "real");
    await cache.set("value", block);
    await cache.close();
    // The block that holds the value is cut short, so that its end is looked for.
    const real = await fileOf("real");
    real.truncate(real.getSize() - 1);
    real.close();
    cache = await Larder.open({ store: "opfs", name: "real" });
    return cache.get("key");
  });
  assert.equal(value, "real");
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

test("an inner error costs files nothing: what waits is written, and what was made invalid stays so", async () => {
  const [page, close] = await fresh();
  const found = await inWorker(page, async () => {
    const cache = await Larder.open({ store: "opfs", name: "trapped" });
    await cache.setMany([["key", "value"], ["banned", "value"]]);
    await cache.invalidate({ prefix: "b" });
    void cache.set("waits", "value");
    new Uint8Array(cache.sync.tier.engine.exports.memory.buffer).fill(0xff, 1024);
    const code = await cache.get("key").catch(({ code }) => code);
    await cache.flush();
    await cache.reopen();
    return [code, await cache.getMany(["key", "waits", "banned"]), cache.isStored, warned(cache)];
  });
  assert.deepEqual(found, ["trapped", ["value", "value", undefined], true, []]);
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
