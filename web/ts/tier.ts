// One cache inside: an engine, and the log of records behind it if there is one. Decides nothing: the engine says what is written, and here
// it is handed to the log.

import { breathe } from "./breathe.js";
import { bytesOf, type Key } from "./bytes.js";
import { Engine, type Settings } from "./engine.js";
import { LarderError } from "./error.js";
import { Kind, type Found } from "./store/lines.js";
import type { Keeper, Kept, Log } from "./store/log.js";
import type { Plain } from "./wire.js";

/** What the engine answers to a write. */
export interface Stored {
  readonly version: number;
  readonly gone: number | null;
  readonly record: Uint8Array;
}

/** What the engine answers to a read. */
export interface Hit {
  readonly value: Uint8Array;
  readonly "content-type": string;
  readonly freshness: "fresh" | "stale";
}

interface Namespace {
  readonly id: number;
  readonly name: string;
  /** Stands for it in the store. */
  readonly hash: number;
  /** Seed of its keys' hashes. */
  readonly seed: number;
}

interface Ban {
  readonly namespace: number;
  readonly rules: Plain;
  readonly sequence: number;
}

/** What happens that somebody may want to hear of. */
export interface Listener {
  warned(error: LarderError): void;
  /** Another tab wrote or deleted this key; without one, many. */
  changed(key: Uint8Array | undefined): void;
  wrote(): void;
}

/** Sequence numbers in a millisecond, so that those of several tabs follow the time. */
const TICKS = 64;
/** Bytes of records that are handled at a time. */
const PIECE = 1 << 18;
/** Above all sequence numbers (wit/cache.wit). */
const LAST = 2 ** 48 - 1;

/** An engine and what stands behind it. */
export class Tier implements Keeper {
  log: Log | undefined;
  listener: Listener | undefined;
  private readonly namespaces = new Map<number, Namespace>();
  private readonly defaults = new Map<number, Plain>();
  private sequence = 0;
  /** Whether there may be entries that the log does not have. */
  private hasLoose = false;
  private seed = 0;
  /** Those that are not known to be stored. */
  private bans: Ban[] = [];
  private running: Engine | undefined;

  constructor(
    private readonly module: WebAssembly.Module,
    private readonly settings: Settings,
    readonly now: () => number,
  ) {
    this.running = this.start();
  }

  private start(): Engine {
    const engine = new Engine(this.module);
    engine.call("open", { settings: this.settings });
    return engine;
  }

  get engine(): Engine {
    if (this.running === undefined) throw new LarderError("closed", "the cache was closed");
    return this.running;
  }

  /** Puts a log behind the engine. */
  async attach(open: (keeper: Keeper, sum: (bytes: Uint8Array) => number) => Promise<Log>): Promise<void> {
    this.log = await open(this, (bytes) => this.engine.hash(bytes, 0));
    this.seed = this.log.seed;
    for (const { id, name } of this.namespaces.values()) this.register(id, name);
  }

  /** Begins anew with an empty memory, after a trap for instance. */
  async restart(): Promise<void> {
    const names = [...this.namespaces.values()];
    this.running = this.start();
    for (const { name } of names) this.engine.call("namespace", { name });
    for (const [namespace, defaults] of this.defaults) this.engine.call("set-defaults", { namespace, defaults });
    await this.log?.readBans();
    this.banAgain();
  }

  private register(id: number, name: string): void {
    const seed = this.engine.hash(name, this.seed);
    this.namespaces.set(id, { id, name, seed, hash: seed >>> 0 });
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

  private named(id: number): Namespace {
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
    return this.engine.hash(key, this.named(namespace).seed);
  }

  /** Whether the log has a record under a key. */
  isStored(namespace: number, key: Key): boolean {
    return this.log?.has(this.hash(namespace, key)) ?? false;
  }

  /** Keeps what the engine wrote. */
  keep(namespace: number, key: Key, { record, gone, version }: Stored): void {
    if (this.log === undefined) return;
    const hash = this.hash(namespace, key);
    const { hash: its } = this.named(namespace);
    // Written to memory alone: the record that was there must not come back.
    if (record.length === 0) {
      this.hasLoose = true;
      this.drop(namespace, key);
    }
    else this.log.put({ kind: Kind.Put, hash, namespace: its, gone: gone ?? Infinity, version, bytes: record });
  }

  /** Notes that an entry is no more. */
  drop(namespace: number, key: Key): void {
    if (this.log === undefined) return;
    const hash = this.hash(namespace, key);
    const { hash: its } = this.named(namespace);
    if (this.log.knows(hash)) {
      this.log.put({ kind: Kind.Delete, hash, namespace: its, gone: 0, version: this.stamp() ?? 0, bytes: bytesOf(key) });
    }
  }

  /** The record of an entry that memory lacks; null if memory has it or nobody does. */
  async stored(namespace: number, key: Key): Promise<Uint8Array | null> {
    if (this.log === undefined || this.engine.has(namespace, key, this.now())) return null;
    return (await this.log.read(this.hash(namespace, key))) ?? null;
  }

  /** Looks into the log for what memory lacks, and takes it into memory. */
  async find(namespace: number, key: Key): Promise<Hit | undefined> {
    const record = await this.log?.read(this.hash(namespace, key));
    if (record === undefined) return undefined;
    const args = { namespace, key: bytesOf(key), now: this.now() };
    try {
      return this.engine.call("admit", { ...args, record }) as unknown as Hit;
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
      const info = this.engine.call("describe", { record }) as { readonly [name: string]: Plain };
      const isMeant = info["namespace"] === this.named(namespace).name && (key === undefined || isSame(info["key"] as Uint8Array, key));
      const isOver = info["gone"] !== null && (info["gone"] as number) <= this.now();
      return isMeant && !isOver && this.engine.call("is-banned", { record }) === false ? info : undefined;
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
      return undefined;
    }
  }

  /** The records of a namespace that the log has. */
  async *records(namespace: number): AsyncIterable<Uint8Array> {
    if (this.log !== undefined) yield* this.log.records(this.named(namespace).hash);
  }

  /** The live records of all namespaces: of the store, and of what is in memory alone. */
  async *everything(): AsyncIterable<Uint8Array> {
    const { log } = this;
    if (log !== undefined) {
      for await (const record of log.records(undefined)) if (this.engine.isSound(record, this.now())) yield record;
    }
    for (let cursor: number | null = log?.isWritable === true && !this.hasLoose ? null : 0; cursor !== null; await breathe()) {
      const args = { cursor, size: PIECE, now: this.now() };
      const { records, next } = this.engine.call("carry", args) as { records: Uint8Array[]; next: number | null };
      for (const record of records) if (log === undefined || !this.isInLog(record)) yield record;
      cursor = next;
    }
  }

  private isInLog(record: Uint8Array): boolean {
    const { namespace, key } = this.engine.call("describe", { record }) as { namespace: string; key: Uint8Array };
    return this.isStored(this.namespace(namespace), key);
  }

  /** Fills memory from the log, the newest last; answers how many entries came. */
  async load(namespace: number): Promise<number> {
    let [taken, length, piece] = [0, 0, [] as Uint8Array[]];
    const flush = (): void => {
      const all = new Uint8Array(length);
      let at = 0;
      for (const record of piece) {
        new DataView(all.buffer).setUint32(at, record.length, true);
        all.set(record, at + 4);
        at += 4 + record.length;
      }
      taken += this.engine.load(namespace, all, this.now());
      [length, piece] = [0, []];
    };
    for await (const record of this.records(namespace)) {
      piece.push(record);
      length += 4 + record.length;
      if (length > PIECE) flush();
    }
    flush();
    return taken;
  }

  /** Deletes what was made invalid, wherever it lies, so that the bans can be forgotten. */
  async sweep(): Promise<void> {
    const until = this.stamp();
    if (this.log === undefined || until === null) return;
    for await (const record of this.log.records(undefined)) {
      if (this.isSound(record)) continue;
      const { namespace, key } = this.engine.call("describe", { record }) as { namespace: string; key: Uint8Array };
      this.drop(this.namespace(namespace), key);
    }
    await this.log.written();
    this.reap(until);
    this.log.keepBans(this.stamp() ?? until);
  }

  /** Deletes an entry; true when it was there. */
  delete(namespace: number, key: Key, stored: Uint8Array | null): boolean {
    const wasThere = this.engine.call("delete", { namespace, key: bytesOf(key), stored, now: this.now() }) as boolean;
    this.drop(namespace, key);
    return wasThere;
  }

  /** Gives an entry a new time to live; false when it is not there. */
  touch(namespace: number, key: Key, ttl: number | null, stored: Uint8Array | null): boolean {
    const args = { namespace, key: bytesOf(key), ttl, stored, now: this.now(), sequence: this.stamp() };
    const written = this.engine.call("touch", args) as unknown as Stored | null;
    if (written !== null) this.keep(namespace, key, written);
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
    if (this.log === undefined) return removed;
    return Math.max(removed, this.log.clear(this.named(namespace).hash));
  }

  /** Makes entries invalid. */
  ban(namespace: number, rules: Plain): void {
    const sequence = this.stamp();
    this.engine.call("ban", { namespace, rules, now: this.now(), sequence });
    if (this.log === undefined || sequence === null) return;
    const ban = { namespace, rules, sequence };
    this.bans.push(ban);
    this.log.keepBans(sequence);
    void this.log.written().then(() => (this.bans = this.bans.filter((it) => it !== ban)));
  }

  banAgain(): void {
    for (const { namespace, rules, sequence } of this.bans) this.engine.call("ban", { namespace, rules, now: this.now(), sequence });
  }

  bansRecord(): Uint8Array {
    return this.reap(0);
  }

  /** Forgets the bans with numbers up to this; answers with a record of the others. */
  private reap(until: number): Uint8Array {
    return this.engine.call("reap-bans", { until, now: this.now(), sequence: this.stamp() }) as Uint8Array;
  }

  takeBans(record: Uint8Array): void {
    this.engine.call("take-bans", { record });
  }

  async changed(line: Found, bytes: () => Promise<Uint8Array | undefined>): Promise<void> {
    const namespace = [...this.namespaces.values()].find(({ hash }) => hash === line.namespace);
    if (namespace === undefined || (line.kind !== Kind.Put && line.kind !== Kind.Delete)) return;
    const found = (await bytes()) ?? new Uint8Array();
    const key = line.kind === Kind.Delete ? found : (this.peek(namespace.id, found)?.["key"] as Uint8Array | undefined);
    if (key === undefined || key.length === 0) return this.changedMuch();
    this.engine.call("forget", { namespace: namespace.id, key });
    this.listener?.changed(key);
  }

  changedMuch(): void {
    this.engine.call("clear", { namespace: null });
    this.listener?.changed(undefined);
  }

  accessed(hash: number, record: Uint8Array): number {
    const namespace = [...this.namespaces.values()].find((it) => it.hash === hash);
    if (namespace === undefined) return 0;
    const key = this.peek(namespace.id, record)?.["key"];
    const args = { namespace: namespace.id, key: key as Uint8Array, now: this.now() };
    const info = key === undefined ? null : (this.engine.call("inspect", args) as { accessed: number } | null);
    return info?.accessed ?? 0;
  }

  judge(records: readonly Kept[], needed: number): readonly number[] {
    const candidates = records.map(({ place, bytes, size, accessed }) => {
      const gone = Number.isFinite(place.gone) ? place.gone : null;
      // What is over always goes, and so does what was made invalid.
      return { size, version: place.version, accessed, gone: this.isSound(bytes) ? gone : 0 };
    });
    return this.engine.call("judge", { candidates, needed, now: this.now() }) as number[];
  }

  private isSound(record: Uint8Array): boolean {
    try {
      return this.engine.call("is-banned", { record }) === false;
    } catch (refused) {
      // What a newer version wrote is for it to judge.
      return refused instanceof LarderError && refused.code === "newer-format";
    }
  }

  warn(error: LarderError): void {
    this.listener?.warned(error);
  }

  wrote(): void {
    this.listener?.wrote();
  }

  close(): void {
    this.running = undefined;
  }
}

/** Refusals of a record that mean that it is no hit. */
const MISSES: readonly string[] = ["corrupt", "newer-format", "too-large", "another-key", "expired", "invalidated", "outdated"];

function isMiss(error: unknown): error is LarderError {
  return error instanceof LarderError && MISSES.includes(error.code);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
