// Fears that a browser answers otherwise than everywhere else: the vectors, in a real Chromium.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { names, serve } from "./files.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

let server, browser, page;

before(async () => {
  server = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  page = await browser.newPage();
  await page.goto(`${server.address}/empty.html`);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

for (const name of names()) {
  test(`in Chromium the engine answers as ${name} says`, async () => {
    const mismatches = await page.evaluate(async (name) => {
      const [{ Engine }, { play }] = await Promise.all([import("/web/pkg/engine.js"), import("/web/test/play.mjs")]);
      globalThis.module ??= await WebAssembly.compileStreaming(fetch("/web/pkg/larder.wasm"));
      const vector = await (await fetch(`/tests/vectors/${name}`)).json();
      return play(new Engine(globalThis.module), vector);
    }, name);
    assert.deepEqual(mismatches, []);
  });
}
