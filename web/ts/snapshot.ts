// Snapshots: all live records in one file that every host of Larder reads (docs/design.md, section 5).

import { breathe } from "./breathe.js";
import { know } from "./contract.js";
import { LarderError } from "./error.js";
import type { Read } from "./store/log.js";
import type { Shelf } from "./store/shelf.js";
import type { Tier } from "./tier.js";

know(`
  record carried: records bytes[], next u32?;
  call carry 42: cursor u32, size u32, now u64 -> carried;
`);

/** Where a snapshot is read from. */
export type SnapshotSource = Blob | Uint8Array | ReadableStream<Uint8Array>;

/** What an import read. */
export interface Imported {
  /** Entries that were stored. */
  readonly entries: number;
  /** Entries left out because their time is over. */
  readonly expired: number;
  /** Records left out because they are damaged. */
  readonly damaged: number;
}

const MAGIC = Uint8Array.of(0x8c, 0x4c, 0x53, 0x4e, 0x41, 0x50, 0x0a, 0x01);
/** The longest record that is read: a value of 1 GiB and what surrounds it. */
const LONGEST = 2 ** 30 + 4 * 2 ** 20;
/** Bytes of records that are taken out of memory at a time. */
const PIECE = 1 << 18;
/** Bytes that are put into one part of a blob. */
const PART = 1 << 20;

/** All live records. */
export async function exported(tier: Tier): Promise<Blob> {
  // Browsers keep large blobs on disk; arrays would all be in memory.
  const parts: Blob[] = [];
  const part = new Uint8Array(PART);
  const before = new DataView(new ArrayBuffer(4));
  let [at, entries] = [0, 0];
  const cut = (): void => {
    parts.push(new Blob([part.subarray(0, at)]));
    at = 0;
  };
  const put = (bytes: Uint8Array): void => {
    if (at + bytes.length > PART) cut();
    if (bytes.length > PART) parts.push(new Blob([bytes as BlobPart]));
    else {
      part.set(bytes, at);
      at += bytes.length;
    }
  };
  put(MAGIC);
  for await (const records of everything(tier)) {
    for (const record of records) {
      before.setUint32(0, record.length, true);
      put(new Uint8Array(before.buffer));
      put(record);
      entries++;
    }
    await breathe();
  }
  const end = new DataView(new ArrayBuffer(12));
  end.setBigUint64(4, BigInt(entries), true);
  put(new Uint8Array(end.buffer));
  cut();
  return new Blob(parts, { type: "application/vnd.larder.snapshot" });
}

/** The live records of all namespaces, some at a time: of the store, and of what is in memory alone. */
async function* everything(tier: Tier): AsyncIterable<Iterable<Uint8Array>> {
  const { shelf, engine } = tier;
  if (shelf !== undefined) for await (const records of shelf.log.records(undefined)) yield sound(tier, records);
  for (let cursor: number | null = shelf === undefined || shelf.hasLoose || shelf.log.isPartial ? 0 : null; cursor !== null; ) {
    const args = { cursor, size: PIECE, now: tier.now() };
    const { records, next } = engine.call("carry", args) as { records: Uint8Array[]; next: number | null };
    yield shelf === undefined ? records : records.filter((record) => !isOnShelf(tier, shelf, record));
    cursor = next;
  }
}

function* sound(tier: Tier, records: Iterable<Read>): Iterable<Uint8Array> {
  for (const { bytes } of records) if (tier.engine.about(bytes, (exports, length) => exports.sound(length, tier.now())) === 1) yield bytes;
}

function isOnShelf(tier: Tier, shelf: Shelf, record: Uint8Array): boolean {
  const { namespace, key } = tier.engine.call("describe", { record }) as { namespace: string; key: Uint8Array };
  return shelf.isStored(tier.namespace(namespace), key);
}

/** Stores the entries of a snapshot. */
export async function imported(tier: Tier, source: SnapshotSource): Promise<Imported> {
  const from = new Pieces(source);
  try {
    return await read(tier, from);
  } catch (refused) {
    from.cancel(refused);
    throw refused;
  }
}

async function read(tier: Tier, from: Pieces): Promise<Imported> {
  const magic = await from.take(MAGIC.length);
  if (MAGIC.some((byte, at) => at < 7 && byte !== magic[at])) throw new LarderError("corrupt", "this is not a snapshot made by `export`");
  if (magic[7] !== MAGIC[7]) throw new LarderError("newer-format", "the snapshot was made by a newer larder; use that version");
  const found = { entries: 0, expired: 0, damaged: 0 };
  for (;;) {
    const length = viewOf(from.there(4) ?? (await from.take(4))).getUint32(0, true);
    if (length === 0) break;
    if (length > LONGEST) throw cutShort();
    found[restore(tier, from.there(length) ?? (await from.take(length)))]++;
    const breath = breathe();
    if (breath === undefined) continue;
    await breath;
    await tier.log?.room();
  }
  const count = viewOf(await from.take(8)).getBigUint64(0, true);
  if (count !== BigInt(found.entries + found.expired + found.damaged)) throw cutShort();
  await tier.log?.written();
  return found;
}

function restore(tier: Tier, record: Uint8Array): keyof Imported {
  try {
    const { namespace, key, ...stored } = tier.engine.restore(record, tier.now(), tier.stamp() ?? 0);
    if (!tier.names.has(namespace)) tier.names.set(namespace, (tier.engine.call("describe", { record }) as { namespace: string }).namespace);
    tier.shelf?.keep(namespace, key, stored);
    return "entries";
  } catch (refused) {
    if (!(refused instanceof LarderError)) throw refused;
    if (refused.code === "expired") return "expired";
    if (refused.code === "corrupt" || refused.code === "invalid-argument") return "damaged";
    throw refused;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function cutShort(): LarderError {
  return new LarderError("corrupt", "the snapshot ends too early or is damaged; what was read until then is stored");
}

/** Bytes of a stream, as many at a time as are asked for. */
class Pieces {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private piece = new Uint8Array();

  constructor(source: SnapshotSource) {
    const blob = source instanceof Uint8Array ? new Blob([source as BlobPart]) : source;
    this.reader = (blob instanceof Blob ? blob.stream() : blob).getReader();
  }

  /** Reads no further. */
  cancel(reason: unknown): void {
    this.reader.cancel(reason).catch(() => {});
  }

  /** So many bytes, if they are there already. */
  there(length: number): Uint8Array | undefined {
    if (length > this.piece.length) return undefined;
    const bytes = this.piece.subarray(0, length);
    this.piece = this.piece.subarray(length);
    return bytes;
  }

  /** So many bytes, in an array of their own. Grows with what is really there, not with what a length claims. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      if (this.piece.length === 0) {
        const { value, done } = await this.reader.read();
        if (done) throw cutShort();
        this.piece = new Uint8Array(value);
        continue;
      }
      const part = this.piece.subarray(0, missing);
      this.piece = this.piece.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
