// Keyv on Larder: a storage adapter for Keyv 5. Keyv frames its values and puts the namespace before its keys; the adapter keeps what it is
// given under the keys that it is given, and lets Larder end what is past its time.

import { LarderError } from "./error.js";
import type { Larder } from "./larder.js";
import type { Value } from "./values.js";

/** How Keyv's entries are kept. */
export interface KeyvLarderOptions {
  /** What the keys of all entries begin with in the cache, to keep them apart from other users of the same cache. Default `keyv/`. */
  readonly prefix?: string;
  /** As the option of the same name that Keyv is given: false says that Keyv puts no namespace before its keys, and the adapter then does.
   * Default true. */
  readonly useKeyPrefix?: boolean;
}

/** An entry that is set together with others. */
export interface KeyvLarderEntry {
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
}

type Listener = (error: unknown) => void;

/** A store for Keyv: `new Keyv({ store: new KeyvLarder(cache) })`. What is refused is a `LarderError`, which Keyv emits as `error`.
 *
 * Each Keyv has a store of its own, of the same cache or another: Keyv tells a store its namespace once, and `clear` goes by it.
 *
 * An entry without a time to live has the default one of the cache. Where Keyv is told not to serialize, a value is what JSON can say. */
export class KeyvLarder {
  /** Whose entries `clear` removes; set by the Keyv that has this store. */
  namespace: string | undefined;

  /** Keyv 5 offers its iterator for the stores whose dialect it knows, and for no others. */
  readonly opts = { dialect: "redis", url: "" };

  private readonly prefix: string;
  private readonly isPrefixed: boolean;
  private readonly listeners = new Set<Listener>();

  constructor(
    private readonly cache: Larder,
    options: KeyvLarderOptions = {},
  ) {
    this.prefix = options.prefix ?? "keyv/";
    this.isPrefixed = options.useKeyPrefix ?? true;
  }

  /** The beginning of the keys of a namespace. Where it is not Keyv that writes it, it has no colon but its last. */
  private of(namespace: string | undefined): string {
    if (!namespace) return this.prefix;
    return `${this.prefix}${this.isPrefixed ? namespace : namespace.replace(/[%:]/g, encodeURIComponent)}:`;
  }

  private name(key: string): string {
    return (this.isPrefixed ? this.prefix : this.of(this.namespace)) + key;
  }

  /** Hears of what fails where nobody is told otherwise: one of several entries. */
  on(event: string, listener: Listener): this {
    if (event === "error") this.listeners.add(listener);
    return this;
  }

  /** What is stored under a key. */
  async get<V = Value>(key: string): Promise<V | undefined> {
    return (await this.cache.get(this.name(key))) as V | undefined;
  }

  /** What is stored under several keys, in their order. */
  async getMany<V = Value>(keys: readonly string[]): Promise<(V | undefined)[]> {
    return (await this.cache.getMany(keys.map((key) => this.name(key)))) as (V | undefined)[];
  }

  /** Stores a value for `ttl` milliseconds; for ever, or for the default of the cache, with none, 0 or `Infinity`. A time that is over
   * already removes the entry. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const name = this.name(key);
    if (ttl !== undefined && ttl < 0) {
      await this.cache.delete(name);
      return true;
    }
    if (Number.isNaN(ttl)) throw new LarderError("invalid-argument", "NaN is no time to live");
    // No stale window: to Keyv an entry is there or it is not.
    const times = ttl && Number.isFinite(ttl) ? { ttl, stale: 0 } : { stale: 0 };
    await this.cache.set(name, value as Value, times);
    return true;
  }

  /** Stores several values; answers which of them were stored. Keyv hands this on, and declares it as nothing. */
  async setMany(entries: readonly KeyvLarderEntry[]): Promise<boolean[] & void> {
    const stored: boolean[] = [];
    for (const { key, value, ttl } of entries) {
      try {
        stored.push(await this.set(key, value, ttl));
      } catch (error) {
        stored.push(false);
        for (const listener of this.listeners) listener(error);
      }
    }
    return stored as boolean[] & void;
  }

  /** Removes an entry; true when it was there. */
  async delete(key: string): Promise<boolean> {
    return this.cache.delete(this.name(key));
  }

  /** Removes entries; true when one was there. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    let wereThere = false;
    for (const key of keys) if (await this.delete(key)) wereThere = true;
    return wereThere;
  }

  /** Whether an entry is there. */
  async has(key: string): Promise<boolean> {
    return this.cache.has(this.name(key));
  }

  /** Whether entries are there, in the order of their keys. */
  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /** Removes the entries of the namespace; without one, all that this adapter stored. */
  async clear(): Promise<void> {
    for await (const { key } of this.cache.infos(this.of(this.namespace))) await this.cache.delete(key);
  }

  /** Keys and values of a namespace, in no particular order. */
  async *iterator<V = Value>(namespace?: string): AsyncGenerator<[string, Awaited<V>], void> {
    // A byte order mark is part of a key.
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const hidden = this.isPrefixed ? this.prefix : this.of(namespace);
    for await (const { key } of this.cache.infos(this.of(namespace))) {
      const value = await this.cache.get(key);
      if (value !== undefined) yield [decoder.decode(key).slice(hidden.length), value as Awaited<V>];
    }
  }

  /** Does nothing: the cache is closed by who opened it. */
  async disconnect(): Promise<void> {}
}
