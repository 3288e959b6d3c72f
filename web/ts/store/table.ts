// Where the newest record of each key lies: hash tables of numbers, 44 bytes a slot, because a million JavaScript objects are too many.
// Keys are told apart by 53 bits of a keyed hash; who reads compares the whole key, so that two with one hash cost a miss. There are
// many small tables, so that one that grows holds nobody up.

/** What is known of a record. */
export interface Place {
  readonly hash: number;
  /** Hash of the namespace. */
  readonly namespace: number;
  readonly block: number;
  readonly at: number;
  readonly length: number;
  /** When it is gone, Unix milliseconds. */
  readonly gone: number;
  readonly version: number;
}

/** What can be asked of a place without making an object of it: a million are asked. */
type Question = (block: number, gone: number, namespace: number, hash: number) => boolean;

const SMALLEST = 64;
const PARTS = 64;

/** Places by their hash. */
export class Table {
  private parts = Array.from({ length: PARTS }, () => new Part());

  private of(hash: number): Part {
    // Slots are chosen by the lower 32 bits, parts by those above.
    return this.parts[(hash / 2 ** 32) & (PARTS - 1)] as Part;
  }

  /** How many places there are. */
  get size(): number {
    return this.parts.reduce((sum, { count }) => sum + count, 0);
  }

  /** Bytes of all records. */
  get bytes(): number {
    return this.parts.reduce((sum, { used }) => sum + used, 0);
  }

  get(hash: number): Place | undefined {
    return this.of(hash).get(hash);
  }

  /** The block of a place; less than any if there is none. */
  blockOf(hash: number): number {
    return this.of(hash).blockOf(hash);
  }

  /** The version of a place; less than any if there is none. */
  versionOf(hash: number): number {
    return this.of(hash).versionOf(hash);
  }

  /** Whether the newest record of a key lies there. */
  isAt(hash: number, block: number, at: number): boolean {
    return this.of(hash).isAt(hash, block, at);
  }

  /** Notes where a record lies, unless one of a later block is known. */
  put(found: Omit<Place, "block">, block: number): void {
    this.of(found.hash).put(found, block);
  }

  /** Forgets a place, unless it is of a later block. */
  remove(hash: number, block = Infinity): boolean {
    return this.of(hash).remove(hash, block);
  }

  /** The hashes of the places that a question is true of. */
  hashesWhere(isMeant: Question): number[] {
    return this.parts.flatMap((part) => part.hashesWhere(isMeant));
  }

  /** Forgets the places that a question is true of; answers how many. */
  removeWhere(isMeant: Question): number {
    let removed = 0;
    for (const some of this.removeByParts(isMeant)) removed += some;
    return removed;
  }

  /** The same, a part of the table at a time, with how many went of it. */
  *removeByParts(isMeant: Question): IterableIterator<number> {
    for (const part of this.parts) yield part.removeWhere(isMeant);
  }

  clear(): void {
    this.parts = this.parts.map(() => new Part());
  }
}

/** One of the tables. */
class Part {
  private slots = 0;
  private hashes = new Float64Array();
  private blocks = new Float64Array();
  private gones = new Float64Array();
  private versions = new Float64Array();
  private namespaces = new Uint32Array();
  private ats = new Uint32Array();
  /** 0 for a slot that is free: there is no empty record. */
  private lengths = new Uint32Array();
  count = 0;
  used = 0;

  constructor() {
    this.resize(SMALLEST);
  }

  private resize(slots: number): void {
    const { hashes, blocks, gones, versions, namespaces, ats, lengths } = this;
    this.slots = slots;
    this.hashes = new Float64Array(slots);
    this.blocks = new Float64Array(slots);
    this.gones = new Float64Array(slots);
    this.versions = new Float64Array(slots);
    this.namespaces = new Uint32Array(slots);
    this.ats = new Uint32Array(slots);
    this.lengths = new Uint32Array(slots);
    for (let from = 0; from < lengths.length; from++) {
      if (lengths[from] === 0) continue;
      const to = this.slotOf(hashes[from] as number);
      this.hashes[to] = hashes[from] as number;
      this.blocks[to] = blocks[from] as number;
      this.gones[to] = gones[from] as number;
      this.versions[to] = versions[from] as number;
      this.namespaces[to] = namespaces[from] as number;
      this.ats[to] = ats[from] as number;
      this.lengths[to] = lengths[from] as number;
    }
  }

  /** The slot of a hash, or the free one where it would be. */
  private slotOf(hash: number): number {
    // There are powers of two of them.
    let slot = hash & (this.slots - 1);
    while (this.lengths[slot] !== 0 && this.hashes[slot] !== hash) slot = slot + 1 === this.slots ? 0 : slot + 1;
    return slot;
  }

  private place(slot: number): Place {
    return {
      hash: this.hashes[slot] as number,
      namespace: this.namespaces[slot] as number,
      block: this.blocks[slot] as number,
      at: this.ats[slot] as number,
      length: this.lengths[slot] as number,
      gone: this.gones[slot] as number,
      version: this.versions[slot] as number,
    };
  }

  get(hash: number): Place | undefined {
    const slot = this.slotOf(hash);
    return this.lengths[slot] === 0 ? undefined : this.place(slot);
  }

  blockOf(hash: number): number {
    const slot = this.slotOf(hash);
    return this.lengths[slot] === 0 ? -1 : (this.blocks[slot] as number);
  }

  versionOf(hash: number): number {
    const slot = this.slotOf(hash);
    return this.lengths[slot] === 0 ? -1 : (this.versions[slot] as number);
  }

  isAt(hash: number, block: number, at: number): boolean {
    const slot = this.slotOf(hash);
    return this.lengths[slot] !== 0 && this.blocks[slot] === block && this.ats[slot] === at;
  }

  put(place: Omit<Place, "block">, block: number): void {
    if (4 * this.count >= 3 * this.slots) this.resize(2 * this.slots);
    const slot = this.slotOf(place.hash);
    const before = this.lengths[slot] as number;
    if (before !== 0 && (this.blocks[slot] as number) > block) return;
    if (before === 0) this.count++;
    this.used += place.length - before;
    this.hashes[slot] = place.hash;
    this.namespaces[slot] = place.namespace;
    this.blocks[slot] = block;
    this.ats[slot] = place.at;
    this.lengths[slot] = place.length;
    this.gones[slot] = place.gone;
    this.versions[slot] = place.version;
  }

  remove(hash: number, block: number): boolean {
    const slot = this.slotOf(hash);
    if (this.lengths[slot] === 0 || (this.blocks[slot] as number) > block) return false;
    this.free(slot);
    return true;
  }

  /** Frees a slot, and moves up what was pushed behind it. */
  private free(slot: number): void {
    this.count--;
    this.used -= this.lengths[slot] as number;
    let hole = slot;
    for (let next = (slot + 1) % this.slots; this.lengths[next] !== 0; next = (next + 1) % this.slots) {
      const home = (this.hashes[next] as number) & (this.slots - 1);
      const isReachable = hole <= next ? hole < home && home <= next : hole < home || home <= next;
      if (isReachable) continue;
      for (const column of [this.hashes, this.blocks, this.gones, this.versions, this.namespaces, this.ats, this.lengths]) {
        column[hole] = column[next] as number;
      }
      hole = next;
    }
    this.lengths[hole] = 0;
  }

  hashesWhere(isMeant: Question): number[] {
    const hashes: number[] = [];
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.lengths[slot] === 0) continue;
      const hash = this.hashes[slot] as number;
      if (isMeant(this.blocks[slot] as number, this.gones[slot] as number, this.namespaces[slot] as number, hash)) hashes.push(hash);
    }
    return hashes;
  }

  removeWhere(isMeant: Question): number {
    const hashes = this.hashesWhere(isMeant);
    // An emptied table is made anew, which is quicker.
    if (hashes.length === this.count) this.empty();
    else for (const hash of hashes) this.remove(hash, Infinity);
    return hashes.length;
  }

  private empty(): void {
    this.lengths = new Uint32Array();
    [this.count, this.used] = [0, 0];
    this.resize(SMALLEST);
  }
}
