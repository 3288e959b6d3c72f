// The cache as most programs want it: asynchronous, with one computation for each key, events, and an end.

import { SyncLarder, bytesOf, type CoreOptions, type EntryInfo, type Key, type Policy, type Rule, type SetOptions, type Statistics } from "./core.js";
import { LarderError } from "./error.js";
import { Keys } from "./keys.js";
import { load, type Source } from "./load.js";
import { Pool, type PoolPlan } from "./pools.js";
import { type Span } from "./units.js";
import { type Value } from "./values.js";

/** How a cache is opened. */
export interface OpenOptions extends CoreOptions {
  /** The engine: its bytes, a response, an address, or a compiled module. Default: `larder.wasm` beside this file. */
  readonly wasm?: Source;
}

/** How a value is had that is not there. */
export interface GetOrSetOptions extends SetOptions {
  /** Ends the wait of this caller. The factory is asked to end once nobody waits any more. */
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
  /** Something failed that nobody waits for: a refresh in the background. */
  error: CustomEvent<{ readonly key: Key; readonly error: unknown }>;
}

/** A computation under way. */
interface Flight {
  readonly promise: Promise<Value>;
  readonly controller: AbortController;
  waiting: number;
  /** What it makes was deleted or made invalid meanwhile: it is answered and not stored. */
  isOutdated: boolean;
}

/** A cache. */
export class Larder extends EventTarget implements AsyncIterable<[string, Value]> {
  private readonly flights = new Map<string, Flight>();
  private readonly pools = new Map<string, Pool>();

  /** Keys made from what a result depends on. */
  readonly keys = new Keys(() => this.sync.open);

  private constructor(
    /** The same cache, synchronous. */
    readonly sync: SyncLarder,
  ) {
    super();
  }

  /** Opens a cache. */
  static async open(options: OpenOptions = {}): Promise<Larder> {
    return new Larder(new SyncLarder(await load(options.wasm), options));
  }

  override addEventListener<K extends keyof LarderEventMap>(
    type: K,
    listener: ((event: LarderEventMap[K]) => void) | EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as EventListener | null, options);
  }

  /** The time as this cache sees it, in Unix milliseconds. */
  now(): number {
    return this.sync.now();
  }

  /** Bytes of the largest value that can be stored. */
  get maxEntrySize(): number {
    return this.sync.maxEntrySize;
  }

  private tell(type: keyof LarderEventMap, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** The value under a key. */
  async get(key: Key): Promise<Value | undefined> {
    return this.sync.get(key);
  }

  /** Several values, in the order of their keys. */
  async getMany(keys: readonly Key[]): Promise<(Value | undefined)[]> {
    return this.sync.getMany(keys);
  }

  /** Whether a key is there. Counts as no read. */
  async has(key: Key): Promise<boolean> {
    return this.sync.has(key);
  }

  /** Stores a value. */
  async set(key: Key, value: Value, options?: SetOptions): Promise<void> {
    this.sync.set(key, value, options);
    this.tell("set", { key });
  }

  /** Stores several values, one after the other. */
  async setMany(entries: Iterable<readonly [Key, Value]>, options?: SetOptions): Promise<void> {
    for (const [key, value] of entries) await this.set(key, value, options);
  }

  /** Removes an entry; true when it was there. */
  async delete(key: Key): Promise<boolean> {
    const wasThere = this.sync.delete(key);
    this.outdate((name) => name === nameOf(key));
    this.tell("delete", { key });
    return wasThere;
  }

  /** Removes all entries; answers how many. */
  async clear(): Promise<number> {
    const removed = this.sync.clear();
    this.outdate(() => true);
    this.tell("clear", { removed });
    return removed;
  }

  /** Gives an entry a new time to live, or restarts its idle time-out; false when it is not there. */
  async touch(key: Key, ttl?: Span): Promise<boolean> {
    return this.sync.touch(key, ttl);
  }

  /** Milliseconds for which an entry stays fresh; see `SyncLarder.ttl`. */
  async ttl(key: Key): Promise<number | undefined> {
    return this.sync.ttl(key);
  }

  /** All that is known of an entry but its value. */
  async inspect(key: Key): Promise<EntryInfo | undefined> {
    return this.sync.inspect(key);
  }

  /** Adds to a number; one that is not there counts as 0. */
  async increment(key: Key, by: number | bigint = 1, options?: SetOptions): Promise<bigint> {
    return this.sync.increment(key, by, options);
  }

  /** Makes entries invalid that are there now; those that are set later are not touched. */
  async invalidate(rule: Rule): Promise<void> {
    this.sync.invalidate(rule);
    // What is computed meanwhile was begun before. Which tags it will have is not known yet.
    this.outdate((name) => !(typeof rule === "object" && "prefix" in rule) || name.startsWith(nameOf(rule.prefix)));
    this.tell("invalidate", { rule });
  }

  /** The pool of this name, with this plan. Without one, the pool that was defined before. */
  pool(name: string, plan?: PoolPlan): Pool {
    const before = this.pools.get(name);
    if (plan === undefined) {
      if (before === undefined) throw new LarderError("invalid-argument", `there is no pool ${JSON.stringify(name)}; give it a plan`);
      return before;
    }
    const pool = new Pool(this.sync, name, plan, before);
    this.pools.set(name, pool);
    return pool;
  }

  /** The counters of the namespace. */
  async stats(): Promise<Statistics> {
    return this.sync.stats();
  }

  /** Decides from now on by another policy who goes; the contents stay. */
  async setPolicy(policy: Policy): Promise<void> {
    this.sync.setPolicy(policy);
  }

  /** The value under a key, or the one that `factory` makes, which is stored. However many ask for a missing key at once, one makes it. A
   * stale value is answered while another one is made. */
  async getOrSet<V extends Value>(key: Key, factory: Factory<V>, options: GetOrSetOptions = {}): Promise<V> {
    options.signal?.throwIfAborted();
    const found = this.sync.look(key);
    if (found !== undefined) {
      if (found.isStale) this.refresh(key, factory, options);
      return found.value as V;
    }
    const name = nameOf(key);
    const flight = this.flights.get(name) ?? this.takeOff(name, key, factory, options);
    return (await wait(flight, options.signal)) as V;
  }

  private takeOff<V extends Value>(name: string, key: Key, factory: Factory<V>, options: SetOptions): Flight {
    const controller = new AbortController();
    const compute = async (): Promise<Value> => {
      try {
        const value = await factory({ key, signal: controller.signal });
        // Where it cannot be stored it is answered all the same; what is closed stays so.
        if (!flight.isOutdated) await this.set(key, value, options).catch((error: unknown) => this.tell("error", { key, error }));
        return value;
      } finally {
        if (this.flights.get(name) === flight) this.flights.delete(name);
      }
    };
    const flight: Flight = { promise: Promise.resolve().then(compute), controller, waiting: 0, isOutdated: false };
    this.flights.set(name, flight);
    return flight;
  }

  private refresh<V extends Value>(key: Key, factory: Factory<V>, options: SetOptions): void {
    const name = nameOf(key);
    if (this.flights.has(name)) return;
    const flight = this.takeOff(name, key, factory, options);
    flight.waiting++;
    flight.promise.catch((error: unknown) => this.tell("error", { key, error }));
  }

  private outdate(concerns: (name: string) => boolean): void {
    for (const [name, flight] of this.flights) if (concerns(name)) flight.isOutdated = true;
  }

  /** Infos of all entries whose keys begin so, in no particular order. */
  async *infos(prefix: Key = ""): AsyncIterableIterator<EntryInfo> {
    yield* this.sync.infos(prefix);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<[string, Value]> {
    yield* this.sync.entries();
  }

  /** Gives up the cache and its memory. Computations under way are asked to end. */
  close(): void {
    for (const flight of this.flights.values()) flight.controller.abort(new LarderError("closed", "the cache was closed"));
    this.sync.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** A key as text, for a map. */
function nameOf(key: Key): string {
  return typeof key === "string" ? key : String.fromCharCode(...bytesOf(key));
}

/** Waits for a flight until `signal` says otherwise; the last one who leaves ends it. */
async function wait(flight: Flight, signal: AbortSignal | undefined): Promise<Value> {
  flight.waiting++;
  let stop: (() => void) | undefined;
  try {
    if (signal === undefined) return await flight.promise;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
    });
    return await Promise.race([flight.promise, aborted]);
  } finally {
    if (stop !== undefined) signal?.removeEventListener("abort", stop);
    flight.waiting--;
    if (flight.waiting === 0 && signal?.aborted === true) {
      flight.promise.catch(() => {});
      flight.controller.abort(signal.reason);
    }
  }
}
