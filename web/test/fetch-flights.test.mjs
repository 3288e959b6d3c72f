// Fears that many who ask at once are answered with what is not theirs, hurt each other by leaving, or leave half a body in the cache.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cacheStatus } from "../pkg/fetch.js";
import { entries, open } from "./cached.mjs";

/** What a test does at its own time. */
function later() {
  let done;
  const promise = new Promise((resolve) => (done = resolve));
  return Object.assign(promise, { done });
}

const bytes = async (response) => new Uint8Array(await response.arrayBuffer());

test("however many ask at once, the server is asked once, and nobody changes the bytes of another", async () => {
  const body = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31) & 255));
  const { fetch, seen } = await open(() => ({ headers: { "cache-control": "max-age=60" }, body }));
  const responses = await Promise.all(Array.from({ length: 20 }, () => fetch()));
  const reader = responses[0].body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) part.value.fill(0);
  for (const response of responses.slice(1)) assert.deepEqual(await bytes(response), new Uint8Array(body));
  const stored = await fetch();
  assert.deepEqual([cacheStatus(stored), Buffer.compare(await bytes(stored), body), seen.length], ["hit", 0, 1]);
});

test("what is for one alone goes to one alone", async () => {
  for (const control of ["no-store", "no-cache", "max-age=0"]) {
    const { fetch, seen } = await open(({ at }) => ({ headers: { "cache-control": control }, body: `token ${at}` }));
    const texts = await Promise.all(Array.from({ length: 5 }, async () => (await fetch()).text()));
    assert.deepEqual([new Set(texts).size, seen.length], [5, 5], control);
  }
  const { fetch } = await open(({ headers }) => ({ headers: { "cache-control": "max-age=60" }, body: headers.authorization }));
  const texts = await Promise.all(["A", "B", "A"].map(async (authorization) => (await fetch("/", { headers: { authorization } })).text()));
  assert.deepEqual(texts, ["A", "B", "A"]);
});

test("a body arrives as it is made, and who comes later has it from its beginning", async () => {
  const second = later();
  const { fetch, seen } = await open(async (_, response) => {
    response.writeHead(200, { "cache-control": "max-age=60" }).write("first ");
    await second;
    response.end("second");
  });
  const early = (await fetch()).body.getReader();
  assert.equal(Buffer.from((await early.read()).value).toString(), "first ");
  const late = await fetch();
  second.done();
  assert.equal(Buffer.from((await early.read()).value).toString(), "second");
  assert.equal(await late.text(), "first second");
  assert.equal(cacheStatus(await fetch()), "hit");
  assert.equal(seen.length, 1);
});

test("who leaves before there is an answer hurts nobody, and the last ends the question", async () => {
  const [answered, asked, ended] = [later(), later(), later()];
  const { fetch } = await open(async ({ url }, response) => {
    response.on("close", () => response.writableFinished || ended.done());
    if (url === "/never") return void asked.done();
    await answered;
    return { headers: { "cache-control": "max-age=60" }, body: "x" };
  });
  const [one, two] = [new AbortController(), new AbortController()];
  const waits = ["/", "/"].map((path, at) => fetch(path, { signal: [one, two][at].signal }));
  one.abort(new Error("mine"));
  await assert.rejects(waits[0], { message: "mine" });
  answered.done();
  assert.equal(await (await waits[1]).text(), "x");
  const nevers = [new AbortController(), new AbortController()].map((controller) => ({ controller, wait: fetch("/never", { signal: controller.signal }) }));
  await asked;
  for (const { controller, wait } of nevers) {
    controller.abort();
    await assert.rejects(wait, { name: "AbortError" });
  }
  await ended;
  await assert.rejects(fetch("/", { signal: AbortSignal.abort(new Error("before")) }), { message: "before" });
});

test("who asks after the last has left is not answered with their leaving", async () => {
  const [asked, released] = [later(), later()];
  const { fetch } = await open(async ({ at }) => {
    asked.done();
    if (at === 1) await released;
    return "x";
  });
  const controller = new AbortController();
  const first = fetch("/", { signal: controller.signal });
  await asked;
  controller.abort();
  const atOnce = fetch();
  await assert.rejects(first, { name: "AbortError" });
  const after = fetch();
  released.done();
  assert.deepEqual([await (await atOnce).text(), await (await after).text()], ["x", "x"]);
});

test("who leaves while the cache is looked into has left", async () => {
  const answers = [new Response("for one alone", { headers: { "cache-control": "no-store" } })];
  const { cache, fetch } = await open(() => "", { fetch: async () => answers.pop() ?? new Promise(() => {}) });
  const controller = new AbortController();
  let looks = 0;
  cache.get = async () => void (++looks > 2 && controller.abort(new Error("no longer needed")));
  const [, second] = [fetch(), fetch("/", { signal: controller.signal })];
  const late = new Promise((done) => setTimeout(done, 2000, "waits"));
  assert.equal(await Promise.race([late, second.catch(({ message }) => message)]), "no longer needed");
});

test("a refresh whose answer is not stored gives it up, also where `fetch` does not listen", async () => {
  const [ended, answers] = [later(), [new Response("1", { headers: { "cache-control": "max-age=1, stale-while-revalidate=60" } })]];
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1)), cancel: () => ended.done("gave up") });
  const { now, go } = await open(() => "", { fetch: async () => answers.pop() ?? new Response(endless, { headers: { "cache-control": "no-store" } }) });
  await go();
  now.time += 1000;
  assert.equal(await go(), "stale 1");
  assert.equal(await Promise.race([ended, new Promise((done) => setTimeout(done, 2000))]), "gave up");
});

test("who may look at an answer does not fail others, who may not", async () => {
  const server = async ({ mode }) => {
    await new Promise((done) => setTimeout(done, 5));
    if (mode === "cors") throw new TypeError("not allowed");
    return new Response("picture");
  };
  const { fetch } = await open(() => "", { fetch: server });
  const [looks, shows] = await Promise.allSettled([fetch("/", { mode: "cors" }), fetch("/", { mode: "no-cors" })]);
  assert.deepEqual([looks.status, await shows.value?.text()], ["rejected", "picture"]);
});

test("who leaves a body hurts nobody, and half of one is not stored", async () => {
  const rest = later();
  const { fetch, cache } = await open(async ({ at }, response) => {
    response.writeHead(200, { "cache-control": "max-age=60" }).write("half ");
    if (at === 1) await rest;
    response.end(String(at));
  });
  const controller = new AbortController();
  const [leaves, cancels, stays] = await Promise.all([fetch("/", { signal: controller.signal }), fetch(), fetch()]);
  const text = leaves.text();
  controller.abort(new Error("mine"));
  await assert.rejects(text, { message: "mine" });
  await cancels.body.cancel();
  rest.done();
  assert.equal(await stays.text(), "half 1");
  assert.equal(await entries(cache), 1);
  await cache.clear();

  const ended = later();
  const half = await open(async (_, response) => {
    response.on("close", ended.done).writeHead(200, { "cache-control": "max-age=60" }).write("half ");
  });
  const alone = await half.fetch();
  await alone.body.cancel();
  await ended;
  assert.equal(await entries(half.cache), 0);
});

test("a body that breaks off is an error for all, and is not stored", async () => {
  for (const headers of [{}, { "content-length": "100" }]) {
    const { fetch, cache } = await open((_, response) => {
      response.writeHead(200, { "cache-control": "max-age=60", ...headers }).write("half");
      setImmediate(() => response.destroy());
    });
    const both = await Promise.allSettled([fetch(), fetch()].map(async (response) => (await response).text()));
    assert.deepEqual(both.map(({ status }) => status), ["rejected", "rejected"]);
    assert.equal(await entries(cache), 0);
  }
});

test("a body that is shorter than it was said to be is not stored", async () => {
  const short = async () => new Response("half", { headers: { "cache-control": "max-age=60", "content-length": "100" } });
  const { fetch, cache } = await open(() => "", { fetch: short });
  assert.equal(await (await fetch()).text(), "half");
  assert.equal(await entries(cache), 0);
});

test("a body larger than an entry may be is passed through, to all who asked, and is not stored", async () => {
  const large = Buffer.alloc(300_000, "x");
  for (const headers of [{}, { "content-length": "300000" }]) {
    const { fetch, cache, seen } = await open(() => ({ headers: { "cache-control": "max-age=60", ...headers }, body: large }), {}, { maxEntrySize: "100kB" });
    const responses = await Promise.all([fetch(), fetch(), fetch()]);
    for (const response of responses) assert.equal((await bytes(response)).length, 300_000);
    assert.equal(await entries(cache), 0);
    assert.ok(seen.length <= 3);
  }
  const { fetch, cache } = await open(() => ({ headers: { "cache-control": "max-age=60" }, body: "x".repeat(11) }), { maxBodySize: 10 });
  await (await fetch()).text();
  assert.equal(await entries(cache), 0);
});

test("a body larger than an entry may be is read no faster than it is taken", async () => {
  let given = 0;
  const source = () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000).fill(++given)) }, { highWaterMark: 0 }), {
    headers: { "cache-control": "max-age=60" },
  });
  const { fetch, cache } = await open(() => "", { fetch: async () => source(), maxBodySize: 10_000 });
  const reader = (await fetch()).body.getReader();
  for (let at = 1; at <= 30; at++) assert.equal((await reader.read()).value[0], at & 255);
  assert.ok(given <= 31, `${given} chunks for 30`);
  await reader.cancel();
  assert.equal(await entries(cache), 0);
});

test("a body that nobody reads is stored all the same", async () => {
  const { fetch, cache } = await open(() => ({ headers: { "cache-control": "max-age=60" }, body: "x" }));
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  await fetch();
  await stored;
  assert.equal(await (await fetch()).text(), "x");
});

test("a server's failure is everybody's, and the next one asks again", async () => {
  const { fetch, seen } = await open(({ at }, response) => (at === 1 ? void response.destroy() : "x"));
  const both = await Promise.allSettled([fetch(), fetch()]);
  assert.deepEqual(both.map(({ reason }) => reason?.name), ["TypeError", "TypeError"]);
  assert.equal(await (await fetch()).text(), "x");
  assert.equal(seen.length, 2);
});

test("a status that no response can be made with is handed over as it is", async () => {
  const { fetch } = await open(({ at }) => ({ status: 999, headers: { "cache-control": "max-age=60" }, body: String(at) }));
  const responses = await Promise.all([fetch(), fetch()]);
  assert.deepEqual(await Promise.all(responses.map((response) => response.text())), ["1", "2"]);
  assert.deepEqual([responses[0].status, cacheStatus(responses[0])], [999, "miss"]);
});
