// Keys made from what a result depends on: the same ones as every other host of Larder makes (docs/keys.md).

import type { Engine } from "./engine.js";
import { LarderError } from "./error.js";
import { decoded, encoded } from "./text.js";
import type { Plain } from "./wire.js";

/** Levels that a value may have. */
const DEEPEST = 64;

/** What a key can be made of. A whole number is an integer however it is written; a `Set` has no order, and neither has a `Map` with texts as
 * keys, which is an object. */
export type KeyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly KeyValue[]
  | ReadonlySet<KeyValue>
  | ReadonlyMap<string, KeyValue>
  | { readonly [name: string]: KeyValue };

/** What is done with a text besides its operation. */
export interface TextKeyOptions {
  /** Options of the operation. */
  readonly options?: { readonly [name: string]: KeyValue };
  /** Texts of more bytes are hashed. Default 1,000, at most 16,384. */
  readonly hashAbove?: number;
}

/** Makes keys. Take one from a cache: `cache.keys`. */
export class Keys {
  /** @internal */
  constructor(private readonly engine: () => Engine) {}

  private made(call: string, args: { readonly [name: string]: Plain }): string {
    return decoded((this.engine().call(call, args) as { key: Uint8Array }).key);
  }

  /** From parts, in their order: `parts:user:profile:123`. */
  parts(...parts: readonly (string | number | Uint8Array)[]): string {
    return this.made("parts", { parts: parts.map((part) => (part instanceof Uint8Array ? part : encoded(String(part)))) });
  }

  /** From an object, in any order: `dict:{"type":"profile","user_id":123}`. */
  dictionary(value: { readonly [name: string]: KeyValue } | ReadonlyMap<string, KeyValue>): string {
    return this.made("dictionary", { value: tokens(value) });
  }

  /** From any value: `structured:{"files":("a.rs","b.rs")}`. */
  structured(value: KeyValue): string {
    return this.made("structured", { value: tokens(value) });
  }

  /** From a path alone, or from it and its content. */
  path(path: string, content?: Uint8Array): string {
    const state: Plain = content === undefined ? { unknown: null } : { content };
    return this.made("path", { path: encoded(path), state });
  }

  /** From an endpoint and parameters, in any order: `/api/users|filter=active&id=123`. */
  endpoint(endpoint: string, parameters: Readonly<Record<string, string | number | boolean>> = {}): string {
    return this.made("endpoint", { endpoint, parameters: Object.entries(parameters).map(([name, value]) => [name, String(value)]) });
  }

  /** From a text, what is done with it, and options: `text:summarize|{"max_length":100}|=Hello`. */
  text(operation: string, text: string, { options, hashAbove }: TextKeyOptions = {}): string {
    return this.made("text", {
      operation,
      options: options === undefined ? [] : tokens(options),
      text: encoded(text),
      settings: hashAbove === undefined ? [] : [{ "hash-above": hashAbove }],
    });
  }

  /** What all keys of an operation begin with, and no others: `text:summarize|`. */
  operationPrefix(operation: string): string {
    return decoded(this.engine().call("operation-prefix", { operation }) as Uint8Array);
  }
}

/** Whether an object is nothing but its fields. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of other windows have other prototypes, with none above them.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function tokens(value: KeyValue, list: Plain[] = [], above: readonly unknown[] = []): Plain[] {
  if (above.length > DEEPEST) throw new LarderError("invalid-argument", `a value has at most ${DEEPEST} levels; make it flatter`);
  if (above.includes(value)) throw new LarderError("invalid-argument", "a value that holds itself makes no key");
  if (value === null) list.push({ null: null });
  else if (typeof value === "boolean") list.push({ boolean: value });
  else if (typeof value === "string") list.push({ string: value });
  else if (typeof value === "bigint") {
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new LarderError("invalid-argument", `${value} has more than 64 bits`);
    list.push(value < 0n ? { integer: value } : { unsigned: value });
  } else if (typeof value === "number") list.push(Number.isSafeInteger(value) ? { integer: BigInt(value) } : { float: value });
  else if (value instanceof Uint8Array) list.push({ bytes: value });
  else if (typeof value !== "object") throw new LarderError("invalid-argument", `a ${typeof value} makes no key`);
  else if (Array.isArray(value) || value instanceof Set) {
    const items = [...(value as Iterable<KeyValue>)];
    list.push(value instanceof Set ? { set: items.length } : { list: items.length });
    for (const item of items) tokens(item, list, [...above, value]);
  } else {
    if (!(value instanceof Map) && !isPlain(value)) {
      throw new LarderError("invalid-argument", `a ${value.constructor.name} makes no key; write it as text, a number or an object`);
    }
    const entries: readonly (readonly [string, KeyValue])[] = value instanceof Map ? [...value] : Object.entries(value);
    list.push({ map: entries.length });
    for (const [name, item] of entries) {
      list.push({ string: name });
      tokens(item, list, [...above, value]);
    }
  }
  return list;
}
