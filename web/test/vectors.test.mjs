// Fears that the cache in JavaScript answers otherwise than everywhere else: the vectors of tests/vectors, to the byte.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Engine } from "../pkg/engine.js";
import { names } from "./files.mjs";
import { called, play } from "./play.mjs";

const folder = fileURLToPath(new URL("../../tests/vectors/", import.meta.url));
const [larder, fast] = ["larder", "fast"].map((name) => new WebAssembly.Module(readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url))));

let [all, most] = [0, 0];

for (const file of names()) {
  test(`the engine answers as ${file} says`, () => {
    const vector = JSON.parse(readFileSync(join(folder, file), "utf8"));
    assert.deepEqual(play(new Engine(fast), vector), []);
    const shorter = called(vector);
    assert.deepEqual(play(new Engine(larder), shorter), []);
    all += vector.steps.length;
    most += shorter.steps.length;
  });
}

test("most of the vectors is played on the module for pages", () => {
  assert.ok(most > all / 2, `${most} of ${all} calls`);
});

test("a vector with another answer is a mismatch", () => {
  const vector = JSON.parse(readFileSync(join(folder, "set-and-get.json"), "utf8"));
  const steps = vector.steps.filter((step) => step.answer !== null && step.call !== "namespace");
  for (const step of steps) {
    const spoilt = structuredClone(vector);
    spoilt.steps[vector.steps.indexOf(step)].answer = { error: "internal" };
    assert.ok(play(new Engine(fast), spoilt).length > 0, step.call);
  }
});
