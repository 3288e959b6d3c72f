// Who is in the cache, and who went. The cache does not tell what it evicts, so the page keeps a list of what it put in and looks, some entries at a
// time, which of them are still there.

/** What the page knows of an entry. */
export interface Resident {
  readonly id: number;
  /** Reads since it came. */
  hits: number;
  /** When it came, and when it was last read or written; milliseconds of the page's clock. */
  readonly came: number;
  accessed: number;
  /** Its place in the list. */
  at: number;
}

/** An entry that was there and is gone. */
export interface Gone extends Readonly<Resident> {
  readonly noticed: number;
}

const KEPT = 10;

export class Residents {
  private readonly byId = new Map<number, Resident>();
  private readonly list: Resident[] = [];
  private next = 0;
  /** Those that went last, the latest first. */
  readonly gone: Gone[] = [];

  get size(): number {
    return this.list.length;
  }

  get(id: number): Resident | undefined {
    return this.byId.get(id);
  }

  /** Any one of them. */
  any(): Resident | undefined {
    return this.list[Math.floor(Math.random() * this.list.length)];
  }

  wrote(id: number, now: number): void {
    const entry = { id, hits: 0, came: now, accessed: now, at: this.list.length };
    this.byId.set(id, entry);
    this.list.push(entry);
  }

  read(id: number, now: number): void {
    const entry = this.byId.get(id);
    if (entry === undefined) return this.wrote(id, now);
    entry.hits++;
    entry.accessed = now;
  }

  /** It is gone, not for want of space: nobody evicted it. */
  removed(id: number): void {
    const entry = this.byId.get(id);
    if (entry === undefined) return;
    this.byId.delete(id);
    const last = this.list.pop();
    if (last === undefined || last === entry) return;
    last.at = entry.at;
    this.list[entry.at] = last;
  }

  /** All are gone, and nobody evicted them. */
  clear(): void {
    this.byId.clear();
    this.list.length = 0;
  }

  /** All that this is true of are gone, and nobody evicted them. */
  removedWhere(is: (id: number) => boolean): void {
    for (const id of [...this.byId.keys()].filter(is)) this.removed(id);
  }

  /** It was there and is not. */
  went(id: number, now: number): void {
    const entry = this.byId.get(id);
    if (entry === undefined) return;
    this.removed(id);
    this.gone.unshift({ ...entry, noticed: now });
    this.gone.length = Math.min(this.gone.length, KEPT);
  }

  /** Looks for so many of them, round and round. */
  look(count: number, now: number, isThere: (id: number) => boolean): void {
    for (let looked = Math.min(count, this.list.length); looked > 0; looked--) {
      this.next %= Math.max(1, this.list.length);
      const entry = this.list[this.next];
      if (entry === undefined) return;
      // Who takes the place of one that went was the last of the list, and is looked for in its turn.
      if (isThere(entry.id)) this.next++;
      else this.went(entry.id, now);
    }
  }
}
