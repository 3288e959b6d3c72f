// Fears that JavaScript and the native engine part ways after some sequence of calls, in an answer or in a byte of a record: 100,000 random
// calls, with the native engine's answers, in Node and in Chromium, of each module all that it has.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Engine } from "../pkg/engine.js";
import { start } from "./browser.mjs";
import { play, UNCALLED } from "./play.mjs";

const CALLS = 100_000;
const program = fileURLToPath(new URL("../../target/release/make-script", import.meta.url));
let chromium;

before(async () => {
  assert.ok(existsSync(program), "the program that makes calls is missing: cargo build --release -p larder-tests");
  chromium = await start();
});

after(() => chromium?.end());

/** Calls and settings that a module does not have. */
const LACKING = { larder: UNCALLED, fast: [] };

/** Vectors of random calls from a seed. */
async function* scripts(seed, lacking) {
  const child = spawn(program, [`${seed}`, `${CALLS}`, ...lacking], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
}

async function playAll(seed, module, player) {
  let [calls, hits] = [0, 0];
  for await (const vector of scripts(seed, LACKING[module])) {
    const mismatches = await player(vector);
    assert.deepEqual(mismatches.slice(0, 3), [], `seed ${seed}, behind call ${calls}, settings ${JSON.stringify(vector.settings)}`);
    calls += vector.steps.length;
    hits += vector.steps.filter(({ answer }) => answer?.freshness !== undefined).length;
  }
  assert.ok(calls >= CALLS && hits > CALLS / 200, `${calls} calls, ${hits} hits`);
}

const seed = Number(process.env.LARDER_SEED ?? Date.now() % 1e9);

for (const name of Object.keys(LACKING)) {
  test(`${name}.wasm in Node`, async () => {
    const module = new WebAssembly.Module(readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url)));
    await playAll(seed, name, (vector) => play(new Engine(module), vector));
  });

  test(`${name}.wasm in Chromium`, async () => {
    const page = await chromium.page();
    await page.evaluate(async (name) => {
      const [{ Engine }, { play }] = await Promise.all(["/web/pkg/engine.js", "/web/test/play.mjs"].map((file) => import(file)));
      const module = await WebAssembly.compileStreaming(fetch(`/web/pkg/${name}.wasm`));
      globalThis.playVector = (vector) => play(new Engine(module), vector);
    }, name);
    await playAll(seed + 1, name, (vector) => page.evaluate((vector) => playVector(vector), vector));
  });
}
