// What stands behind a cache that has a store: its entries by their hashes, as the log has them. Decides nothing: the engine says what is written,
// and here it is handed to the log.

import { bytesOf, isSame, type Key } from "../bytes.js";
import type { Stored } from "../engine.js";
import { LarderError } from "../error.js";
import { OWN, type Hit, type Tier } from "../tier.js";
import { decodeOwn, type Value } from "../values.js";
import type { Plain } from "../wire.js";
import { knowStores } from "./contract.js";
import { Kind } from "./lines.js";
import type { Log, Read } from "./log.js";

knowStores();

/** A namespace as the store has it. */
interface Named {
  /** Stands for it in the store. */
  readonly hash: number;
  /** Seed of its keys' hashes. */
  readonly seed: number;
}

/** The entries of a cache in its store. */
export class Shelf {
  /** Whether there may be entries that the log does not have. */
  hasLoose = false;
  private readonly named = new Map<string, Named>();
  /** The same by the numbers of namespaces. */
  private readonly numbered: Named[] = [];

  constructor(
    private readonly tier: Tier,
    readonly log: Log,
  ) {}

  private of(name: string): Named {
    let found = this.named.get(name);
    if (found === undefined) {
      const seed = this.tier.inner.hash(name, this.log.seed);
      found = { seed, hash: seed >>> 0 };
      this.named.set(name, found);
    }
    return found;
  }

  private its(namespace: number): Named {
    return (this.numbered[namespace] ??= this.of(this.tier.nameOf(namespace)));
  }

  /** Whether this stands for a namespace of the cache's own, whose entries are never given up for lack of space. */
  isOwn(hash: number): boolean {
    return OWN.some((name) => this.of(name).hash === hash);
  }

  /** The namespace that this stands for in the store. */
  namespaceOf(hash: number): number | undefined {
    for (const [id, name] of this.tier.names) if (this.of(name).hash === hash) return id;
    return undefined;
  }

  /** What stands for a key in the log. */
  hash(namespace: number, key: Key): number {
    return this.tier.inner.hash(key, this.its(namespace).seed);
  }

  /** Whether the log has a record under a key. */
  isStored(namespace: number, key: Key): boolean {
    return this.log.has(this.hash(namespace, key));
  }

  /** The version of the entry that one is made of that is the same with another time; see `Log.baseOf`. */
  baseOf(namespace: number, key: Key): number | undefined {
    return this.log.baseOf(this.hash(namespace, key));
  }

  /** Keeps what the engine wrote; with `base`, only if the entry that it was made of is still the newest there is. */
  keep(namespace: number, key: Key, { record, gone, version }: Stored, base?: number): void {
    // Written to memory alone: the record that was there must not come back.
    if (record.length === 0) {
      this.hasLoose = true;
      this.drop(namespace, key);
      return;
    }
    const hash = this.hash(namespace, key);
    this.log.put({ kind: Kind.Put, hash, namespace: this.its(namespace).hash, gone: gone ?? Infinity, version, base, bytes: record });
  }

  /** Notes that an entry is no more, if one is known. */
  drop(namespace: number, key: Key): void {
    if (this.log.knows(this.hash(namespace, key))) this.bury(namespace, key);
  }

  private bury(namespace: number, key: Key): void {
    const hash = this.hash(namespace, key);
    this.log.put({ kind: Kind.Delete, hash, namespace: this.its(namespace).hash, gone: 0, version: this.tier.stamp() ?? 0, bytes: bytesOf(key) });
  }

  /** Notes that an entry was deleted. */
  deleted(namespace: number, key: Key): void {
    // Another tab may have written it, which is not known yet.
    if (this.log.isShared) this.bury(namespace, key);
    else this.drop(namespace, key);
  }

  /** Notes that the entry of a record is no more. A damaged one is a miss as it is. */
  dropRecord(record: Uint8Array): void {
    try {
      const { namespace, key } = this.tier.inner.call("describe", { record }) as { namespace: string; key: Uint8Array };
      this.drop(this.tier.namespace(namespace), key);
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
    }
  }

  /** Notes that a namespace is empty; answers how many records went. */
  clear(namespace: number): number {
    return this.log.clear(this.its(namespace).hash);
  }

  /** Does something with the record of an entry that memory lacks; with null if memory has it or nobody does. */
  async withStored<T>(namespace: number, key: Key, use: (stored: Uint8Array | null) => T): Promise<T> {
    for (;;) {
      if (this.tier.engine.has(namespace, key, this.tier.now())) return use(null);
      const found = await this.log.read(this.hash(namespace, key));
      if (found === undefined || this.log.isNewest(found)) return use(found?.bytes ?? null);
    }
  }

  /** Looks into the log for what memory lacks, and takes it into memory. */
  async find(namespace: number, key: Key): Promise<Hit | undefined> {
    let found: Read | undefined;
    do found = await this.log.read(this.hash(namespace, key));
    while (found !== undefined && !this.log.isNewest(found));
    return found === undefined ? undefined : this.admit(namespace, key, found.bytes);
  }

  /** Takes a record into memory that is the newest of its key. */
  private admit(namespace: number, key: Key, record: Uint8Array): Hit | undefined {
    const { tier } = this;
    const args = { namespace, key: bytesOf(key), now: tier.now() };
    try {
      const hit = tier.engine.call("admit", { ...args, record }) as unknown as Hit;
      if (hit.renew) tier.touch(namespace, key, null, record);
      return hit;
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
      // It came into memory meanwhile, and is newer.
      if (refused.code === "outdated") return (tier.engine.call("get", args) as unknown as Hit | null) ?? undefined;
      return undefined;
    }
  }

  /** Whether there is an entry when this is asked, whatever becomes of it. */
  async had(namespace: number, key: Key): Promise<boolean> {
    const found = await this.log.read(this.hash(namespace, key));
    return found !== undefined && this.peek(namespace, found.bytes, bytesOf(key)) !== undefined;
  }

  /** What is known of an entry that memory lacks. */
  async inspect(namespace: number, key: Key): Promise<{ [name: string]: Plain } | undefined> {
    const record = await this.withStored(namespace, key, (stored) => stored);
    return record === null ? undefined : this.peek(namespace, record, bytesOf(key));
  }

  /** What a record says of an entry under this key; nothing if it is of another, over, or invalid. */
  peek(namespace: number, record: Uint8Array, key?: Uint8Array): { [name: string]: Plain } | undefined {
    try {
      const info = this.tier.inner.call("describe", { record }) as { [name: string]: Plain };
      const isMeant = info["namespace"] === this.tier.nameOf(namespace) && (key === undefined || isSame(info["key"] as Uint8Array, key));
      const isOver = info["gone"] !== null && (info["gone"] as number) <= this.tier.now();
      return isMeant && !isOver && this.log.keeper.accessed(record) >= 0 ? info : undefined;
    } catch (refused) {
      if (!isMiss(refused)) throw refused;
      return undefined;
    }
  }

  /** What is known of the entries whose keys begin so, but of those with these hashes. */
  async *infos(namespace: number, begin: Uint8Array, seen: ReadonlySet<number>): AsyncIterable<{ [name: string]: Plain }> {
    for await (const records of this.records(namespace)) {
      for (const { hash, bytes } of records) {
        const info = seen.has(hash) ? undefined : this.peek(namespace, bytes);
        const key = info?.["key"] as Uint8Array | undefined;
        if (info !== undefined && key !== undefined && begin.every((byte, at) => key[at] === byte)) yield info;
      }
    }
  }

  /** The values of the entries but those with these hashes, which are taken into memory one after the other. */
  async *values(namespace: number, seen: ReadonlySet<number>): AsyncIterable<readonly [key: Uint8Array, value: Value]> {
    for await (const records of this.records(namespace)) {
      for (const { hash, bytes } of records) {
        const key = seen.has(hash) ? undefined : (this.peek(namespace, bytes)?.["key"] as Uint8Array | undefined);
        if (key === undefined) continue;
        const hit = this.admit(namespace, key, bytes);
        const value = hit === undefined ? undefined : decodeOwn(hit.value, hit["content-type"]);
        if (value !== undefined) yield [key, value];
      }
    }
  }

  /** The records of a namespace that the log has, those that lie together at a time. */
  records(namespace: number): AsyncIterable<Iterable<Read>> {
    return this.log.records(this.its(namespace).hash);
  }
}

/** Refusals of a record that mean that it is no hit. */
const MISSES: readonly string[] = ["corrupt", "newer-format", "too-large", "another-key", "expired", "invalidated", "outdated"];

function isMiss(error: unknown): error is LarderError {
  return error instanceof LarderError && MISSES.includes(error.code);
}
