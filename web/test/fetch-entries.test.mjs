// Fears what is another's: responses to other requests, what was so before a write, and what lies in the cache and is no response.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cacheStatus } from "../pkg/fetch.js";
import { entries, fresh, open } from "./cached.mjs";

test("responses that vary are told apart, also by what one does not send", async () => {
  const { go, seen, cache } = await open(({ at, headers }) => ({
    headers: { "cache-control": "max-age=60", vary: "Accept-Language,x-other" },
    body: `${headers["accept-language"]} ${at}`,
  }));
  const language = (language) => ({ headers: { "accept-language": language } });
  assert.equal(await go("/", language("de")), "miss de 1");
  assert.equal(await go("/", language("en")), "miss en 2");
  assert.equal(await go("/", language("de")), "hit de 1");
  assert.equal(await go("/", language("en")), "hit en 2");
  assert.equal(await go("/", { headers: { ...language("en").headers, "x-other": "" } }), "miss en 3");
  await go("/", { method: "DELETE" });
  assert.equal(await go("/", language("de")), "miss de 5");
  assert.equal(await go("/", language("en")), "miss en 6");
  assert.equal(seen.length, 6);
  for (const key of cache.sync.keys()) assert.doesNotMatch(key, /"de"/, "what a request said is hashed");
});

test("what one was told is not told to another, though the server does not say so", async () => {
  const { go, cache } = await open(({ at, headers }) => ({ headers: { "cache-control": "max-age=60" }, body: `${headers.authorization ?? headers.cookie} ${at}` }));
  const as = (name, value) => ({ headers: { [name]: value } });
  assert.equal(await go("/"), "miss undefined 1");
  assert.equal(await go("/", as("authorization", "A")), "miss A 2");
  assert.equal(await go("/", as("authorization", "B")), "miss B 3");
  assert.equal(await go("/", as("authorization", "A")), "hit A 2");
  assert.equal(await go("/", as("cookie", "C")), "miss C 4");
  assert.equal(await go("/"), "miss undefined 5");
  assert.equal(await go("/", { credentials: "omit" }), "miss undefined 6");
  assert.equal(await go("/"), "hit undefined 5");
  for (const key of cache.sync.keys()) assert.doesNotMatch(key, /[ABC]"/);
});

test("what is written to is forgotten, and what it names of the same server", async () => {
  const { go, seen } = await open(({ at, method, url }) => {
    if (method === "GET") return { headers: { "cache-control": "max-age=60" }, body: `${url} ${at}` };
    if (url === "/fails") return { status: 500 };
    return { status: 201, headers: { location: "/made", "content-location": "http://elsewhere.example/a" } };
  });
  for (const path of ["/a", "/ab", "/made", "/fails"]) await go(path);
  assert.equal(await go("/a", { method: "POST", body: "x" }), "bypass ");
  await go("/fails", { method: "PUT", body: "x" });
  await go("/ab", { method: "OPTIONS" });
  assert.deepEqual([await go("/a"), await go("/ab"), await go("/made"), await go("/fails")], ["miss /a 8", "hit /ab 2", "miss /made 9", "hit /fails 4"]);
  assert.equal(seen.length, 9);
});

test("what was asked for before a write is not stored after it", async () => {
  let release;
  const { go, fetch } = await open(async ({ at, method }, response) => {
    if (method === "POST") return { status: 204 };
    response.writeHead(200, { "cache-control": "max-age=60" });
    response.write(`${at}`);
    if (at === 1) await new Promise((done) => (release = done));
    response.end();
  });
  const early = await fetch();
  await go("/", { method: "POST" });
  release();
  assert.equal(await early.text(), "1");
  assert.equal(await go("/"), "miss 3");
  assert.equal(await go("/"), "hit 3");
});

test("who asks after a write is not answered with what was asked before it", async () => {
  let release;
  const { go, fetch, cache } = await open(async ({ at, method }) => {
    if (method === "POST") return { status: 204 };
    if (at === 1) await new Promise((done) => (release = done));
    return { headers: { "cache-control": "max-age=60" }, body: String(at) };
  });
  const early = fetch();
  while (release === undefined) await new Promise((done) => setImmediate(done));
  await go("/", { method: "POST" });
  assert.equal(await go("/"), "miss 3");
  release();
  assert.equal(await (await early).text(), "1");
  assert.equal(await go("/"), "hit 3");
  await cache.clear();
  assert.equal(await go("/"), "miss 4");
});

test("what was asked for before its entry was made invalid is not stored after it", async () => {
  const by = (...all) => all.map((rule) => (cache) => cache.invalidate(rule));
  const rules = [(cache) => cache.clear(), (cache, address) => cache.delete(`fetch/${address}/ `)];
  rules.push(...by("all", { tag: "pages" }, { prefix: "fetch/" }, { glob: "*" }));
  // As it is told of another tab.
  const change = (key) => (cache, address) => cache.dispatchEvent(new CustomEvent("change", { detail: { key: key?.(address) } }));
  const bytes = (text) => new TextEncoder().encode(text);
  rules.push((cache, address) => cache.delete(bytes(`fetch/${address}/ `)), change((address) => bytes(`fetch/${address}/ `)), change());
  const others = [(cache) => cache.delete("other"), (cache) => cache.delete(bytes("other")), change(() => bytes("other")), ...by({ tag: "other" }, { tags: ["pages", "other"] }, { prefix: "other" })];
  for (const [at, rule] of [...rules, ...others].entries()) {
    const { cache, fetch, server } = await open(fresh(), { tags: ["pages"] });
    const response = fetch();
    await new Promise((done) => setImmediate(done));
    await rule(cache, server.address);
    assert.equal(await (await response).text(), "1");
    assert.equal(await entries(cache), at < rules.length ? 0 : 1, String(rule));
  }
});

test("a HEAD is answered from what a GET had, and is not stored", async () => {
  const { go, fetch, seen } = await open(fresh());
  assert.equal(await go("/", { method: "HEAD" }), "bypass ");
  await go("/");
  const response = await fetch("/", { method: "HEAD" });
  assert.deepEqual([cacheStatus(response), await response.text(), seen.length], ["hit", "", 2]);
});

test("what a faulty cache holds is a miss, and a cache that fails is none", async () => {
  const { go, cache, server, faults } = await open(fresh());
  await go("/");
  const [key] = cache.sync.keys();
  assert.equal(key, `fetch/${server.address}/ `);
  const good = await cache.get(key);
  const spoilt = [
    "text", null, { status: 200 }, new Uint8Array(), new Uint8Array(7), good.slice(1), good.slice(0, -1), good.slice(0, 20), Uint8Array.of(...good, 0),
    Uint8Array.from(good, (byte, at) => (at === 4 ? 255 : byte)), Uint8Array.from(good, (byte, at) => (at === 7 ? 255 : byte)),
    Uint8Array.from(good, (byte, at) => (at === 9 ? 0 : byte)),
  ];
  const framed = (text) => {
    const head = new TextEncoder().encode(text);
    const bytes = new Uint8Array(8 + head.length);
    bytes.set([0x4c, 0x48, 0x52, 1, head.length & 255, head.length >> 8]);
    bytes.set(head, 8);
    return bytes;
  };
  const head = { url: "x", isRedirected: false, status: 200, statusText: "", headers: [], requested: 1, received: 1, length: 0 };
  const wrongs = [
    { status: 99 }, { status: "200" }, { status: 1e9 }, { statusText: "\n" }, { headers: [["a"]] }, { headers: [["a b", "c"]] }, { headers: null },
    { length: 5 }, { received: 1e99 }, { received: "1" }, { url: 5 },
  ];
  for (const wrong of wrongs) {
    spoilt.push(framed(JSON.stringify({ ...head, ...wrong })));
  }
  const lists = ['{"vary":[1],"generation":"a"}', '{"vary":["a"],"generation":1}', '{"vary":["a b"],"generation":"x"}'];
  for (const text of ["null", "[]", "1", "", "{", ...lists, '{"__proto__":{"vary":[],"generation":"a"}}']) spoilt.push(framed(text));
  for (const value of spoilt) {
    await cache.set(key, value);
    assert.match(await go("/"), /^miss/, String(value).slice(0, 80));
    await cache.delete(key);
  }
  assert.deepEqual(faults.map(({ code }) => code).filter((code) => code !== undefined), []);
  cache.close();
  assert.match(await go("/"), /^(miss|bypass) \d+$/);
  assert.ok(faults.some(({ code }) => code === "closed"));
});
