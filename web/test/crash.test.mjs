// Fears that a page or a worker that ends in the midst of writing loses what it was told is stored, brings back what it was told is gone, or
// leaves a hole: what is found must be what there was at some moment, and no earlier one than the last that it told of.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { start } from "./browser.mjs";

const ROUNDS = 5;
const WRITERS = 8;
const KEYS = 12;
/** More steps than a writer makes whose words are lost. */
const UNHEARD = 5000;
let chromium;

before(async () => {
  chromium = await start();
});

after(() => chromium?.end());

/** What a writer does, step by step: a key, and its value, or none to delete it. The same here and there. */
function* steps(seed, writer, keys) {
  let state = (seed * 1000 + writer) >>> 0;
  const next = (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; ; step++) {
    const key = `${writer} ${next(keys)}`;
    const length = next(8) === 0 ? 20_000 : next(500);
    yield [key, next(4) === 0 ? undefined : `${seed} ${step} ${Array.from({ length: length / 10 }, () => next(2 ** 24).toString(36)).join("")}`];
  }
}

/** In a worker: opens the cache, and does something with it. */
const PROGRAM = `
  const { Larder } = await import(origin + "/web/pkg/index.js");
  let cache;
  for (;;) {
    cache = await Larder.open({ store, name: "crash", maxBytes: "50kB", maxStoreBytes: "6MB" });
    if (cache.isStored) break;
    // The files of a worker that was ended are free a little later.
    await cache.close();
    await new Promise((done) => setTimeout(done, 10));
  }`;
const WRITE = `${PROGRAM}
  const one = async (writer) => {
    let step = 0;
    for (const [key, value] of steps(seed, writer, ${KEYS})) {
      await (value === undefined ? cache.delete(key) : cache.set(key, value));
      postMessage([writer, ++step]);
    }
  };
  await Promise.all(Array.from({ length: ${WRITERS} }, (_, writer) => one(writer)));`;
const READ = `${PROGRAM}
  const keys = Array.from({ length: ${WRITERS * KEYS} }, (_, at) => Math.floor(at / ${KEYS}) + " " + at % ${KEYS});
  const values = await cache.getMany(keys);
  await cache.close();
  postMessage(keys.map((key, at) => [key, values[at]]).filter(([, value]) => value !== undefined));`;

/** Starts a worker in a page; `heard` is called there with each of its words. */
function work(page, program, store, seed = 0) {
  return page.evaluate(([program, store, seed, steps]) => {
    const head = `const origin = "${location.origin}", store = "${store}", seed = ${seed};\n${steps}\n`;
    const worker = new Worker(URL.createObjectURL(new Blob([head + program], { type: "text/javascript" })), { type: "module" });
    worker.onmessage = ({ data }) => heard(data);
    worker.onerror = ({ message }) => console.error(message);
    globalThis.worker = worker;
  }, [program, store, seed, steps.toString()]);
}

/** How many steps a writer made, at least so many, when this is what is there; undefined if there was no such moment. */
function momentOf(seed, writer, least, before, found) {
  const state = new Map(before);
  let made = 0;
  for (const [key, value] of steps(seed, writer, KEYS)) {
    if (made >= least && state.size === found.size && [...state].every(([key, value]) => found.get(key) === value)) return made;
    if (made++ > least + UNHEARD) return undefined;
    if (value === undefined) state.delete(key);
    else state.set(key, value);
  }
  return undefined;
}

for (const store of ["indexeddb", "opfs"]) {
  test(`${store}: after an end in the midst of writing there is what there was at one moment`, async () => {
    const context = await chromium.browser.newContext();
    // Where no page is left the browser forgets it all.
    await chromium.page(context);
    let before = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      const page = await chromium.page(context);
      const done = new Map();
      let words = 0;
      let enough;
      const reached = new Promise((resolve) => (enough = resolve));
      await page.exposeFunction("heard", ([writer, step]) => {
        done.set(writer, step);
        if (++words > 150 + 97 * round) enough();
      });
      await work(page, WRITE, store, round);
      await reached;
      if (round % 2 === 0) await page.evaluate(() => worker.terminate());
      await page.close();

      const other = await chromium.page(context);
      const read = new Promise((resolve) => other.exposeFunction("heard", resolve));
      await work(other, READ, store);
      const found = new Map(await read);
      await other.close();
      for (let writer = 0; writer < WRITERS; writer++) {
        const own = (entries) => new Map([...entries].filter(([key]) => key.startsWith(`${writer} `)));
        const made = momentOf(round, writer, done.get(writer) ?? 0, own(before), own(found));
        assert.ok(made !== undefined, `round ${round}: writer ${writer}, who was told of ${done.get(writer)} steps`);
      }
      before = found;
    }
    assert.ok(before.size > WRITERS, "something was found");
    await context.close();
  });
}
