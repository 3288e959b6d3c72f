// Fears that the demo page reads a trace otherwise than `larder simulate`, or counts otherwise. Needs the page to be built.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { out } from "../demo/build.mjs";

const modules = new URL(`file://${out}/page/`);
const { readTrace } = await import(new URL("trace/read.js", modules));
const { builtIn } = await import(new URL("trace/built-in.js", modules));
const { hasher, replay } = await import(new URL("compare/simulation.js", modules));
const { capacities, resolve } = await import(new URL("compare/capacity.js", modules));
const engine = new WebAssembly.Module(readFileSync(`${out}/simulation.wasm`));

const read = (content, name = "trace.txt") => readTrace(new File([content], name), hasher(engine), () => {});

/** Sizes and, in place of keys, the number of the request that first asked for the same one. */
async function requestsOf(content) {
  const { words, sizes, count } = await read(content);
  const keys = Array.from({ length: count }, (_, at) => `${words[2 * at]},${words[2 * at + 1]}`);
  return { keys: keys.map((key) => keys.indexOf(key)), sizes: [...sizes.subarray(0, count)] };
}

test("lines end with either end, blank ones are none, and the last needs none", async () => {
  assert.deepEqual(await requestsOf("a\r\n\nb\n\r\na"), { keys: [0, 1, 0], sizes: [1, 1, 1] });
});

test("what follows the last comma is the size", async () => {
  assert.deepEqual(await requestsOf("a,b,10\na,b, 20 \na,0\n"), { keys: [0, 0, 2], sizes: [10, 20, 0] });
});

test("a key's number is XXH3-64 of its bytes", async () => {
  const { words } = await read("a\n");
  assert.equal((BigInt(words[1]) << 32n) | BigInt(words[0]), 0xe6c632b61e964e1fn);
});

test("in a recording a write that answers a read is one request with it", async () => {
  const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(16));
  const lines = ["#larder-trace 1", "#salt 00", a, b, `${a},300`, `${a},300`, c, a, `${c},20`, `${b},5`];
  assert.deepEqual(await requestsOf(lines.join("\n")), { keys: [0, 1, 0, 3, 0], sizes: [300, 5, 300, 20, 1] });
  const late = ["#larder-trace 1", a, ...Array.from({ length: 4097 }, () => `${b},2`), `${a},9`];
  const { sizes } = await requestsOf(late.join("\n"));
  assert.deepEqual([sizes.length, sizes[0], sizes.at(-1)], [4099, 1, 9]);
});

test("gzip is unpacked, and lines may lie across pieces of any length", async () => {
  const line = `${"k".repeat(65_000)},7\n`;
  const { sizes } = await requestsOf(gzipSync(line.repeat(20)));
  assert.deepEqual(sizes, new Array(20).fill(7));
});

for (const [what, content, why, name] of [
  ["nothing", "\n\n", /no requests/],
  ["a size that is none", "a,1\nb,x\n", /Line 2: "x" is no size/],
  ["a size that is too large", "a,2147483648\n", /Line 1: .* at most 2147483647/],
  ["a size without a key", ",1\n", /Line 1: there is no key/],
  ["a line that is too long", `a\n${"x".repeat(65_547)}`, /Line 2: the line is longer/],
  ["zstd", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1), /zstd/],
  ["bytes that are no text", Uint8Array.of(97, 0, 10), /binary/],
  ["a damaged gzip file", gzipSync("a\n".repeat(1000)).subarray(0, 20), /could not be read/],
  ["the ARC paper's format", "1 2 0 1\n3 1 0 2\n", /ARC/],
  ["the LIRS paper's format", "1\n*\n2\n", /LIRS/],
  ["a name of libCacheSim's format", "a\n", /libCacheSim/, "x.oracleGeneral.gz"],
  ["a recording of a newer version", "#larder-trace 2\n", /newer version/],
  ["a broken line of a recording", "#larder-trace 1\n0123456789abcdeg\n", /Line 2: it is no line of a recording/],
]) {
  test(`${what} is refused by name`, () => assert.rejects(read(content, name), { message: why }));
}

test("sizes are read as --capacity reads them", () => {
  const of = (text, unit) => capacities(text, unit).map(({ capacity }) => resolve(capacity, unit, { keys: 186_880, bytes: 50_193_432 }));
  assert.deepEqual(of("1%, 5% 20%,0.0001%,7", "entries"), [1869, 9344, 37_376, 1, 7]);
  assert.deepEqual(of("5%,64KiB,1000", "bytes"), [2_509_671, 65_536, 1000]);
  for (const text of ["", "0", "0%", "101%", "x", "1e3", "64KiB", "1.00001%"]) assert.throws(() => capacities(text, "entries"), text);
});

// From `larder simulate built-in.csv --json --capacity 1%,10% --unit …` of the file that the page saves.
const COUNTS = JSON.parse(readFileSync(new URL("demo-counts.json", import.meta.url), "utf8"));

test("every policy misses as often as larder simulate says", async () => {
  const requests = await readTrace(builtIn(), hasher(engine), () => {});
  const survey = requests.survey();
  for (const [unit, policies] of Object.entries(COUNTS)) {
    for (const [policy, misses] of Object.entries(policies)) {
      const found = capacities("1%,10%", unit).map(({ capacity }) => {
        const totals = replay(engine, requests, { policy, unit, capacity: resolve(capacity, unit, survey) }, () => {});
        return totals.requests - totals.hits;
      });
      assert.deepEqual(found, misses, `${policy} by ${unit}`);
    }
  }
});
