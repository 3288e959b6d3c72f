// Fears that the modules and the JavaScript grow unnoticed: what every visitor of a page downloads. Prints what each is made of.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { core } from "../bench/sizes.mjs";

/** Bytes that a module may have, gzipped: a little more than it had when this was last set. */
const LIMITS = { larder: 121_500, fast: 185_500, slim: 65_500 };

const SECTIONS = ["custom", "types", "imports", "functions", "tables", "memory", "globals", "exports", "start", "elements", "code", "data"];

/** Bytes of each section. */
function sections(bytes) {
  const sizes = {};
  let at = 8;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const name = SECTIONS[bytes[at++]] ?? "other";
    const length = number();
    sizes[name] = (sizes[name] ?? 0) + length;
    at += length;
  }
  return sizes;
}

for (const [name, limit] of Object.entries(LIMITS)) {
  test(`${name}.wasm stays small`, (context) => {
    const bytes = readFileSync(new URL(`../pkg/${name}.wasm`, import.meta.url));
    const gzipped = gzipSync(bytes, { level: 9 }).length;
    const parts = Object.entries(sections(bytes)).filter(([, size]) => size > 1000);
    context.diagnostic(`${bytes.length} bytes (${parts.map(([part, size]) => `${part} ${size}`).join(", ")}), ${gzipped} gzipped`);
    assert.ok(gzipped <= limit, `${gzipped} bytes gzipped are more than ${limit}`);
  });
}

test("the JavaScript of a cache in memory stays small", async (context) => {
  const { raw, gzipped } = await core();
  context.diagnostic(`${raw} bytes, ${gzipped} gzipped`);
  assert.ok(gzipped <= 12_100, `${gzipped} bytes gzipped are more than 12,100`);
});
