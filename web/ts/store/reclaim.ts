// Reclaiming: the oldest blocks are dropped, and what of them is worth keeping is written anew in the transaction that drops them.

import type { Backend } from "./backend.js";
import type { Catalog } from "./catalog.js";
import type { Keeper } from "./keeper.js";
import { BLOCK, Kind, LINE, pack, unpack, type Line } from "./lines.js";
import { live } from "./reading.js";

/** A record that may be kept. */
export interface Kept {
  readonly line: Line;
  /** Bytes that it takes. */
  readonly size: number;
  /** When it was last read, as far as is known: Unix milliseconds, or 0; less for what is damaged or was made invalid. */
  readonly accessed: number;
}

/** Garbage below this is left alone. */
const SMALL = 1 << 20;
/** Bytes that are tidied at a time. */
const LARGEST_STEP = 1 << 20;
/** Blocks there may be before small ones are put together. */
const BLOCKS = 1_024;

/** Makes a store smaller. */
export class Reclaiming {
  constructor(
    private readonly backend: Backend,
    private readonly catalog: Catalog,
    private readonly keeper: Keeper,
  ) {}

  /** Whether there is much garbage, or there are many small blocks. */
  get isDue(): boolean {
    const { table, blocks, size } = this.catalog;
    const garbage = size - table.bytes - LINE * table.size;
    return (garbage > SMALL && garbage > size / 2) || (blocks.size > BLOCKS && size < (blocks.size * BLOCK) / 4);
  }

  /** Drops the oldest blocks. What of them is worth keeping is written again, half of it at most where room is needed. False if another tab wrote
   * meanwhile, and nothing was done: what it wrote has to be known first. */
  async step(needsRoom: boolean): Promise<boolean> {
    const { catalog, keeper } = this;
    const { units, ids, size } = this.oldest();
    const { staying, others } = await this.read(ids);
    const dropped = [...staying, ...others];
    const lines = [...staying, ...this.choose(others, needsRoom ? size / 2 : Infinity)].map(({ line }) => line);
    if (catalog.bans !== undefined && ids.has(catalog.bans.block)) {
      lines.push({ kind: Kind.Bans, hash: 0, namespace: 0, gone: Infinity, version: catalog.newest, bytes: keeper.bansRecord(catalog.others) });
    }
    const packed = pack(lines);
    // Another tab may have written one of them anew, which this would hide.
    const made = await this.backend.append({ ...packed, strict: false, drop: [...units], onlyAfter: catalog.last });
    if (made === undefined) return false;
    catalog.drop(ids);
    // Emptied or over meanwhile.
    const gone = dropped.filter(({ line }) => catalog.table.blockOf(line.hash) < 0);
    catalog.take(made, unpack(packed.lines));
    for (const { line } of gone) catalog.table.remove(line.hash, made.id);
    for (const { line } of dropped) if (ids.has(catalog.table.blockOf(line.hash))) catalog.table.remove(line.hash);
    return true;
  }

  /** The oldest units, and their blocks. */
  private oldest(): { readonly units: ReadonlySet<number>; readonly ids: ReadonlySet<number>; readonly size: number } {
    const [units, ids] = [new Set<number>(), new Set<number>()];
    let size = 0;
    for (const [id, block] of this.catalog.blocks) {
      if (!units.has(block.unit) && size >= Math.max(BLOCK, Math.min(this.catalog.size / 16, LARGEST_STEP))) break;
      units.add(block.unit);
      ids.add(id);
      size += block.size;
    }
    return { units, ids, size };
  }

  /** The records of these blocks that are the newest of their keys: those that stay whatever the room, and the others. */
  private async read(ids: ReadonlySet<number>): Promise<{ readonly staying: Kept[]; readonly others: Kept[] }> {
    const { catalog, keeper } = this;
    const found = { staying: [] as Kept[], others: [] as Kept[] };
    const wanted = {
      isMeant: (_: unknown, block: number) => ids.has(block),
      // What is being overwritten stays until that is stored.
      isThere: ({ hash }: { readonly hash: number }, block: number) => catalog.table.blockOf(hash) === block,
    };
    for await (const lines of live(this.backend, catalog, { at: -1, end: Math.max(...ids), met: new Set(), moved: [] }, wanted)) {
      for (const line of lines) {
        const kept = { line, size: line.bytes.length + LINE, accessed: keeper.accessed(line.bytes) };
        (keeper.mustStay(line.namespace) ? found.staying : found.others).push(kept);
      }
    }
    return found;
  }

  /** Those that are kept so that they take so many bytes at most: the engine says who goes. */
  private choose(records: Kept[], most: number): Kept[] {
    const going = new Set(this.keeper.judge(records, Math.max(0, bytesOf(records) - most)));
    const kept = records.filter((_, at) => !going.has(at));
    // Under a policy that lets nobody go, the oldest do.
    while (bytesOf(kept) > most) kept.splice(0, Math.ceil(kept.length / 8));
    const isLive = ({ line, accessed }: Kept): boolean => accessed >= 0 && line.gone > this.keeper.now();
    this.catalog.isPartial ||= records.filter(isLive).length > kept.filter(isLive).length;
    return kept;
  }
}

function bytesOf(records: readonly Kept[]): number {
  return records.reduce((sum, { size }) => sum + size, 0);
}
