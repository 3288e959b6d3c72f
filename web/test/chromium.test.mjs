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
      const [{ Engine }, { called, play }] = await Promise.all(["/web/pkg/engine.js", "/web/test/play.mjs"].map((file) => import(file)));
      const compile = (name) => WebAssembly.compileStreaming(fetch(`/web/pkg/${name}.wasm`));
      globalThis.modules ??= await Promise.all(["larder", "fast"].map(compile));
      const [larder, fast] = globalThis.modules;
      const vector = await (await fetch(`/tests/vectors/${name}`)).json();
      return [...play(new Engine(larder), called(vector)), ...play(new Engine(fast), vector)];
    }, name);
    assert.deepEqual(mismatches, []);
  });
}
