// Values as bytes and content types, and back. Text has no content type, bytes and JSON have one: so an entry reads as what it was
// written as, here and in every other host.

import { LarderError } from "./error.js";
import type { Parts } from "./engine.js";

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/** A value: text, bytes, or what JSON can say. */
export type Value = string | Uint8Array | Json;

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
/** What is remembered instead of a value. */
const NO_VALUE = "application/vnd.larder.no-";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8");
const strict = new TextDecoder("utf-8", { fatal: true });

/** Texts up to so many bytes are put together from their characters, which is quicker for short ones. */
const SHORT = 192;

/** A value as bytes, and its content type. */
export function encode(value: Value): readonly [bytes: Uint8Array | string, type: string] {
  if (typeof value === "string") return [value, ""];
  if (value instanceof Uint8Array) return [value, BYTES_TYPE];
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new LarderError("invalid-argument", "the value cannot be written as JSON", { cause });
  }
  if (text === undefined) {
    throw new LarderError("invalid-argument", `a ${typeof value} is no value; store text, bytes, or what JSON can say`);
  }
  return [encoder.encode(text), JSON_TYPE];
}

function text(bytes: Uint8Array, at: number, length: number): string {
  if (length <= SHORT) {
    const end = at + length;
    let place = at;
    while (place < end && (bytes[place] as number) < 0x80) place++;
    if (place === end) return String.fromCharCode.apply(null, bytes.subarray(at, end) as unknown as number[]);
  }
  return decoder.decode(bytes.subarray(at, at + length));
}

/** The value that an entry holds; `undefined` for what is remembered instead of one. */
export function decode({ bytes, at, length, typeAt, typeLength }: Parts): Value | undefined {
  if (typeLength === 0) {
    // Text, unless another host stored bytes without saying so.
    if (length <= SHORT) return text(bytes, at, length);
    try {
      return strict.decode(bytes.subarray(at, at + length));
    } catch {
      return bytes.slice(at, at + length);
    }
  }
  const type = text(bytes, typeAt, typeLength);
  if (type === JSON_TYPE) return JSON.parse(text(bytes, at, length)) as Json;
  if (type.startsWith("text/")) return text(bytes, at, length);
  if (type.startsWith(NO_VALUE)) return undefined;
  return bytes.slice(at, at + length);
}

/** As `decode`, of bytes and a content type of their own. */
export function decodeOwn(bytes: Uint8Array, type: string): Value | undefined {
  const types = encoder.encode(type);
  const both = new Uint8Array(bytes.length + types.length);
  both.set(bytes);
  both.set(types, bytes.length);
  return decode({
    bytes: both,
    at: 0,
    length: bytes.length,
    typeAt: bytes.length,
    typeLength: types.length,
    flags: 0,
  });
}
