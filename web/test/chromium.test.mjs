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
      const [{ Engine }, { play }, { knowPools }, { knowPrefetch }] = await Promise.all(
        ["/web/pkg/engine.js", "/web/test/play.mjs", "/web/pkg/pools/contract.js", "/web/pkg/prefetch/contract.js"].map((file) => import(file)),
      );
      knowPools();
      knowPrefetch();
      globalThis.module ??= await WebAssembly.compileStreaming(fetch("/web/pkg/larder.wasm"));
      const vector = await (await fetch(`/tests/vectors/${name}`)).json();
      return play(new Engine(globalThis.module), vector);
    }, name);
    assert.deepEqual(mismatches, []);
  });
}
