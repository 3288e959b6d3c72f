// Fears old responses that are taken for new ones: what is asked about, what is answered meanwhile, and what in place of a failure.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cacheStatus } from "../pkg/fetch.js";
import { fresh, open } from "./cached.mjs";

test("a stale response is asked about, and what the server says of it counts from then on", async () => {
  const { now, fetch, go, seen } = await open(({ at, headers }) => {
    if (headers["if-none-match"]?.includes('"v1"') && at < 4) {
      return { status: 304, headers: { "cache-control": "max-age=100", etag: 'W/"v1"', "x-at": String(at), "content-length": "9" } };
    }
    const made = { "cache-control": "max-age=10", etag: '"v1"', "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" };
    return { headers: { ...made, "x-at": String(at), "x-kept": "1" }, body: `body ${at}` };
  });
  await go("/");
  now.time += 10_000;
  const response = await fetch();
  assert.deepEqual([cacheStatus(response), await response.text(), response.headers.get("x-at"), response.headers.get("x-kept"), response.status],
    ["revalidated", "body 1", "2", "1", 200]);
  assert.equal(seen[1].headers["if-modified-since"], "Sun, 06 Nov 1994 08:49:37 GMT");
  now.time += 99_000;
  assert.equal(await go("/"), "hit body 1");
  now.time += 1000;
  assert.equal(await go("/"), "revalidated body 1");
  now.time += 100_000;
  assert.equal(await go("/"), "miss body 4");
  assert.equal(await go("/"), "hit body 4");
});

test("a 304 about another response is not taken for one about this", async () => {
  const { now, go, seen } = await open(({ at, headers }) =>
    headers["if-none-match"] ? { status: 304, headers: { etag: '"other"' } } : { headers: { "cache-control": "max-age=1", etag: '"v1"' }, body: String(at) });
  await go("/");
  now.time += 1000;
  assert.equal(await go("/"), "miss 3");
  assert.equal(seen[2].headers["if-none-match"], undefined);
});

test("a 304 of where a page went is not taken for one about the page", async () => {
  let isMoved = false;
  const { now, go } = await open(({ url, headers }) => {
    if (url === "/new") return headers["if-modified-since"] ? { status: 304 } : "what is new";
    if (isMoved) return { status: 302, headers: { location: "/new" } };
    return { headers: { "cache-control": "max-age=1", "last-modified": now.date(-10) }, body: "what is old" };
  });
  await go("/old");
  now.time += 1000;
  isMoved = true;
  assert.equal(await go("/old"), "miss what is new");
});

test("a 304 that does not say when it was made is as old as its arrival", async () => {
  const { now, go } = await open(({ headers }) =>
    headers["if-none-match"] ? { status: 304 } : { headers: { "cache-control": "max-age=10", date: now.date(), etag: '"v1"' }, body: "body" });
  await go("/");
  now.time += 10_000;
  assert.deepEqual([await go("/"), await go("/")], ["revalidated body", "hit body"]);
});

test("what a HEAD finds stale is had anew with its body", async () => {
  const { now, go, cache } = await open(fresh(10, { "cache-control": "max-age=10, stale-while-revalidate=20" }));
  await go("/");
  now.time += 10_000;
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  assert.equal(await go("/", { method: "HEAD" }), "stale ");
  await stored;
  assert.equal(await go("/"), "hit 2");
});

test("a stale response is answered while another one is had, and one asks for it", async () => {
  const { now, go, seen, cache } = await open(fresh(10, { "cache-control": "max-age=10, stale-while-revalidate=20" }));
  await go("/");
  now.time += 29_000;
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  assert.deepEqual(await Promise.all([go("/"), go("/"), go("/")]), ["stale 1", "stale 1", "stale 1"]);
  await stored;
  assert.deepEqual([await go("/"), seen.length], ["hit 2", 2]);
  now.time += 30_000;
  assert.equal(await go("/"), "miss 3");
});

test("a server that fails does not take away what may be answered in its place", async () => {
  let fails = false;
  const { now, go } = await open(({ at }, response) => {
    if (fails === "closes") return void response.destroy();
    if (fails) return { status: 503, body: "down" };
    return { headers: { "cache-control": "max-age=10, stale-if-error=20" }, body: String(at) };
  });
  await go("/");
  now.time += 29_000;
  for (fails of ["closes", true]) assert.equal(await go("/"), "stale 1", String(fails));
  assert.equal(await go("/", { cache: "no-cache" }), "miss down", "who wants no cache is told the truth");
  now.time += 2000;
  assert.equal(await go("/"), "miss down");
  fails = "closes";
  await assert.rejects(go("/"), TypeError);
  fails = false;
  assert.match(await go("/"), /^miss \d$/);
});

test("must-revalidate and no-cache forbid what is stale, whatever the options say", async () => {
  for (const [control, isStale] of [["max-age=10", true], ["max-age=10, must-revalidate", false], ["no-cache", false]]) {
    let fails = false;
    const made = { headers: { "cache-control": `${control}, stale-while-revalidate=99` }, body: "1" };
    const { now, go, server } = await open((_, response) => (fails ? void response.destroy() : made), { staleIfError: "1h" });
    await go("/");
    now.time += 600_000;
    fails = true;
    if (isStale) assert.equal(await go("/"), "stale 1");
    else await assert.rejects(go("/"), TypeError);
    await server.close();
    if (isStale) assert.equal(await go("/"), "stale 1", "nobody there at all");
  }
});

test("what a request says of freshness counts", async () => {
  const { now, go } = await open(fresh(60));
  const asked = (control) => go("/", { headers: { "cache-control": control } });
  await go("/");
  now.time += 30_000;
  assert.equal(await asked("max-age=30"), "hit 1");
  assert.equal(await asked("min-fresh=30"), "hit 1");
  assert.equal(await asked("only-if-cached"), "hit 1");
  assert.equal(await asked("max-age=29"), "miss 2");
  now.time += 30_000;
  assert.equal(await asked("min-fresh=31"), "miss 3");
  now.time += 70_000;
  assert.equal(await asked("max-stale=9, only-if-cached"), "miss ");
  assert.equal(await asked("max-stale=10"), "stale 3");
  assert.equal(await asked("max-stale"), "stale 3");
  assert.equal(await asked("no-cache"), "miss 4");
  assert.equal(await go("/", { headers: { pragma: "no-cache" } }), "miss 5");
  assert.equal(await go("/"), "hit 5");
});

test("the modes of a request are those of fetch", async () => {
  const { now, go, seen } = await open(fresh(60, { etag: '"v"' }));
  await go("/");
  assert.equal(await go("/", { cache: "reload" }), "miss 2");
  assert.equal(seen[1].headers["if-none-match"], undefined);
  assert.equal(await go("/", { cache: "no-cache" }), "miss 3");
  assert.equal(seen[2].headers["if-none-match"], '"v"');
  assert.equal(await go("/", { cache: "no-store" }), "bypass 4");
  assert.equal(await go("/"), "hit 3");
  now.time += 600_000;
  assert.equal(await go("/", { cache: "force-cache" }), "stale 3");
  const only = { cache: "only-if-cached", mode: "same-origin" };
  assert.equal(await go("/", only), "stale 3");
  await assert.rejects(go("/other", only), TypeError);
  assert.equal(await go("/other", { cache: "force-cache" }), "miss 5");
});
