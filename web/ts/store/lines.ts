// The lines of a block, 40 bytes each, little endian: hash of the key (8, a float), when it is gone (8, a float), version (8, a float), where
// its bytes begin in the block (4), how many they are (4), hash of the namespace (4), kind (4).

/** What a line is about. */
export const enum Kind {
  /** A record; its bytes are the record. */
  Put = 1,
  /** A deleted key; its bytes are the key. */
  Delete = 2,
  /** A namespace was emptied. */
  Clear = 3,
  /** All bans; its bytes are their record. */
  Bans = 4,
}

/** A line, and what it is about. */
export interface Line {
  readonly kind: Kind;
  readonly hash: number;
  readonly namespace: number;
  readonly gone: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** A line of a block that was read. */
export interface Found extends Omit<Line, "bytes"> {
  readonly at: number;
  readonly length: number;
}

/** Bytes of a line. */
export const LINE = 40;

/** Lines as a block. */
export function pack(lines: readonly Line[]): { lines: Uint8Array; bytes: Uint8Array } {
  const length = lines.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const packed = { lines: new Uint8Array(LINE * lines.length), bytes: new Uint8Array(length) };
  const view = new DataView(packed.lines.buffer);
  let at = 0;
  for (const [place, line] of lines.entries()) {
    const begin = place * LINE;
    [line.hash, line.gone, line.version].forEach((number, field) => view.setFloat64(begin + 8 * field, number, true));
    [at, line.bytes.length, line.namespace, line.kind].forEach((number, field) => view.setUint32(begin + 24 + 4 * field, number, true));
    packed.bytes.set(line.bytes, at);
    at += line.bytes.length;
  }
  return packed;
}

/** The lines of a block; those that cannot be are left out. */
export function* unpack(lines: Uint8Array): IterableIterator<Found> {
  const view = new DataView(lines.buffer, lines.byteOffset, lines.byteLength);
  for (let begin = 0; begin + LINE <= lines.length; begin += LINE) {
    const [hash, gone, version] = [0, 8, 16].map((field) => view.getFloat64(begin + field, true)) as [number, number, number];
    const [at, length, namespace, kind] = [24, 28, 32, 36].map((field) => view.getUint32(begin + field, true)) as [number, number, number, number];
    const isSound = Number.isSafeInteger(hash) && hash >= 0 && gone >= 0 && Number.isSafeInteger(version) && kind >= Kind.Put && kind <= Kind.Bans;
    if (isSound && (kind !== Kind.Put || length > 0)) yield { hash, gone, version, at, length, namespace, kind };
  }
}

/** Bytes that the records of these lines take. */
export function extent(lines: Uint8Array): number {
  let end = 0;
  for (const { at, length } of unpack(lines)) end = Math.max(end, at + length);
  return end;
}
