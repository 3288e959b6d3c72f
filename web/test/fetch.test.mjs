// Fears what HTTP does not allow to be kept, or to be answered so long after: responses that are stored, and for how long they are fresh.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cacheStatus } from "../pkg/fetch.js";
import { entries, fresh, open } from "./cached.mjs";

test("a fresh response is answered with its age, until it is stale", async () => {
  const { now, fetch, go } = await open(fresh(60, { age: "10", "set-cookie": "a=1", connection: "x-hop", "x-hop": "1", "x-larder": "forged" }));
  const first = await fetch("/#one");
  assert.deepEqual([first.headers.get("x-larder"), await first.text()], ["miss", "1"]);
  now.time += 49_999;
  const second = await fetch("/#two");
  assert.equal(cacheStatus(second), "hit");
  assert.deepEqual(["age", "x-larder", "set-cookie", "x-hop"].map((name) => second.headers.get(name)), ["59", "hit", "a=1", null]);
  assert.deepEqual([second.url, second.redirected, second.status, second.clone().url], [first.url, false, 200, first.url]);
  now.time += 1;
  assert.equal(await go("/"), "miss 2");
});

test("how long a response is fresh is read as RFC 9111 says", async () => {
  const past = "Sun, 06 Nov 1994 08:49:37 GMT";
  for (const [name, headers, seconds] of [
    ["nothing is said", {}, 0],
    ["max-age before Expires", { "cache-control": "Max-Age=10", expires: 100 }, 10],
    ["quoted", { "cache-control": 'a="max-age=99, b", max-age="10"' }, 10],
    ["twice: the first", { "cache-control": "max-age=10, max-age=99" }, 10],
    ["no number", { "cache-control": "max-age=1.5", expires: 100 }, 0],
    ["s-maxage is for others", { "cache-control": "s-maxage=99, max-age=10" }, 10],
    ["private is for this one", { "cache-control": "private, max-age=10" }, 10],
    ["Expires", { expires: 10 }, 10],
    ["Expires that is no date", { expires: "0" }, 0],
    ["a year alone is no date", { expires: "3000" }, 0],
    ["a date as of 1994", { expires: "Sunday, 06-Nov-94 08:49:37 GMT" }, 0],
    ["Age", { "cache-control": "max-age=10", age: "4, 9" }, 6],
    ["a Date before now", { "cache-control": "max-age=10", date: -4 }, 6],
    ["left unchanged for 100 s", { "last-modified": -100 }, 10],
    ["left unchanged for years: a week", { "last-modified": past }, 7 * 86_400],
    ["no-cache", { "cache-control": "no-cache, max-age=10" }, 0],
    ["no-cache of a field only", { "cache-control": 'no-cache="set-cookie", max-age=10', "set-cookie": "a" }, 10],
    ["more than there is", { "cache-control": "max-age=99999999999999999999" }, 2 ** 31],
  ]) {
    const { now, seen, go } = await open(({ at }) => {
      const made = Object.entries(headers).map(([name, value]) => [name, typeof value === "number" ? now.date(value) : value]);
      return { headers: { date: now.date(), ...Object.fromEntries(made) }, body: String(at) };
    });
    await go("/");
    now.time += Math.max(0, seconds * 1000 - 1);
    await go("/");
    assert.equal(seen.length, seconds === 0 ? 2 : 1, name);
    now.time += 1;
    await go("/");
    assert.equal(seen.length, seconds === 0 ? 3 : 2, name);
  }
});

test("a field that is named as not to be had from a cache is not", async () => {
  const { fetch } = await open(fresh(60, { "cache-control": 'max-age=60, no-cache="Set-Cookie", private="x-own"', "set-cookie": "a=1", "x-own": "1" }));
  await (await fetch()).text();
  const response = await fetch();
  assert.deepEqual([cacheStatus(response), response.headers.get("set-cookie"), response.headers.get("x-own")], ["hit", null, null]);
});

test("what must not be stored is not", async () => {
  const long = { "cache-control": "max-age=60" };
  for (const [name, made, init] of [
    ["no-store", { headers: { "cache-control": "max-age=60, no-store" } }],
    ["no-store, asked", { headers: long }, { headers: { "cache-control": "no-store" } }],
    ["no-store, asked by mode", { headers: long }, { cache: "no-store" }],
    ["no-store after nothing", { headers: { "cache-control": ", no-store, max-age=60" } }],
    ["no-store after what is none", { headers: { "cache-control": '=1, "x", ;, no-store, max-age=60' } }],
    ["no-store after a semicolon", { headers: { "cache-control": "max-age=60; no-store" } }],
    ["Vary of what is no field", { headers: { ...long, vary: "a b" } }],
    ["Vary: *", { headers: { ...long, vary: "accept, *" } }],
    ["a part", { status: 206, headers: { ...long, "content-range": "bytes 0-1/9" } }],
    ["a range, asked", { headers: long }, { headers: { range: "bytes=0-1" } }],
    ["a condition, asked", { headers: long }, { headers: { "if-none-match": '"a"' } }],
    ["an error without a time", { status: 500, headers: {} }],
    ["a redirect", { status: 302, headers: { ...long, location: "/x" } }, { redirect: "manual" }],
    ["what is not understood and must be", { status: 418, headers: { "cache-control": "max-age=60, must-understand" } }],
  ]) {
    const { cache, go, seen } = await open(() => ({ body: "x", ...made }));
    await go("/", init);
    await go("/", init);
    assert.deepEqual([seen.length, await entries(cache)], [2, 0], name);
  }
});

test("an error with a time is stored, one that is to be understood too", async () => {
  for (const [status, control] of [[404, "max-age=60"], [503, "max-age=60"], [200, "max-age=60, no-store, must-understand"], [204, "max-age=60"]]) {
    const { fetch, seen } = await open(() => ({ status, headers: { "cache-control": control } }));
    for (let at = 0; at < 2; at++) {
      const response = await fetch();
      assert.deepEqual([response.status, await response.text()], [status, ""]);
      assert.equal(cacheStatus(response), at === 0 ? "miss" : "hit");
    }
    assert.equal(seen.length, 1);
  }
});

test("what is reached by a redirect is not stored under the address that led to it", async () => {
  const { fetch, go, seen } = await open(({ url, at }) => {
    if (url === "/latest") return { status: 302, headers: { location: "/v1" } };
    return { headers: { "cache-control": "max-age=60" }, body: `${url} ${at}` };
  });
  const response = await fetch("/latest");
  assert.deepEqual([response.redirected, new URL(response.url).pathname, await response.text()], [true, "/v1", "/v1 2"]);
  assert.equal(await go("/latest"), "miss /v1 4");
  assert.equal(seen.length, 4);
});

test("fields that come several times come back so", async () => {
  const { fetch } = await open(fresh(60, { "set-cookie": ["a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "b=2"], "x-latin": "\u00e9" }));
  for (const status of ["miss", "hit"]) {
    const response = await fetch();
    await response.text();
    const fields = [cacheStatus(response), response.headers.getSetCookie(), response.headers.get("x-latin")];
    assert.deepEqual(fields, [status, ["a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "b=2"], "\u00e9"]);
  }
});
