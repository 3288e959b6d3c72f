// Those who keep entries beyond the page. Each opens a store by name; `fill` writes many at once the best way there is, `all` reads all there
// are and answers how many.

import { Larder } from "../../pkg/index.js";

const ROOM = { maxBytes: "128MB", maxStoreBytes: "512MB" };

function larder(store) {
  return async (name, options = {}) => {
    const cache = await Larder.open({ ...ROOM, ...options, store, name });
    if (!cache.isStored) throw new Error(`no store: ${cache.warnings.join()}`);
    return {
      set: (key, value) => cache.set(key, value),
      get: (key) => cache.get(key),
      fill: (entries) => cache.setMany(entries),
      async all() {
        let count = 0;
        for await (const [, value] of cache) count += value.length === 100 ? 1 : 0;
        return count;
      },
      export: () => cache.export(),
      import: (snapshot) => cache.import(snapshot),
      close: () => cache.close(),
    };
  };
}

const PIECE = 1000;

/** One by one, so many at a time, for those that have no better way. */
async function pieces(entries, set) {
  for (let at = 0; at < entries.length; at += PIECE) await Promise.all(entries.slice(at, at + PIECE).map(([key, value]) => set(key, value)));
}

async function idbKeyval(name) {
  const { createStore, entries, get, set, setMany } = await import("idb-keyval");
  const store = createStore(name, "entries");
  return {
    set: (key, value) => set(key, value, store),
    get: (key) => get(key, store),
    fill: (list) => setMany(list, store),
    all: async () => (await entries(store)).filter(([, value]) => value.length === 100).length,
    close() {},
  };
}

async function localForage(name) {
  const store = globalThis.localforage.createInstance({ name, driver: globalThis.localforage.INDEXEDDB });
  return {
    set: (key, value) => store.setItem(key, value),
    get: (key) => store.getItem(key),
    fill: (list) => pieces(list, (key, value) => store.setItem(key, value)),
    async all() {
      let count = 0;
      await store.iterate((value) => {
        count += value.length === 100 ? 1 : 0;
      });
      return count;
    },
    close() {},
  };
}

async function unstorage(name) {
  const { createStorage } = await import("unstorage");
  const { default: indexedDb } = await import("unstorage/drivers/indexedb");
  const store = createStorage({ driver: indexedDb({ dbName: name, storeName: "entries" }) });
  return {
    set: (key, value) => store.setItem(key, value),
    get: (key) => store.getItem(key),
    fill: (list) => pieces(list, (key, value) => store.setItem(key, value)),
    // All at once would be a transaction each, which keeps Chromium busy for minutes after.
    async all() {
      let count = 0;
      await pieces((await store.getKeys()).map((key) => [key]), async (key) => {
        const value = await store.getItem(key);
        count += value.length === 100 ? 1 : 0;
      });
      return count;
    },
    close() {},
  };
}

export const CONTESTANTS = {
  "larder-web, indexeddb": larder("indexeddb"),
  "larder-web, opfs": larder("opfs"),
  "idb-keyval": idbKeyval,
  "localForage": localForage,
  "unstorage, indexedb": unstorage,
};
