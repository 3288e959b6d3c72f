// One cache inside: an engine, and the log of records behind it if there is one. Decides nothing: the engine says what is written, and here
// it is handed to the log.

import { bytesOf, type Key } from "./bytes.js";
import { Engine, type Settings, type Stored } from "./engine.js";
import { LarderError } from "./error.js";
import { Kind } from "./store/lines.js";
import type { Log, Read } from "./store/log.js";
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

/** A namespace, and what stands for it. */
export interface Namespace {
  readonly id: number;
  readonly name: string;
  /** Stands for it in the store. */
  readonly hash: number;
  /** Seed of its keys' hashes. */
  readonly seed: number;
}

/** What happens that somebody may want to hear of. */
export interface Listener {
  warned(error: LarderError): void;
  /** Another tab wrote or deleted this key; without one, many. */
  changed(key: Uint8Array | undefined): void;
  wrote(): void;
  /** Entries of a namespace went, or were made invalid, before what is computed now is done: one, or all whose keys begin so. */
  removed(namespace: number, what: { readonly key: Key } | { readonly prefix: Key }): void;
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
  log: Log | undefined;
  listener: Listener | undefined;
  /** Is told of every read. */
  predictor: Predictor | undefined;
  /** What is to be done before the cache is closed, when it refuses everything else. */
  ending: (() => Promise<void>) | undefined;
  private readonly namespaces = new Map<number, Namespace>();
  private readonly defaults = new Map<number, Plain>();
  private sequence = 0;
  /** Whether there may be entries that the log does not have. */
  hasLoose = false;
  private seed = 0;
  private running: Engine | undefined;
  private spare: Engine | undefined;
  private isClosed = false;
  private ended: Promise<void> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly module: WebAssembly.Module,
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

  /** Puts a log behind the engine. */
  attach(log: Log): void {
    this.log = log;
    this.seed = this.log.seed;
    for (const { id, name } of this.namespaces.values()) this.register(id, name);
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
      const last = Math.max(...this.namespaces.keys());
      for (let id = 0; id <= last; id++) engine.call("namespace", { name: this.namespaces.get(id)?.name ?? `larder.refused/${id}` });
      for (const [namespace, defaults] of this.defaults) engine.call("set-defaults", { namespace, defaults });
      this.running = engine;
    };
    if (this.log === undefined) begin();
    else await this.log.restart(begin);
  }

  private register(id: number, name: string): void {
    const seed = this.inner.hash(name, this.seed);
    this.namespaces.set(id, { id, name, seed, hash: seed >>> 0 });
  }

  /** Whether this stands for a namespace of the cache's own, whose entries are never given up for lack of space. */
  isOwn(hash: number): boolean {
    return OWN.some((name) => this.inner.hash(name, this.seed) >>> 0 === hash);
  }

  /** The namespace that this stands for in the store. */
  namespaceOf(hash: number): Namespace | undefined {
    for (const it of this.namespaces.values()) if (it.hash === hash) return it;
    return undefined;
  }

  /** The number of a namespace. */
  namespace(name: string): number {
    const id = this.engine.call("namespace", { name }) as number;
    if (!this.namespaces.has(id)) this.register(id, name);
    return id;
  }

  /** Replaces the defaults of a namespace. */
  setDefaults(namespace: number, defaults: Plain): void {
    this.defaults.set(namespace, defaults);
    this.engine.call("set-defaults", { namespace, defaults });
  }

  /** What is known of a namespace. */
  named(id: number): Namespace {
    const found = this.namespaces.get(id);
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

  /** What stands for a key in the log. */
  hash(namespace: number, key: Key): number {
    return this.inner.hash(key, this.named(namespace).seed);
  }

  /** A checksum for the store. Another engine has it after an inner error: what waits is still written. */
  sum(bytes: Uint8Array, seed: number): number {
    try {
      return this.inner.hash(bytes, seed);
    } catch (trapped) {
      if (!this.isTrapped) throw trapped;
      return (this.spare ??= new Engine(this.module)).hash(bytes, seed);
    }
  }

  /** Whether the log has a record under a key. */
  isStored(namespace: number, key: Key): boolean {
    return this.log?.has(this.hash(namespace, key)) ?? false;
  }

  /** Keeps what the engine wrote; with `base`, only if the entry that it was made of is still the newest there is. */
  keep(namespace: number, key: Key, { record, gone, version }: Stored, base?: number): void {
    if (this.log === undefined) return;
    const hash = this.hash(namespace, key);
    const { hash: its } = this.named(namespace);
    // Written to memory alone: the record that was there must not come back.
    if (record.length === 0) {
      this.hasLoose = true;
      this.drop(namespace, key);
    }
    else this.log.put({ kind: Kind.Put, hash, namespace: its, gone: gone ?? Infinity, version, base, bytes: record });
  }

  /** Stores the entry of a record of elsewhere, in the namespace that it names. */
  restore(record: Uint8Array): void {
    const { namespace, key, ...stored } = this.engine.restore(record, this.now(), this.stamp() ?? 0);
    if (!this.namespaces.has(namespace)) this.register(namespace, (this.engine.call("describe", { record }) as { namespace: string }).namespace);
    this.keep(namespace, key, stored);
  }

  /** Notes that an entry is no more, if one is known. */
  drop(namespace: number, key: Key): void {
    if (this.log?.knows(this.hash(namespace, key)) === true) this.bury(namespace, key);
  }

  private bury(namespace: number, key: Key): void {
    const { hash: its } = this.named(namespace);
    this.log?.put({ kind: Kind.Delete, hash: this.hash(namespace, key), namespace: its, gone: 0, version: this.stamp() ?? 0, bytes: bytesOf(key) });
  }

  /** Notes that the entry of a record is no more. A damaged one is a miss as it is. */
  dropRecord(record: Uint8Array): void {
    try {
      const { namespace, key } = this.inner.call("describe", { record }) as { namespace: string; key: Uint8Array };
      this.drop(this.namespace(namespace), key);
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
    }
  }

  /** Does something with the record of an entry that memory lacks; with null if memory has it or nobody does. */
  async withStored<T>(namespace: number, key: Key, use: (stored: Uint8Array | null) => T): Promise<T> {
    const { log } = this;
    for (;;) {
      if (log === undefined || this.engine.has(namespace, key, this.now())) return use(null);
      const found = await log.read(this.hash(namespace, key));
      if (found === undefined || log.isNewest(found)) return use(found?.bytes ?? null);
    }
  }

  /** The record of an entry that memory lacks, as it is now; null if memory has it or nobody does. */
  stored(namespace: number, key: Key): Promise<Uint8Array | null> {
    return this.withStored(namespace, key, (stored) => stored);
  }

  /** Looks into the log for what memory lacks, and takes it into memory. */
  async find(namespace: number, key: Key): Promise<Hit | undefined> {
    const { log } = this;
    let found: Read | undefined;
    do found = await log?.read(this.hash(namespace, key));
    while (found !== undefined && log?.isNewest(found) !== true);
    if (found === undefined) return undefined;
    const record = found.bytes;
    const args = { namespace, key: bytesOf(key), now: this.now() };
    try {
      const hit = this.engine.call("admit", { ...args, record }) as unknown as Hit;
      if (hit.renew) this.touch(namespace, key, null, record);
      return hit;
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
      // It came into memory meanwhile, and is newer.
      if (refused.code === "outdated") return (this.engine.call("get", args) as unknown as Hit | null) ?? undefined;
      return undefined;
    }
  }

  /** What a record says of an entry under this key; nothing if it is of another, over, or invalid. */
  peek(namespace: number, record: Uint8Array, key?: Uint8Array): { readonly [name: string]: Plain } | undefined {
    try {
      const info = this.inner.call("describe", { record }) as { readonly [name: string]: Plain };
      const isMeant = info["namespace"] === this.named(namespace).name && (key === undefined || isSame(info["key"] as Uint8Array, key));
      const isOver = info["gone"] !== null && (info["gone"] as number) <= this.now();
      return isMeant && !isOver && this.inner.accessed(record) >= 0 ? info : undefined;
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
      return undefined;
    }
  }

  /** The records of a namespace that the log has, those that lie together at a time. */
  async *records(namespace: number): AsyncIterable<Iterable<Read>> {
    if (this.log !== undefined) yield* this.log.records(this.named(namespace).hash);
  }

  /** Deletes an entry; true when it was there. */
  delete(namespace: number, key: Key, stored: Uint8Array | null): boolean {
    const wasThere = this.engine.call("delete", { namespace, key: bytesOf(key), stored, now: this.now() }) as boolean;
    // Another tab may have written it, which is not known yet.
    if (this.log?.isShared === true) this.bury(namespace, key);
    else this.drop(namespace, key);
    this.listener?.removed(namespace, { key });
    return wasThere;
  }

  /** Gives an entry a new time to live; false when it is not there. */
  touch(namespace: number, key: Key, ttl: number | null, stored: Uint8Array | null): boolean {
    const args = { namespace, key: bytesOf(key), ttl, stored, now: this.now(), sequence: this.stamp() };
    const base = this.log?.baseOf(this.hash(namespace, key));
    const written = this.engine.call("touch", args) as unknown as Stored | null;
    if (written !== null) this.keep(namespace, key, written, base);
    return written !== null;
  }

  /** Adds to a number. */
  increment(namespace: number, key: Key, delta: bigint, options: Plain, stored: Uint8Array | null): bigint {
    const args = { namespace, key: bytesOf(key), delta, options, stored, now: this.now(), sequence: this.stamp() };
    const { value, stored: written } = this.engine.call("increment", args) as unknown as { value: bigint; stored: Stored };
    this.keep(namespace, key, written);
    return value;
  }

  /** Empties a namespace; answers how many entries went. */
  clear(namespace: number): number {
    // Emptying everything is much quicker than finding what belongs to a namespace.
    const isAll = this.namespaces.size === 1;
    const removed = this.engine.call("clear", { namespace: isAll ? null : namespace }) as number;
    this.listener?.removed(namespace, { prefix: "" });
    if (this.log === undefined) return removed;
    return Math.max(removed, this.log.clear(this.named(namespace).hash));
  }

  /** Makes entries invalid that a rule is true of. */
  ban(namespace: number, rule: { readonly [name: string]: Plain }): void {
    const sequence = this.stamp();
    this.engine.call("ban", { namespace, rules: [rule], now: this.now(), sequence });
    // Which tags there will be on what is computed is not known yet.
    this.listener?.removed(namespace, { prefix: (rule["prefix"] as Uint8Array | undefined) ?? "" });
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

/** Refusals of a record that mean that it is no hit. */
const MISSES: readonly string[] = ["corrupt", "newer-format", "too-large", "another-key", "expired", "invalidated", "outdated"];

function isMiss(error: unknown): error is LarderError {
  return error instanceof LarderError && MISSES.includes(error.code);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
