// Values as bytes and content types, and back. Text has no content type, bytes and JSON have one: so an entry reads as what it was
// written as, here and in every other host.

import { LarderError } from "./error.js";
import { Type, type Parts } from "./engine.js";
import { readText } from "./text.js";

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/** A value: text, bytes, or what JSON can say. */
export type Value = string | Uint8Array | Json;

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
/** What is remembered instead of a value. */
const NO_VALUE = "application/vnd.larder.no-";

const encoder = new TextEncoder();

/** The content types of `Type`. */
export const TYPES: readonly string[] = ["", BYTES_TYPE, JSON_TYPE];

/** A value as bytes or text, and its content type. */
export function encode(value: Value): readonly [bytes: Uint8Array | string, type: Type] {
  if (typeof value === "string") return [value, Type.Text];
  if (value instanceof Uint8Array) return [value, Type.Bytes];
  refuseStrange(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new LarderError("invalid-argument", "the value cannot be written as JSON", { cause });
  }
  if (text === undefined) {
    throw new LarderError("invalid-argument", `a ${typeof value} is no value; store text, bytes, or what JSON can say`);
  }
  return [text, Type.Json];
}

/** Throws for objects that JSON would write as something else without a word: a `Map`, a `Set`, an `ArrayBuffer`. */
function refuseStrange(value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value) || "toJSON" in value) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of other windows have other prototypes, with none above them.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  if (Object.keys(value).length === 0) {
    const name = value.constructor.name;
    throw new LarderError("invalid-argument", `JSON cannot say what a ${name} holds; store text, bytes, or what JSON can say`);
  }
}

/** The value that an entry holds; `undefined` for what is remembered instead of one. */
export function decode({ bytes, at, length, type, typeAt, typeLength }: Parts): Value | undefined {
  if (type === Type.Bytes) return bytes.slice(at, at + length);
  // Bytes that are no text were stored by another host that did not say so.
  if (type === Type.Text) return readText(bytes, at, length) ?? bytes.slice(at, at + length);
  if (type === Type.Json) return json(bytes, at, length);
  const name = readText(bytes, typeAt, typeLength) ?? "";
  if (name.startsWith(NO_VALUE)) return undefined;
  return (name.startsWith("text/") ? readText(bytes, at, length) : undefined) ?? bytes.slice(at, at + length);
}

/** What JSON says; bytes where it is none. */
function json(bytes: Uint8Array, at: number, length: number): Json | Uint8Array {
  try {
    return JSON.parse(readText(bytes, at, length) ?? "") as Json;
  } catch {
    return bytes.slice(at, at + length);
  }
}

/** As `decode`, of bytes and a content type of their own. */
export function decodeOwn(bytes: Uint8Array, type: string): Value | undefined {
  const known = TYPES.indexOf(type);
  if (known >= 0) return decode({ bytes, at: 0, length: bytes.length, type: known, typeAt: 0, typeLength: 0, flags: 0 });
  const name = encoder.encode(type);
  const both = new Uint8Array(bytes.length + name.length);
  both.set(bytes);
  both.set(name, bytes.length);
  return decode({ bytes: both, at: 0, length: bytes.length, type: Type.Other, typeAt: bytes.length, typeLength: name.length, flags: 0 });
}
