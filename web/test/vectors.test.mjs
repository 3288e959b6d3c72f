// Fears that the cache in JavaScript answers otherwise than everywhere else: the vectors of tests/vectors, to the byte.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Engine } from "../pkg/engine.js";
import { play } from "./play.mjs";

const folder = fileURLToPath(new URL("../../tests/vectors/", import.meta.url));
const module = new WebAssembly.Module(readFileSync(new URL("../pkg/larder.wasm", import.meta.url)));

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  test(`the engine answers as ${file} says`, () => {
    const mismatches = play(new Engine(module), JSON.parse(readFileSync(join(folder, file), "utf8")));
    assert.deepEqual(mismatches, []);
  });
}
