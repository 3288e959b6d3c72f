// Keys as bytes.

import { encoded } from "./text.js";

/** A key: text, or any bytes. */
export type Key = string | Uint8Array;

/** A key as bytes. */
export function bytesOf(key: Key): Uint8Array {
  return typeof key === "string" ? encoded(key) : key;
}

/** Whether two are the same bytes. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
