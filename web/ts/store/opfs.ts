// Blocks in files of the origin's private file system, through handles that only a dedicated worker has. A file holds blocks one behind the
// other; a block begins with 24 bytes: `LBLK`, the format (4), bytes of its lines (4) and of its records (4), and a checksum over
// these and the lines (8). What was cut off at the end of the last file is not there. Damage before that hides what it deleted, so what lies before
// the damage is forgotten: `LSKP` in place of the first block says where the next whole one begins. One worker at a time has the files.

import { LarderError } from "../error.js";
import type { Append, Backend, Block } from "./backend.js";

/** The synchronous handle of a file, as far as it is used here; the browser's own types have it for workers only. */
interface Handle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

interface File {
  readonly number: number;
  readonly handle: Handle;
  size: number;
}

const FORMAT = 1;
const HEAD = 24;
const MAGIC = 0x4b4c_424c;
const SKIP = 0x504b_534c;
/** Bytes of a file before another follows: an eighth of the store, within these. */
const SMALLEST_FILE = 64 << 10;
const LARGEST_FILE = 8 << 20;
const PLACES = 2 ** 32;
const SEED = "seed";

/** How often the bytes of a damaged file may be read in search of the next block. */
const PASSES = 16;

/** A checksum of bytes under a seed: 53 bits. */
export type Sum = (bytes: Uint8Array, seed: number) => number;

/** What a block begins with. */
interface Head {
  readonly lines: Uint8Array;
  /** How many bytes its records have. */
  readonly bytes: number;
}

async function handleOf(directory: FileSystemDirectoryHandle, name: string): Promise<Handle> {
  const file = (await directory.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle?: () => Promise<Handle>;
  };
  if (file.createSyncAccessHandle === undefined) {
    throw new LarderError("unsupported", "files can be kept open in a dedicated worker only; open the cache there, or use IndexedDB");
  }
  try {
    return await file.createSyncAccessHandle();
  } catch (cause) {
    if (!(cause instanceof DOMException) || cause.name !== "NoModificationAllowedError") throw cause;
    throw new LarderError("storage", "another worker has this store open; share one through IndexedDB", { cause });
  }
}

/** Blocks in files. */
export class Opfs implements Backend {
  readonly isShared = false;
  lost: Backend["lost"] = () => {};
  /** The number of the next file. */
  private next: number;
  /** Whether all was read once, and what was damaged mended. */
  private isWhole = false;
  private readonly fileSize: number;

  private constructor(
    private readonly directory: FileSystemDirectoryHandle,
    private readonly lock: Handle,
    readonly seed: number,
    private readonly files: File[],
    private readonly sum: Sum,
    maxBytes: number,
  ) {
    this.fileSize = Math.min(Math.max(maxBytes / 8, SMALLEST_FILE), LARGEST_FILE);
    this.next = (files.at(-1)?.number ?? 0) + 1;
  }

  /** Opens the files under this name, of a store that may take so many bytes. */
  static async open(name: string, sum: Sum, maxBytes: number): Promise<Opfs> {
    const root = await navigator.storage.getDirectory();
    const directory = await root.getDirectoryHandle(encodeURIComponent(name), { create: true });
    const lock = await handleOf(directory, SEED);
    const files: File[] = [];
    try {
      const seed = new Uint32Array(2);
      if (lock.read(new Uint8Array(seed.buffer), { at: 0 }) < 8) {
        seed.set([FORMAT, crypto.getRandomValues(new Uint32Array(1))[0] ?? 0]);
        lock.write(new Uint8Array(seed.buffer), { at: 0 });
        lock.flush();
      }
      if (seed[0] !== FORMAT) throw new LarderError("newer-format", "the store was made by a newer larder-web; use that version");
      const numbers: number[] = [];
      for await (const name of (directory as unknown as { keys(): AsyncIterable<string> }).keys()) {
        if (/^\d{1,15}$/.test(name)) numbers.push(Number(name));
      }
      for (const number of numbers.sort((a, b) => a - b)) {
        const handle = await handleOf(directory, String(number));
        files.push({ number, handle, size: handle.getSize() });
      }
      return new Opfs(directory, lock, seed[1] ?? 0, files, sum, maxBytes);
    } catch (error) {
      for (const { handle } of [...files, { handle: lock }]) handle.close();
      throw error;
    }
  }

  async *blocks(after: number): AsyncIterable<Block> {
    for (let file = this.files[0]; file !== undefined; file = this.behind(file)) {
      for (let at: number | undefined = this.begin(file); at !== undefined; ) {
        const head = this.head(file, at);
        if (head !== undefined) {
          const [id, size]: [number, number] = [file.number * PLACES + at, HEAD + head.lines.length + head.bytes];
          if (id > after) yield { id, unit: file.number, size, lines: head.lines };
          at += size;
        } else at = at < file.size && !this.isWhole ? await this.mend(file, at) : undefined;
      }
    }
    this.isWhole = true;
  }

  /** Where the blocks of a file begin. */
  private begin(file: File): number {
    const head = this.headAt(file, 0);
    return head.getUint32(0, true) === SKIP && head.getFloat64(16, true) === this.checksum(head) ? head.getUint32(8, true) : 0;
  }

  /** Sees to it that a place with no block comes never again; answers where the next block of the file begins. */
  private async mend(file: File, at: number): Promise<number | undefined> {
    const next = this.search(file, Math.max(HEAD, at + 1));
    if (next === undefined && this.behind(file) === undefined) {
      // A write that did not come to its end.
      file.handle.truncate(at);
      file.size = at;
      return undefined;
    }
    this.lost(new LarderError("corrupt", "a file of the store is damaged; what was written before is forgotten, for nobody knows what was deleted there"));
    for (const { number } of [...this.files]) if (number < file.number || (next === undefined && number === file.number)) await this.remove(number);
    if (next === undefined) return undefined;
    const skip = new DataView(new ArrayBuffer(HEAD));
    [SKIP, FORMAT, next].forEach((number, place) => skip.setUint32(4 * place, number, true));
    skip.setFloat64(16, this.checksum(skip), true);
    file.handle.write(new Uint8Array(skip.buffer), { at: 0 });
    return next;
  }

  /** Where the next whole block begins, from a place on. */
  private search(file: File, from: number): number | undefined {
    const rest = new DataView(new ArrayBuffer(Math.max(0, file.size - from)));
    file.handle.read(new Uint8Array(rest.buffer), { at: from });
    // Values may look like blocks, and lie about their lengths.
    let budget = PASSES * file.size;
    for (let at = 0; at + HEAD <= rest.byteLength && budget > 0; at++) {
      if (rest.getUint32(at, true) !== MAGIC) continue;
      if (this.head(file, from + at) !== undefined) return from + at;
      budget -= HEAD + rest.getUint32(at + 8, true);
    }
    return undefined;
  }

  private behind({ number }: File): File | undefined {
    return this.files.find((file) => file.number > number);
  }

  /** The head of a block, if a whole one is there. Files go while they are read. */
  private head(file: File, at: number): Head | undefined {
    if (at + HEAD > file.size || !this.files.includes(file)) return undefined;
    const head = this.headAt(file, at);
    const [magic, format, length, bytes] = [0, 4, 8, 12].map((place) => head.getUint32(place, true)) as [number, number, number, number];
    if (magic !== MAGIC || format !== FORMAT || at + HEAD + length + bytes > file.size) return undefined;
    const lines = new Uint8Array(length);
    file.handle.read(lines, { at: at + HEAD });
    return this.checksum(head, lines) === head.getFloat64(16, true) ? { lines, bytes } : undefined;
  }

  private headAt(file: File, at: number): DataView {
    const head = new DataView(new ArrayBuffer(HEAD));
    if (this.files.includes(file)) file.handle.read(new Uint8Array(head.buffer), { at });
    return head;
  }

  /** Under the seed of the store, so that no value can hold what passes for a block of it. */
  private checksum(head: DataView, lines: Uint8Array = new Uint8Array()): number {
    const checked = new Uint8Array(16 + lines.length);
    checked.set(new Uint8Array(head.buffer, 0, 16));
    checked.set(lines, 16);
    return this.sum(checked, this.seed);
  }

  async append({ lines, bytes, strict, drop = [] }: Append): Promise<Omit<Block, "lines">> {
    const file = await this.room(drop);
    const size = HEAD + lines.length + bytes.length;
    const block = new Uint8Array(size);
    const head = new DataView(block.buffer, 0, HEAD);
    [MAGIC, FORMAT, lines.length, bytes.length].forEach((number, place) => head.setUint32(4 * place, number, true));
    head.setFloat64(16, this.checksum(head, lines), true);
    block.set(lines, HEAD);
    block.set(bytes, HEAD + lines.length);
    const at = file.size;
    let written = 0;
    try {
      written = file.handle.write(block, { at });
      if (written < size) throw new DOMException("the file did not take it all", "QuotaExceededError");
      // What is dropped below must not go before what takes its place is there.
      if (strict || drop.length > 0) file.handle.flush();
    } catch (error) {
      file.handle.truncate(at);
      throw error;
    }
    file.size += size;
    for (const unit of drop) await this.remove(unit);
    return { id: file.number * PLACES + at, unit: file.number, size };
  }

  /** The file that is written to; not one that is to go. */
  private async room(drop: readonly number[]): Promise<File> {
    const last = this.files.at(-1);
    if (last !== undefined && last.size < this.fileSize && !drop.includes(last.number)) return last;
    // A loss of power takes what was written last, and nothing in the midst.
    last?.handle.flush();
    const number = this.next++;
    const file = { number, handle: await handleOf(this.directory, String(number)), size: 0 };
    file.handle.truncate(0);
    this.files.push(file);
    return file;
  }

  private async remove(number: number): Promise<void> {
    const at = this.files.findIndex((file) => file.number === number);
    if (at < 0) return;
    const [file] = this.files.splice(at, 1);
    // What was deleted must not come back if the file itself cannot be removed.
    file?.handle.truncate(0);
    file?.handle.close();
    await this.directory.removeEntry(String(number));
  }

  async read(id: number, at: number, length: number): Promise<Uint8Array | undefined> {
    const [number, begin] = [Math.floor(id / PLACES), id % PLACES];
    const file = this.files.find((file) => file.number === number);
    if (file === undefined || begin + HEAD > file.size) return undefined;
    const head = this.headAt(file, begin);
    const [lines, records] = [head.getUint32(8, true), head.getUint32(12, true)];
    const bytes = new Uint8Array(Math.min(length, Math.max(0, records - at), file.size));
    const got = file.handle.read(bytes, { at: begin + HEAD + lines + at });
    return bytes.subarray(0, got);
  }

  async clear(): Promise<void> {
    for (const { number } of [...this.files]) await this.remove(number);
  }

  close(): void {
    for (const { handle } of this.files) handle.close();
    this.lock.close();
  }
}
