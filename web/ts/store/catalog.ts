// What is known of a store: its blocks, where the newest record of each key lies, and where the bans do.

import type { Block } from "./backend.js";
import { Kind, type Found } from "./lines.js";
import { Table } from "./table.js";

/** Who reads all records. */
export interface Reader {
  /** The block that is read; those up to it were. */
  at: number;
  /** The last block when the reading began. */
  readonly end: number;
  /** Blocks that were there. */
  readonly met: Set<number>;
  /** Hashes of records that were written anew, behind the end, before they were read: by who overwrote them, or by reclaiming. */
  readonly moved: number[];
}

/** Blocks, and what is in them. */
export class Catalog {
  readonly table = new Table();
  readonly blocks = new Map<number, Omit<Block, "id" | "lines">>();
  bans: { readonly block: number; readonly at: number; readonly length: number } | undefined;
  /** Bytes that the store takes, those of records that are no more included. */
  size = 0;
  /** The last block; less than any if there is none. */
  last = -1;
  /** The highest version there is. */
  newest = 0;
  /** The highest version that other tabs wrote since the store was opened. */
  others = 0;
  /** Whether records went that are not over, deleted or overwritten: for lack of room, or with the whole store. */
  isPartial = false;
  readonly readers = new Set<Reader>();

  /** Notes a block and its lines. */
  take({ id, unit, size }: Omit<Block, "lines">, lines: readonly Found[]): void {
    this.blocks.set(id, { unit, size });
    this.size += size;
    this.last = Math.max(this.last, id);
    for (const line of lines) this.apply(line, id);
  }

  private apply(line: Found, block: number): void {
    const { kind, hash, namespace, version } = line;
    this.newest = Math.max(this.newest, version);
    if (kind === Kind.Put) {
      const before = this.readers.size > 0 ? this.table.blockOf(hash) : -1;
      for (const { at, end, moved } of this.readers) if (before > at && before <= end && block > end) moved.push(hash);
      this.table.put(line, block);
    } else if (kind === Kind.Delete) this.table.remove(hash, block);
    else if (kind === Kind.Clear) this.table.removeWhere((of, _, its) => its === namespace && of < block);
    else if (block >= (this.bans?.block ?? -1)) this.bans = { block, at: line.at, length: line.length };
  }

  /** Forgets blocks that were dropped. What of them is still pointed to lies nowhere. */
  drop(ids: Iterable<number>): void {
    for (const id of ids) {
      this.size -= this.blocks.get(id)?.size ?? 0;
      this.blocks.delete(id);
    }
  }

  /** Blocks that another tab dropped, as who read all of them found. */
  missing({ end, met }: Reader): ReadonlySet<number> {
    return new Set([...this.blocks.keys()].filter((id) => id <= end && !met.has(id)));
  }

  /** Forgets blocks that another tab dropped, and what is not known to lie in later ones. */
  dropMissing(missing: ReadonlySet<number>): void {
    this.isPartial = true;
    this.drop(missing);
    this.table.removeWhere((block) => missing.has(block));
  }

  /** Forgets what was in a store that was emptied. */
  clear(): void {
    this.isPartial ||= this.table.size > 0;
    this.table.clear();
    this.blocks.clear();
    this.bans = undefined;
    this.size = 0;
    this.last = -1;
  }
}
