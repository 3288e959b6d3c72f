// Fears answers that HTTP does not allow: another's, old ones, parts of one, or bytes that are not the server's.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Larder } from "../pkg/index.js";
import { cachedFetch, cacheStatus } from "../pkg/fetch.js";
import { clock, origin } from "./origin.mjs";

const opened = [];
after(() => Promise.all(opened.map((server) => server.close())));

/** A server, a cache and a cached fetch of its addresses. `go` answers with how a response was made, and its body. */
async function open(answer, options = {}, cacheOptions = {}) {
  const now = clock();
  const server = await origin(answer);
  opened.push(server);
  const cache = await Larder.open({ now, ...cacheOptions });
  const faults = [];
  cache.addEventListener("error", ({ detail }) => faults.push(detail.error));
  const cached = cachedFetch(cache, options);
  const fetch = (path = "/", init = undefined) => cached(server.address + path, init);
  const go = async (path, init) => {
    const response = await fetch(path, init);
    const text = await response.text();
    assert.ok([cacheStatus(response), null].includes(response.headers.get("x-larder")));
    return `${cacheStatus(response)} ${text}`;
  };
  return { now, server, cache, faults, fetch, go, seen: server.seen };
}

const fresh = (seconds = 60, headers = {}) => ({ at }) => ({ headers: { "cache-control": `max-age=${seconds}`, ...headers }, body: String(at) });

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
    assert.deepEqual([seen.length, (await cache.stats()).entries], [2, 0], name);
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

test("a stale response is asked about, and what the server says of it counts from then on", async () => {
  const { now, fetch, go, seen } = await open(({ at, headers }) => {
    if (headers["if-none-match"]?.includes('"v1"') && at < 4) return { status: 304, headers: { "cache-control": "max-age=100", etag: 'W/"v1"', "x-at": String(at), "content-length": "9" } };
    return { headers: { "cache-control": "max-age=10", etag: '"v1"', "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT", "x-at": String(at), "x-kept": "1" }, body: `body ${at}` };
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
    const { now, go, server } = await open((_, response) => (fails ? void response.destroy() : { headers: { "cache-control": `${control}, stale-while-revalidate=99` }, body: "1" }), { staleIfError: "1h" });
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

test("what was asked for before its entry was made invalid is not stored after it", async () => {
  const rules = [(cache) => cache.clear(), (cache) => cache.invalidate("all"), (cache) => cache.invalidate({ tag: "pages" }), (cache) => cache.invalidate({ prefix: "fetch/" }),
    (cache) => cache.invalidate({ glob: "*" }), (cache, address) => cache.delete(`fetch/${address}/ `)];
  const others = [(cache) => cache.invalidate({ tag: "other" }), (cache) => cache.invalidate({ tags: ["pages", "other"] }), (cache) => cache.invalidate({ prefix: "other" }), (cache) => cache.delete("other")];
  for (const [at, rule] of [...rules, ...others].entries()) {
    const { cache, fetch, server } = await open(fresh(), { tags: ["pages"] });
    const response = fetch();
    await new Promise((done) => setImmediate(done));
    await rule(cache, server.address);
    assert.equal(await (await response).text(), "1");
    assert.equal((await cache.stats()).entries, at < rules.length ? 0 : 1, String(rule));
  }
});

test("fields that come several times come back so", async () => {
  const { fetch } = await open(fresh(60, { "set-cookie": ["a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "b=2"], "x-latin": "\u00e9" }));
  for (const status of ["miss", "hit"]) {
    const response = await fetch();
    await response.text();
    assert.deepEqual([cacheStatus(response), response.headers.getSetCookie(), response.headers.get("x-latin")], [status, ["a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "b=2"], "\u00e9"]);
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
  for (const wrong of [{ status: 99 }, { status: "200" }, { status: 1e9 }, { statusText: "\n" }, { headers: [["a"]] }, { headers: [["a b", "c"]] }, { headers: null }, { length: 5 }, { received: 1e99 }, { received: "1" }, { url: 5 }]) {
    spoilt.push(framed(JSON.stringify({ ...head, ...wrong })));
  }
  for (const text of ["null", "[]", "1", "", "{", '{"vary":[1],"generation":"a"}', '{"vary":["a"],"generation":1}', '{"vary":["a b"],"generation":"x"}', '{"__proto__":{"vary":[],"generation":"a"}}']) spoilt.push(framed(text));
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
