// Blocks in IndexedDB: lines in one object store and records in another, under the number that the database gives the block. Its
// transactions put the blocks of all tabs into one order.

import { LarderError } from "../error.js";
import type { Append, Backend, Block } from "./backend.js";
import { extent, unpack } from "./lines.js";

const FORMAT = 1;
/** Blocks whose lines are read at a time. */
const PAGE = 32;
/** Blocks whose records are kept, because what was written together is read together. */
const KEPT = 4;

interface Meta {
  readonly format: number;
  readonly seed: number;
  /** Drawn at random by who made the database. One that was deleted may be made again with the same seed, and its blocks have other numbers. */
  readonly made?: number;
}

/** The answer of a request. */
function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

/** The end of a transaction. */
function end(transaction: IDBTransaction): Promise<void> {
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onabort = () => failed(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(name, FORMAT);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("lines", { autoIncrement: true });
      request.result.createObjectStore("records");
      request.result.createObjectStore("meta");
    };
    request.onsuccess = () => {
      const database = request.result;
      // Somebody deletes the database: it is let go, or they would wait.
      database.onversionchange = () => database.close();
      done(database);
    };
    request.onerror = () => {
      const isNewer = request.error?.name === "VersionError";
      failed(isNewer ? new LarderError("newer-format", "the store was made by a newer larder-web; use that version") : request.error);
    };
  });
}

function drawn(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** What is known of the database; this seed if it is new. */
async function metaOf(database: IDBDatabase, seed: number): Promise<{ readonly meta: Meta; readonly isNew: boolean }> {
  const transaction = database.transaction("meta", "readwrite");
  const ended = end(transaction);
  const store = transaction.objectStore("meta");
  const found = (await answer(store.get("store"))) as Meta | undefined;
  const meta = found ?? { format: FORMAT, seed, made: drawn() };
  if (found === undefined) store.put(meta, "store");
  await ended;
  return { meta, isNew: found === undefined };
}

/** The database of this name, and what is known of it. */
async function openWith(name: string, seed: number): Promise<{ readonly database: IDBDatabase; readonly meta: Meta; readonly isNew: boolean }> {
  const database = await open(name);
  try {
    return { database, ...(await metaOf(database, seed)) };
  } catch (error) {
    // Who deletes it would wait for whom nobody knows.
    database.close();
    throw error;
  }
}

/** Blocks in a database. */
export class IndexedDb implements Backend {
  readonly isShared = true;
  lost: Backend["lost"] = () => {};
  private reopening: Promise<void> | undefined;
  private isClosed = false;
  private readonly kept = new Map<number, Uint8Array>();

  private constructor(
    private readonly name: string,
    private database: IDBDatabase,
    private meta: Meta,
  ) {}

  get seed(): number {
    return this.meta.seed;
  }

  /** Opens the database of this name. */
  static async open(name: string): Promise<IndexedDb> {
    const { database, meta } = await openWith(name, drawn());
    return new IndexedDb(name, database, meta);
  }

  private async begin(mode: IDBTransactionMode, durability: IDBTransactionDurability = "relaxed"): Promise<IDBTransaction> {
    if (this.isClosed) throw new LarderError("closed", "the cache was closed");
    try {
      return this.database.transaction(["lines", "records"], mode, { durability });
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
      await (this.reopening ??= this.reopen().finally(() => (this.reopening = undefined)));
      return this.database.transaction(["lines", "records"], mode, { durability });
    }
  }

  /** The browser closed the connection, and may have thrown everything away. */
  private async reopen(): Promise<void> {
    const { database, meta, isNew } = await openWith(this.name, this.seed);
    if (!isNew && (meta.seed !== this.seed || meta.made !== this.meta.made)) {
      // It is not touched: it belongs to others.
      database.close();
      throw new LarderError("storage", "the store was replaced by another one; open the cache again");
    }
    this.database = database;
    this.meta = meta;
    this.kept.clear();
    if (isNew) this.lost(new LarderError("storage", "the browser threw the store away; it is begun anew"));
  }

  async *blocks(after: number): AsyncIterable<Block> {
    for (let last = after; ; ) {
      const lines = (await this.begin("readonly")).objectStore("lines");
      const behind = IDBKeyRange.lowerBound(last, true);
      const [ids, found] = await Promise.all([answer(lines.getAllKeys(behind, PAGE)), answer(lines.getAll(behind, PAGE))]);
      for (const [place, id] of ids.entries()) {
        const block: unknown = found[place];
        const own = block instanceof Uint8Array ? block : new Uint8Array();
        yield { id: id as number, unit: id as number, size: own.length + extent(unpack(own)), lines: own };
      }
      if (ids.length < PAGE) return;
      last = ids[ids.length - 1] as number;
    }
  }

  async append({ lines, bytes, strict, drop = [], onlyAfter }: Append): Promise<Omit<Block, "lines"> | undefined> {
    const transaction = await this.begin("readwrite", strict ? "strict" : "relaxed");
    const ended = end(transaction);
    const [index, records] = [transaction.objectStore("lines"), transaction.objectStore("records")];
    try {
      if (onlyAfter !== undefined) {
        const others = await answer(index.getAllKeys(IDBKeyRange.lowerBound(onlyAfter, true), 1));
        if (others.length > 0) return undefined;
      }
      const id = (await answer(index.add(lines))) as number;
      records.put(bytes, id);
      for (const unit of drop) {
        index.delete(unit);
        records.delete(unit);
        this.kept.delete(unit);
      }
      transaction.commit();
      await ended;
      return { id, unit: id, size: lines.length + bytes.length };
    } catch (error) {
      // The transaction's own error tells more, and says when it is over.
      await ended;
      throw error;
    }
  }

  async read(id: number, at: number, length: number): Promise<Uint8Array | undefined> {
    let bytes = this.kept.get(id);
    if (bytes === undefined) {
      const found: unknown = await answer((await this.begin("readonly")).objectStore("records").get(id));
      if (!(found instanceof Uint8Array)) return undefined;
      bytes = found;
    }
    this.kept.delete(id);
    this.kept.set(id, bytes);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
    return bytes.slice(at, at + length);
  }

  async clear(): Promise<void> {
    const transaction = await this.begin("readwrite");
    const ended = end(transaction);
    transaction.objectStore("lines").clear();
    transaction.objectStore("records").clear();
    this.kept.clear();
    await ended;
  }

  close(): void {
    this.isClosed = true;
    this.database.close();
  }
}
