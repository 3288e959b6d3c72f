// What is measured, in nanoseconds for one operation. Loops are separate functions, so that each is compiled for what it does.

/** Milliseconds of one measurement: short, so that some are left alone by other programs; a page's clock has steps of a tenth. */
const TIME = 10;
const CHUNK = 500;

/** Numbers that look random and are the same each time. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state % below;
  };
}

/** Keys in an order that is not that of writing. */
function shuffled(count, prefix) {
  const [keys, draw] = [Array.from({ length: count }, (_, at) => `${prefix}:${at}`), random(count)];
  for (let at = count - 1; at > 0; at--) {
    const other = draw(at + 1);
    [keys[at], keys[other]] = [keys[other], keys[at]];
  }
  return keys;
}

const TEXTS = Array.from({ length: 16 }, (_, at) => new Array(100).fill(String.fromCharCode(97 + at)).join(""));
const BYTES = TEXTS.map((text) => new TextEncoder().encode(text));

const SYNC = {
  get(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += cache.get(keys[at % keys.length]).length;
    return sum;
  },
  getBytes(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += cache.getBytes(keys[at % keys.length]).length;
    return sum;
  },
  has(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += cache.has(keys[at % keys.length]) ? 1 : 0;
    return sum;
  },
  set(cache, keys, at) {
    for (const end = at + CHUNK; at < end; at++) cache.set(keys[at % keys.length], TEXTS[at & 15]);
    return at;
  },
  setBytes(cache, keys, at) {
    for (const end = at + CHUNK; at < end; at++) cache.set(keys[at % keys.length], BYTES[at & 15]);
    return at;
  },
  miss(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += (cache.get(keys[at % keys.length]) ?? undefined) === undefined ? 1 : 0;
    return sum;
  },
};

const ASYNC = {
  async get(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += (await cache.get(keys[at % keys.length])).length;
    return sum;
  },
  async getBytes(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += (await cache.getBytes(keys[at % keys.length])).length;
    return sum;
  },
  async has(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += (await cache.has(keys[at % keys.length])) ? 1 : 0;
    return sum;
  },
  async set(cache, keys, at) {
    for (const end = at + CHUNK; at < end; at++) await cache.set(keys[at % keys.length], TEXTS[at & 15]);
    return at;
  },
  async setBytes(cache, keys, at) {
    for (const end = at + CHUNK; at < end; at++) await cache.set(keys[at % keys.length], BYTES[at & 15]);
    return at;
  },
  async miss(cache, keys, at) {
    let sum = 0;
    for (const end = at + CHUNK; at < end; at++) sum += ((await cache.get(keys[at % keys.length])) ?? undefined) === undefined ? 1 : 0;
    return sum;
  },
};

/** Operations: which loop, over which keys. */
export const OPERATIONS = {
  "get, text": ["get", "text"],
  "get, bytes": ["getBytes", "bytes"],
  "has": ["has", "text"],
  "set, text": ["set", "text"],
  "set, bytes": ["setBytes", "bytes"],
  "get, miss": ["miss", "none"],
};

/** In a full cache: more keys than it holds, over and over. */
export const EVICTION = { "set with eviction, text": ["set", "many"], "set with eviction, bytes": ["setBytes", "many"] };

/** A contestant that is set up; `measure` answers with nanoseconds, or with nothing where it cannot do it. */
export async function setUp(contestant, options) {
  const { size, isFull, limit } = options;
  const made = await contestant.make({ ...options, limit: isFull ? limit : undefined });
  const cache = { ...made, getBytes: made.getBytes ?? made.get };
  const keys = isFull ? { many: shuffled(4 * limit, "m") } : { text: shuffled(size, "t"), bytes: shuffled(size, "b"), none: shuffled(size, "n") };
  const fill = async (of, values) => {
    for (const [at, key] of of.entries()) await cache.set(key, values[at & 15]);
  };
  for (const [name, of] of Object.entries(keys)) {
    if (name !== "none" && !(name === "bytes" && cache.refusesBytes)) await fill(of, name === "bytes" ? BYTES : TEXTS);
  }
  let sink = 0;
  return async (operation) => {
    const [loop, which] = { ...OPERATIONS, ...EVICTION }[operation];
    if (cache.refusesBytes && loop.endsWith("Bytes")) return undefined;
    const [begun, of] = [performance.now(), keys[which]];
    let count = 0;
    if (cache.isAsync) for (; performance.now() - begun < TIME; count += CHUNK) sink += await ASYNC[loop](cache, of, count);
    else for (; performance.now() - begun < TIME; count += CHUNK) sink += SYNC[loop](cache, of, count);
    const taken = performance.now() - begun;
    if (Number.isNaN(sink)) throw new Error("what was read was no value");
    return (1e6 * taken) / count;
  };
}
