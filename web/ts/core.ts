/// <reference lib="esnext.disposable" preserve="true" />

// The cache as a synchronous map: what the asynchronous face is built on, and of use by itself where nothing is kept beyond the page.

import { bytesOf, type Key } from "./bytes.js";
import { Type } from "./engine.js";
import { LarderError } from "./error.js";
import { decoded } from "./text.js";
import type { Prediction, Predictor } from "./prefetch/predictor.js";
import { OWN, Tier } from "./tier.js";
import { size, span, whole, type Size, type Span } from "./units.js";
import { TYPES, decode, decodeOwn, encode, type Value } from "./values.js";
import { Writer, type Plain } from "./wire.js";

export type { Key } from "./bytes.js";

/** Who goes when space is needed. */
export type Policy =
  | "adaptive"
  | "lru"
  | "fifo"
  | "lfu"
  | "ttl"
  | "sieve"
  | "s3-fifo"
  | "clock-pro"
  | "w-tinylfu"
  | "gdsf"
  | "predicted";

/** How a cache is set up. */
export interface CoreOptions {
  /** Bytes that the cache may hold, 128 bytes of overhead an entry included. Default 64 MiB. */
  readonly maxBytes?: Size;
  /** Entries that it may hold. Default: no limit beyond `maxBytes`. */
  readonly maxEntries?: number;
  /** Largest value. Default 64 MiB. */
  readonly maxEntrySize?: Size;
  /** Who goes when space is needed. Default `adaptive`. */
  readonly policy?: Policy;
  /** What to have much of. Default `balanced`. */
  readonly objective?: "balanced" | "objects" | "bytes" | "cost";
  /** Whether entries that cool are compressed, to hold more. Default false. */
  readonly coldTier?: boolean;
  /** Time to live of entries that are set without one. Default: none. */
  readonly ttl?: Span;
  /** Idle time-out of entries that are set without one. Default: none. */
  readonly tti?: Span;
  /** Stale window of entries that are set without one. Default: none. */
  readonly stale?: Span;
  /** Percent by which times to live are shortened at random, 0 to 100. Default 0. */
  readonly jitter?: number;
  /** A name that keeps entries apart from those of other names. Default `default`. */
  readonly namespace?: string;
  /** Seed of the keyed hash and of everything random. Default: drawn at random. */
  readonly seed?: bigint;
  /** Where the time comes from, in Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

/** Options of one entry. */
export interface SetOptions {
  /** Time to live. */
  readonly ttl?: Span;
  /** Idle time-out: the entry goes when it was not read for so long. */
  readonly tti?: Span;
  /** How long after its time to live the value may still be answered while another is made. */
  readonly stale?: Span;
  /** Labels by which entries can be made invalid together. */
  readonly tags?: readonly string[];
  /** Anything that is worth knowing of the entry. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What it costs to have the value again, for the objective `cost`. */
  readonly cost?: number;
  /** Content type, in place of the one that the value has by itself. */
  readonly contentType?: string;
  /** How long it must last in a cache with a store: in `memory` alone; `process` (the default) is over the end of the page; `sync` also over a loss of
   * power, and refuses with `storage` where that cannot be had. */
  readonly durability?: "memory" | "process" | "sync";
  /** Whether it is stored before anybody asked for it: the first who does counts as a hit on a prefetched entry. */
  readonly prefetched?: boolean;
}

/** What entries have in common that become invalid. */
export type Rule =
  | { readonly tag: string }
  | { readonly tags: readonly string[] }
  | { readonly prefix: string }
  | { readonly glob: string }
  | "all";

/** All that is known of an entry but its value. */
export interface EntryInfo {
  readonly key: Uint8Array;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly version: number;
  /** Unix milliseconds. */
  readonly created: number;
  /** Unix milliseconds. */
  readonly accessed: number;
  /** When it stops being fresh; `undefined` is never. */
  readonly expires: number | undefined;
  readonly hits: number;
  /** Bytes of the value. */
  readonly size: number;
  /** Whether it was prefetched, and nobody has asked for it since. */
  readonly prefetched: boolean;
}

/** A value, and whether it is past its time to live. */
export interface Looked {
  readonly value: Value;
  readonly isStale: boolean;
}

/** Counters, by their names in the contract (wit/cache.wit). */
export type Statistics = { readonly [name in `${string}`]: number };

/** Bits of what belongs to a value. */
const STALE = 1;
const RENEW = 2;
const PAGE = 256;
/** What memory and the largest value are where nothing else is said. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Entries whose time is over that are removed at a time. */
const SOME = 4096;

/** A cache as a synchronous map: what is in memory. Make one with `Larder.open`, and take its `sync`. With a store behind it, what it writes is stored soon
 * after, and what is only in the store it does not see: the asynchronous face does. */
export class SyncLarder implements Iterable<[string, Value]> {
  /** @internal */
  readonly id: number;
  private readonly largest: number;
  private readonly maxBytes: number;

  /** @internal */
  constructor(
    /** @internal */
    readonly tier: Tier,
    options: CoreOptions,
  ) {
    const { namespace = "default" } = options;
    if (OWN.includes(namespace)) {
      throw new LarderError("invalid-argument", `in the namespace ${namespace} the cache keeps what is its own; use another name`);
    }
    this.id = tier.namespace(namespace);
    const defaults: { [name: string]: Plain }[] = [];
    if (options.ttl !== undefined) defaults.push({ ttl: span(options.ttl) });
    if (options.tti !== undefined) defaults.push({ tti: span(options.tti) });
    if (options.stale !== undefined) defaults.push({ stale: span(options.stale) });
    if (options.jitter !== undefined) defaults.push({ jitter: options.jitter });
    tier.setDefaults(this.id, defaults);
    this.largest = size(options.maxEntrySize ?? MAX_BYTES);
    this.maxBytes = size(options.maxBytes ?? MAX_BYTES);
  }

  /** Bytes of the largest value that can be stored. */
  get maxEntrySize(): number {
    return this.tier.hasStore ? this.largest : Math.min(this.largest, this.maxBytes);
  }

  /** What learns from every read, if the cache was opened with `learn`. */
  get predictor(): Predictor | undefined {
    return this.tier.predictor;
  }

  /** The value under a key. */
  get(key: Key): Value | undefined {
    const value = this.read(key);
    this.tier.predictor?.observe(key);
    return value;
  }

  private read(key: Key): Value | undefined {
    const found = this.tier.engine.get(this.id, key, this.tier.now());
    if (found === undefined) return undefined;
    const value = decode(found);
    if ((found.flags & RENEW) !== 0) this.touch(key);
    return value;
  }

  /** The value under a key, and whether it is stale. */
  look(key: Key): Looked | undefined {
    const found = this.find(key);
    this.tier.predictor?.observe(key);
    return found;
  }

  /** @internal As `look`, for who asked before. */
  find(key: Key): Looked | undefined {
    const found = this.tier.engine.get(this.id, key, this.tier.now());
    if (found === undefined) return undefined;
    const [value, isStale] = [decode(found), (found.flags & STALE) !== 0];
    if ((found.flags & RENEW) !== 0) this.touch(key);
    return value === undefined ? undefined : { value, isStale };
  }

  /** Whether a key is there. Counts as no read. */
  has(key: Key): boolean {
    return this.tier.engine.has(this.id, key, this.tier.now());
  }

  /** Stores a value in place of whatever was there. */
  set(key: Key, value: Value, options?: SetOptions): this {
    const { tier } = this;
    const [bytes, type] = encode(value);
    const { engine } = tier;
    // More than the module could ever hold would end it.
    if (bytes.length > this.largest) throw new LarderError("too-large", `the value has more than ${this.largest} bytes`);
    engine.set(this.id, key, bytes, type, options === undefined ? undefined : written(type, options), tier.now(), tier.stamp() ?? 0);
    tier.shelf?.keep(this.id, key, engine.written());
    if (tier.hasColdTier) tier.maintainSoon();
    return this;
  }

  /** Removes an entry; true when it was there. */
  delete(key: Key): boolean {
    const isStored = this.isOnShelf(key);
    return this.tier.delete(this.id, key, null) || isStored;
  }

  /** @internal Whether the store has a record under a key. */
  isOnShelf(key: Key): boolean {
    return this.tier.shelf?.isStored(this.id, key) ?? false;
  }

  /** Removes all entries of the namespace; answers how many. */
  clear(): number {
    return this.tier.clear(this.id);
  }

  /** Gives an entry a new time to live, or restarts its idle time-out; false when it is not there. */
  touch(key: Key, ttl?: Span): boolean {
    return this.tier.touch(this.id, key, ttl === undefined ? null : span(ttl), null);
  }

  /** Milliseconds for which an entry stays fresh: `Infinity` for ever, 0 for a stale one; `undefined` when it is not there. */
  ttl(key: Key): number | undefined {
    const now = this.tier.now();
    const times = this.tier.engine.call("ttl", { namespace: this.id, key: bytesOf(key), now }) as { expires: number | null } | null;
    return times === null ? undefined : remaining(times.expires, now);
  }

  /** All that is known of an entry but its value. */
  inspect(key: Key): EntryInfo | undefined {
    const info = this.tier.engine.call("inspect", { namespace: this.id, key: bytesOf(key), now: this.tier.now() });
    return info === null ? undefined : entryInfo(info as { [name: string]: Plain });
  }

  /** Adds to a number; one that is not there counts as 0. */
  increment(key: Key, by: number | bigint = 1, options?: SetOptions): bigint {
    if (!this.has(key) && this.isOnShelf(key)) {
      throw new LarderError("unsupported", "the number is in the store and not in memory; use the asynchronous increment");
    }
    return this.tier.increment(this.id, key, whole(by), given(Type.Text, options), null);
  }

  /** Makes entries invalid that are there now and that a rule is true of; those that are set later are not touched. */
  invalidate(rule: Rule): void {
    this.tier.ban(this.id, ruleOf(rule));
  }

  /** Removes entries whose time is over; answers how many. */
  cleanup(): number {
    let [stored, removed] = [0, 0];
    for (const some of this.tier.log?.cleanup() ?? []) stored += some;
    for (let some = SOME; some === SOME; ) removed += some = this.cleanupSome();
    // What memory has the store has too.
    return Math.max(stored, removed);
  }

  /** @internal */
  cleanupSome(): number {
    return this.tier.engine.call("cleanup", { now: this.tier.now(), limit: SOME }) as number;
  }

  /** Lets memory hold so many bytes from now on; answers how many entries went for it. */
  resize(maxBytes: Size): number {
    return this.tier.engine.call("resize", { "max-bytes": size(maxBytes), now: this.tier.now() }) as number;
  }

  /** Decides from now on by another policy who goes; the contents stay. */
  setPolicy(policy: Policy): void {
    this.tier.engine.call("set-policy", { name: policy });
  }

  /** Gives up entries in memory, up to `count` of these, the least likely first; answers how many went. What a store has stays there. */
  evictUnlikely(predictions: readonly Prediction[], count: number): number {
    return this.told("evict-unlikely", predictions, { count });
  }

  /** Tells the policy `predicted` how likely entries are to be asked for, in place of all that it was told before; answers how many of them are in
   * memory. Under another policy nothing comes of it. */
  expect(predictions: readonly Prediction[]): number {
    return this.told("expect", predictions, {});
  }

  private told(call: string, predictions: readonly Prediction[], args: { readonly [name: string]: Plain }): number {
    const all = predictions.map(({ key, probability }) => [bytesOf(key), probability]);
    return this.tier.engine.call(call, { namespace: this.id, predictions: all, ...args, now: this.tier.now() }) as number;
  }

  /** How many entries there are in memory, those past their time included until they are met. */
  get size(): number {
    return this.stats()["entries"] ?? 0;
  }

  /** The counters of the namespace. */
  stats(): Statistics {
    return this.tier.engine.call("stats", { namespace: this.id }) as Statistics;
  }

  /** Infos of all entries whose keys begin so, in no particular order. */
  *infos(prefix: Key = ""): IterableIterator<EntryInfo> {
    let cursor: number | null = 0;
    while (cursor !== null) {
      const args = { namespace: this.id, prefix: bytesOf(prefix), cursor, limit: PAGE, now: this.tier.now() };
      const page = this.tier.engine.call("scan", args) as { entries: { [name: string]: Plain }[]; next: number | null };
      for (const info of page.entries) yield entryInfo(info);
      cursor = page.next;
    }
  }

  /** Keys and values, in no particular order. Counts as reads. */
  *entries(): IterableIterator<[string, Value]> {
    for (const { key } of this.infos()) {
      const value = this.read(key);
      if (value !== undefined) yield [decoded(key), value];
    }
  }

  /** Keys, in no particular order. */
  *keys(): IterableIterator<string> {
    for (const { key } of this.infos()) yield decoded(key);
  }

  [Symbol.iterator](): IterableIterator<[string, Value]> {
    return this.entries();
  }

  /** Several values, in the order of their keys. */
  getMany(keys: readonly Key[]): (Value | undefined)[] {
    const found: (Value | undefined)[] = [];
    while (found.length < keys.length) {
      const rest = keys.slice(found.length).map(bytesOf);
      const args = { namespace: this.id, keys: rest, now: this.tier.now() };
      const hits = this.tier.engine.call("get-many", args) as ({ value: Uint8Array; "content-type": string; renew: boolean } | null)[];
      for (const [at, hit] of hits.entries()) if (hit?.renew === true) this.touch(rest[at] as Uint8Array);
      found.push(...hits.map((hit) => (hit === null ? undefined : decodeOwn(hit.value, hit["content-type"]))));
    }
    if (this.tier.predictor !== undefined) for (const key of keys) this.tier.predictor.observe(key);
    return found;
  }

  /** Gives up the cache and its memory. */
  close(): void {
    void this.tier.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What the engine is told of how a cache is set up. */
export function settingsOf(options: CoreOptions): { [name: string]: Plain }[] {
  const seed = options.seed ?? crypto.getRandomValues(new BigInt64Array(1))[0] ?? 0n;
  const settings: { [name: string]: Plain }[] = [{ seed }];
  if (options.maxBytes !== undefined) settings.push({ "max-bytes": size(options.maxBytes) });
  if (options.maxEntries !== undefined) settings.push({ "max-entries": options.maxEntries });
  if (options.maxEntrySize !== undefined) settings.push({ "max-entry-size": size(options.maxEntrySize) });
  if (options.policy !== undefined) settings.push({ policy: options.policy });
  if (options.objective !== undefined) settings.push({ objective: options.objective });
  if (options.coldTier !== undefined) settings.push({ "cold-tier": options.coldTier });
  return settings;
}

/** For how long an entry stays fresh. */
export function remaining(expires: number | null, now: number): number {
  return expires === null ? Infinity : Math.max(0, expires - now);
}

/** @internal */
export function given(type: Type, options: SetOptions | undefined): { [name: string]: Plain }[] {
  const list: { [name: string]: Plain }[] = [];
  const contentType = options?.contentType ?? TYPES[type] ?? "";
  if (contentType !== "") list.push({ "content-type": contentType });
  if (options === undefined) return list;
  if (options.ttl !== undefined) list.push({ ttl: span(options.ttl) });
  if (options.tti !== undefined) list.push({ tti: span(options.tti) });
  if (options.stale !== undefined) list.push({ stale: span(options.stale) });
  if (options.cost !== undefined) list.push({ cost: options.cost });
  if (options.durability !== undefined) list.push({ durability: options.durability });
  for (const tag of options.tags ?? []) list.push({ tag });
  for (const pair of Object.entries(options.metadata ?? {})) list.push({ metadata: pair });
  if (options.prefetched === true) list.push({ prefetched: null });
  return list;
}

function written(type: Type, options: SetOptions): Uint8Array {
  const writer = new Writer();
  writer.write("set-option[]", given(type, options));
  return writer.done();
}

function ruleOf(rule: Rule): { [name: string]: Plain } {
  if (rule === "all") return { all: null };
  if ("tag" in rule) return { tag: rule.tag };
  if ("tags" in rule) return { "all-tags": rule.tags };
  if ("prefix" in rule) return { prefix: bytesOf(rule.prefix) };
  return { glob: bytesOf(rule.glob) };
}

/** @internal */
export function entryInfo(info: { [name: string]: Plain }): EntryInfo {
  return {
    key: info["key"] as Uint8Array,
    contentType: info["content-type"] as string,
    metadata: Object.fromEntries(info["metadata"] as [string, string][]),
    tags: info["tags"] as string[],
    version: info["version"] as number,
    created: info["created"] as number,
    accessed: info["accessed"] as number,
    expires: (info["expires"] as number | null) ?? undefined,
    hits: info["hits"] as number,
    size: info["value-size"] as number,
    prefetched: info["prefetched"] as boolean,
  };
}
