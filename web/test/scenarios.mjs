// What a cache with a store must do, whatever the store: played in a page and in a worker (stores.test.mjs). Each throws what it finds wrong.

import { Larder } from "/web/pkg/index.js";

const say = (value) => JSON.stringify(value, (_, it) => (typeof it === "bigint" ? `${it}n` : it instanceof Uint8Array ? [...it] : it));

export function same(found, expected, what = "") {
  if (say(found) !== say(expected)) throw new Error(`${what}: expected ${say(expected)?.slice(0, 300)}, found ${say(found)?.slice(0, 300)}`);
}

/** Numbers that look random and are the same each time. */
export function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

const VALUES = { empty: "", text: "ünïcode ☃", bytes: new Uint8Array([0, 255, 128]), json: { a: [1, null, true] }, long: "x".repeat(100_000) };

export async function valuesComeBack(options) {
  let time = 1_750_000_000_000;
  const open = () => Larder.open({ ...options, now: () => time });
  let cache = await open();
  same(cache.warnings.map(String), [], "warnings");
  for (const [key, value] of Object.entries(VALUES)) await cache.set(key, value, { ttl: "1h", tags: ["a"], metadata: { of: key } });
  await cache.set("short", "gone soon", { ttl: 1000 });
  await cache.set("memory", "only", { durability: "memory" });
  await cache.set(new Uint8Array([7, 0]), "a key of bytes", { durability: "sync" });
  await cache.close();
  time += 2000;
  cache = await open();
  for (const [key, value] of Object.entries(VALUES)) {
    same(await cache.has(key), true, key);
    same(await cache.ttl(key), 3_598_000, key);
    same(await cache.get(key), value, key);
    const { tags, metadata, size, created } = await cache.inspect(key);
    same([tags, metadata, created], [["a"], { of: key }, 1_750_000_000_000], key);
    same(size > 0 || key === "empty", true, key);
  }
  same([await cache.get("short"), await cache.get("memory"), await cache.get(new Uint8Array([7, 0]))], [undefined, undefined, "a key of bytes"]);
  same(await cache.getMany(["text", "none", "json"]), [VALUES.text, undefined, VALUES.json]);
  same(cache.isStored, true);
  await cache.close();
}

export async function whatIsGoneStaysGone(options) {
  let cache = await Larder.open(options);
  for (let at = 0; at < 50; at++) await cache.set(`key ${at}`, at, { tags: [at < 10 ? "low" : "high"] });
  await cache.close();
  // Of a cache that has nothing in memory.
  cache = await Larder.open(options);
  same(await cache.delete("key 20"), true);
  same(await cache.delete("key 20"), false);
  await cache.invalidate({ tag: "low" });
  await cache.set("key 3", "anew", { tags: ["low"] });
  await cache.set("key 21", "in memory now", { durability: "memory" });
  for (const when of ["at once", "later"]) {
    same([await cache.get("key 20"), await cache.has("key 1"), await cache.get("key 2")], [undefined, false, undefined], when);
    same([await cache.get("key 3"), await cache.get("key 22")], ["anew", 22], when);
    if (when === "later") same(await cache.get("key 21"), undefined, "the record of before");
    const keys = [];
    for await (const [key] of cache) keys.push(key);
    same(keys.length, when === "later" ? 39 : 40, `${when} ${keys}`);
    await cache.close();
    cache = await Larder.open(options);
  }
  same((await cache.clear()) > 0, true);
  await cache.set("after", 1);
  await cache.close();
  cache = await Larder.open(options);
  same([await cache.get("key 22"), await cache.get("after")], [undefined, 1]);
  await cache.close();
}

export async function memoryMayBeSmall(options) {
  const cache = await Larder.open({ ...options, maxBytes: "100kB" });
  const value = (at) => `${at} `.repeat(200);
  await cache.setMany(Array.from({ length: 1000 }, (_, at) => [`key ${at}`, value(at)]));
  same(cache.sync.size < 500, true, "not all are in memory");
  for (let at = 0; at < 1000; at++) same(await cache.get(`key ${at}`), value(at), `key ${at}`);
  same(await cache.touch("key 1", "5m"), true);
  same(await cache.touch("none", "5m"), false);
  same((await cache.ttl("key 1")) <= 300_000, true, "touched");
  const infos = new Set();
  for await (const { key } of cache.infos("key 99")) infos.add(new TextDecoder().decode(key));
  same(infos.size, 11);
  await cache.close();
}

export async function numbersAddUp(options) {
  let cache = await Larder.open(options);
  await Promise.all(Array.from({ length: 20 }, () => cache.increment("count")));
  await cache.close();
  cache = await Larder.open(options);
  let refused;
  try {
    cache.sync.increment("count");
  } catch (error) {
    refused = error.code;
  }
  same(refused, "unsupported", "what is only in the store is not begun anew");
  await Promise.all(Array.from({ length: 20 }, () => cache.increment("count", 2n)));
  same(await cache.increment("count", 0), 60n);
  await cache.close();
}

export async function theStoreIsBounded(options) {
  const cap = 2_000_000;
  let cache = await Larder.open({ ...options, maxStoreBytes: cap, maxBytes: "200kB" });
  for (let round = 0; round < 20; round++) {
    await cache.setMany(Array.from({ length: 100 }, (_, at) => [`key ${round}.${at}`, crypto.getRandomValues(new Uint8Array(5000))]));
    const { "stored-bytes": bytes } = await cache.stats();
    same(bytes <= cap + 300_000, true, `${bytes} bytes`);
  }
  for (let at = 0; at < 100; at++) same((await cache.get(`key 19.${at}`))?.length, 5000, "the newest are there");
  await cache.close();
  cache = await Larder.open({ ...options, maxStoreBytes: cap });
  same((await cache.get("key 19.99"))?.length, 5000);
  let left = 0;
  for (let at = 0; at < 2000; at++) left += (await cache.has(`key ${Math.floor(at / 100)}.${at % 100}`)) ? 1 : 0;
  same(left >= 100 && left <= cap / 5000, true, `${left} are left`);
  same((await cache.stats())["stored-bytes"] <= cap, true, "after opening");
  await cache.close();
}

/** Blocks of a few lines would be put together again right after, which takes longer than writing them. */
export async function setTogether(options) {
  const cache = await Larder.open(options);
  await cache.set("key", "the first file is made for it");
  await cache.setMany(Array.from({ length: 1000 }, (_, at) => [`key ${at}`, "x".repeat(100)]));
  const { size } = cache.sync.tier.log.catalog.blocks;
  same(size < 20, true, `${size} blocks`);
  await cache.close();
}

/** What is written faster than it is stored must not fill memory. */
export async function writesAreWaitedFor(options) {
  const cache = await Larder.open({ ...options, maxBytes: "1MB" });
  const value = crypto.getRandomValues(new Uint8Array(20_000));
  let most = 0;
  function* entries() {
    for (let at = 0; at < 2000; at++) {
      yield [`key ${at}`, value];
      most = Math.max(most, cache.sync.tier.log.waiting.size);
    }
  }
  await cache.setMany(entries());
  const snapshot = await cache.export();
  const { log } = cache.sync.tier;
  const { put } = log;
  log.put = function (line) {
    put.call(this, line);
    most = Math.max(most, this.waiting.size);
  };
  await cache.import(snapshot);
  same(most < 1000, true, `${most} of 2000 wait`);
  await cache.close();
}

/** Writes until what is waited for has come: what tidies the store runs behind writes. */
async function settled(cache, isSo) {
  for (let round = 0; round < 200; round++) {
    if (await isSo()) return;
    await cache.set("tick", round);
  }
  throw new Error("it does not come");
}

export async function overwritingLeavesNoGarbage(options) {
  const cache = await Larder.open({ ...options, maxStoreBytes: "50MB" });
  for (let round = 0; round < 60; round++) await cache.setMany(Array.from({ length: 20 }, (_, at) => [`key ${at}`, new Uint8Array(5000).fill(round)]));
  await settled(cache, async () => (await cache.stats())["stored-bytes"] < 3_000_000);
  for (let at = 0; at < 20; at++) same((await cache.get(`key ${at}`))[0], 59);
  await cache.close();
}

export async function poolsStay(options) {
  const plan = { dimensions: { language: ["rust", "go"], lines: [10, 20] } };
  let time = 1_750_000_000_000;
  const open = () => Larder.open({ ...options, now: () => time, maxBytes: "50kB" });
  let cache = await open();
  let pool = await cache.pool("p", plan);
  const generator = ({ values, entry, generation }) => `${values.language} ${values.lines} ${entry} ${generation} ${"x".repeat(1000)}`;
  same((await pool.accumulate(generator)).made, 12);
  await cache.close();
  time += 3 * 36e5;
  cache = await open();
  pool = await cache.pool("p");
  same((await pool.stats()).cachedEntries, 12);
  same((await pool.accumulate(generator)).made, 12);
  same((await pool.accumulate(generator)).planned, 0);
  const seen = new Set();
  for (let at = 0; at < 100; at++) seen.add((await pool.pick({ language: "go", lines: 20 })).value);
  same(seen.size, 6);
  same([...seen].every((value) => value.startsWith("go 20 ")), true);
  await cache.close();
}

export async function snapshotsGoRound(options) {
  const cache = await Larder.open(options);
  for (const [key, value] of Object.entries(VALUES)) await cache.set(key, value, { tags: ["t"], metadata: { m: "1" } });
  await cache.set("invalid", 1, { tags: ["out"] });
  await cache.invalidate({ tag: "out" });
  await cache.set("memory", 2, { durability: "memory" });
  const blob = await cache.export();
  const other = await Larder.open({ ...options, name: `${options.name} other` });
  same(await other.import(blob), { entries: 6, expired: 0, damaged: 0 });
  for (const [key, value] of Object.entries(VALUES)) same(await other.get(key), value, key);
  same([(await other.inspect("json")).tags, await other.get("memory"), await other.get("invalid")], [["t"], 2, undefined]);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  for (const [spoil, code] of [[(it) => it.subarray(0, -1), "corrupt"], [(it) => it.fill(1, 0, 3), "corrupt"], [(it) => it.fill(9, 7, 8), "newer-format"]]) {
    const refused = await other.import(spoil(bytes.slice())).catch((error) => error.code);
    same(refused, code);
  }
  const flipped = bytes.slice();
  flipped[100] ^= 1;
  same((await other.import(flipped)).damaged, 1);
  await cache.close();
  await other.close();
}

/** As a map does, through restarts, with little memory, and with times that pass. */
export async function asAMap(options) {
  const next = random(options.seed ?? 1);
  let time = 1_750_000_000_000;
  const open = () => Larder.open({ ...options, now: () => time, maxBytes: "64kB", maxStoreBytes: "20MB" });
  let cache = await open();
  const model = new Map();
  const there = (key) => {
    const found = model.get(key);
    return found !== undefined && found.until > time ? found : undefined;
  };
  for (let step = 0; step < (options.steps ?? 2000); step++) {
    const key = `key ${next(60)}`;
    const what = next(100);
    if (what < 40) same(await cache.get(key), there(key)?.value, `step ${step} get ${key}`);
    else if (what < 65) {
      const value = next(4) === 0 ? { step } : `${step} `.repeat(next(1500));
      const [ttl, tag] = [next(2) === 0 ? 1000 + next(100_000) : undefined, `tag ${next(3)}`];
      await cache.set(key, value, { tags: [tag], ...(ttl === undefined ? {} : { ttl }) });
      model.set(key, { value, tag, until: ttl === undefined ? Infinity : time + ttl });
    } else if (what < 75) {
      same(await cache.delete(key), there(key) !== undefined, `step ${step} delete ${key}`);
      model.delete(key);
    } else if (what < 82) same(await cache.has(key), there(key) !== undefined, `step ${step} has ${key}`);
    else if (what < 85) {
      const tag = `tag ${next(3)}`;
      await cache.invalidate({ tag });
      for (const [key, entry] of model) if (entry.tag === tag) model.delete(key);
    } else if (what < 88) {
      const isThere = there(key) !== undefined;
      same(await cache.touch(key, 50_000), isThere, `step ${step} touch ${key}`);
      if (isThere) model.get(key).until = time + 50_000;
    } else if (what < 96) time += next(5000);
    else if (what < 97) await cache.cleanup();
    else if (what < 98 && next(4) === 0) {
      await cache.clear();
      model.clear();
    } else if (what >= 98) {
      await cache.close();
      cache = await open();
    }
  }
  const keys = new Set();
  for await (const [key] of cache) keys.add(key);
  same([...keys].sort(), [...model.keys()].filter(there).sort(), "keys");
  same(cache.warnings.map(String), []);
  await cache.close();
}

export async function memoryIsFilled(options) {
  let cache = await Larder.open(options);
  await cache.setMany(Array.from({ length: 2000 }, (_, at) => [`key ${at}`, `value ${at}`]));
  await cache.set("key 5", "newer");
  await cache.delete("key 6");
  await cache.close();
  cache = await Larder.open({ ...options, preload: true });
  same([cache.sync.size, cache.sync.get("key 1999"), cache.sync.get("key 5"), cache.sync.get("key 6")], [1999, "value 1999", "newer", undefined]);
  await cache.close();
}

export async function bansMayBeMany(options) {
  let cache = await Larder.open({ ...options, maxBytes: "40kB" });
  const count = 1200;
  await cache.setMany(Array.from({ length: count }, (_, at) => [`stays ${at}`, at]), { tags: ["stays"] });
  for (let at = 0; at < count; at++) cache.sync.set(`goes ${at}`, at, { tags: [`tag ${at}`] });
  await cache.flush();
  for (let at = 0; at < count; at++) await cache.invalidate({ tag: `tag ${at}` });
  for (const when of ["at once", "later"]) {
    for (let at = 0; at < count; at++) {
      same(await cache.get(`goes ${at}`), undefined, `${when}: goes ${at}`);
      same(await cache.get(`stays ${at}`), at, `${when}: stays ${at}`);
    }
    await cache.close();
    cache = await Larder.open(options);
  }
  await cache.close();
}

/** A cache with entries that only its store has. */
async function stored(options, entries) {
  const cache = await Larder.open(options);
  await cache.setMany(entries);
  await cache.close();
  return Larder.open(options);
}

export async function readWhileDeleted(options) {
  for (const read of ["get", "look", "has", "ttl", "inspect"]) {
    for (const remove of [(cache) => cache.delete("key"), (cache) => cache.clear(), (cache) => cache.invalidate("all")]) {
      const cache = await stored(options, [["key", "old"]]);
      const reading = cache[read]("key");
      await remove(cache);
      await reading;
      same([await cache.get("key"), cache.sync.get("key"), await cache.has("key")], [undefined, undefined, false], `${read} ${remove}`);
      await cache.close();
    }
  }
}

export async function readWhileOverwritten(options) {
  const cache = await stored({ ...options, maxBytes: 2000 }, [["key", "old"]]);
  const reading = [cache.get("key"), cache.getMany(["key"]), cache.getOrSet("key", () => "made")];
  // Memory has no room for it.
  const long = "x".repeat(5000);
  await cache.set("key", long);
  await Promise.all(reading);
  for (let time = 0; time < 3; time++) same(await cache.get("key"), long);
  await cache.close();
}

export async function touchedWhileDeleted(options) {
  for (const change of [(cache) => cache.touch("key", "1h"), (cache) => cache.increment("key", 5)]) {
    let cache = await stored(options, [["key", "7"]]);
    const changing = change(cache);
    await cache.delete("key");
    const answer = await changing;
    // Whichever came first: a number that is added to later begins anew.
    const expected = answer === 5n ? "5" : undefined;
    for (let round = 0; round < 2; round++) {
      same(await cache.get("key"), expected, `${change} ${answer}`);
      await cache.close();
      cache = await Larder.open(options);
    }
    await cache.delete("key");
    await cache.close();
  }
}

export async function loadedWhileDeleted(options) {
  const count = 2000;
  const cache = await stored(options, Array.from({ length: count }, (_, at) => [`key ${at}`, `value ${at} `.repeat(100)]));
  const { keeper } = cache.sync.tier.log;
  let removed = 0;
  // The first piece is about to be taken: what is in it goes now.
  cache.sync.tier.shelf.records = async function* (namespace) {
    for await (const record of Object.getPrototypeOf(this).records.call(this, namespace)) {
      yield record;
      if (removed === 0) for (; removed < 20; removed++) await cache.delete(`key ${removed}`);
    }
  };
  await keeper.load(cache.sync.id);
  for (let at = 0; at < removed; at++) same([cache.sync.get(`key ${at}`), await cache.get(`key ${at}`)], [undefined, undefined], `key ${at}`);
  same(cache.sync.get(`key ${count - 1}`), `value ${count - 1} `.repeat(100));
  await cache.close();
}

export async function addedWhereMemoryIsFull(options) {
  const cache = await stored({ ...options, maxBytes: 100 }, [["count", "0"]]);
  await Promise.all(Array.from({ length: 50 }, () => cache.increment("count")));
  same(await cache.increment("count", 0), 50n);
  await cache.close();
}

export async function idleTimesBeginAnew(options) {
  let time = 1_750_000_000_000;
  const open = () => Larder.open({ ...options, now: () => time });
  const keys = ["one", "two", "three"];
  const read = {
    get: async (cache) => Promise.all(keys.map((key) => cache.get(key))),
    look: async (cache) => Promise.all(keys.map(async (key) => (await cache.look(key))?.value)),
    getMany: (cache) => cache.getMany(keys),
    "getMany from memory": async (cache) => {
      await cache.load();
      return cache.getMany(keys);
    },
  };
  for (const [how, values] of Object.entries(read)) {
    let cache = await open();
    await cache.setMany(keys.map((key) => [key, how]), { tti: "1h" });
    for (let round = 0; round < 3; round++) {
      await cache.close();
      time += 50 * 60_000;
      cache = await open();
      same(await values(cache), [how, how, how], `${how} ${round}`);
    }
    await cache.close();
    time += 70 * 60_000;
    cache = await open();
    same(await values(cache), [undefined, undefined, undefined], how);
    await cache.close();
  }
}

/** Keys by how often they came. */
async function counted(entries) {
  const counts = new Map();
  for await (const key of entries) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

const bytesOf = (length) => crypto.getRandomValues(new Uint8Array(length));

export async function eachComesOnce(options) {
  const keys = Array.from({ length: 300 }, (_, at) => `key ${at}`);
  const expected = new Map(keys.map((key) => [key, 1]));
  const during = {
    reading: () => {},
    "reading others": (cache, key) => cache.get(keys[(keys.indexOf(key) + 100) % 300]),
    overwriting: (cache, key) => cache.set(key, bytesOf(1000)),
    "overwriting others": (cache, key) => cache.set(keys[(keys.indexOf(key) + 100) % 300], bytesOf(1000)),
    reclaiming: async (cache, key) => {
      if (keys.indexOf(key) % 100 !== 50) return;
      for (let round = 0; round < 30; round++) await cache.set("large", bytesOf(60_000));
      await cache.flush();
    },
  };
  for (const [what, work] of Object.entries(during)) {
    const cache = await Larder.open({ ...options, name: `${options.name} ${what}`, maxBytes: "20kB" });
    for (const key of keys) await cache.set(key, bytesOf(1000));
    const all = async function* () {
      let came = 0;
      for await (const [key] of cache) {
        if (key === "large") continue;
        if (++came > 2 * keys.length) throw new Error(`${what}: it does not end`);
        yield key;
        await work(cache, key);
      }
    };
    const counts = await counted(all());
    for (const key of keys) same([key, counts.get(key)], [key, 1], what);
    same(counts.size, expected.size, what);
    const blob = await cache.export();
    await cache.close();
    const other = await Larder.open({ ...options, name: `${options.name} ${what} other` });
    same((await other.import(blob)).entries >= 300, true);
    await other.close();
  }
}

export async function deletedWhileListed(options) {
  const cache = await Larder.open({ ...options, maxBytes: "20kB" });
  for (let at = 0; at < 600; at++) await cache.set(`key ${at}`, bytesOf(1000));
  for await (const { key } of cache.infos()) await cache.delete(key);
  same([(await counted(cache)).size, (await cache.stats())["stored-entries"]], [0, 0]);
  for (let at = 0; at < 600; at++) await cache.set(`key ${at}`, bytesOf(1000));
  const gone = new Set();
  for await (const { key: bytes } of cache.infos()) {
    const key = new TextDecoder().decode(bytes);
    same(gone.has(key), false, `${key} was deleted`);
    const other = `key ${(Number(key.slice(4)) + 300) % 600}`;
    // What is in memory is listed some at a time.
    if (!cache.sync.has(key)) gone.add(other);
    await cache.delete(other);
  }
  await cache.close();
}

export async function plansStayWhereThereIsNoRoom(options) {
  const small = { ...options, maxStoreBytes: 1_000_000, maxBytes: "100kB" };
  let cache = await Larder.open(small);
  await cache.pool("p", { dimensions: { language: ["rust"] } });
  await cache.close();
  // Of a cache that knows of no pools.
  cache = await Larder.open(small);
  for (let round = 0; round < 40; round++) {
    await cache.setMany(Array.from({ length: 20 }, (_, at) => [`key ${round}.${at}`, crypto.getRandomValues(new Uint8Array(5000))]));
  }
  await cache.close();
  cache = await Larder.open(small);
  const pool = await cache.pool("p");
  same((await pool.stats()).totalCombinations, 1);
  await cache.close();
}

export async function closedAtOnce(options) {
  let cache = await Larder.open(options);
  await cache.set("before", 1);
  cache.sync.set("last", 2);
  await cache.close();
  same(cache.warnings.map(String), []);
  cache = await Larder.open(options);
  same(await cache.getMany(["before", "last"]), [1, 2]);
  await cache.close();
}

/** Turns of the event loop until something is so. */
async function until(isSo) {
  while (!(await isSo())) await new Promise((done) => setTimeout(done));
}

const queued = async (cache) => (await cache.prefetchQueue()).map(({ key }) => key);

export async function theQueueStays(options) {
  let time = 1_750_000_000_000;
  const open = () => Larder.open({ ...options, now: () => time });
  let cache = await open();
  await cache.prefetchMany([{ key: "a" }, { key: "b", priority: 0.9, payload: "how" }, { key: "c", priority: 0.1 }]);
  await cache.set("c", "there");
  await cache.clear();
  await cache.invalidate("all");
  await cache.close();
  cache = await open();
  same(await queued(cache), ["b", "a", "c"]);
  same((await cache.prefetchQueue())[0].payload, "how");
  const prefetcher = await cache.prefetcher(({ key }) => `made for ${key}`, { every: 1, batch: 2, ttl: "1h" });
  await until(async () => (await cache.prefetchStats()).length === 0);
  prefetcher.stop();
  await cache.prefetch("d");
  await cache.close();
  cache = await open();
  same(await cache.getMany(["a", "b", "c"]), ["made for a", "made for b", "made for c"]);
  const { length, fetched, requests, prefetchHits } = await cache.prefetchStats();
  same([length, fetched, requests, prefetchHits, cache.warnings.length], [1, 3, 4, 3, 0]);
  // Who was told of a use does not tell again.
  await cache.close();
  cache = await open();
  await cache.getMany(["a", "b", "c"]);
  same((await cache.prefetchStats()).prefetchHits, 0);
  await cache.close();
}

export async function whatWasLearntStays(options) {
  let time = 1_750_000_000_000;
  let cache = await Larder.open({ ...options, learn: true, now: () => time });
  for (let visit = 0; visit < 100; visit++) for (const key of ["/", "/cart", "/checkout"]) await cache.get(key);
  same((await cache.learnt()).unsaved, 299);
  time += 10_000;
  await cache.get("/");
  const [predicted, { observed }] = [await cache.predict("/cart"), await cache.learnt()];
  // Some of it is stored by itself.
  await until(async () => (await cache.learnt()).unsaved < 256);
  await cache.flush();
  same([(await cache.learnt()).unsaved, await cache.predict("/cart")], [0, predicted]);
  await cache.get("/cart");
  await cache.close();
  // One that is asked later than it is opened, too.
  for (const learn of [true, false]) {
    cache = await Larder.open({ ...options, learn });
    same([await cache.predict("/cart"), (await cache.learnt()).observed, cache.warnings.length], [predicted, observed + 1, 0]);
    await cache.close();
  }
  cache = await Larder.open({ ...options, learn: true });
  await cache.unlearn();
  await cache.close();
  cache = await Larder.open({ ...options, learn: true });
  same((await cache.learnt()).keys, 0);
  await cache.close();
}

/** Puts bytes in place of what a cache keeps for itself. */
async function replaced(cache, bytes) {
  const { tier } = cache.sync;
  for (const namespace of ["larder.prefetch", "larder.prediction"].map((name) => tier.namespace(name))) {
    const args = { namespace, key: new TextEncoder().encode("default"), value: bytes, options: [], now: tier.now(), sequence: tier.stamp() };
    tier.shelf.keep(namespace, "default", tier.engine.call("set", args));
  }
  await cache.close();
}

/** What is warned of is told of a turn later. */
const codes = (cache) => cache.warnings.map(({ code }) => code);

export async function damageBeginsAnew(options) {
  for (const bytes of ["", "nonsense", "LPQ\u0001", "LPM\u0001"]) {
    await replaced(await Larder.open(options), new TextEncoder().encode(bytes));
    let cache = await Larder.open({ ...options, learn: true });
    same(await queued(cache), [], bytes);
    same(codes(cache), ["corrupt", "corrupt"], bytes);
    await cache.prefetch("a");
    for (const key of ["/", "/cart"]) await cache.get(key);
    await cache.close();
    same(codes(cache).length, 2, bytes);
    cache = await Larder.open({ ...options, learn: true });
    same([await queued(cache), (await cache.predict("/"))[0].key, codes(cache)], [["a"], "/cart", []], bytes);
    await cache.withdraw();
    await cache.unlearn();
    await cache.close();
  }
}

export async function whatIsNewerIsLeft(options) {
  for (const [bytes, refused] of [["LPQ\u0002", "larder.prefetch"], ["LPM\u0002", "larder.prediction"]]) {
    await replaced(await Larder.open(options), new TextEncoder().encode(bytes));
    for (let time = 0; time < 2; time++) {
      const cache = await Larder.open({ ...options, learn: true });
      await cache.prefetch("a");
      for (const key of ["/", "/cart"]) await cache.get(key);
      await cache.flush();
      same([await queued(cache), (await cache.predict("/"))[0].key], [["a"], "/cart"], bytes);
      const newer = cache.warnings.filter(({ code }) => code === "newer-format").map(({ message }) => message.includes(refused));
      same(newer, [true], `${bytes} ${time}`);
      await cache.close();
    }
  }
}

export async function whatIsOwnStaysWhereThereIsNoRoom(options) {
  const small = { ...options, maxStoreBytes: 1_000_000, maxBytes: "100kB", learn: true };
  let cache = await Larder.open(small);
  await cache.prefetch("later");
  for (const key of ["/", "/cart"]) await cache.get(key);
  await cache.close();
  cache = await Larder.open({ ...small, learn: false });
  for (let round = 0; round < 40; round++) {
    await cache.setMany(Array.from({ length: 20 }, (_, at) => [`key ${round}.${at}`, crypto.getRandomValues(new Uint8Array(5000))]));
  }
  await cache.close();
  cache = await Larder.open(small);
  same([await queued(cache), (await cache.predict("/"))[0].key], [["later"], "/cart"]);
  await cache.close();
}

export async function exportedWhereverItIs(options) {
  const cache = await Larder.open({ ...options, maxStoreBytes: 500_000 });
  const value = () => crypto.getRandomValues(new Uint8Array(5000));
  await cache.setMany(Array.from({ length: 400 }, (_, at) => [`key ${at}`, value()]));
  await cache.flush();
  same((await cache.stats())["stored-entries"] < 200, true, "the store has no room for all");
  const other = await Larder.open();
  same(await other.import(await cache.export()), { entries: 400, expired: 0, damaged: 0 });
  await cache.set("memory", "only", { durability: "memory" });
  same(await other.import(await cache.export()), { entries: 401, expired: 0, damaged: 0 });
  await cache.close();
}

export async function cleanedUpOnce(options) {
  let time = 1_750_000_000_000;
  const cache = await Larder.open({ ...options, now: () => time });
  await cache.setMany(Array.from({ length: 30 }, (_, at) => [`key ${at}`, at]), { ttl: "1s" });
  await cache.set("kept", 1);
  time += 2000;
  same([await cache.cleanup(), await cache.cleanup(), await cache.get("kept")], [30, 0, 1]);
  await cache.setMany(Array.from({ length: 30 }, (_, at) => [`key ${at}`, at]), { ttl: "1s" });
  time += 2000;
  same([cache.sync.cleanup(), cache.sync.cleanup()], [30, 0]);
  await cache.close();
}
