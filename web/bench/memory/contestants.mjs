// Those who race in memory. Each is made for so many entries, `limit`, or for all of a suite; `isAsync` says that its operations are awaited.

const MOST = 200_000;
const ROOM = "256MB";
const isNode = globalThis.process?.versions?.node !== undefined;

async function larder({ limit, wasm }) {
  const { Larder } = await import("../../pkg/index.js");
  return Larder.open({ maxBytes: ROOM, maxEntries: limit, wasm });
}

async function synchronous(options) {
  const { sync } = await larder(options);
  return { get: (key) => sync.get(key), has: (key) => sync.has(key), set: (key, value) => sync.set(key, value) };
}

const SMALL = new URL("../../pkg/larder.wasm", import.meta.url).href;

/** What a cache in linear memory cannot do without: the key there, the value there and back. */
function floor() {
  const [encoder, decoder, map, memory] = [new TextEncoder(), new TextDecoder(), new Map(), new Uint8Array(4096)];
  return {
    get(key) {
      encoder.encodeInto(key, memory);
      const found = map.get(key);
      if (found === undefined) return undefined;
      return found.isText ? decoder.decode(found.bytes) : found.bytes.slice();
    },
    has(key) {
      encoder.encodeInto(key, memory);
      return map.has(key);
    },
    set(key, value) {
      const { written } = encoder.encodeInto(key, memory);
      const isText = typeof value === "string";
      if (isText) encoder.encodeInto(value, memory.subarray(written));
      else memory.set(value, written);
      map.set(key, { bytes: memory.slice(written, written + value.length), isText });
    },
  };
}

async function keyv() {
  const { Keyv } = await import("keyv");
  const cache = new Keyv({ store: new Map() });
  return {
    isAsync: true,
    // Where there is no Buffer it stores bytes as an object with a property for each.
    refusesBytes: !isNode,
    get: (key) => cache.get(key),
    has: (key) => cache.has(key),
    set: (key, value) => cache.set(key, typeof value === "string" ? value : Buffer.from(value.buffer, value.byteOffset, value.length)),
  };
}

async function unstorage() {
  const { createStorage } = await import("unstorage");
  const { default: memory } = await import("unstorage/drivers/memory");
  const cache = createStorage({ driver: memory() });
  return {
    isAsync: true,
    get: (key) => cache.getItem(key),
    getBytes: (key) => cache.getItemRaw(key),
    has: (key) => cache.hasItem(key),
    set: (key, value) => (typeof value === "string" ? cache.setItem(key, value) : cache.setItemRaw(key, value)),
  };
}

async function lru({ limit }) {
  const { LRUCache } = await import("lru-cache");
  const cache = new LRUCache({ max: limit ?? MOST });
  return { get: (key) => cache.get(key), has: (key) => cache.has(key), set: (key, value) => cache.set(key, value) };
}

async function quick({ limit }) {
  const { default: QuickLRU } = await import("quick-lru");
  const cache = new QuickLRU({ maxSize: limit ?? MOST });
  return { get: (key) => cache.get(key), has: (key) => cache.has(key), set: (key, value) => cache.set(key, value) };
}

/** The component as jco makes it into JavaScript. Text is for its caller, as it is in every host. */
async function component({ limit, made }) {
  const { cache: api } = await import(made);
  const settings = [{ tag: "max-bytes", val: 256_000_000n }, { tag: "seed", val: 1n }];
  if (limit !== undefined) settings.push({ tag: "max-entries", val: limit });
  const cache = api.Cache.open(settings);
  const namespace = cache.namespace("default");
  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  const now = () => BigInt(Date.now());
  const get = (key) => cache.get(namespace, encoder.encode(key), now())?.value;
  return {
    get(key) {
      const value = get(key);
      return value === undefined ? undefined : decoder.decode(value);
    },
    getBytes: get,
    has: (key) => cache.exists(namespace, encoder.encode(key), now()),
    set: (key, value) => cache.set(namespace, encoder.encode(key), typeof value === "string" ? encoder.encode(value) : value, [], now(), undefined),
  };
}

function plain() {
  const map = new Map();
  return { get: (key) => map.get(key), has: (key) => map.has(key), set: (key, value) => map.set(key, value) };
}

async function awaited(options) {
  const cache = await larder(options);
  return { isAsync: true, get: (key) => cache.get(key), has: (key) => cache.has(key), set: (key, value) => cache.set(key, value) };
}

/** Who takes part where; `isBounded` for those that give up entries. */
export const CONTESTANTS = {
  "larder-web, sync": { make: synchronous, isBounded: true },
  "larder-web, sync, larder.wasm": { make: (options) => synchronous({ ...options, wasm: SMALL }), isBounded: true, only: "node" },
  "larder-web": { make: awaited, isBounded: true },
  "Map": { make: plain },
  "Map and UTF-8 there and back": { make: floor },
  "lru-cache": { make: lru, isBounded: true },
  "quick-lru": { make: quick, isBounded: true },
  "keyv with Map": { make: keyv },
  "unstorage, memory": { make: unstorage },
  "component through jco": { make: component, isBounded: true, only: "node" },
};

/** In a page `larder.wasm` is the default, and the other one is the choice. */
export const IN_PAGE = {
  ...Object.fromEntries(Object.entries(CONTESTANTS).filter(([, { only }]) => only === undefined)),
  "larder-web, sync, fast.wasm": {
    make: (options) => synchronous({ ...options, wasm: new URL("../../pkg/fast.wasm", import.meta.url).href }),
    isBounded: true,
  },
};
