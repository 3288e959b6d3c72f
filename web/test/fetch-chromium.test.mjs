// Fears what only a browser does: responses that nobody can look into, fields that are hidden, and questions before the question.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { serve } from "./files.mjs";
import { origin } from "./origin.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

let server, elsewhere, browser, page;

before(async () => {
  server = await serve();
  elsewhere = await origin(({ at, url, method, headers }) => {
    if (method === "OPTIONS") return { status: 405 };
    if (url === "/moved") return { status: 302, headers: { location: "/", "access-control-allow-origin": "*" } };
    if (url.startsWith("/shown/")) {
      const shown = { "access-control-allow-origin": headers.origin, "access-control-allow-credentials": "true", "access-control-expose-headers": "vary" };
      return { headers: { ...shown, "cache-control": "max-age=60", vary: url.slice(7) }, body: `${at}` };
    }
    return {
      headers: { "access-control-allow-origin": "*", "cache-control": "max-age=60", etag: '"v"', vary: "Accept", "set-cookie": "a=1" },
      body: `${headers.accept} ${at}`,
    };
  });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  page = await browser.newPage();
  await page.goto(`${server.address}/empty.html`);
  await page.evaluate(async () => {
    const [{ Larder }, { cachedFetch, cacheStatus }] = await Promise.all([import("/web/pkg/index.js"), import("/web/pkg/fetch.js")]);
    globalThis.open = async () => {
      const clock = () => clock.time;
      clock.time = Date.now();
      const cache = await Larder.open({ now: clock });
      const cached = cachedFetch(cache);
      const go = async (url, init) => {
        const response = await cached(url, init);
        return `${cacheStatus(response)} ${response.type} ${await response.text()}`;
      };
      return { cache, clock, go };
    };
  });
});

after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), elsewhere?.close()]);
});

test("what nobody can look into is handed over and not stored", async () => {
  const said = await page.evaluate(async (url) => {
    const { cache, go } = await open();
    const said = [await go(url, { mode: "no-cors" }), await go(`${url}/moved`, { redirect: "manual", mode: "no-cors" }).catch(String)];
    return [...said, (await cache.stats()).entries];
  }, elsewhere.address);
  assert.deepEqual([said[0], said[2]], ["miss opaque ", 0]);
});

test("where a server's Vary is hidden, requests that differ are different", async () => {
  const said = await page.evaluate(async (url) => {
    const { go } = await open();
    const as = (accept) => go(`${url}/vary`, { headers: { accept } });
    return [await as("text/a"), await as("text/b"), await as("text/a"), await as("text/b"), await go(`${url}/vary`)];
  }, elsewhere.address);
  const made = said.map((text) => text.replace(/ \d+$/, ""));
  assert.deepEqual(made, ["miss default text/a", "miss default text/b", "hit default text/a", "hit default text/b", "miss default */*"]);
});

test("what varies by what a browser shows to nobody is not stored", async () => {
  for (const [vary, status] of [["Cookie", "miss"], ["Accept,sec-fetch-dest", "miss"], ["Referer", "miss"], ["Origin,Accept-Encoding", "hit"]]) {
    const said = await page.evaluate(async (url) => {
      const { go } = await open();
      await go(url);
      return go(url);
    }, `${elsewhere.address}/shown/${vary}`);
    assert.equal(said.split(" ")[0], status, vary);
  }
});

test("what was asked with the browser's credentials is apart from what was asked without", async () => {
  const said = await page.evaluate(async (url) => {
    const { go } = await open();
    const said = [];
    const ask = async (url, credentials, cache) => said.push((await go(url, { credentials, cache })).split(" ")[0]);
    for (const credentials of ["same-origin", "omit", "include", "include"]) await ask(`${url}/shown/Origin`, credentials, "default");
    const own = `${location.origin}/web/examples/hello.json`;
    for (const credentials of ["same-origin", "include", "omit"]) await ask(own, credentials, "force-cache");
    return said;
  }, elsewhere.address);
  assert.deepEqual(said, ["miss", "hit", "miss", "hit", "miss", "stale", "miss"]);
});

test("another server is asked whether a response holds without being asked for leave first", async () => {
  const before = elsewhere.seen.length;
  const said = await page.evaluate(async (url) => {
    const { clock, go } = await open();
    const first = await go(`${url}/again`);
    clock.time += 60_000;
    return [first, await go(`${url}/again`)];
  }, elsewhere.address);
  assert.match(said[1], /^miss default/);
  assert.deepEqual(elsewhere.seen.slice(before).map(({ method }) => method), ["GET", "GET"]);
});

test("a body can be read in any way, and clones are whole", async () => {
  const said = await page.evaluate(async (url) => {
    const { go, cache } = await open();
    await go(`${url}/body`);
    const { cachedFetch } = await import("/web/pkg/fetch.js");
    const cached = cachedFetch(cache);
    const read = async (how) => (await cached(`${url}/body`)).clone()[how]();
    const text = await read("text");
    const [blob, buffer] = [await (await read("blob")).text(), new TextDecoder().decode(await read("arrayBuffer"))];
    const response = await cached(`${url}/body`);
    return [text === blob && text === buffer, response.url === `${url}/body`, response.clone().headers.get("x-larder")];
  }, elsewhere.address);
  assert.deepEqual(said, [true, true, "hit"]);
});
