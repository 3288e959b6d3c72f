// Keys as bytes.

import { encoded } from "./text.js";

/** A key: text, or any bytes. */
export type Key = string | Uint8Array;

/** A key as bytes. */
export function bytesOf(key: Key): Uint8Array {
  return typeof key === "string" ? encoded(key) : key;
}
