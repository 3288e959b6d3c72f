// The format `text` of `larder simulate`: a request a line, `key` or `key,size`.

import { Refused } from "./lines.js";

const COMMA = 44;
/** The largest size that a request may have. */
const LARGEST = 2 ** 31 - 1;
const SHOWN = 40;

const decoder = new TextDecoder();

/** Bytes as a message shows them. */
function quoted(bytes: Uint8Array): string {
  return JSON.stringify(decoder.decode(bytes.subarray(0, SHOWN))) + (bytes.length > SHOWN ? "…" : "");
}

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 9 || byte === 10 || byte === 12 || byte === 13;

/** A whole number of bytes; undefined for anything else. */
export function sizeOf(digits: Uint8Array): number | undefined {
  let [from, to] = [0, digits.length];
  while (from < to && isSpace(digits[from])) from++;
  while (from < to && isSpace(digits[to - 1])) to--;
  let size = 0;
  for (let at = from; at < to; at++) {
    const digit = (digits[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return undefined;
    // Never so large that it is not exact.
    size = Math.min(size * 10 + digit, LARGEST + 1);
  }
  return from < to && size <= LARGEST ? size : undefined;
}

/** Reads a line; hands over the key and the size, 1 if there is none. */
export function readLine(line: Uint8Array, number: number, take: (key: Uint8Array, size: number) => void): void {
  const comma = line.lastIndexOf(COMMA);
  if (comma < 0) return take(line, 1);
  if (comma === 0) throw new Refused(`Line ${number}: there is no key before the comma.`);
  const digits = line.subarray(comma + 1);
  const size = sizeOf(digits);
  if (size === undefined) {
    throw new Refused(`Line ${number}: ${quoted(digits)} is no size; a size is a whole number of bytes, at most ${LARGEST}.`);
  }
  take(line.subarray(0, comma), size);
}
