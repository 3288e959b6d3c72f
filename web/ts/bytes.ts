// Keys as bytes.

/** A key: text, or any bytes. */
export type Key = string | Uint8Array;

const encoder = new TextEncoder();

/** A key as bytes. */
export function bytesOf(key: Key): Uint8Array {
  return typeof key === "string" ? encoder.encode(key) : key;
}
