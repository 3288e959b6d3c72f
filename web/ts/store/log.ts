// The store: a log of blocks. Writes gather while one is under way and go together; what is not written yet is read from where it waits. All
// that changes the log happens one after the other.

import { LarderError } from "../error.js";
import { breathe, turn } from "../breathe.js";
import type { Backend, Block } from "./backend.js";
import { Catalog, type Reader } from "./catalog.js";
import type { Keeper } from "./keeper.js";
import { BLOCK, Kind, pack, unpack, type Found, type Line } from "./lines.js";
import { live } from "./reading.js";
import { Reclaiming } from "./reclaim.js";

/** A record that was read. */
export interface Read {
  readonly hash: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** Lines of another tab that are followed one by one. */
const MANY = 1_000;
/** Bytes of records that may wait before whoever writes many is held up. */
const MOST_WAITING = 4 << 20;
/** How often what is reclaimed may be due again at once. */
const ROUNDS = 1_024;
const TRIES = 4;

/** The records behind a cache. */
export class Log {
  private readonly catalog = new Catalog();
  private readonly reclaiming: Reclaiming;
  private waiting = new Map<number, Line>();
  /** Bytes of records that wait, those overwritten meanwhile included. */
  private gathered = 0;
  private flying = new Map<number, Line>();
  private specials: Line[] = [];
  /** Whether the last batch there was is stored. */
  private latest = Promise.resolve(true);
  /** Ends the batch that gathers; none if nothing waits. */
  private end: ((isStored: boolean) => void) | undefined;
  private isStrict = false;
  private queue: Promise<unknown> = Promise.resolve();
  private isFlushing = false;
  private isTidying = false;
  /** Bans that could not be written after an inner error: the engine knows them no more. */
  private hasLostBans = false;
  /** Another tab wrote the bans anew, in a block that is not known yet. */
  private areBansMoved = false;
  private isClosing = false;
  /** Nothing is written any more: it failed, or the cache was closed. */
  private isSealed = false;

  private constructor(
    private readonly backend: Backend,
    readonly keeper: Keeper,
    private readonly maxBytes: number,
  ) {
    this.reclaiming = new Reclaiming(backend, this.catalog, keeper);
  }

  /** Whether others may write to it. */
  get isShared(): boolean {
    return this.backend.isShared;
  }

  /** Whether records may have gone that memory still has. */
  get isPartial(): boolean {
    return this.isSealed || this.catalog.isPartial;
  }

  /** Whether what is written is stored. */
  get isWritable(): boolean {
    return !this.isSealed;
  }

  /** Reads what there is. */
  static async open(backend: Backend, keeper: Keeper, maxBytes: number): Promise<Log> {
    const log = new Log(backend, keeper, maxBytes);
    backend.lost = (why) => {
      log.catalog.clear();
      keeper.warn(why);
    };
    await log.readBlocks();
    // While they are read another tab may write them anew.
    while (!(await log.readBans())) await log.readBlocks();
    return log;
  }

  private async readBlocks(): Promise<void> {
    for await (const block of this.backend.blocks(this.catalog.last)) {
      this.catalog.take(block, unpack(block.lines));
      await breathe();
    }
  }

  /** The highest version there is. */
  get newest(): number {
    return this.catalog.newest;
  }

  get seed(): number {
    return this.backend.seed;
  }

  /** Bytes that the store takes, those of records that are no more included. */
  get size(): number {
    return this.catalog.size;
  }

  /** How many records there are. */
  get count(): number {
    return this.catalog.table.size;
  }

  private serial<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }

  /** Has a memory begin anew, and tells it in the same moment what it must know. */
  restart(begin: () => void): Promise<void> {
    return this.serial(async () => {
      while (!(await this.readBans(begin))) await this.catchUp();
      this.keeper.banAgain();
      if (!this.hasLostBans) return;
      this.hasLostBans = false;
      this.keeper.storeAgain();
    });
  }

  /** Takes over the newest bans that are known; false if they are not there any more and blocks follow, which have them. */
  private async readBans(begin = (): void => {}): Promise<boolean> {
    const { bans } = this.catalog;
    try {
      const record = bans && (await this.backend.read(bans.block, bans.at, bans.length));
      if (bans !== undefined && record === undefined && (await this.isBehind())) return false;
      begin();
      if (bans !== undefined) this.keeper.takeBans(record ?? new Uint8Array());
    } catch (cause) {
      if (cause instanceof LarderError && cause.code !== "corrupt") throw cause;
      begin();
      // What they made invalid must not come back.
      await this.startAnew(new LarderError("corrupt", "what was made invalid cannot be read, so the store was emptied", { cause }));
    }
    return true;
  }

  /** Whether there are blocks that are not known yet. */
  private async isBehind(): Promise<boolean> {
    for await (const _ of this.backend.blocks(this.catalog.last)) return true;
    return false;
  }

  private async startAnew(why: LarderError): Promise<void> {
    this.catalog.clear();
    await this.backend.clear();
    this.keeper.warn(why);
  }

  /** Whether there is a record under this hash. */
  has(hash: number): boolean {
    const line = this.waiting.get(hash) ?? this.flying.get(hash);
    if (line !== undefined) return line.kind === Kind.Put && line.gone > this.keeper.now();
    return (this.catalog.table.get(hash)?.gone ?? 0) > this.keeper.now();
  }

  /** Whether a record that was read some time ago is still the newest of its key. Who acts upon a record asks this first, for it may have
   * been deleted or overwritten while it was read. */
  isNewest({ hash, version }: Omit<Read, "bytes">): boolean {
    const line = this.waiting.get(hash) ?? this.flying.get(hash);
    if (line !== undefined) return line.kind === Kind.Put && line.version === version;
    return this.catalog.table.versionOf(hash) === version;
  }

  /** What a record of this hash is made of that is made of the one before: its version; nothing if that one waits to be written as it is. */
  baseOf(hash: number): number | undefined {
    if (!this.isShared) return undefined;
    const waits = this.waiting.get(hash);
    return waits === undefined ? (this.flying.get(hash)?.version ?? this.catalog.table.versionOf(hash)) : waits.base;
  }

  /** The record under this hash. */
  async read(hash: number): Promise<Read | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const line = this.waiting.get(hash) ?? this.flying.get(hash);
      if (line !== undefined) return line.kind === Kind.Put ? line : undefined;
      const place = this.catalog.table.get(hash);
      if (place === undefined || place.gone <= this.keeper.now()) return undefined;
      try {
        const record = await this.backend.read(place.block, place.at, place.length);
        if (record !== undefined && record.length === place.length) return { hash, version: place.version, bytes: record };
      } catch (cause) {
        if (!this.isClosing) this.keeper.warn(new LarderError("storage", "a record could not be read, which is a miss", { cause }));
        return undefined;
      }
      // Its block was dropped, here or by another tab; it may lie in a later one.
      await (this.backend.isShared ? this.follow() : this.queue);
      if (this.catalog.table.get(hash)?.block === place.block) this.catalog.table.remove(hash, place.block);
    }
    return undefined;
  }

  /** Writes a line with the next batch. */
  put(line: Line): void {
    if (this.isSealed) return;
    this.waiting.set(line.hash, line);
    this.gathered += line.bytes.length;
    this.flush();
  }

  /** When more may be written; nothing if that is now. */
  room(): Promise<boolean> | undefined {
    return this.gathered > MOST_WAITING ? this.latest : undefined;
  }

  /** Whether anything is known of this hash, be it a record whose time is over. */
  knows(hash: number): boolean {
    const line = this.waiting.get(hash) ?? this.flying.get(hash);
    return line === undefined ? this.catalog.table.get(hash) !== undefined : line.kind === Kind.Put;
  }

  /** Empties a namespace; answers how many records went. */
  clear(namespace: number): number {
    let removed = 0;
    for (const lines of [this.waiting, this.flying]) {
      for (const [hash, line] of lines) if (line.namespace === namespace && lines.delete(hash) && line.kind === Kind.Put) removed++;
    }
    removed += this.catalog.table.removeWhere((_block, _gone, its) => its === namespace);
    this.special({ kind: Kind.Clear, hash: 0, namespace, gone: 0, version: 0, bytes: new Uint8Array() });
    return removed;
  }

  /** Keeps all bans there are. */
  keepBans(version: number): void {
    this.specials = this.specials.filter(({ kind }) => kind !== Kind.Bans);
    this.special({ kind: Kind.Bans, hash: 0, namespace: 0, gone: Infinity, version, bytes: new Uint8Array() });
  }

  private special(line: Line): void {
    if (this.isSealed) return;
    this.specials.push(line);
    this.flush();
  }

  /** When what was written until now is stored: true, or false if it could not be. `strict` waits for it to survive a loss of power. */
  written(strict = false): Promise<boolean> {
    if (this.isSealed) return Promise.resolve(false);
    this.isStrict ||= strict;
    return this.latest;
  }

  private flush(): void {
    if (this.end === undefined) this.latest = new Promise((done) => (this.end = done));
    if (this.isFlushing) return;
    this.isFlushing = true;
    void this.serial(() => this.drain()).catch((cause: unknown) => this.untidy(cause));
  }

  private untidy(cause: unknown): void {
    this.keeper.warn(new LarderError("storage", "the store could not be made smaller", { cause }));
  }

  private async drain(): Promise<void> {
    try {
      for (let isFirst = true; this.end !== undefined; isFirst = false) {
        // Files are written in no time: without a turn there would be a block for every few lines of one task.
        if (!isFirst) await turn();
        await this.writeBatch(this.end);
      }
    } finally {
      this.isFlushing = false;
    }
    if (!this.isTidying) void this.tidy().catch((cause: unknown) => this.untidy(cause));
  }

  /** Reclaims what is due, some at a time: what is written meanwhile goes in between. */
  private async tidy(): Promise<void> {
    this.isTidying = true;
    try {
      for (let round = 0; round < ROUNDS && !this.isClosing && this.reclaiming.isDue; round++) await this.serial(() => this.reclaim(false));
    } finally {
      this.isTidying = false;
    }
  }

  /** Writes what waits now; what comes meanwhile has a batch of its own. */
  private async writeBatch(end: (isStored: boolean) => void): Promise<void> {
    this.end = undefined;
    let isStored = true;
    // Emptying the cache takes away what waits.
    for (let left = this.waiting.size; isStored && ((left > 0 && this.waiting.size > 0) || this.specials.length > 0); ) left -= await this.writeBlock().catch(() => {
      isStored = false;
      return 0;
    });
    end(isStored && !this.hasLostBans);
  }

  /** Writes a block; answers how many lines it took from those that wait. */
  private async writeBlock(): Promise<number> {
    const [specials, strict] = [this.specials, this.isStrict];
    this.specials = [];
    let bytes = 0;
    for (const [hash, line] of this.waiting) {
      bytes += line.bytes.length;
      this.flying.set(hash, line);
      this.waiting.delete(hash);
      if (bytes >= BLOCK) break;
    }
    this.gathered = this.waiting.size === 0 ? 0 : this.gathered - bytes;
    // What is still to be written strictly is in a later block.
    if (this.waiting.size === 0) this.isStrict = false;
    const taken = this.flying.size;
    try {
      await this.append(specials, strict);
      this.keeper.wrote();
      // A tenth of free room, or every write would reclaim.
      if (this.catalog.size > this.maxBytes && !this.isClosing) await this.shrink(0.9 * this.maxBytes).catch((cause: unknown) => this.untidy(cause));
      return taken;
    } catch (cause) {
      await this.giveUp(cause);
      throw cause;
    } finally {
      this.flying.clear();
    }
  }

  private async append(specials: readonly Line[], strict: boolean): Promise<void> {
    for (;;) {
      this.leaveOutdated();
      // Bans are read when they are written, for others may have come beside them.
      const bans = specials.flatMap((line) => (line.kind === Kind.Bans ? this.bansLine(line) : [line]));
      const lines = [...bans, ...this.flying.values()];
      if (lines.length === 0) return;
      const packed = pack(lines);
      const isBased = lines.some(({ kind, base }) => kind === Kind.Bans || base !== undefined);
      const made = await this.tryAppend({ ...packed, strict, ...(isBased ? { onlyAfter: this.catalog.last } : {}) });
      if (made === undefined) {
        await this.catchUp();
        continue;
      }
      // Blocks of others in between come first.
      if (this.backend.isShared && made.id > this.catalog.last + 1) await this.catchUp(made.id);
      const written = unpack(packed.lines);
      this.catalog.take(made, written);
      if (this.areBansMoved) await this.catchUp();
      // Deleted from what flies meanwhile: its namespace was emptied.
      for (const line of written) {
        if (line.kind === Kind.Put && !this.flying.has(line.hash)) this.catalog.table.remove(line.hash, made.id);
      }
      return;
    }
  }

  /** Leaves out records made of others that are no more: another tab wrote or deleted them. */
  private leaveOutdated(): void {
    const { flying, catalog } = this;
    for (const [hash, { base }] of flying) if (base !== undefined && base !== catalog.table.versionOf(hash)) flying.delete(hash);
  }

  /** All bans; none after an inner error, when they wait for the cache to be opened again. */
  private bansLine(line: Line): Line[] {
    try {
      return [{ ...line, bytes: this.keeper.bansRecord(this.catalog.others) }];
    } catch (cause) {
      if (!isTrap(cause)) throw cause;
      this.hasLostBans = true;
      return [];
    }
  }

  /** Appends; where there is no room, first after dropping half of what there is, then after dropping all. */
  private async tryAppend(block: Parameters<Backend["append"]>[0]): Promise<Omit<Block, "lines"> | undefined> {
    for (const keep of [0.5, 0]) {
      try {
        return await this.backend.append(block);
      } catch (cause) {
        if (!isQuota(cause)) throw cause;
        this.keeper.warn(new LarderError("quota", "the browser gives the store no more room; older entries were dropped", { cause }));
        if (keep > 0) await this.shrink(this.catalog.size * keep).catch(() => {});
        else await this.backend.clear().then(() => this.catalog.clear());
      }
    }
    return this.backend.append(block);
  }

  /** Writes nothing any more. What was overwritten must not come back, so the store is emptied if that still goes. */
  private async giveUp(cause: unknown): Promise<void> {
    this.isSealed = true;
    this.end?.(false);
    this.end = undefined;
    this.waiting.clear();
    this.gathered = 0;
    this.specials = [];
    this.catalog.clear();
    await this.backend.clear().catch(() => {});
    this.keeper.warn(new LarderError("storage", "the store cannot be written; the cache goes on in memory", { cause }));
  }

  /** Learns what other tabs wrote. */
  follow(): Promise<void> {
    if (!this.backend.isShared || this.isSealed) return Promise.resolve();
    return this.serial(() => this.catchUp()).catch((cause: unknown) => {
      const error = new LarderError("storage", "what other tabs wrote could not be read", { cause });
      if (!this.isClosing) this.keeper.warn(cause instanceof LarderError ? cause : error);
    });
  }

  private async catchUp(before = Infinity): Promise<void> {
    const { catalog } = this;
    let first: number | undefined;
    try {
      for await (const block of this.backend.blocks(catalog.last)) {
        // Of the blocks between another tab dropped some that were never read here, and with them all before.
        if (catalog.last >= 0 && block.id > catalog.last + 1) first = block.id;
        if (block.id >= before) break;
        const lines = unpack(block.lines);
        const known = lines.map(({ hash }) => catalog.table.blockOf(hash));
        catalog.take(block, lines);
        for (const { version } of lines) catalog.others = Math.max(catalog.others, version);
        await this.unlessTrapped(() => this.inform(block.id, lines, known));
      }
    } finally {
      if (first !== undefined) await this.forgetBefore(first);
    }
    if (!this.areBansMoved || before !== Infinity) return;
    await this.takeBans();
    return this.catchUp();
  }

  /** Tells memory something. After an inner error it is empty when it begins anew. */
  private async unlessTrapped(tell: () => Promise<void> | void): Promise<void> {
    try {
      await tell();
    } catch (cause) {
      if (!isTrap(cause)) throw cause;
    }
  }

  /** Forgets blocks, and what memory has: blocks that were not read may have deleted or overwritten it. */
  private forgetBefore(first: number): Promise<void> {
    const { catalog } = this;
    catalog.drop([...catalog.blocks.keys()].filter((id) => id < first));
    catalog.table.removeWhere((block) => block < first);
    return this.unlessTrapped(() => this.keeper.changedMuch());
  }

  /** Tells memory what another tab wrote. */
  private async inform(block: number, lines: readonly Found[], known: readonly number[]): Promise<void> {
    const read = (line: Found) => () => this.backend.read(block, line.at, line.length);
    for (const { kind, namespace } of lines) if (kind === Kind.Clear) this.keeper.emptied(namespace);
    if (lines.length > MANY) this.keeper.changedMuch();
    else for (const [at, line] of lines.entries()) if ((known[at] ?? -1) < block) await this.keeper.changed(line, read(line));
    if (lines.some(({ kind }) => kind === Kind.Bans)) await this.takeBans();
  }

  private async takeBans(): Promise<void> {
    this.areBansMoved = !(await this.readBans());
    if (this.areBansMoved) return;
    this.keeper.banAgain();
    this.keeper.invalidated();
  }

  /** Drops places whose time is over, a part of them at a time, and says how many each time; their bytes go with their blocks. */
  cleanup(): IterableIterator<number> {
    const now = this.keeper.now();
    // What is being overwritten may be what that is made of.
    return this.catalog.table.removeByParts((_block, gone, _its, hash) => gone <= now && !this.waiting.has(hash) && !this.flying.has(hash));
  }

  /** Makes the store smaller than this. */
  private async shrink(to: number): Promise<void> {
    for (let before = Infinity; this.catalog.size > to && this.catalog.size < before; ) {
      before = this.catalog.size;
      await this.reclaim(true);
    }
  }

  private async reclaim(needsRoom: boolean): Promise<void> {
    if (!(await this.reclaiming.step(needsRoom))) await this.catchUp();
  }

  /** The records of one namespace or of all, each once, in the order of writing, when all that waits is written; those of a block together. New keys that are
   * written meanwhile do not come. */
  async *records(namespace: number | undefined): AsyncIterable<Iterable<Line>> {
    await this.written();
    if (this.isSealed) return;
    const { backend, catalog } = this;
    const reader: Reader = { at: -1, end: catalog.last, met: new Set(), moved: [] };
    const isMeant = (of: Omit<Found, "kind">): boolean => (namespace === undefined || of.namespace === namespace) && of.gone > this.keeper.now();
    catalog.readers.add(reader);
    try {
      yield* live(backend, catalog, reader, { isMeant, isThere: (line) => this.isNewest(line) });
      const missing = catalog.missing(reader);
      const rest = missing.size === 0 ? reader.moved : reader.moved.concat(catalog.table.hashesWhere((block) => missing.has(block)));
      if (missing.size > 0) {
        // What is not found in later blocks now is nowhere: to look for one after the other takes long.
        await this.follow();
        catalog.dropMissing(missing);
      }
      for (const hash of rest) {
        const [read, place] = [await this.read(hash), catalog.table.get(hash)];
        if (read !== undefined && place !== undefined && isMeant(place)) yield [{ ...place, kind: Kind.Put, bytes: read.bytes }];
        await breathe();
      }
    } finally {
      catalog.readers.delete(reader);
    }
  }

  /** Writes what waits, and lets go. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.written();
    await this.serial(async () => {
      if (this.hasLostBans && !this.isSealed) {
        await this.startAnew(new LarderError("storage", "what was made invalid could not be stored, so the store was emptied"));
      }
      this.isSealed = true;
      this.backend.close();
    });
  }
}

function isTrap(error: unknown): boolean {
  return error instanceof LarderError && error.code === "trapped";
}

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}
