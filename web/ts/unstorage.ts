// unstorage on Larder: a driver, which is a plain object. unstorage makes texts of values and parts of keys; the driver keeps them, lists
// them by what they begin with, and tells of changes that the cache tells of.

import { LarderError } from "./error.js";
import { inexact } from "./exact.js";
import type { Larder } from "./larder.js";
import { span, type Span } from "./units.js";
import type { Value } from "./values.js";
import type { Key, SetOptions } from "./core.js";

/** How a driver is made. */
export interface LarderDriverOptions {
  /** Where entries are kept. It is closed by who opened it. */
  readonly cache: Larder;
  /** What the keys of all entries begin with in the cache, to keep them apart from other users of the same cache. Default `unstorage/`. */
  readonly base?: string;
  /** Time to live of items that are set without one. Default: that of the cache. */
  readonly ttl?: Span;
}

/** What an item may be given besides its value: `storage.setItem(key, value, options)`. */
export interface LarderItemOptions {
  /** Time to live in seconds, as everywhere in unstorage. */
  readonly ttl?: number;
  /** Labels by which the cache can make items invalid together. */
  readonly tags?: readonly string[];
}

/** What is known of an item besides its value. */
export interface LarderItemMeta {
  readonly atime: Date;
  readonly mtime: Date;
  /** Seconds for which the item is there yet; none for one that stays. */
  readonly ttl?: number;
  /** Bytes. */
  readonly size: number;
  [name: string]: Date | number | undefined;
}

/** What changes is told so. */
export type LarderWatcher = (event: "update" | "remove", key: string) => void;

/** A driver for `createStorage({ driver })`. Of the type `Driver` of unstorage. */
export interface LarderDriver {
  readonly name: "larder";
  readonly flags: { readonly ttl: true };
  readonly options: LarderDriverOptions;
  readonly getInstance: () => Larder;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<Stored>;
  getItems(items: readonly { readonly key: string }[]): Promise<{ key: string; value: Stored }[]>;
  getItemRaw(key: string): Promise<Stored>;
  setItem(key: string, value: string, options?: LarderItemOptions): Promise<void>;
  setItems(
    items: readonly { readonly key: string; readonly value: string; readonly options?: LarderItemOptions }[],
    options?: LarderItemOptions,
  ): Promise<void>;
  setItemRaw(key: string, value: unknown, options?: LarderItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<LarderItemMeta | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
  dispose(): void;
  /** Tells of items that are set or removed one by one; not of those that end, are evicted, or go together with others. */
  watch(callback: LarderWatcher): () => void;
}

/** An item: text where unstorage wrote it, and whatever it is where somebody else did. */
export type Stored = null | string | number | boolean | object;

// A byte order mark is part of a key.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Makes a driver for unstorage, which is also what `defineDriver` takes. What is refused is a `LarderError`. */
export function larderDriver(options: LarderDriverOptions): LarderDriver {
  const { cache, base = "unstorage/" } = options;
  const ttl = options.ttl === undefined ? undefined : span(options.ttl);
  const unwatch = new Set<() => void>();

  const given = (item: LarderItemOptions = {}): SetOptions => {
    const time = item.ttl === undefined ? ttl : item.ttl * 1000;
    // No stale window: to unstorage an item is there or it is not. No time is for ever, as with its other drivers.
    return { stale: 0, ...(time === undefined || time === 0 ? {} : { ttl: time }), ...(item.tags === undefined ? {} : { tags: item.tags }) };
  };
  const set = (key: string, value: Value, item?: LarderItemOptions): Promise<void> => cache.set(base + key, value, given(item));

  return {
    name: "larder",
    flags: { ttl: true },
    options,
    getInstance: () => cache,

    hasItem: (key) => cache.has(base + key),

    getItem: async (key) => (await cache.get(base + key)) ?? null,

    async getItems(items) {
      const values = await cache.getMany(items.map(({ key }) => base + key));
      return items.map(({ key }, at) => ({ key, value: values[at] ?? null }));
    },

    getItemRaw: async (key) => (await cache.get(base + key)) ?? null,

    setItem: set,

    async setItems(items, common) {
      for (const { key, value, options } of items) await set(key, value, { ...common, ...options });
    },

    async setItemRaw(key, value, item) {
      const raw = bytes(value);
      const fault = inexact(raw);
      if (fault !== undefined) throw new LarderError("invalid-argument", `the item ${key} would come back as something else: ${fault}`);
      await set(key, raw as Value, item);
    },

    async removeItem(key) {
      await cache.delete(base + key);
    },

    async getMeta(key) {
      const info = await cache.inspect(base + key);
      if (info === undefined) return null;
      const { created, accessed, expires, size } = info;
      const times = expires === undefined ? {} : { ttl: Math.max(0, Math.ceil((expires - cache.now()) / 1000)) };
      return { atime: new Date(accessed), mtime: new Date(created), size, ...times };
    },

    async getKeys(within = "") {
      const keys: string[] = [];
      for await (const { key } of cache.infos(base + within)) keys.push(decoder.decode(key).slice(base.length));
      return keys;
    },

    async clear(within = "") {
      for await (const { key } of cache.infos(base + within)) await cache.delete(key);
    },

    dispose() {
      for (const stop of unwatch) stop();
    },

    watch(callback) {
      const tell = (event: "update" | "remove", key: Key): void => {
        const name = typeof key === "string" ? key : decoder.decode(key);
        if (name.startsWith(base)) callback(event, name.slice(base.length));
      };
      const updated = ({ detail }: CustomEvent<{ readonly key: Key }>): void => tell("update", detail.key);
      const removed = ({ detail }: CustomEvent<{ readonly key: Key }>): void => tell("remove", detail.key);
      cache.addEventListener("set", updated);
      cache.addEventListener("delete", removed);
      const stop = (): void => {
        cache.removeEventListener("set", updated as (event: Event) => void);
        cache.removeEventListener("delete", removed as (event: Event) => void);
        unwatch.delete(stop);
      };
      unwatch.add(stop);
      return stop;
    },
  };
}

/** Buffers and views of them as bytes; anything else as it is. */
function bytes(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value;
}
