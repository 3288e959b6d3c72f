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
// A byte order mark is part of a text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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

const text = (bytes: Uint8Array, at: number, length: number): string => decoder.decode(bytes.subarray(at, at + length));

const JSON_BYTES = encoder.encode(JSON_TYPE);
const BYTES_BYTES = encoder.encode(BYTES_TYPE);

/** Whether a content type is this one. */
function is({ bytes, typeAt, typeLength }: Parts, type: Uint8Array): boolean {
  if (typeLength !== type.length) return false;
  for (let place = 0; place < typeLength; place++) if (bytes[typeAt + place] !== type[place]) return false;
  return true;
}

/** The value that an entry holds; `undefined` for what is remembered instead of one. */
export function decode(parts: Parts): Value | undefined {
  const { bytes, at, length, typeAt, typeLength } = parts;
  if (typeLength === 0) {
    const value = text(bytes, at, length);
    // Text, unless another host stored bytes without saying so.
    return value.includes("\uFFFD") ? textOrBytes(bytes.slice(at, at + length)) : value;
  }
  if (is(parts, BYTES_BYTES)) return bytes.slice(at, at + length);
  if (is(parts, JSON_BYTES)) return JSON.parse(text(bytes, at, length)) as Json;
  const type = text(bytes, typeAt, typeLength);
  if (type.startsWith("text/")) return text(bytes, at, length);
  if (type.startsWith(NO_VALUE)) return undefined;
  return bytes.slice(at, at + length);
}

/** Bytes as text if that is what they are. */
function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strict.decode(bytes);
  } catch {
    return bytes;
  }
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
