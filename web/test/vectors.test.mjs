// Fears that the cache in JavaScript answers otherwise than everywhere else: the vectors of tests/vectors, to the byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Engine } from "../pkg/engine.js";
import { names } from "./files.mjs";
import { play } from "./play.mjs";

const folder = fileURLToPath(new URL("../../tests/vectors/", import.meta.url));
const [module, ...others] = ["larder", "fast"].map((name) => new WebAssembly.Module(readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url))));

for (const file of names()) {
  test(`the engine answers as ${file} says`, () => {
    const vector = JSON.parse(readFileSync(join(folder, file), "utf8"));
    for (const build of [module, ...others]) assert.deepEqual(play(new Engine(build), vector), []);
  });
}

test("a vector with another answer is a mismatch", () => {
  const vector = JSON.parse(readFileSync(join(folder, "set-and-get.json"), "utf8"));
  const steps = vector.steps.filter((step) => step.answer !== null && step.call !== "namespace");
  for (const step of steps) {
    const spoilt = structuredClone(vector);
    spoilt.steps[vector.steps.indexOf(step)].answer = { error: "internal" };
    assert.ok(play(new Engine(module), spoilt).length > 0, step.call);
  }
});
