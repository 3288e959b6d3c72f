// A response as bytes, and back. The bytes are "LHR", a version, the length of the head (32 bits, little-endian), the head as JSON, and the
// body as it is. What is read may have been written by anybody: whatever is not such a response, whole, is none.

import type { Value } from "./values.js";

/** What is stored of a response besides its body. Times are in Unix milliseconds. */
export interface Head {
  readonly url: string;
  readonly isRedirected: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly requested: number;
  readonly received: number;
}

/** A stored response. */
export interface Stored {
  readonly head: Head;
  readonly body: Uint8Array;
}

/** What is stored in place of a response where there are several: by which fields of the request to tell them, and a name that is new each
 * time, which the keys of the responses have in them; so all are gone with it. */
export interface Variants {
  readonly vary: readonly string[];
  readonly generation: string;
}

/** Content type of both. */
export const CONTENT_TYPE = "application/vnd.larder.http-response";

const MAGIC = [0x4c, 0x48, 0x52, 1];
const START = 8;
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true });

function framed(head: unknown, body: Uint8Array): Uint8Array {
  const text = encoder.encode(JSON.stringify(head));
  const bytes = new Uint8Array(START + text.length + body.length);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, text.length, true);
  bytes.set(text, START);
  bytes.set(body, START + text.length);
  return bytes;
}

/** A response as bytes. */
export function write({ head, body }: Stored): Uint8Array {
  return framed({ ...head, headers: [...head.headers], length: body.length }, body);
}

/** What stands for several responses, as bytes. */
export function writeVariants(variants: Variants): Uint8Array {
  return framed(variants, new Uint8Array());
}

/** What was stored: a response, or what stands for several; `undefined` for anything else. */
export function read(value: Value | undefined): Stored | Variants | undefined {
  if (!(value instanceof Uint8Array) || value.length < START || MAGIC.some((byte, at) => value[at] !== byte)) return undefined;
  const length = new DataView(value.buffer, value.byteOffset).getUint32(MAGIC.length, true);
  if (length > value.length - START) return undefined;
  let head: unknown;
  try {
    head = JSON.parse(strict.decode(value.subarray(START, START + length)));
  } catch {
    return undefined;
  }
  if (typeof head !== "object" || head === null) return undefined;
  return readVariants(head) ?? readResponse(head, value.subarray(START + length));
}

function readVariants(head: { readonly vary?: unknown; readonly generation?: unknown }): Variants | undefined {
  const { vary, generation } = head;
  const isList = Array.isArray(vary) && vary.every((name) => typeof name === "string");
  return isList && typeof generation === "string" ? { vary: vary as string[], generation } : undefined;
}

function readResponse(given: { readonly [name in keyof Head | "length"]?: unknown }, body: Uint8Array): Stored | undefined {
  const { url, isRedirected, status, statusText, headers, requested, received, length } = given;
  if (typeof url !== "string" || typeof isRedirected !== "boolean" || typeof statusText !== "string" || typeof status !== "number") return undefined;
  if (!Number.isSafeInteger(requested) || !Number.isSafeInteger(received) || length !== body.length) return undefined;
  try {
    const fields = new Headers(headers as [string, string][]);
    // Refuses a status or a text that no response can have.
    new Response(null, { status, statusText });
    const times = { requested: requested as number, received: received as number };
    return { head: { url, isRedirected, status, statusText, headers: fields, ...times }, body };
  } catch {
    return undefined;
  }
}
