// Fears that what one host exports another one reads otherwise: snapshots between this package and the program `larder`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Larder } from "../pkg/index.js";

const larder = fileURLToPath(new URL("../../target/release/larder", import.meta.url));
let folder;

before(() => {
  assert.ok(existsSync(larder), "the program is missing: cargo build --release");
  folder = mkdtempSync(join(tmpdir(), "larder-web-"));
});

after(() => folder && rmSync(folder, { recursive: true }));

const run = (store, ...args) => execFileSync(larder, ["--dir", join(folder, store), ...args]);
const blobOf = (file) => new Blob([readFileSync(file)]);
const records = (bytes) => {
  const found = [];
  for (let at = 8, length; (length = bytes.readUInt32LE(at)) !== 0; at += 4 + length) found.push(bytes.subarray(at + 4, at + 4 + length));
  return found;
};

test("what JavaScript exports the program imports", async () => {
  const cache = await Larder.open({ namespace: "web" });
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => (at * at) & 0xff);
  await cache.set("text", "ünïcode ☃", { ttl: "1h", tags: ["a", "b"], metadata: { from: "js" } });
  await cache.set("json", { deep: [1, { a: null }] });
  await cache.set("bytes", bytes);
  await cache.set("long", "again and ".repeat(10_000));
  const pool = await cache.pool("p", { dimensions: { language: ["rust"] } });
  await pool.accumulate(({ entry }) => `variant ${entry}`);
  const file = join(folder, "from-js");
  writeFileSync(file, Buffer.from(await (await cache.export()).arrayBuffer()));
  run("one", "import", file);
  const get = (key) => run("one", "--namespace", "web", "get", key);
  assert.equal(get("text").toString(), "ünïcode ☃");
  assert.deepEqual(JSON.parse(get("json")), { deep: [1, { a: null }] });
  assert.deepEqual(new Uint8Array(get("bytes")), bytes);
  assert.equal(get("long").toString(), "again and ".repeat(10_000));
  const info = JSON.parse(run("one", "--namespace", "web", "--json", "inspect", "text"));
  assert.deepEqual([info.tags, info.metadata], [["a", "b"], [["from", "js"]]]);
});

test("what the program exports JavaScript imports, and gives back as it was", async () => {
  run("two", "set", "text", "ünïcode ☃", "--ttl", "1h", "--tag", "a", "--meta", "from=rust", "--type", "text/plain");
  writeFileSync(join(folder, "value"), Buffer.alloc(100_000, "abcdefgh"));
  run("two", "set", "file", "--file", join(folder, "value"));
  run("two", "--namespace", "other", "set", "text", "elsewhere");
  run("two", "set", "gone", "soon", "--tag", "out");
  run("two", "invalidate", "--tag", "out");
  const file = join(folder, "from-rust");
  run("two", "export", file);
  const cache = await Larder.open();
  assert.deepEqual(await cache.import(blobOf(file)), { entries: 3, expired: 0, damaged: 0 });
  assert.equal(await cache.get("text"), "ünïcode ☃");
  assert.equal(await cache.get("file"), "abcdefgh".repeat(12_500));
  const { tags, metadata, contentType } = await cache.inspect("text");
  assert.deepEqual([tags, metadata, contentType], [["a"], { from: "rust" }, "text/plain"]);
  const back = join(folder, "back");
  writeFileSync(back, Buffer.from(await (await cache.export()).arrayBuffer()));
  // All is as it was but the versions; a cache in memory exports values as it holds them, not compressed.
  const shape = (name) => records(readFileSync(name)).map((record) => {
    const { version, size, accessed, codec, ...info } = cache.sync.tier.engine.call("describe", { record: new Uint8Array(record) });
    return JSON.stringify(info, (_, it) => (it instanceof Uint8Array ? [...it] : it));
  }).sort();
  assert.deepEqual(shape(back), shape(file));
  run("three", "import", back);
  assert.equal(run("three", "--namespace", "other", "get", "text").toString(), "elsewhere");
  assert.equal(run("three", "get", "file").length, 100_000);
});

test("a stream that is refused is read no further", async () => {
  const cache = await Larder.open();
  let reason;
  const stream = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(100)),
    cancel: (given) => void (reason = given),
  });
  await assert.rejects(cache.import(stream), { code: "corrupt" });
  assert.equal(reason?.code, "corrupt");
  await cache.close();
});
