// What a log asks of the cache that it belongs to: the engine judges, and here it is asked.

import { LarderError } from "../error.js";
import { LAST, type Tier } from "../tier.js";
import type { Plain } from "../wire.js";
import { Kind, type Found } from "./lines.js";
import type { Kept } from "./reclaim.js";

/** Entries that were made invalid, and since when. */
export interface Ban {
  /** None for all. */
  namespace: number | null;
  rules: Plain;
  sequence: number;
}

/** The cache, as its log sees it. */
export class Keeper {
  /** Those that are not known to be stored. */
  private bans: Ban[] = [];

  constructor(private readonly tier: Tier) {}

  now(): number {
    return this.tier.now();
  }

  /** Something went wrong that the cache survives. */
  warn(error: LarderError): void {
    this.tier.listener?.warned(error);
  }

  /** A block was written. */
  wrote(): void {
    this.tier.listener?.wrote();
  }

  /** Has a ban stored that was made. */
  banned(ban: Ban): void {
    this.bans.push(ban);
    this.store(ban);
  }

  private store(ban: Ban): void {
    const { log } = this.tier;
    log?.keepBans(ban.sequence);
    void log?.written().then((isStored) => {
      if (isStored || !log.isWritable) this.bans = this.bans.filter((it) => it !== ban);
    });
  }

  /** Has the bans stored that could not be. */
  storeAgain(): void {
    for (const ban of this.bans) this.store(ban);
  }

  /** Fills memory from the log, the newest last; answers how many entries came. */
  async load(namespace: number): Promise<number> {
    this.tier.refuseClosed();
    let taken = 0;
    for await (const records of this.tier.shelf?.records(namespace) ?? []) {
      const piece: Uint8Array[] = [];
      for (const { bytes } of records) piece.push(bytes);
      taken += this.tier.inner.about(joined(piece), (exports, length) => exports.load(namespace, length, this.tier.now()));
    }
    return taken;
  }

  /** Makes a ban, in the place of others if there are too many. */
  async withRoom(ban: () => void): Promise<void> {
    try {
      ban();
    } catch (refused) {
      if (!(refused instanceof LarderError) || refused.code !== "full") throw refused;
      await this.sweep();
      ban();
    }
  }

  /** Deletes what was made invalid, wherever it lies, so that the bans can be forgotten. */
  private async sweep(): Promise<void> {
    const until = this.tier.stamp();
    if (this.tier.log === undefined || until === null) return;
    for await (const records of this.tier.log.records(undefined)) {
      for (const { bytes: record } of records) {
        if (this.accessed(record) < 0) this.tier.shelf?.dropRecord(record);
      }
    }
    await this.tier.log.written();
    this.reap(until);
    this.tier.log.keepBans(this.tier.stamp() ?? until);
  }

  /** Makes the bans of this cache that are not stored yet again, over those that were taken; answers with a record of all there are, if it
   * made any. */
  banAgain(): Uint8Array | undefined {
    let record: Uint8Array | undefined;
    try {
      for (const ban of this.bans) record = this.ban(ban);
      return record;
    } catch (refused) {
      if (!(refused instanceof LarderError) || refused.code !== "full") throw refused;
      return this.banAll();
    }
  }

  private ban(ban: Ban): Uint8Array {
    return (this.tier.inner.call("ban", { ...ban, now: this.now() }) as { record: Uint8Array }).record;
  }

  /** One ban of everything in place of too many: looking through all entries takes too long here. */
  private banAll(): Uint8Array {
    this.reap(LAST);
    const all: Ban = { namespace: null, rules: [{ all: null }], sequence: this.tier.stamp() ?? LAST };
    for (const ban of this.bans) Object.assign(ban, all);
    this.warn(new LarderError("full", "the tabs made more bans than can be kept, so all entries were made invalid"));
    return this.ban(all);
  }

  /** A record of all bans there are now. Those of this cache that are not stored yet hold for all that other tabs wrote before them, which has
   * versions up to `others`: clocks are too coarse to tell. */
  bansRecord(others: number): Uint8Array {
    for (const ban of this.bans) if (ban.sequence <= others) ban.sequence = Math.min(others + 1, LAST);
    // To make a ban again is quick; to reap them looks at all of memory.
    return this.banAgain() ?? this.reap(0);
  }

  /** Forgets the bans with numbers up to this; answers with a record of the others. */
  private reap(until: number): Uint8Array {
    return this.tier.inner.call("reap-bans", { until, now: this.tier.now(), sequence: this.tier.stamp() }) as Uint8Array;
  }

  /** All bans there are now, made by another tab or before. */
  takeBans(record: Uint8Array): void {
    this.tier.inner.call("take-bans", { record });
  }

  /** Another tab wrote or deleted this entry. */
  async changed(line: Found, bytes: () => Promise<Uint8Array | undefined>): Promise<void> {
    const { shelf } = this.tier;
    const namespace = shelf?.namespaceOf(line.namespace);
    if (shelf === undefined || namespace === undefined || (line.kind !== Kind.Put && line.kind !== Kind.Delete)) return;
    const found = (await bytes()) ?? new Uint8Array();
    const key = line.kind === Kind.Delete ? found : (shelf.peek(namespace, found)?.["key"] as Uint8Array | undefined);
    if (key === undefined || key.length === 0) return this.changedMuch();
    this.tier.inner.call("forget", { namespace, key });
    if (!this.mustStay(line.namespace)) this.tier.listener?.changed(key);
  }

  /** Another tab emptied the namespace of this hash. */
  emptied(hash: number): void {
    const namespace = this.tier.shelf?.namespaceOf(hash);
    if (namespace === undefined) return;
    this.tier.inner.call("clear", { namespace });
    this.tier.listener?.changed(undefined);
  }

  /** Another tab changed so much that memory is to begin anew. */
  changedMuch(): void {
    this.tier.inner.call("clear", { namespace: null });
    this.tier.listener?.changed(undefined);
  }

  /** Another tab made entries invalid. */
  invalidated(): void {
    this.tier.listener?.changed(undefined);
  }

  /** When the entry of a record was last read, as far as memory knows: Unix milliseconds, or 0; less for what is damaged or was made invalid. */
  accessed(record: Uint8Array): number {
    return this.tier.inner.about(record, (exports, length) => exports.accessed(length));
  }

  /** Whether records of this namespace stay whatever the room. */
  mustStay(namespace: number): boolean {
    return this.tier.shelf?.isOwn(namespace) === true;
  }

  /** Which records go so that so many bytes become free: their places in the list. */
  judge(records: readonly Kept[], needed: number): readonly number[] {
    const candidates = records.map(({ line: { gone, version }, size, accessed }) => {
      // What is over always goes, and so does what was made invalid.
      const end = accessed < 0 ? 0 : gone;
      return { size, version, accessed: Math.max(0, accessed), gone: Number.isFinite(end) ? end : null };
    });
    return this.tier.inner.call("judge", { candidates, needed, now: this.tier.now() }) as number[];
  }
}

/** Records one behind the other, each behind its length. */
function joined(records: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(records.reduce((sum, record) => sum + 4 + record.length, 0));
  const view = new DataView(all.buffer);
  let at = 0;
  for (const record of records) {
    view.setUint32(at, record.length, true);
    all.set(record, at + 4);
    at += 4 + record.length;
  }
  return all;
}
