// Fears a POST that is answered with the answer to another, errors that stay, and tenants that share what they asked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cachedFetch, cacheStatus } from "../pkg/fetch.js";
import { onward } from "../pkg/http-flight.js";
import { Larder } from "../pkg/index.js";
import { entries, open as openCached } from "./cached.mjs";

async function open(...given) {
  const opened = await openCached(...given);
  const post = (body, headers = {}, init = {}) => opened.go("/", { method: "POST", body, headers, ...init });
  return { ...opened, post };
}

const model = ({ at, body }) => ({ headers: { "cache-control": "no-store", "set-cookie": "a=1" }, body: `${body} ${at}` });
const POST = { ttl: "1h", methods: ["post"] };

test("the same question has the same answer, whatever the server says of it, until its time is over", async () => {
  const { now, fetch, post, seen } = await open(model, POST);
  assert.equal(await post("why?"), "miss why? 1");
  assert.equal(await post("how?"), "miss how? 2");
  assert.equal(await post("why?"), "hit why? 1");
  now.time += 3_600_000;
  assert.equal(await post("why?"), "miss why? 3");
  assert.equal(seen[2].body, "why?");
  const response = await fetch("/", { method: "POST", body: "why?" });
  assert.deepEqual([response.headers.get("set-cookie"), response.headers.get("age"), response.headers.get("x-larder")], [null, "0", "hit"]);
});

test("questions that differ at all are different ones", async () => {
  const { go, seen } = await open(() => "x", { ttl: "1h", methods: ["POST", "PUT", "GET"], vary: ["X-Version"] });
  const post = (body, rest = {}) => ({ method: "POST", body, ...rest });
  const large = "x".repeat(100_000);
  const asked = [
    ["/", undefined], ["/?a", undefined], ["/", post("")], ["/", post("a")], ["/", post("a\n")], ["/other", post("a")], ["/", { method: "PUT", body: "a" }],
    ["/", post(new Uint8Array([255]))], ["/", post("\ufffd")], ["/", post(large)], ["/", post(`${large}.`)], ["/", post("a", { headers: { "x-version": "2" } })],
    ["/", post("a", { headers: { "x-version": "" } })], ["/", post("a", { headers: { authorization: "A" } })], ["/", post("a", { headers: { "x-api-key": "A" } })],
    ["/", post("a", { headers: { "api-key": "A" } })], ["/", post("a", { credentials: "omit" })],
  ];
  for (const [path, init] of asked) assert.equal(await go(path, init), "miss x");
  for (const [path, init] of asked) assert.equal(await go(path, init), "hit x");
  assert.equal(await go("/#fragment", { headers: { accept: "application/json" } }), "hit x");
  assert.equal(seen.length, asked.length);
});

test("secrets are in no key", async () => {
  const { post, cache } = await open(model, POST);
  await post("q", { authorization: "Bearer secret" });
  await post("q", { cookie: "secret", "x-api-key": "secret" });
  const keys = [...cache.sync.keys()];
  assert.equal(keys.length, 2);
  for (const key of keys) assert.doesNotMatch(key, /secret/);
});

test("errors are everybody's who waits, and are not stored unless asked for", async () => {
  for (const [store, statuses] of [[undefined, [429, 429, 200]], [({ status }) => status === 429, [429, 429, 429]]]) {
    const { fetch, seen } = await open(({ at }) => ({ status: at === 1 ? 429 : 200, body: "x" }), store ? { ...POST, store } : POST);
    const ask = () => fetch("/", { method: "POST", body: "q" });
    const both = await Promise.all([ask(), ask()]);
    await Promise.all(both.map((response) => response.text()));
    const third = await ask();
    assert.deepEqual([...both, third].map(({ status }) => status), statuses);
    assert.equal(seen.length, store ? 1 : 2);
  }
  const { fetch, cache } = await open(() => ({ status: 206, body: "part" }), { ttl: 1000, store: () => true });
  await (await fetch()).text();
  assert.equal(await entries(cache), 0);
});

test("a key of one's own is the key, and none is no caching", async () => {
  const key = async (request) => {
    const { prompt, secret } = await request.json();
    return secret ? undefined : prompt;
  };
  const { post, seen, cache } = await open(model, { ...POST, key });
  const ask = (body) => post(JSON.stringify(body));
  assert.equal(await ask({ prompt: "", user: 1 }), 'miss {"prompt":"","user":1} 1');
  assert.equal(await ask({ prompt: "", user: 2 }), 'hit {"prompt":"","user":1} 1');
  assert.equal(await ask({ prompt: "b" }), 'miss {"prompt":"b"} 2');
  assert.equal(await ask({ prompt: "b", secret: true }), 'bypass {"prompt":"b","secret":true} 3');
  assert.deepEqual([seen.length, [...cache.sync.keys()].sort()], [3, ["fetch/by ", "fetch/by b"]]);
  await assert.rejects(post("no json"), SyntaxError);
});

test("a stale answer is given while another one is asked for, by one", async () => {
  const { now, post, seen, cache } = await open(model, { ...POST, stale: "1h", tags: ["model"] });
  await post("q");
  now.time += 3_600_000;
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  assert.deepEqual(await Promise.all([post("q"), post("q")]), ["stale q 1", "stale q 1"]);
  await stored;
  assert.equal(await post("q"), "hit q 2");
  await cache.invalidate({ tag: "model" });
  assert.equal(await post("q"), "miss q 3");
  now.time += 7_200_000;
  assert.equal(await post("q"), "miss q 4");
  assert.equal(seen.length, 4);
});

test("who asks with other fields, which are no part of the key, asks for no other refresh", async () => {
  const { now, post, seen } = await open(model, { ...POST, stale: "1h" });
  await post("q");
  now.time += 3_600_000;
  assert.deepEqual(await Promise.all(["1", "2"].map((id) => post("q", { "x-request-id": id }))), ["stale q 1", "stale q 1"]);
  await new Promise((done) => setTimeout(done, 50));
  assert.equal(seen.length, 2);
});

test("who can be answered does not wait for who asks for a new answer, nor fail with them", async () => {
  let fail;
  const { post } = await open(({ at }, response) => (at === 1 ? "x" : void (fail = () => response.destroy())), POST);
  await post("q");
  for (const asked of [[{}, { cache: "no-cache" }], [{}, { cache: "reload" }], [{ "cache-control": "no-cache" }]]) {
    fail = undefined;
    const failing = assert.rejects(post("q", ...asked), TypeError);
    while (fail === undefined) await new Promise((done) => setTimeout(done));
    const waiting = Promise.all([post("q"), post("q", {}, { cache: "force-cache" }), post("q", {}, { cache: "only-if-cached", mode: "same-origin" })]);
    // Whoever waits for the server now fails with it.
    setTimeout(fail, 20);
    assert.deepEqual(await waiting, ["hit x", "hit x", "hit x"]);
    await failing;
  }
});

test("a refresh that fails is told, and the answer stays", async () => {
  const { now, post, cache } = await open(({ at }, response) => (at === 1 ? "x" : void response.destroy()), { ...POST, stale: "1h" });
  await post("q");
  now.time += 3_600_000;
  const told = new Promise((done) => cache.addEventListener("error", ({ detail }) => done(detail.error), { once: true }));
  assert.equal(await post("q"), "stale x");
  assert.ok((await told) instanceof TypeError);
  assert.equal(await post("q"), "stale x");
});

test("an option that fails fails the call, and no other", async () => {
  let fails = true;
  const store = () => {
    if (fails) throw new Error("mine");
    return true;
  };
  const { post } = await open(model, { ...POST, store });
  await assert.rejects(post("q"), { message: "mine" });
  fails = false;
  assert.equal(await post("q"), "miss q 2");
});

test("a streamed answer is recorded as it streams", async () => {
  let go;
  const { fetch, post } = await open(async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    await new Promise((done) => (go = done));
    response.end("data: 2\n\n");
  }, POST);
  const reader = (await fetch("/", { method: "POST", body: "q" })).body.getReader();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "data: 1\n\n");
  go();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "data: 2\n\n");
  await reader.read();
  assert.equal(await post("q"), "hit data: 1\n\ndata: 2\n\n");
});

test("modes hold for what is chosen too, and other methods go by the rules of HTTP", async () => {
  const { post, go, seen } = await open(({ at, method }) => ({ headers: { "cache-control": method === "POST" ? "no-store" : "max-age=60" }, body: String(at) }), POST);
  assert.equal(await post("q"), "miss 1");
  assert.equal(await post("q", {}, { cache: "reload" }), "miss 2");
  assert.equal(await post("q", {}, { cache: "no-cache" }), "miss 3");
  assert.equal(await post("q", {}, { cache: "no-store" }), "bypass 4");
  assert.equal(await post("q"), "hit 3");
  assert.equal(await go("/"), "miss 5");
  assert.equal(await post("q"), "hit 3", "a chosen method is no write");
  assert.equal(await go("/"), "hit 5");
  await go("/", { method: "PUT" });
  assert.deepEqual([await go("/"), seen.length], ["miss 7", 7]);
});

test("what is behind a redirect is kept, and not given to who wants none", async () => {
  const { fetch, go, seen } = await open(({ url, at }) => (url === "/" ? { status: 302, headers: { location: "/to" } } : String(at)), { ttl: "1h" });
  assert.equal(await go("/"), "miss 2");
  const stored = await fetch("/");
  assert.deepEqual([stored.redirected, new URL(stored.url).pathname, await stored.text(), cacheStatus(stored)], [true, "/to", "2", "hit"]);
  await assert.rejects(fetch("/", { redirect: "error" }), TypeError);
  assert.equal((await fetch("/", { redirect: "manual" })).status, 302);
  assert.deepEqual([await go("/"), seen.length], ["hit 2", 4]);
});

test("options that make no sense are refused", async () => {
  const cache = await Larder.open();
  const lost = [{ methods: ["POST"] }, { key: () => "a" }, { stale: 1 }, { store: () => true }, { vary: [] }];
  for (const options of [...lost, { ttl: 0 }, { ttl: "soon" }, { keep: -1 }, { maxBodySize: "much" }]) {
    assert.throws(() => cachedFetch(cache, options), { name: "LarderError", code: "invalid-argument" }, JSON.stringify(options));
  }
});

test("a request may be given in any form, and its body is not used up by half", async () => {
  const { address, seen, cache } = await open(({ body }) => body, { ttl: 1 });
  const fetch = cachedFetch(cache, POST);
  const forms = [
    [new Request(address, { method: "POST", body: "q" })], [new URL(address), { method: "POST", body: new Blob(["q"]) }],
    [address, { method: "POST", body: new TextEncoder().encode("q") }],
    [address, { method: "POST", duplex: "half", body: new ReadableStream({ start: (controller) => (controller.enqueue(new Uint8Array([113])), controller.close()) }) }],
  ];
  for (const form of forms) assert.equal(await (await fetch(...form)).text(), "q");
  assert.equal(seen.length, 1);
  const used = new Request(address, { method: "POST", body: "q" });
  await used.text();
  await assert.rejects(fetch(used), TypeError);
  await assert.rejects(fetch("no address"), TypeError);
});

test("a form that a page sends goes on as it is", async () => {
  // As a service worker is given it; nobody else can make one.
  const given = { url: "https://example.com/", method: "POST", mode: "navigate", credentials: "include", redirect: "manual", cache: "default" };
  const request = { ...given, headers: new Headers({ "content-type": "text/plain" }) };
  const sent = onward({ request, body: new TextEncoder().encode("a=1") }, new AbortController().signal, undefined);
  assert.deepEqual([sent.method, sent.redirect, sent.headers.get("content-type"), await sent.text()], ["POST", "manual", "text/plain", "a=1"]);
});
