// Fears a function that answers to some arguments what it answered to others, that runs twice, or whose answers change by being remembered.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Larder } from "../pkg/index.js";
import { memoize } from "../pkg/memoize.js";
import { clock } from "./origin.mjs";

/** A function that answers with a new number each time, remembered. */
async function open(options = {}, cacheOptions = {}) {
  const now = clock();
  const cache = await Larder.open({ now, ...cacheOptions });
  const faults = [];
  cache.addEventListener("error", ({ detail }) => faults.push(detail.error));
  let runs = 0;
  const fn = memoize(cache, async () => ++runs, { name: "f", ...options });
  return { now, cache, fn, faults, runs: () => runs };
}

test("a function runs once for the same arguments, however many call it", async () => {
  const { fn, runs, cache } = await open();
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => fn("a", { b: [1] })))), new Set([1]));
  assert.equal(await fn("a", { b: [1] }), 1);
  assert.equal(runs(), 1);
  assert.deepEqual([...cache.sync.keys()], [fn.key("a", { b: [1] })]);
});

test("arguments that differ have keys that do", async () => {
  const { fn } = await open();
  const bytes = (...all) => new Uint8Array(all);
  const different = [
    [], [null], ["null"], [undefined, 1], [1], ["1"], [1n << 62n], [1.5], [NaN], [Infinity], [true], ["true"], [""], [[]], [[[]]], [{}], [new Set()], [new Map()],
    [1, 2], [[1, 2]], [[1], 2], [[[1]]], [new Set([1, 2])], [new Map([["a", 1]])], [{ a: 1 }], [{ a: "1" }], [{ a: new Map() }], [{ a: {} }], [[new Map()]], [[{}]],
    [bytes()], [bytes(0)], [bytes(1, 2)], ["0102"], [{ b: 1 }], [{ values: [[{}]], maps: ["0"] }], [{ __proto__: null, a: 2 }], [JSON.parse('{"__proto__":1}')],
    ["x".repeat(100_000)], [`${"x".repeat(99_999)}y`], ["\u00e9"], ["e\u0301"], ["a|b"], ["a", "b"], ["a,b"], ['","'],
    [{ "a.b": new Map() }], [{ a: { b: new Map() } }],
  ];
  const keys = different.map((args) => fn.key(...args));
  for (const [at, key] of keys.entries()) assert.equal(keys.indexOf(key), at, `${at}: ${key.slice(0, 100)}`);
  const same = [[[1, undefined], [1]], [[{ a: 1, b: undefined }], [{ a: 1 }]], [[{ a: 1, b: 2 }], [{ b: 2, a: 1 }]], [[new Set([1, 2])], [new Set([2, 1])]],
    [[Buffer.from([1])], [bytes(1)]], [[1], [1n]], [[0], [-0]], [[undefined], []]];
  for (const [one, other] of same) assert.equal(fn.key(...one), fn.key(...other));
});

test("arguments of which no key can be made are refused, and the function does not run", async () => {
  const { fn, runs } = await open();
  const circle = {};
  circle.circle = circle;
  let deep = [];
  for (let at = 0; at < 100_000; at++) deep = [deep];
  const ofClasses = [new Date(), /a/, new URL("http://a"), new (class User { id = 1; })(), new ArrayBuffer(1), new Float32Array(1), new WeakMap()];
  const others = [() => {}, Symbol("s"), "\ud800", { "\udc00": 1 }, [undefined], [, 1], { [Symbol("s")]: 1 }, 2n ** 64n, new Map([[1, 1]])];
  for (const arg of [...ofClasses, Promise.resolve(), new Error("a"), { a: { b: new Date() } }, circle, deep, ...others]) {
    await assert.rejects(fn(arg), { name: "LarderError", code: "invalid-argument" }, String(arg?.constructor?.name));
    await assert.rejects(fn.invalidate(arg), { code: "invalid-argument" });
  }
  assert.equal(runs(), 0);
  assert.throws(() => fn.key(1, { at: new Date() }), { message: /argument 1\.at is a Date/ });
});

test("a key of one's own takes the place of the arguments", async () => {
  const cache = await Larder.open();
  const when = memoize(cache, (at) => at.getUTCFullYear(), { name: "year", key: (at) => at.getTime() });
  assert.deepEqual([await when(new Date(0)), await when(new Date(0)), await when(new Date(1e12))], [1970, 1970, 2001]);
  assert.notEqual(when.key(new Date(0)), when.key(new Date(1)));
});

test("answers come back as what they were, or are not remembered", async () => {
  const { cache, faults } = await open();
  const give = memoize(cache, (at) => answers[at], { name: "give" });
  const circle = [];
  circle.push(circle);
  const exact = ["", "text", 0, -1.5, true, null, [], [1, [null]], { a: { b: "\ud800" } }, new Uint8Array([1, 2]), Object.assign(Object.create(null), { a: 1 })];
  const objects = [new Date(0), new Map(), new Set([1]), new Float32Array(1), Buffer.from("a"), new String("a"), Object.create({ a: 1 }), "a".match(/a/), new (class Rows extends Array {})()];
  const within = [{ a: new Date() }, [undefined], { a: new Uint8Array(1) }, circle, { toJSON: () => 1 }, { [Symbol("s")]: 1 }];
  const odd = Object.create(Object.create(null, { a: { value: 1 } }));
  const inexact = [...objects, ...within, odd, NaN, Infinity, 1n, () => {}, "\ud800"];
  const answers = [...exact, ...inexact, undefined];
  for (const [at, answer] of answers.entries()) {
    const first = await give(at);
    const second = await give(at);
    assert.deepEqual([first, second], [answer, at === exact.length - 1 ? { a: 1 } : answer]);
    assert.equal(await cache.has(give.key(at)), at < exact.length, String(at));
  }
  assert.equal(faults.length, 2 * inexact.length, "undefined is no fault");
  assert.match(faults[0].message, /give .*: it is a Date/);
  assert.equal(faults[0].code, "invalid-argument");
});

test("who waits for an answer that cannot be remembered has it too", async () => {
  const { cache, faults } = await open();
  let runs = 0;
  const day = memoize(cache, async () => (++runs, new Date(0)), { name: "day" });
  const all = await Promise.all(Array.from({ length: 5 }, () => day()));
  assert.deepEqual([runs, faults.length, all.every((one) => one instanceof Date)], [1, 1, true]);
});

test("errors are thrown and not remembered, unless that was asked for", async () => {
  const now = clock();
  const cache = await Larder.open({ now });
  let runs = 0;
  const fails = () => {
    if (++runs <= 3) throw new RangeError(`not ${runs}`);
    return "at last";
  };
  const forgets = memoize(cache, fails, { name: "forgets" });
  await assert.rejects(forgets(1), { name: "RangeError", message: "not 1" });
  await assert.rejects(forgets(1), { message: "not 2" });
  const remembers = memoize(cache, fails, { name: "remembers", errors: "1m" });
  const both = await Promise.allSettled([remembers(1), remembers(1), remembers(1)]);
  assert.deepEqual(both.map(({ reason }) => reason.message), ["not 3", "not 3", "not 3"]);
  await assert.rejects(remembers(1), { name: "RangeError", message: "not 3" });
  assert.equal(await remembers(2), "at last");
  now.time += 60_000;
  assert.equal(await remembers(1), "at last");
  runs = 2;
  await assert.rejects(remembers(3), { message: "not 3" });
  await remembers.invalidate(3);
  assert.equal(await remembers(3), "at last");
  runs = 2;
  await assert.rejects(remembers(4), { message: "not 3" });
  await remembers.clear();
  assert.equal(await remembers(4), "at last");
});

test("an error of a call that was forgotten meanwhile is not remembered", async () => {
  const told = (key) => (fn) => fn.cache.dispatchEvent(new CustomEvent("change", { detail: { key } }));
  const bytes = (text) => new TextEncoder().encode(text);
  const ways = [(fn) => fn.invalidate(1), (fn) => fn.clear(), ({ cache }) => cache.invalidate({ tag: "t" }), ({ cache }) => cache.clear()];
  ways.push(({ cache, key }) => cache.delete(key(1)), (fn) => told(bytes(fn.key(1)))(fn), told(undefined));
  const others = [(fn) => fn.invalidate(2), ({ cache }) => cache.delete("other"), told(bytes("other"))];
  for (const [at, forget] of [...ways, ...others].entries()) {
    const cache = await Larder.open();
    let [runs, fail] = [0];
    const fails = () => (++runs > 1 ? "well" : new Promise((_, reject) => (fail = reject)));
    const fn = memoize(cache, fails, { name: "fails", errors: "1m", tags: ["t"] });
    const first = fn(1);
    while (fail === undefined) await new Promise((done) => setImmediate(done));
    await forget(Object.assign(fn, { cache }));
    fail(new Error("old"));
    await assert.rejects(first, { message: "old" });
    assert.equal(await fn(1).catch(({ message }) => message), at < ways.length ? "well" : "old", String(forget));
  }
});

test("what was remembered of an error and is none is an error still", async () => {
  const cache = await Larder.open();
  const fn = memoize(cache, () => { throw new Error("x"); }, { name: "f", errors: "1m" });
  await assert.rejects(fn());
  const [key] = cache.sync.keys();
  for (const value of ["text", null, 5, { name: 1, message: {} }, new Uint8Array(3)]) {
    await cache.set(key, value);
    await assert.rejects(fn(), Error);
  }
});

test("times and labels are those of the options", async () => {
  const { now, fn, cache, faults } = await open({ ttl: "1m", stale: "1m", tags: (arg) => [`tag:${arg}`] });
  assert.deepEqual([await fn("a"), await fn("b")], [1, 2]);
  now.time += 60_000;
  const stored = new Promise((done) => cache.addEventListener("set", done, { once: true }));
  assert.equal(await fn("a"), 1);
  await stored;
  assert.equal(await fn("a"), 3);
  await cache.invalidate({ tag: "tag:a" });
  assert.equal(await fn("a"), 4);
  now.time += 120_000;
  assert.equal(await fn("b"), 5);
  assert.deepEqual(faults, []);
});

test("forgetting forgets what it says, and what is being made", async () => {
  const { cache, fn } = await open();
  const other = memoize(cache, async (arg) => `other ${arg}`, { name: "f|other" });
  const longer = memoize(cache, async (arg) => `longer ${arg}`, { name: "ff" });
  await other(1), await longer(1), await fn(1), await fn(2);
  assert.deepEqual([await fn.invalidate(1), await fn.invalidate(1)], [true, false]);
  assert.deepEqual([await fn(1), await fn(2)], [3, 2]);
  await fn.clear();
  assert.deepEqual([await fn(2), await cache.has(other.key(1)), await cache.has(longer.key(1))], [4, true, true]);
  let go;
  const slow = memoize(cache, () => new Promise((done) => (go = done)), { name: "slow" });
  for (const forget of [() => slow.invalidate(), () => slow.clear()]) {
    const waiting = slow();
    await new Promise((done) => setImmediate(done));
    await forget();
    go("outdated");
    assert.equal(await waiting, "outdated");
    assert.equal(await cache.has(slow.key()), false);
  }
});

test("objects of another realm are as those of this one", async () => {
  const { cache } = await open();
  const { runInNewContext } = await import("node:vm");
  const give = memoize(cache, () => runInNewContext("({ a: [{}, null] })"), { name: "give" });
  assert.equal(give.key(runInNewContext("[{ a: 1 }]")), give.key([{ a: 1 }]));
  assert.throws(() => give.key(runInNewContext("new Date()")), { code: "invalid-argument" });
  await give();
  assert.equal(await cache.has(give.key()), true);
});

test("an error is thrown as it was, though it cannot be remembered", async () => {
  const { cache, faults } = await open({}, { maxEntrySize: 100 });
  const fails = memoize(cache, () => { throw new Error("x".repeat(1000)); }, { name: "fails", errors: "1m" });
  await assert.rejects(fails(), { message: "x".repeat(1000) });
  assert.deepEqual(faults.map(({ code }) => code), ["too-large"]);
});

test("a name that is none is refused at once", async () => {
  const cache = await Larder.open();
  for (const name of ["", "x".repeat(256)]) assert.throws(() => memoize(cache, () => 1, { name }), { code: "invalid-argument" });
  const odd = ["a|b", "a%7Cb", "☃", "text:a"].map((name) => memoize(cache, () => name, { name }));
  for (const fn of odd) assert.equal(await fn(), await fn());
  assert.equal(new Set(odd.map((fn) => fn.key())).size, 4);
});
