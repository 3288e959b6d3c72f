// Fears keys that other hosts make otherwise, and pools that repeat themselves, forget what failed, or call their generator too often.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Larder, Scored } from "../pkg/index.js";

const HOUR = 3_600_000;

const clock = () => {
  const clock = () => clock.time;
  clock.time = 1_750_000_000_000;
  return clock;
};

const PLAN = { dimensions: { language: ["rust", "python"], difficulty: ["easy", "hard"], lines: [10, 20] } };

test("keys are those of the documents", async () => {
  const { keys } = await Larder.open();
  assert.equal(keys.parts("user", "profile", 123), "parts:user:profile:123");
  assert.equal(keys.dictionary({ user_id: 123, type: "profile" }), 'dict:{"type":"profile","user_id":123}');
  assert.equal(keys.structured({ files: new Set(["b.rs", "a.rs"]), max: 1024 }), 'structured:{"files":("a.rs","b.rs"),"max":1024}');
  assert.equal(keys.structured([1, 1.5, -0, true, null, "a", new Uint8Array([0, 255]), 2n ** 64n - 1n, new Map([["k", 1]])]),
    'structured:[1,1.5,0,true,null,"a",\'00ff\',18446744073709551615,{"k":1}]');
  assert.equal(keys.endpoint("/api/users", { id: 123, filter: "active" }), "/api/users|filter=active&id=123");
  assert.equal(keys.text("summarize", "Hello", { options: { max_length: 100 } }), 'text:summarize|{"max_length":100}|=Hello');
  assert.equal(keys.operationPrefix("summarize"), "text:summarize|");
  assert.equal(keys.path("src/lib.rs"), "path:src/lib.rs");
  assert.match(keys.path("src/lib.rs", new Uint8Array()), /^path:src\/lib\.rs\|hash:[0-9a-f]{64}$/);
  assert.match(keys.text("qa", "t".repeat(2000), { hashAbove: 10 }), /^text:qa\|\|medium#2000#[0-9a-f]{64}$/);
});

test("what makes no key is refused", async () => {
  const { keys } = await Larder.open();
  const circle = [];
  circle.push(circle);
  let deep = [];
  for (let at = 0; at < 100_000; at++) deep = [deep];
  for (const value of [undefined, () => {}, Symbol("s"), circle, 2n ** 64n, deep]) {
    assert.throws(() => keys.structured(value), { code: "invalid-argument" });
  }
  assert.throws(() => keys.parts(), { code: "invalid-argument" });
});

test("texts with half a character are not made one, whatever they are part of", async () => {
  const { keys } = await Larder.open();
  const half = "smile \ud83d";
  const made = [() => keys.structured(half), () => keys.dictionary({ [half]: 1 }), () => keys.text("a", "b", { options: { half } }), () => keys.text(half, "b")];
  made.push(() => keys.endpoint(half), () => keys.endpoint("/", { half }), () => keys.operationPrefix(half));
  for (const make of made) assert.throws(make, { name: "LarderError", code: "invalid-argument" }, String(make));
  await assert.rejects(Larder.open({ namespace: half }), { code: "invalid-argument" });
  const cache = await Larder.open();
  for (const options of [{ tags: [half] }, { metadata: { half } }]) await assert.rejects(cache.set("a", 1, options), { code: "invalid-argument" });
});

test("a pool grows by rounds up to its cap", async () => {
  const now = clock();
  const cache = await Larder.open({ now });
  const pool = await cache.pool("snippets", PLAN);
  let calls = 0;
  const generator = ({ values, generation, entry }) => {
    calls++;
    assert.equal(typeof values.lines, "number");
    return `${values.language} ${values.difficulty} ${values.lines} ${generation}.${entry}`;
  };
  for (const [round, entries] of [24, 48, 72, 96, 96].entries()) {
    const report = await pool.accumulate(generator);
    assert.deepEqual([report.planned, report.made, report.failed, report.pruned], [24, 24, 0, round < 4 ? 0 : 24]);
    assert.equal((await pool.stats()).cachedEntries, entries);
    assert.equal((await pool.accumulate(generator)).planned, 0, "nothing is due before the next round");
    now.time += 3 * HOUR;
  }
  assert.equal(calls, 5 * 24);
  const { avgEntriesPerCombination, combinationCoveragePercentage, maxPossibleEntries, lastGeneration } = await pool.stats();
  assert.deepEqual([avgEntriesPerCombination, combinationCoveragePercentage, maxPossibleEntries], [12, 100, 96]);
  assert.equal(lastGeneration, now.time - 3 * HOUR);
});

test("picks are of the combination and vary", async () => {
  const cache = await Larder.open({ seed: 7n });
  const pool = await cache.pool("p", { ...PLAN, repeats: false });
  await pool.accumulate(({ values, entry }) => ({ ...values, entry }));
  const seen = new Set();
  let last;
  for (let at = 0; at < 200; at++) {
    const { value, variants } = await pool.pick({ lines: 10, language: "rust", difficulty: "easy" });
    assert.deepEqual([value.language, value.difficulty, value.lines, variants], ["rust", "easy", 10, 3]);
    assert.notEqual(value.entry, last, "no variant comes twice in a row");
    seen.add((last = value.entry));
  }
  assert.deepEqual(seen, new Set([1, 2, 3]));
  await assert.rejects(pool.pick({ language: "go", difficulty: "easy", lines: 10 }), { code: "invalid-argument" });
  await assert.rejects(pool.pick({ language: "rust" }), { code: "invalid-argument" });
});

test("what fails is tried again after its time, and nothing else is", async () => {
  const now = clock();
  const cache = await Larder.open({ now });
  const pool = await cache.pool("p", PLAN);
  const fails = ({ values, entry }) => {
    if (values.language === "rust" && entry === 2) throw new Error("rate limit");
    return JSON.stringify([values, entry]);
  };
  const report = await pool.accumulate(fails);
  assert.deepEqual([report.made, report.failed, (await pool.stats()).failedCombinations], [20, 4, 4]);
  assert.equal((await pool.accumulate(fails)).planned, 0);
  now.time += HOUR / 2;
  const again = await pool.accumulate(({ values, entry }) => JSON.stringify([values, entry]));
  assert.deepEqual([again.planned, again.made, (await pool.stats()).failedCombinations], [4, 4, 0]);
});

test("a failure whose reason ends in half a character is noted", async () => {
  const pool = await (await Larder.open()).pool("p", PLAN);
  const report = await pool.accumulate(() => Promise.reject(new Error("no \ud83d")));
  assert.deepEqual([report.failed, report.left], [24, 0]);
});

test("a round ends with its signal or its calls, and goes on", async () => {
  const cache = await Larder.open();
  const pool = await cache.pool("p", PLAN);
  const generator = ({ values, entry }) => JSON.stringify([values, entry]);
  const some = await pool.accumulate(generator, { maxCalls: 7 });
  assert.deepEqual([some.made, some.left], [7, 17]);
  const controller = new AbortController();
  let calls = 0;
  const stopped = await pool.accumulate((request) => {
    if (++calls === 6) controller.abort();
    return generator(request);
  }, { signal: controller.signal });
  assert.equal(stopped.made + stopped.left, 17);
  assert.ok(stopped.left > 0);
  assert.equal((await pool.accumulate(generator)).made, stopped.left);
  assert.equal((await pool.stats()).cachedEntries, 24);
});

test("where there is nothing one is made, and the same bytes count once", async () => {
  const cache = await Larder.open();
  const pool = await cache.pool("p", PLAN);
  const values = { language: "rust", difficulty: "easy", lines: 10 };
  assert.equal(await pool.pick(values), undefined);
  assert.equal(await pool.pickOrGenerate(values, () => "made"), "made");
  assert.equal(await pool.pickOrGenerate(values, () => assert.fail("there is one")), "made");
  assert.equal(await pool.add(values, "made"), false);
  assert.equal(await pool.add(values, new Scored("better", 2)), true);
  await assert.rejects(pool.add(values, new Scored("worse", -1)), { code: "invalid-argument" });
  assert.equal((await pool.stats()).cachedEntries, 2);
  assert.ok((await pool.clear({ regenerate: true })) > 0);
  assert.equal(await pool.pick(values), undefined);
});

test("a plan may change under what is there", async () => {
  const now = clock();
  const cache = await Larder.open({ now });
  const generator = ({ values, entry }) => JSON.stringify([values, entry]);
  await (await cache.pool("p", PLAN)).accumulate(generator);
  const larger = await cache.pool("p", { dimensions: { ...PLAN.dimensions, language: ["python", "go"] } });
  const report = await larger.accumulate(generator);
  assert.deepEqual([report.planned, report.made], [12, 12], "go is new, python is there");
  assert.equal(await cache.pool("p"), larger);
  await assert.rejects(cache.pool("other"), { code: "invalid-argument" });
  const many = Object.fromEntries(["a", "b", "c"].map((name) => [name, Array.from({ length: 1000 }, (_, at) => at)]));
  await assert.rejects(cache.pool("huge", { dimensions: many }), { code: "too-large", message: /1000000000/ });
});

test("a pool goes on after the cache was opened again, whatever was imported", async () => {
  const now = clock();
  const cache = await Larder.open({ now });
  for (const [namespace, ttl] of [["over", "1s"], ["there", "1h"]]) {
    const other = await Larder.open({ namespace, ttl, now });
    await other.set("key", namespace);
    const snapshot = await other.export();
    if (namespace === "over") now.time += 2000;
    await cache.import(snapshot);
  }
  const pool = await cache.pool("p", PLAN);
  await cache.reopen();
  const again = await (await cache.pool("p", PLAN)).accumulate(({ entry }) => `made ${entry}`);
  assert.equal(again.made, again.planned);
  assert.equal((await pool.stats()).cachedEntries, again.made);
});
