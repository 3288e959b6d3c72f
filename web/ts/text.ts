// Text as UTF-8 and back, the quickest way there is: short ASCII by hand, everything else by what the platform brings. A call into the platform
// costs as much as a hundred characters or two in a browser, and less in Node.

import { LarderError } from "./error.js";

const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } };
const isNode = process?.versions?.node !== undefined;

/** Up to so many characters by hand (measured in Chromium 156 and Node 20). */
const SHORT_READ = isNode ? 24 : 80;
const SHORT_WRITE = isNode ? 24 : 192;

const encoder = new TextEncoder();
/** Half a surrogate pair, which no bytes stand for. */
const HALF = /\p{Surrogate}/u;
// A byte order mark is part of a text. Throws for what is no text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text that these bytes are; `undefined` if they are none. */
export function readText(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length <= SHORT_READ) {
    const text = readAscii(bytes, at, length);
    if (text !== undefined) return text;
  }
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    return undefined;
  }
}

function readAscii(m: Uint8Array, at: number, length: number): string | undefined {
  const end = at + length;
  let [text, place, bits] = ["", at, 0];
  for (; place + 8 <= end; place += 8) {
    const a = m[place] as number, b = m[place + 1] as number, c = m[place + 2] as number, d = m[place + 3] as number;
    const e = m[place + 4] as number, f = m[place + 5] as number, g = m[place + 6] as number, h = m[place + 7] as number;
    bits |= a | b | c | d | e | f | g | h;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; place < end; place++) {
    const a = m[place] as number;
    bits |= a;
    text += String.fromCharCode(a);
  }
  return bits > 0x7f ? undefined : text;
}

/** A text as bytes.
 *
 * Throws `invalid-argument` for half a surrogate pair: two such texts would become one. */
export function encoded(text: string): Uint8Array {
  refuseHalves(text);
  return encoder.encode(text);
}

function refuseHalves(text: string & { isWellFormed?: () => boolean }): void {
  const isWhole = text.isWellFormed === undefined ? !HALF.test(text) : text.isWellFormed();
  if (!isWhole) throw new LarderError("invalid-argument", "a text has half a surrogate pair, which UTF-8 cannot say; store bytes");
}

/** A text with U+FFFD for half a surrogate pair. */
export function mended(text: string): string {
  return lenient.decode(encoder.encode(text));
}

/** These bytes as text, with U+FFFD for what is none. */
export function decoded(bytes: Uint8Array): string {
  return readText(bytes, 0, bytes.length) ?? lenient.decode(bytes);
}

/** Writes a text where there is room for three bytes a character; answers how many bytes it has.
 *
 * Throws as `encoded`. */
export function writeText(text: string, bytes: Uint8Array, at: number): number {
  const { length } = text;
  if (length <= SHORT_WRITE) {
    let place = 0;
    for (; place < length; place++) {
      const unit = text.charCodeAt(place);
      if (unit > 0x7f) break;
      bytes[at + place] = unit;
    }
    if (place === length) return length;
  }
  refuseHalves(text);
  return encoder.encodeInto(text, bytes.subarray(at)).written;
}
