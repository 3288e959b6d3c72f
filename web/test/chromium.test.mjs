// Fears that a browser answers otherwise than everywhere else: the vectors, in a real Chromium.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";
import { names } from "./files.mjs";

let chromium, page;

before(async () => {
  chromium = await start();
  page = await chromium.page();
});

after(() => chromium?.end());

for (const name of names()) {
  test(`in Chromium the engine answers as ${name} says`, async () => {
    const mismatches = await page.evaluate(async (name) => {
      const [{ Engine }, { play }] = await Promise.all(["/web/pkg/engine.js", "/web/test/play.mjs"].map((file) => import(file)));
      globalThis.module ??= await WebAssembly.compileStreaming(fetch("/web/pkg/larder.wasm"));
      const vector = await (await fetch(`/tests/vectors/${name}`)).json();
      return play(new Engine(globalThis.module), vector);
    }, name);
    assert.deepEqual(mismatches, []);
  });
}
