// Arguments as what a key is made of. A key stands for the arguments, so what could make the same key for others is refused: objects of
// classes, whose fields say little of them, functions, and texts that are none.

import { LarderError } from "./error.js";
import { kindOf } from "./exact.js";
import type { KeyValue } from "./keys.js";

/** Deeper than anybody nests, and less than the stack holds. */
const DEEPEST = 500;

/** What keys are made of for arguments. One that is `undefined` is as one that is not given; so is a field of an object. */
export function keyOfArguments(args: readonly unknown[]): KeyValue {
  const maps: string[] = [];
  const values = args.map((arg, at) => (arg === undefined ? [] : [keyable(arg, `${at}`, maps, [])]));
  while (values.at(-1)?.length === 0) values.pop();
  // In a key a map is as an object; to a function it is not.
  return maps.length === 0 ? values : { values, maps };
}

function keyable(value: unknown, at: string, maps: string[], above: readonly unknown[]): KeyValue {
  const refuse = (what: string): never => {
    throw new LarderError("invalid-argument", `argument ${at} is ${what}, of which no key is made; give a function \`key\``);
  };
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return value;
  if (typeof value === "number") return value;
  if (typeof value === "string") return /\p{Surrogate}/u.test(value) ? refuse("a text with half a character") : value;
  if (typeof value !== "object") return refuse(value === undefined ? "undefined" : `a ${typeof value}`);
  if (value instanceof Uint8Array) return value;
  if (above.includes(value)) return refuse("one that holds itself");
  if (above.length > DEEPEST) return refuse(`nested more than ${DEEPEST} deep`);
  const within = [...above, value];
  if (Array.isArray(value)) return Array.from(value, (item, place) => keyable(item, `${at}.${place}`, maps, within));
  if (value instanceof Set) return new Set([...value].map((item, place) => keyable(item, `${at}.${place}`, maps, within)));
  if (value instanceof Map) {
    maps.push(at);
    if ([...value.keys()].some((name) => typeof name !== "string")) return refuse("a map with keys that are no texts");
    return named(value as ReadonlyMap<string, unknown>);
  }
  const kind = kindOf(value);
  if (kind !== undefined) return refuse(`a ${kind}`);
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse("an object with a symbol for a name");
  return named(Object.entries(value).filter(([, item]) => item !== undefined));

  function named(entries: Iterable<readonly [string, unknown]>): ReadonlyMap<string, KeyValue> {
    return new Map(
      Array.from(entries, ([name, item]) => {
        if (/\p{Surrogate}/u.test(name)) refuse("an object whose name has half a character");
        return [name, keyable(item, `${at}.${name}`, maps, within)] as const;
      }),
    );
  }
}
