// Fears a page that is gone with its network: the example, in a real Chromium, with a server that is stopped.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { serve } from "./files.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

let server, browser, page;

before(async () => {
  server = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  page = await browser.newPage();
});

after(async () => {
  await browser?.close();
});

/** What the page says, once it has said it. */
async function said() {
  await page.waitForFunction(() => document.querySelector("#how").textContent !== "…");
  return page.evaluate(() => [document.querySelector("#greeting").textContent, document.querySelector("#how").textContent]);
}

test("a page that was seen once is seen without its server", async () => {
  await page.goto(`${server.address}/web/examples/index.html`);
  assert.equal((await said())[0], "Hello from the server");
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  // The server says nothing of caching, so it is asked each time.
  assert.deepEqual(await said(), ["Hello from the server", "miss"]);
  const status = (path, init) => page.evaluate(async ([path, init]) => (await fetch(path, init)).headers.get("x-larder"), [path, init]);
  assert.equal(await status("./hello.json", { cache: "force-cache" }), "stale");

  await server.close();
  // As the browser does when it was idle for a while.
  const session = await page.context().newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  await page.reload();
  assert.deepEqual(await said(), ["Hello from the server", "stale"]);
  assert.equal(await status("./hello.json", { cache: "no-cache" }), "stale");
  assert.match(await page.evaluate(() => fetch("./never-seen.json").catch((error) => String(error))), /TypeError/);
  assert.match(await page.evaluate(() => fetch("./hello.json", { method: "POST" }).catch((error) => String(error))), /TypeError/);
});
