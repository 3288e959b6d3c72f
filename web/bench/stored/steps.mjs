// What is measured of a store, in milliseconds. Each step begins in a new page (or a worker of one), with nothing in memory.

import { CONTESTANTS } from "./contestants.mjs";

/** Puts keys into an order that is not that of writing. */
const order = (key) => Math.imul(Number(key.split(":")[1]), 0x9e3779b1) >>> 0;

/** Entries of the small store and of the large one. */
const [SINGLES, MANY, LARGE] = [1000, 10_000, 100_000];

/** A text of 100 characters that does not become much smaller when a browser compresses it. */
function value(at) {
  let [text, state] = ["", at + 1];
  while (text.length < 100) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, 100);
}

const entries = (count, prefix) => Array.from({ length: count }, (_, at) => [`${prefix}:${at}`, value(at)]);

async function timed(work) {
  const begun = performance.now();
  const answer = await work();
  return [performance.now() - begun, answer];
}

function check(found, expected, what) {
  if (found !== expected) throw new Error(`${what}: ${expected} were expected, and ${found} found`);
}

const STEPS = {
  /** Sets, each when the one before is stored; then many at once. */
  async write(open, round) {
    const [store, one, list] = [await open(`small-${round}`), entries(SINGLES, "single"), entries(MANY, "many")];
    const [singles] = await timed(async () => {
      for (const [key, value] of one) await store.set(key, value);
    });
    const [many] = await timed(() => store.fill(list));
    await store.close();
    return { singles, many };
  },
  async read(open, round) {
    const store = await open(`small-${round}`);
    const wanted = entries(MANY, "many").sort(([a], [b]) => order(a) - order(b)).slice(0, SINGLES);
    let found = 0;
    const [gets] = await timed(async () => {
      for (const [key, value] of wanted) if ((await store.get(key)) === value) found++;
    });
    check(found, SINGLES, "reads");
    await store.close();
    return { gets };
  },
  async fill(open) {
    const list = entries(LARGE, "large");
    const store = await open("large");
    const [fill] = await timed(() => store.fill(list));
    await store.close();
    return { fill };
  },
  /** Until the first entry is read. */
  async open(open) {
    const [opened, store] = await timed(async () => {
      const store = await open("large");
      check(await store.get("large:77777"), value(77_777), "an entry");
      return store;
    });
    await store.close();
    return { open: opened };
  },
  async all(open) {
    const store = await open("large");
    const [all, count] = await timed(() => store.all());
    check(count, LARGE, "all");
    await store.close();
    return { all };
  },
  async preload(open) {
    const [preload, store] = await timed(() => open("large", { preload: true }));
    const [loaded, count] = await timed(() => store.all());
    check(count, LARGE, "all");
    await store.close();
    return { preload, loaded };
  },
  async snapshot(open, round) {
    const store = await open("large");
    const [exported, blob] = await timed(() => store.export());
    await store.close();
    const other = await open(`imported-${round}`);
    const [imported, found] = await timed(() => other.import(blob));
    check(found.entries, LARGE, "imported");
    await other.close();
    return { export: exported, import: imported };
  },
};

/** Bytes that the browser says this origin takes. */
export async function usage() {
  return (await navigator.storage.estimate()).usage ?? 0;
}

export function play(name, step, round) {
  return STEPS[step](CONTESTANTS[name], round);
}

/** As `play`, in a worker, where files can be kept open. */
export async function playInWorker(...args) {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
  const answer = new Promise((done, failed) => {
    worker.onmessage = ({ data }) => ("error" in data ? failed(new Error(data.error)) : done(data.answer));
    worker.onerror = (event) => failed(new Error(event.message));
  });
  worker.postMessage(args);
  try {
    return await answer;
  } finally {
    worker.terminate();
  }
}
