// Sizes of simulated caches, written as `larder simulate --capacity` takes them: 1000, 64MiB, 5%, 0.5%.

import type { Unit } from "./simulation.js";

/** So many, or so many millionths of the trace's keys or of their bytes. */
export type Capacity = { readonly amount: number } | { readonly millionths: number };

/** A capacity as it was written, and what it says. */
export interface Written {
  readonly text: string;
  readonly capacity: Capacity;
}

const MOST = 12;
const MILLION = 1_000_000;
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function read(text: string, unit: Unit): Capacity {
  const [, whole, decimals = ""] = /^(\d{1,3})(?:\.(\d{0,4}))?%$/.exec(text) ?? [];
  if (whole !== undefined) {
    const millionths = Number(whole + decimals.padEnd(4, "0"));
    if (millionths < 1 || millionths > MILLION) throw new Error(`${text}: a percentage is more than 0 and at most 100.`);
    return { millionths };
  }
  const [, digits, suffix = "B"] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text.replace(/^\d+$/, "$&B")) ?? [];
  const factor = unit === "bytes" || /^\d+$/.test(text) ? UNITS[suffix] : undefined;
  const amount = factor === undefined ? 0 : Math.ceil(Number(digits) * factor);
  const most = unit === "entries" ? 2 ** 32 - 1 : 2 ** 48;
  if (!(amount >= 1 && amount <= most)) {
    throw new Error(`“${text}” is no size in ${unit}; write for example ${unit === "bytes" ? "64KiB" : "1000"} or 5%.`);
  }
  return { amount };
}

/** Reads a list of capacities. */
export function capacities(list: string, unit: Unit): Written[] {
  const texts = [...new Set(list.split(/[\s,]+/).filter((text) => text !== ""))];
  if (texts.length === 0) throw new Error("Name a size, for example 5%.");
  if (texts.length > MOST) throw new Error(`These are ${texts.length} sizes; ${MOST} are the most at a time.`);
  return texts.map((text) => ({ text, capacity: read(text, unit) }));
}

/** The amount, in a trace of so many keys with sizes of this sum: to the nearest entry, or bytes rounded down; at least 1. */
export function resolve(capacity: Capacity, unit: Unit, of: { readonly keys: number; readonly bytes: number }): number {
  if ("amount" in capacity) return capacity.amount;
  // More than 53 bits on the way.
  const [whole, up] = unit === "entries" ? [of.keys, 500_000n] : [of.bytes, 0n];
  return Math.max(1, Number((BigInt(whole) * BigInt(capacity.millionths) + up) / BigInt(MILLION)));
}
