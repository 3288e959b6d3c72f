// The plan of a pool, as the form has it. Dimensions are written one to a line: `language: rust, python`.

import type { PoolPlan } from "../../pkg/index.js";
import { input } from "../dom.js";

/** The page shows every combination, and so many at most. */
export const MOST_COMBINATIONS = 48;
const HOUR = 3600_000;

export type Dimensions = Readonly<Record<string, readonly string[]>>;

export interface Plan extends PoolPlan {
  readonly dimensions: Dimensions;
  readonly cap: number;
  readonly interval: number;
}

/** Reads dimensions; throws a sentence about what is wrong. */
export function dimensionsOf(text: string): Dimensions {
  const dimensions = new Map<string, string[]>();
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim();
    const values = line.slice(colon + 1).split(",").map((value) => value.trim());
    if (name === "" || values.includes("")) throw new Error(`“${line}” is no dimension; write for example language: rust, python.`);
    if (dimensions.has(name)) throw new Error(`There are two dimensions named ${name}.`);
    if (new Set(values).size < values.length) throw new Error(`${name} has a value twice.`);
    dimensions.set(name, values);
  }
  const combinations = [...dimensions.values()].reduce((product, values) => product * values.length, 1);
  if (dimensions.size === 0) throw new Error("A plan needs a dimension.");
  if (combinations > MOST_COMBINATIONS) {
    throw new Error(`These are ${combinations} combinations; the page shows ${MOST_COMBINATIONS} at most, a pool may have a million.`);
  }
  return Object.fromEntries(dimensions);
}

/** A number of a field, within its bounds. */
export function bounded(id: string): number {
  const { min, max, valueAsNumber, labels } = input(id);
  if (!Number.isInteger(valueAsNumber) || valueAsNumber < Number(min) || valueAsNumber > Number(max)) {
    throw new Error(`${labels?.[0]?.textContent?.trim() ?? id} is a whole number from ${min} to ${max}.`);
  }
  return valueAsNumber;
}

/** The plan that the form says. */
export function planOf(dimensions: string): Plan {
  return {
    dimensions: dimensionsOf(dimensions),
    perGeneration: bounded("per-generation"),
    cap: bounded("cap"),
    interval: bounded("interval") * HOUR,
    weighted: input("weighted").checked,
  };
}

/** All combinations of a plan, in order. */
export function combinationsOf(dimensions: Dimensions): Readonly<Record<string, string>>[] {
  return Object.entries(dimensions).reduce<Record<string, string>[]>(
    (before, [name, values]) => before.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}
