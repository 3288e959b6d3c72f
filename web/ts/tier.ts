// One cache inside: an engine, and what stands behind it if it has a store.

import { bytesOf, type Key } from "./bytes.js";
import { Engine, type Settings, type Stored } from "./engine.js";
import { LarderError } from "./error.js";
import type { Log } from "./store/log.js";
import type { Shelf } from "./store/shelf.js";
import type { Predictor } from "./prefetch/predictor.js";
import type { Plain } from "./wire.js";

/** What the engine answers to a read. */
export interface Hit {
  readonly value: Uint8Array;
  readonly "content-type": string;
  readonly freshness: "fresh" | "stale";
  /** Whether its idle time-out is to be begun anew in the store. */
  readonly renew: boolean;
}

/** What happens that somebody may want to hear of. */
export interface Listener {
  warned(error: LarderError): void;
  /** Another tab wrote or deleted this key; without one, many. */
  changed(key: Uint8Array | undefined): void;
  wrote(): void;
  /** An entry went, or all whose keys begin so did or were made invalid, before what is computed now is done. */
  removed(namespace: number, key: Key, isPrefix: boolean): void;
}

/** The namespace of what is known of pools. */
export const REGISTRY = "larder.pools";
/** The namespaces of queues of prefetches, and of what predictors learnt. */
export const QUEUES = "larder.prefetch";
export const MODELS = "larder.prediction";
/** Namespaces that are no user's. */
export const OWN: readonly string[] = [REGISTRY, QUEUES, MODELS];
/** Sequence numbers in a millisecond, so that those of several tabs follow the time. */
const TICKS = 64;
/** Work that is done at a time to compress what cooled, about in bytes, and milliseconds between. */
const BUDGET = 1 << 18;
const PAUSE = 20;
/** Above all sequence numbers (wit/cache.wit). */
export const LAST = 2 ** 48 - 1;

/** An engine and what stands behind it. */
export class Tier {
  /** What stands behind the engine, if there is a store. */
  shelf: Shelf | undefined;
  listener: Listener | undefined;
  /** Is told of every read. */
  predictor: Predictor | undefined;
  /** What is to be done before the cache is closed, when it refuses everything else. */
  ending: (() => Promise<void>) | undefined;
  /** The namespaces by their numbers. */
  readonly names = new Map<number, string>();
  private readonly defaults = new Map<number, Plain>();
  private sequence = 0;
  private running: Engine | undefined;
  private isClosed = false;
  private ended: Promise<void> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly module: WebAssembly.Module,
    private settings: Settings,
    readonly now: () => number,
    /** Whether there is a store, or may be one. */
    public hasStore: boolean,
    /** Whether entries that cool are compressed. */
    readonly hasColdTier: boolean,
  ) {
    this.running = this.start();
  }

  private start(): Engine {
    const engine = new Engine(this.module);
    engine.call("open", { settings: this.settings });
    return engine;
  }

  /** The log of records, if there is a store. */
  get log(): Log | undefined {
    return this.shelf?.log;
  }

  get engine(): Engine {
    this.refuseClosed();
    return this.inner;
  }

  /** The engine for what is yet to be written when the cache is closed. */
  get inner(): Engine {
    if (this.running === undefined) throw closed();
    return this.running;
  }

  /** Whether an inner error ended the engine. */
  get isTrapped(): boolean {
    return this.running?.isTrapped === true;
  }

  /** Throws once the cache is closed. */
  refuseClosed(): void {
    if (this.isClosed) throw closed();
  }

  /** Compresses what cooled, a little later and a little at a time. */
  maintainSoon(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      // It ends with the cache; a trap shows with the next call.
      if (this.isClosed || this.isTrapped) return;
      if ((this.engine.call("maintain", { now: this.now(), budget: BUDGET }) as number) > 0) this.maintainSoon();
    }, PAUSE);
    // In Node a timer keeps the program alive.
    (this.timer as { unref?: () => void }).unref?.();
  }

  /** Goes on in memory alone: records are not made for nobody, and bans have no limit. */
  async withoutStore(): Promise<void> {
    this.settings = [...this.settings, { store: false }];
    this.hasStore = false;
    await this.restart();
  }

  /** Begins anew with an empty memory, after a trap for instance. */
  async restart(): Promise<void> {
    this.refuseClosed();
    const engine = this.start();
    // Not before it knows what was made invalid. The old one gives out numbers until then.
    const begin = (): void => {
      // Under the numbers that they have; one that no name is known of was that of a record which was refused.
      const last = Math.max(...this.names.keys());
      for (let id = 0; id <= last; id++) engine.call("namespace", { name: this.names.get(id) ?? `larder.refused/${id}` });
      for (const [namespace, defaults] of this.defaults) engine.call("set-defaults", { namespace, defaults });
      this.running = engine;
    };
    if (this.log === undefined) begin();
    else await this.log.restart(begin);
  }

  /** The number of a namespace. */
  namespace(name: string): number {
    const id = this.engine.call("namespace", { name }) as number;
    this.names.set(id, name);
    return id;
  }

  /** Replaces the defaults of a namespace. */
  setDefaults(namespace: number, defaults: Plain): void {
    this.defaults.set(namespace, defaults);
    this.engine.call("set-defaults", { namespace, defaults });
  }

  /** The name of a namespace. */
  nameOf(id: number): string {
    const found = this.names.get(id);
    if (found === undefined) throw new LarderError("unknown-namespace", `there is no namespace ${id}`);
    return found;
  }

  /** The next sequence number; none without a log. */
  stamp(count = 1): number | null {
    if (this.log === undefined) return null;
    const next = Math.max(this.sequence, this.log.newest) + 1;
    this.sequence = Math.min(Math.max(next, Math.floor(this.now() * TICKS)), LAST - count) + count - 1;
    return this.sequence - count + 1;
  }

  /** Does something with the record of an entry that memory lacks; with null if memory has it or nobody does. */
  async withStored<T>(namespace: number, key: Key, use: (stored: Uint8Array | null) => T): Promise<T> {
    return this.shelf === undefined ? use(null) : this.shelf.withStored(namespace, key, use);
  }

  /** Deletes an entry; true when it was there. */
  delete(namespace: number, key: Key, stored: Uint8Array | null): boolean {
    const wasThere = this.engine.call("delete", { namespace, key: bytesOf(key), stored, now: this.now() }) as boolean;
    this.shelf?.deleted(namespace, key);
    this.listener?.removed(namespace, key, false);
    return wasThere;
  }

  /** Gives an entry a new time to live; false when it is not there. */
  touch(namespace: number, key: Key, ttl: number | null, stored: Uint8Array | null): boolean {
    const args = { namespace, key: bytesOf(key), ttl, stored, now: this.now(), sequence: this.stamp() };
    const base = this.shelf?.baseOf(namespace, key);
    const written = this.engine.call("touch", args) as unknown as Stored | null;
    if (written !== null) this.shelf?.keep(namespace, key, written, base);
    return written !== null;
  }

  /** Adds to a number. */
  increment(namespace: number, key: Key, delta: bigint, options: Plain, stored: Uint8Array | null): bigint {
    const args = { namespace, key: bytesOf(key), delta, options, stored, now: this.now(), sequence: this.stamp() };
    const { value, stored: written } = this.engine.call("increment", args) as unknown as { value: bigint; stored: Stored };
    this.shelf?.keep(namespace, key, written);
    return value;
  }

  /** Empties a namespace; answers how many entries went. */
  clear(namespace: number): number {
    // Emptying everything is much quicker than finding what belongs to a namespace.
    const isAll = this.names.size === 1;
    const removed = this.engine.call("clear", { namespace: isAll ? null : namespace }) as number;
    this.listener?.removed(namespace, "", true);
    return Math.max(removed, this.shelf?.clear(namespace) ?? 0);
  }

  /** Makes entries invalid that a rule is true of. */
  ban(namespace: number, rule: { readonly [name: string]: Plain }): void {
    const sequence = this.stamp();
    this.engine.call("ban", { namespace, rules: [rule], now: this.now(), sequence });
    // Which tags there will be on what is computed is not known yet.
    this.listener?.removed(namespace, (rule["prefix"] as Uint8Array | undefined) ?? "", true);
    if (sequence !== null) this.log?.keeper.banned({ namespace, rules: [rule], sequence });
  }

  /** Refuses everything from now on, and gives up the engine once what waits is written. */
  async close(): Promise<void> {
    const isFirst = !this.isClosed;
    this.isClosed = true;
    clearTimeout(this.timer);
    if (isFirst) this.ended = this.ending?.();
    await this.ended;
    if (this.log !== undefined) await this.log.close();
    this.running = undefined;
  }
}

function closed(): LarderError {
  return new LarderError("closed", "the cache was closed");
}
