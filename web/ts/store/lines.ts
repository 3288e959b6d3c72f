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
  /** The version of the record that this one was made of, without which it says nothing; none if it says something by itself. */
  readonly base?: number | undefined;
  readonly bytes: Uint8Array;
}

/** A line of a block that was read. */
export interface Found extends Omit<Line, "bytes"> {
  readonly at: number;
  readonly length: number;
}

/** Bytes of a line. */
export const LINE = 40;
/** Bytes of records in a block, so that reading one does not read much more. */
export const BLOCK = 64 * 1024;

/** Lines as a block. */
export function pack(lines: readonly Line[]): { lines: Uint8Array; bytes: Uint8Array } {
  const length = lines.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const packed = { lines: new Uint8Array(LINE * lines.length), bytes: new Uint8Array(length) };
  const view = new DataView(packed.lines.buffer);
  let [begin, at] = [0, 0];
  for (const { hash, gone, version, namespace, kind, bytes } of lines) {
    view.setFloat64(begin, hash, true);
    view.setFloat64(begin + 8, gone, true);
    view.setFloat64(begin + 16, version, true);
    view.setUint32(begin + 24, at, true);
    view.setUint32(begin + 28, bytes.length, true);
    view.setUint32(begin + 32, namespace, true);
    view.setUint32(begin + 36, kind, true);
    packed.bytes.set(bytes, at);
    begin += LINE;
    at += bytes.length;
  }
  return packed;
}

/** The lines of a block; those that cannot be are left out. */
export function unpack(lines: Uint8Array): Found[] {
  const view = new DataView(lines.buffer, lines.byteOffset, lines.byteLength);
  const found: Found[] = [];
  for (let begin = 0; begin + LINE <= lines.length; begin += LINE) {
    const hash = view.getFloat64(begin, true);
    const gone = view.getFloat64(begin + 8, true);
    const version = view.getFloat64(begin + 16, true);
    const at = view.getUint32(begin + 24, true);
    const length = view.getUint32(begin + 28, true);
    const namespace = view.getUint32(begin + 32, true);
    const kind = view.getUint32(begin + 36, true);
    const isSound = Number.isSafeInteger(hash) && hash >= 0 && gone >= 0 && Number.isSafeInteger(version) && kind >= Kind.Put && kind <= Kind.Bans;
    if (isSound && (kind !== Kind.Put || length > 0)) found.push({ hash, gone, version, at, length, namespace, kind });
  }
  return found;
}

/** Bytes that the records of these lines take. */
export function extent(lines: readonly Found[]): number {
  return lines.reduce((end, { at, length }) => Math.max(end, at + length), 0);
}
