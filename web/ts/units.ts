// Spans and sizes as people write them: 90000, "90s", "10m"; 1048576, "32MB", "1MiB".

import { LarderError } from "./error.js";

const SPANS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** A span: milliseconds, or a number with `ms`, `s`, `m`, `h` or `d`. */
export type Span = number | string;

/** A size: bytes, or a number with `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. */
export type Size = number | string;

function read(what: string, given: number | string, units: Readonly<Record<string, number>>): number {
  if (typeof given === "number") {
    if (given >= 0 && !Number.isNaN(given)) return Math.ceil(given);
  } else {
    const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(given) ?? [];
    const factor = unit === undefined ? undefined : units[unit];
    if (factor !== undefined) return Math.ceil(Number(number) * factor);
  }
  const wanted = `a number, or a number with ${Object.keys(units).join(", ")}`;
  throw new LarderError("invalid-argument", `${JSON.stringify(given)} is no ${what}; write ${wanted}`);
}

/** A whole number of 64 bits. */
export function whole(given: number | bigint): bigint {
  if (typeof given === "bigint" ? BigInt.asIntN(64, given) === given : Number.isSafeInteger(given)) return BigInt(given);
  throw new LarderError("invalid-argument", `${given} is no whole number of 64 bits`);
}

/** Milliseconds. */
export function span(given: Span): number {
  return read("time", given, SPANS);
}

/** Bytes. */
export function size(given: Size): number {
  return read("size", given, SIZES);
}
