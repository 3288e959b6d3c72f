/// <reference lib="esnext.disposable" preserve="true" />

// The cache as most programs want it: asynchronous, with one computation for each key, a store where the browser has one, events, and an end.

import { breathe } from "./breathe.js";
import { bytesOf, type Key } from "./bytes.js";
import {
  SyncLarder,
  entryInfo,
  given,
  remaining,
  settingsOf,
  type CoreOptions,
  type EntryInfo,
  type Looked,
  type Policy,
  type Rule,
  type SetOptions,
  type Statistics,
} from "./core.js";
import { Type } from "./engine.js";
import { LarderError } from "./error.js";
import { Flights, until, wait, type Flight } from "./flights.js";
import { Keys } from "./keys.js";
import { load, type Source } from "./load.js";
import { parts } from "./parts.js";
import type { PoolPlan } from "./pools/plan.js";
import type { Pool } from "./pools/pool.js";
import type { LearnOptions, Learnt, PredictOptions, Prediction, Predictor, Session } from "./prefetch/predictor.js";
import type { PrefetchFunction, Prefetcher, PrefetcherOptions } from "./prefetch/prefetcher.js";
import type { PrefetchStatistics, Prefetching } from "./prefetch/prefetching.js";
import type { Enqueued, PrefetchOptions, QueuedPrefetch, Wanted } from "./prefetch/queue.js";
import type { Imported, SnapshotSource } from "./snapshot.js";
import type { StoreOptions } from "./store/open.js";
import type { Tabs } from "./tabs.js";
import { decoded } from "./text.js";
import { Tier } from "./tier.js";
import { span, whole, type Size, type Span } from "./units.js";
import { decodeOwn, type Value } from "./values.js";
import type { Plain } from "./wire.js";

/** How a cache is opened. */
export interface OpenOptions extends CoreOptions, StoreOptions {
  /** The engine: its bytes, a response, an address, or a compiled module. Default: `larder.wasm` beside this file. */
  readonly wasm?: Source;
  /** Whether the cache learns from every read, hit or miss, which key follows which. Default false. */
  readonly learn?: boolean | LearnOptions;
}

/** How a value is had that is not there. */
export interface GetOrSetOptions extends SetOptions {
  /** Ends the wait of this caller. The factory is asked to end once nobody waits any more; what it makes all the same is not stored. */
  readonly signal?: AbortSignal;
}

/** Makes the value that is missing. */
export type Factory<V extends Value> = (context: { readonly key: Key; readonly signal: AbortSignal }) => Promise<V> | V;

/** What happened to an entry. */
export interface LarderEventMap {
  set: CustomEvent<{ readonly key: Key }>;
  delete: CustomEvent<{ readonly key: Key }>;
  clear: CustomEvent<{ readonly removed: number }>;
  invalidate: CustomEvent<{ readonly rule: Rule }>;
  /** Another tab changed this entry; without a key, many. */
  change: CustomEvent<{ readonly key: Uint8Array | undefined }>;
  /** Something failed that nobody waits for: a refresh in the background, or a fetch of a prefetcher. */
  error: CustomEvent<{ readonly key: Key; readonly error: unknown }>;
  /** Something failed that the cache survives: the store. */
  warning: CustomEvent<LarderError>;
}

/** Warnings that are remembered. */
const WARNINGS = 16;

/** A cache. */
export class Larder extends EventTarget implements AsyncIterable<[string, Value]> {
  private readonly flights = new Flights<Value>();
  private readonly pools = new Map<string, Pool>();
  private readonly warned: LarderError[] = [];
  /** Events that somebody listens to, or did. */
  private readonly heard = new Set<keyof LarderEventMap>();
  private readonly namespace: string;
  private tabs: Tabs | undefined;
  private ahead: Promise<Prefetching> | undefined;

  /** Keys made from what a result depends on. */
  readonly keys = new Keys(() => this.tier.engine);

  private constructor(
    private readonly tier: Tier,
    /** What is in memory, synchronous. */
    readonly sync: SyncLarder,
    options: OpenOptions,
  ) {
    super();
    this.namespace = options.namespace ?? "default";
    tier.listener = {
      warned: (error) => this.warn(error),
      changed: (key) => this.changed(key),
      wrote: () => this.tabs?.tell(),
      removed: (namespace, key, isPrefix) => {
        if (namespace === sync.id) this.flights[isPrefix ? "outdate" : "outdateOne"](key);
      },
    };
  }

  /** Opens a cache. A store that cannot be had is a warning, and the cache is in memory alone.
   *
   * Throws `newer-format` for a store that a newer version made, and `invalid-argument` for options outside their range. */
  static async open(options: OpenOptions = {}): Promise<Larder> {
    const hasStore = options.store !== undefined;
    const settings = [...settingsOf(options), { store: hasStore }];
    const [module, store] = await Promise.all([load(options.wasm), hasStore ? parts.store() : undefined]);
    const tier = new Tier(module, settings, options.now ?? Date.now, hasStore, options.coldTier ?? false);
    const cache = new Larder(tier, new SyncLarder(tier, options), options);
    if (store !== undefined) cache.tabs = await store.attach(tier, options, () => void tier.log?.follow());
    const { learn = false } = options;
    if (learn !== false) await cache.learn(learn === true ? {} : learn);
    if (options.preload === true) await cache.load().catch((error: unknown) => cache.failed(error));
    return cache;
  }

  private async learn(options: LearnOptions): Promise<void> {
    try {
      await (await this.prefetching()).learn(options);
    } catch (refused) {
      await this.close();
      throw refused;
    }
  }

  private prefetching(): Promise<Prefetching> {
    const make = async (): Promise<Prefetching> => {
      const { Prefetching } = await parts.prefetching();
      return new Prefetching({
        tier: this.tier,
        namespace: this.namespace,
        tabs: () => this.tabs,
        has: (key) => this.sync.has(key),
        isFresh: async (key) => ((await this.ttl(key)) ?? 0) > 0,
        fly: (key, factory, options) => wait(this.flights.of(key) ?? this.takeOff(key, factory, options, true), options.signal),
        failed: (key, error) => this.tell("error", { key, error }),
        warn: (error) => this.warn(error),
      });
    };
    // After a failure the next one tries again.
    this.ahead ??= make().catch((error: unknown) => {
      this.ahead = undefined;
      throw error;
    });
    return this.ahead;
  }

  override addEventListener<K extends keyof LarderEventMap>(
    type: K,
    listener: ((event: LarderEventMap[K]) => void) | EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.heard.add(type);
    super.addEventListener(type, listener as EventListener | null, options);
  }

  /** The time as this cache sees it, in Unix milliseconds. */
  now(): number {
    return this.tier.now();
  }

  /** Bytes of the largest value that can be stored. */
  get maxEntrySize(): number {
    return this.sync.maxEntrySize;
  }

  private tell(type: keyof LarderEventMap, detail: object): void {
    // An event for nobody costs as much as a write.
    if (this.heard.has(type)) this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  private warn(error: LarderError): void {
    this.warned.push(error);
    if (this.warned.length > WARNINGS) this.warned.shift();
    // Opening warns too, when nobody can listen yet.
    setTimeout(() => this.tell("warning", error));
  }

  private failed(cause: unknown): void {
    this.warn(cause instanceof LarderError ? cause : new LarderError("storage", "the store could not be read", { cause }));
  }

  private changed(key: Uint8Array | undefined): void {
    if (key === undefined) this.flights.outdate();
    else this.flights.outdateOne(key);
    this.tell("change", { key });
  }

  /** The last warnings: what failed of the store. */
  get warnings(): readonly LarderError[] {
    return this.warned;
  }

  /** Whether there is a store behind the cache. */
  get isStored(): boolean {
    return this.tier.log?.isWritable ?? false;
  }

  /** The value under a key. */
  async get(key: Key): Promise<Value | undefined> {
    const value = this.sync.get(key);
    return value !== undefined || this.tier.log === undefined ? value : (await this.find(key))?.value;
  }

  private async find(key: Key): Promise<Looked | undefined> {
    const hit = await this.tier.shelf?.find(this.sync.id, key);
    const value = hit === undefined ? undefined : decodeOwn(hit.value, hit["content-type"]);
    return hit === undefined || value === undefined ? undefined : { value, isStale: hit.freshness === "stale" };
  }

  /** The value under a key, and whether it is stale. */
  async look(key: Key): Promise<Looked | undefined> {
    return this.sync.look(key) ?? (this.tier.log === undefined ? undefined : this.find(key));
  }

  /** As `look`, for who asked before. */
  private async lookAgain(key: Key): Promise<Looked | undefined> {
    return this.sync.find(key) ?? this.find(key);
  }

  /** Several values, in the order of their keys. */
  async getMany(keys: readonly Key[]): Promise<(Value | undefined)[]> {
    const found = this.sync.getMany(keys);
    if (this.tier.log === undefined) return found;
    return Promise.all(keys.map(async (key, at) => found[at] ?? (await this.find(key))?.value));
  }

  /** Whether a key is there. Counts as no read. */
  async has(key: Key): Promise<boolean> {
    return this.sync.has(key) || (await this.peek(key)) !== undefined;
  }

  /** What is known of an entry that only the store has. */
  private async peek(key: Key): Promise<{ [name: string]: Plain } | undefined> {
    return this.tier.shelf?.inspect(this.sync.id, key);
  }

  private async written(durability: SetOptions["durability"]): Promise<void> {
    const { log } = this.tier;
    if (log !== undefined && durability === "memory") return;
    const isStored = (await log?.written(durability === "sync")) ?? false;
    if (!isStored && durability === "sync") throw new LarderError("storage", "the entry is in memory and could not be stored");
  }

  /** Stores a value; waits until it is stored as `durability` says. */
  async set(key: Key, value: Value, options?: SetOptions): Promise<void> {
    this.sync.set(key, value, options);
    this.tell("set", { key });
    if (this.tier.log !== undefined || options?.durability === "sync") await this.written(options?.durability);
  }

  /** Stores several values, one after the other. */
  async setMany(entries: Iterable<readonly [Key, Value]>, options?: SetOptions): Promise<void> {
    for (const [key, value] of entries) {
      this.sync.set(key, value, options);
      this.tell("set", { key });
      // Each block is written as is said: what is written between two breaths, too.
      void this.tier.log?.written(options?.durability === "sync");
      const breath = breathe();
      if (breath === undefined) continue;
      await breath;
      await this.tier.log?.room();
    }
    await this.written(options?.durability);
  }

  /** Removes an entry; true when it was there. */
  async delete(key: Key): Promise<boolean> {
    const { tier, sync } = this;
    // As it was: the record can still be read when its key is deleted.
    const stored = sync.has(key) ? undefined : tier.shelf?.had(sync.id, key);
    const wasThere = tier.delete(sync.id, key, null);
    this.tell("delete", { key });
    const wasStored = await stored;
    await tier.log?.written();
    return wasThere || wasStored === true;
  }

  /** Removes all entries; answers how many. */
  async clear(): Promise<number> {
    const removed = this.sync.clear();
    this.tell("clear", { removed });
    await this.tier.log?.written();
    return removed;
  }

  /** Gives an entry a new time to live, or restarts its idle time-out; false when it is not there. */
  async touch(key: Key, ttl?: Span): Promise<boolean> {
    const time = ttl === undefined ? null : span(ttl);
    const isThere = await this.tier.withStored(this.sync.id, key, (stored) => this.tier.touch(this.sync.id, key, time, stored));
    await this.tier.log?.written();
    return isThere;
  }

  /** Milliseconds for which an entry stays fresh; see `SyncLarder.ttl`. */
  async ttl(key: Key): Promise<number | undefined> {
    const found = this.sync.ttl(key);
    if (found !== undefined) return found;
    const info = await this.peek(key);
    return info === undefined ? undefined : remaining(info["expires"] as number | null, this.tier.now());
  }

  /** All that is known of an entry but its value. */
  async inspect(key: Key): Promise<EntryInfo | undefined> {
    const found = this.sync.inspect(key);
    if (found !== undefined) return found;
    const info = await this.peek(key);
    return info === undefined ? undefined : entryInfo(info);
  }

  /** Adds to a number; one that is not there counts as 0. */
  async increment(key: Key, by: number | bigint = 1, options?: SetOptions): Promise<bigint> {
    const { tier, sync, tabs } = this;
    const inTurn = async (): Promise<bigint> => {
      await tier.log?.follow();
      // Its block is written as is said, so that is said before it can begin.
      const { sum, written } = await tier.withStored(sync.id, key, (stored) => {
        const sum = tier.increment(sync.id, key, whole(by), given(Type.Text, options), stored);
        return { sum, written: this.written(options?.durability).then(() => undefined, (error: unknown) => error) };
      });
      const refused = await written;
      if (refused !== undefined) throw refused;
      return sum;
    };
    return tabs === undefined ? inTurn() : tabs.inTurn(`key/${tier.shelf?.hash(sync.id, key)}`, undefined, inTurn);
  }

  /** Makes entries invalid that are there now; those that are set later are not touched. */
  async invalidate(rule: Rule): Promise<void> {
    const { keeper } = this.tier.log ?? {};
    if (keeper === undefined) this.sync.invalidate(rule);
    else await keeper.withRoom(() => this.sync.invalidate(rule));
    this.tell("invalidate", { rule });
    const isStored = await this.tier.log?.written();
    if (isStored === false && this.tier.isTrapped) throw new LarderError("trapped", "the cache was stopped by an inner error; open it again");
  }

  /** The pool of this name, with this plan. Without one, the pool that was defined before. */
  async pool(name: string, plan?: PoolPlan): Promise<Pool> {
    let pool = this.pools.get(name);
    if (pool === undefined) {
      const { Pool } = await parts.pool();
      pool = this.pools.get(name) ?? new Pool(this.tier, name, this.namespace, () => this.tabs);
      this.pools.set(name, pool);
    }
    await pool.define(plan);
    return pool;
  }

  private async predictor(): Promise<Predictor> {
    return (await this.prefetching()).ready();
  }

  /** Takes note that a key was asked for in a session: requests of one user or connection, which follow each other for a reason. Reads of a cache that was
   * opened with `learn` are noted without it, in the session 0. Follows 1,024 sessions; asking for the same key again says nothing. */
  async observe(key: Key, options?: { readonly session?: Session }): Promise<void> {
    (await this.predictor()).observe(key, options);
  }

  /** What may be asked for after a key, or after several, the last one last: the likeliest first. The last two count. */
  async predict(after: Key | readonly Key[], options?: PredictOptions): Promise<Prediction[]> {
    return (await this.predictor()).predict(after, options);
  }

  /** What may be asked for next in a session: the likeliest first. */
  async next(options?: PredictOptions & { readonly session?: Session }): Promise<Prediction[]> {
    return (await this.predictor()).next(options);
  }

  /** What may be asked for next in any session, and how likely it is that at least one asks for it: the likeliest first. */
  async outlook(options?: PredictOptions): Promise<Prediction[]> {
    return (await this.predictor()).outlook(options);
  }

  /** What was learnt, in numbers. */
  async learnt(): Promise<Learnt> {
    return (await this.predictor()).learnt();
  }

  /** Forgets what was learnt, here and in the store. Other tabs know it until they store what they learn. */
  async unlearn(): Promise<void> {
    await (await this.predictor()).unlearn();
  }

  /** Gives up entries in memory, up to `count` of these, the least likely first; answers how many went. What the store has stays there. */
  async evictUnlikely(predictions: readonly Prediction[], count: number): Promise<number> {
    return this.sync.evictUnlikely(predictions, count);
  }

  /** Tells the policy `predicted` how likely entries are to be asked for; see `SyncLarder.expect`. */
  async expect(predictions: readonly Prediction[]): Promise<number> {
    return this.sync.expect(predictions);
  }

  /** Queues a key to be fetched before anybody asks for it. All tabs with one store have one queue, of 1,000 items at most. */
  async prefetch(key: Key, options?: PrefetchOptions): Promise<Enqueued> {
    return this.prefetchMany([{ ...options, key }]);
  }

  /** Queues several keys to be fetched before anybody asks for them. */
  async prefetchMany(items: Iterable<Wanted>): Promise<Enqueued> {
    return (await this.prefetching()).queue.add(items);
  }

  /** What is queued: the highest priority first, of equals what was queued first. */
  async prefetchQueue({ limit = Infinity }: { readonly limit?: number } = {}): Promise<QueuedPrefetch[]> {
    return (await this.prefetching()).queue.items(limit);
  }

  /** The queue in numbers, and how much of what was fetched was asked for. */
  async prefetchStats(): Promise<PrefetchStatistics> {
    return (await this.prefetching()).figures(this.sync.stats());
  }

  /** Takes keys out of the queue, or all; answers how many there were. */
  async withdraw(keys?: readonly Key[]): Promise<number> {
    return (await this.prefetching()).queue.withdraw(keys);
  }

  /** Fetches what is queued, some items every second, until it is stopped or the cache is closed. What is there and fresh is not fetched, nor what is being
   * computed; what is fetched is stored as prefetched. A fetch that fails is an `error` event, and tried again later, three times in all. */
  async prefetcher(fetch: PrefetchFunction, options: PrefetcherOptions = {}): Promise<Prefetcher> {
    return (await this.prefetching()).prefetcher(fetch, options);
  }

  /** The counters of the namespace; `stored-entries` and `stored-bytes` are those of the whole store. */
  async stats(): Promise<Statistics> {
    const { log } = this.tier;
    return log === undefined ? this.sync.stats() : { ...this.sync.stats(), "stored-entries": log.count, "stored-bytes": log.size };
  }

  /** Lets memory hold so many bytes from now on; answers how many entries went for it. */
  async resize(maxBytes: Size): Promise<number> {
    return this.sync.resize(maxBytes);
  }

  /** Decides from now on by another policy who goes; the contents stay. */
  async setPolicy(policy: Policy): Promise<void> {
    this.sync.setPolicy(policy);
  }

  /** The value under a key, or the one that `factory` makes, which is stored. However many ask for a missing key at once, in this tab or in others with the
   * same store, one makes it. A stale value is answered while another one is made. */
  async getOrSet<V extends Value>(key: Key, factory: Factory<V>, options: GetOrSetOptions = {}): Promise<V> {
    options.signal?.throwIfAborted();
    // A look into the store takes a while; whoever comes meanwhile joins.
    const found = this.sync.look(key) ?? (this.flights.of(key) === undefined && this.sync.isOnShelf(key) ? await this.lookAgain(key) : undefined);
    if (found !== undefined) {
      if (found.isStale) this.refresh(key, factory, options);
      return found.value as V;
    }
    const flight = this.flights.of(key) ?? this.takeOff(key, factory, options, false);
    return (await wait(flight, options.signal)) as V;
  }

  private takeOff<V extends Value>(key: Key, factory: Factory<V>, options: SetOptions, isRefresh: boolean): Flight<Value> {
    const make = async (flight: Flight<Value>): Promise<Value> => {
      if (this.tabs !== undefined) {
        // Another tab may have made it before.
        await this.tier.log?.follow();
        const found = await this.lookAgain(key);
        if (found !== undefined && !(isRefresh && found.isStale)) return found.value;
        this.flights.restart(key, flight);
      }
      const value = await factory({ key, signal: flight.controller.signal });
      // Where it cannot be stored it is answered all the same; what is closed stays so. What was given up is nobody's, and another one may have begun.
      if (!flight.isOutdated && !flight.controller.signal.aborted) await this.set(key, value, options).catch((error: unknown) => this.tell("error", { key, error }));
      return value;
    };
    return this.flights.begin(key, (flight) => {
      const { tabs, tier, sync } = this;
      const { signal } = flight.controller;
      const made = (): Promise<Value> => until(signal, make(flight));
      return tabs === undefined ? made() : tabs.inTurn(`flight/${tier.shelf?.hash(sync.id, key)}`, signal, made);
    });
  }

  private refresh<V extends Value>(key: Key, factory: Factory<V>, options: SetOptions): void {
    if (this.flights.of(key) !== undefined) return;
    const flight = this.takeOff(key, factory, options, true);
    flight.waiting++;
    flight.promise.catch((error: unknown) => this.tell("error", { key, error }));
  }

  /** Infos of all entries whose keys begin so, each once, those in memory first, in no particular order. What is set meanwhile may come too. */
  async *infos(prefix: Key = ""): AsyncIterableIterator<EntryInfo> {
    const seen = new Set<number>();
    for (const info of this.held(prefix, seen)) {
      yield info;
      await breathe();
    }
    for await (const info of this.tier.shelf?.infos(this.sync.id, bytesOf(prefix), seen) ?? []) yield entryInfo(info);
  }

  /** Those in memory. What is read meanwhile takes others' places there, so what comes is noted. */
  private *held(prefix: Key, seen: Set<number>): IterableIterator<EntryInfo> {
    const { shelf } = this.tier;
    for (const info of this.sync.infos(prefix)) {
      if (shelf !== undefined) seen.add(shelf.hash(this.sync.id, info.key));
      yield info;
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<[string, Value]> {
    const seen = new Set<number>();
    for (const { key } of this.held("", seen)) {
      const value = (await this.lookAgain(key))?.value;
      if (value !== undefined) yield [decoded(key), value];
      await breathe();
    }
    for await (const [key, value] of this.tier.shelf?.values(this.sync.id, seen) ?? []) yield [decoded(key), value];
  }

  /** Removes entries whose time is over; answers how many. */
  async cleanup(): Promise<number> {
    let [stored, removed] = [0, 0];
    for (const some of this.tier.log?.cleanup() ?? []) {
      stored += some;
      await breathe();
    }
    for (let some = 1; some > 0; await breathe()) removed += some = this.sync.cleanupSome();
    // What memory has the store has too.
    return Math.max(stored, removed);
  }

  /** Reads the store into memory, as much as fits; answers how many entries. So the synchronous face sees them, and the first reads are quick. */
  async load(): Promise<number> {
    return (await this.tier.log?.keeper.load(this.sync.id)) ?? 0;
  }

  /** All entries of all namespaces as a snapshot, which every host of Larder reads: `larder import`. */
  async export(): Promise<Blob> {
    return (await parts.snapshot()).exported(this.tier);
  }

  /** Stores the entries of a snapshot, of `export` or of `larder export`, over those that are there, with their namespaces and times.
   *
   * Throws `corrupt` when it is none or ends too early (what was read until then stays stored), and `newer-format`. */
  async import(snapshot: SnapshotSource): Promise<Imported> {
    return (await parts.snapshot()).imported(this.tier, snapshot);
  }

  /** Waits until all that was written is stored; false where it could not be. */
  async flush(): Promise<boolean> {
    await (await this.ahead)?.save();
    return (await this.tier.log?.written()) ?? false;
  }

  /** Begins anew after an inner error (`trapped`): memory is empty, and what is stored is there. */
  async reopen(): Promise<void> {
    await this.tier.restart();
  }

  /** Gives up the cache and its memory, once what was written is stored. Computations under way are asked to end. */
  async close(): Promise<void> {
    this.flights.abort(new LarderError("closed", "the cache was closed"));
    await this.tier.close();
    this.tabs?.close();
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
