// A function that remembers: what it answered to the same arguments is answered again, from the cache. However many call it at once with
// the same arguments, it runs once.

import { keyOfArguments } from "./arguments.js";
import type { Key, SetOptions } from "./core.js";
import { LarderError } from "./error.js";
import { inexact } from "./exact.js";
import type { KeyValue } from "./keys.js";
import type { Larder } from "./larder.js";
import { decoded } from "./text.js";
import type { Span } from "./units.js";
import type { Value } from "./values.js";

/** How a function remembers. */
export interface MemoizeOptions<A extends readonly unknown[]> {
  /** The name of the function, of 1 to 255 bytes. Functions of one name share what they remember, in all programs that share the cache; with
   * another version of the function goes another name. */
  readonly name: string;
  /** What the answer depends on, for arguments of which no key is made, or of which only some matter. Default: all arguments. */
  readonly key?: (...args: A) => KeyValue;
  /** Time to live of an answer. Default: that of the cache. */
  readonly ttl?: Span;
  /** For how long after its time an answer is given while another one is made. Default: that of the cache. */
  readonly stale?: Span;
  /** Labels by which answers can be made invalid together. */
  readonly tags?: readonly string[] | ((...args: A) => readonly string[]);
  /** For how long an error is remembered: calls with these arguments throw one of its name and message, and the function does not run.
   * Default: not at all. */
  readonly errors?: Span;
}

/** A function that remembers. */
export interface Memoized<A extends readonly unknown[], R> {
  /** The answer to these arguments. Throws what the function throws, and a `LarderError` with `invalid-argument` where no key can be made
   * of the arguments. */
  (...args: A): Promise<R>;
  /** The key in the cache under which the answer to these arguments lies. */
  key(...args: A): string;
  /** Forgets the answer to these arguments; true when there was one. What is being made is answered and not remembered. */
  invalidate(...args: A): Promise<boolean>;
  /** Forgets all answers of functions of this name. */
  clear(): Promise<void>;
}

/** What is answered and cannot be remembered. */
class Unkept extends LarderError {
  constructor(
    readonly value: unknown,
    name: string,
    fault: string,
  ) {
    super("invalid-argument", `what ${name} answered would come back as something else and is not remembered: ${fault}`);
  }
}

/** Makes a function remember. What it answers is text, bytes, or what JSON can say; anything else, such as a `Date`, is answered, not
 * remembered, and told of by the `error` event of the cache. `undefined` is answered and not remembered. The function is called without
 * a `this`. */
export function memoize<A extends unknown[], R>(cache: Larder, fn: (...args: A) => R, options: MemoizeOptions<A>): Memoized<A, Awaited<R>> {
  const { name, key: own, ttl, stale, tags, errors } = options;
  const { keys } = cache;
  // Refuses a name that is none, at once.
  const prefix = keys.operationPrefix(name);

  const made = (args: A): string => keys.structured(keyOfArguments(own === undefined ? args : [own(...args)]));
  const key = (...args: A): string => keys.text(name, made(args));
  const failureKey = (args: A): string => keys.text(name, made(args), { options: { error: true } });

  const given = (args: A): SetOptions => ({
    ...(ttl === undefined ? {} : { ttl }),
    ...(stale === undefined ? {} : { stale }),
    ...(tags === undefined ? {} : { tags: typeof tags === "function" ? tags(...args) : tags }),
  });

  const tell = (key: string, error: unknown): boolean => cache.dispatchEvent(new CustomEvent("error", { detail: { key, error } }));

  const run = async (args: A, of: string): Promise<Awaited<R>> => {
    if (errors === undefined) return await fn(...args);
    const at = failureKey(args);
    const failed = await cache.get(at);
    if (failed !== undefined) throw revived(failed);
    const watch = watched(cache, of);
    try {
      return await fn(...args);
    } catch (error) {
      // As an answer that was forgotten before it was there.
      if (watch.isForgotten) throw error;
      const remembered = cache.set(at, { ...named(error) }, { ...given(args), ttl: errors, stale: 0 });
      await remembered.catch((fault: unknown) => tell(at, fault));
      throw error;
    } finally {
      watch.end();
    }
  };

  const call = async (...args: A): Promise<Awaited<R>> => {
    const at = key(...args);
    const factory = async (): Promise<Value> => {
      const value: unknown = await run(args, at);
      const fault = inexact(value);
      if (fault === undefined) return value as Value;
      const unkept = new Unkept(value, name, fault);
      if (value !== undefined) tell(at, unkept);
      throw unkept;
    };
    try {
      return (await cache.getOrSet(at, factory, given(args))) as Awaited<R>;
    } catch (error) {
      if (error instanceof Unkept) return error.value as Awaited<R>;
      throw error;
    }
  };

  return Object.assign(call, {
    key,
    async invalidate(...args: A): Promise<boolean> {
      if (errors !== undefined) await cache.delete(failureKey(args));
      return cache.delete(key(...args));
    },
    clear: () => cache.invalidate({ prefix }),
  });
}

/** Watches whether what lies under a key is forgotten, or changed by another tab, until `end`. */
function watched(cache: Larder, key: string): { readonly isForgotten: boolean; readonly end: () => void } {
  const ended = new AbortController();
  const watch = { isForgotten: false, end: () => ended.abort() };
  const forget = (event: Event): void => {
    const { key: its } = (event as CustomEvent<{ readonly key?: Key }>).detail;
    // Without a key it is about many.
    watch.isForgotten ||= its === undefined || (typeof its === "string" ? its : decoded(its)) === key;
  };
  for (const type of ["delete", "clear", "invalidate", "change"] as const) cache.addEventListener(type, forget, { signal: ended.signal });
  return watch;
}

function named(error: unknown): { readonly name: string; readonly message: string } {
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "Error", message: String(error) };
}

/** The error that was remembered. */
function revived(stored: Value): Error {
  const { name, message } = (typeof stored === "object" && stored !== null ? stored : {}) as { readonly name?: unknown; readonly message?: unknown };
  const error = new Error(typeof message === "string" ? message : "a call with these arguments failed before");
  if (typeof name === "string") error.name = name;
  return error;
}
