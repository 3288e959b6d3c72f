// The longest task of the main thread while a million entries are worked on. After each step the observer is waited for, so that a task
// counts for the step that made it.

import { Larder } from "../../pkg/index.js";

const COUNT = 1_000_000;
const QUIET = 150;
/** Milliseconds of the control, and of its slices, which are as long as those of the package. */
const [CONTROL, SLICE] = [5000, 10];
const HOUR = 3_600_000;

function* entries(from, to) {
  for (let at = from; at < to; at++) yield [`entry:${at}`, `${at}`.padEnd(100, "value ")];
}

function turn() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

const pause = () => new Promise((done) => setTimeout(done, QUIET));

/** Steps of a cache, in the order of `steps`; each answers with `[milliseconds, longest task]`. */
export async function play(store, steps) {
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  });
  observer.observe({ entryTypes: ["longtask"] });
  let [cache, now, snapshot] = [undefined, Date.now(), undefined];
  const open = (name) => Larder.open({ store, name, now: () => now, maxBytes: "1GB", maxStoreBytes: "1GB" });
  const STEPS = {
    /** Work in short slices: what is longer is the time of other programs. */
    async nothing() {
      for (const end = performance.now() + CONTROL; performance.now() < end; await turn()) {
        for (const slice = performance.now() + SLICE; performance.now() < slice; );
      }
    },
    async open() {
      cache = await open("million");
    },
    async set() {
      await cache.setMany(entries(0, COUNT / 2));
      await cache.setMany(entries(COUNT / 2, COUNT), { ttl: "1h" });
    },
    load: () => cache.load(),
    async export() {
      snapshot = await cache.export();
    },
    import: () => cache.import(snapshot),
    cleanup() {
      now += 2 * HOUR;
      return cache.cleanup();
    },
    clear: () => cache.clear(),
  };
  const answers = {};
  for (const step of steps) {
    await pause();
    longest = 0;
    const begun = performance.now();
    await STEPS[step]();
    const taken = performance.now() - begun;
    await pause();
    answers[step] = [taken, longest];
  }
  await cache.close();
  return answers;
}
