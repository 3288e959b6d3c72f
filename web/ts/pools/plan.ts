// What a pool varies and how it grows, what makes its variants, and what is said of it.

import type { SetOptions } from "../core.js";
import { span, type Span } from "../units.js";
import type { Value } from "../values.js";
import type { Plain } from "../wire.js";

/** A value of a dimension. */
export type DimensionValue = string | number | boolean;

/** One value of each dimension. */
export type Values = Readonly<Record<string, DimensionValue>>;

/** What a pool varies, and how it grows. */
export interface PoolPlan {
  /** 1 to 16 dimensions, each with its values; a million combinations at most. */
  readonly dimensions: Readonly<Record<string, readonly DimensionValue[]>>;
  /** New variants of each combination in a round. Default 3. */
  readonly perGeneration?: number;
  /** Variants that a combination may have. Default 12. */
  readonly cap?: number;
  /** From the beginning of a round to that of the next. Default 3 hours. */
  readonly interval?: Span;
  /** After how long what failed is tried again. Default 30 minutes. */
  readonly retry?: Span;
  /** Variants that are made at a time. Default 5. */
  readonly batch?: number;
  /** Whether variants with higher scores are picked more often. Default false. */
  readonly weighted?: boolean;
  /** Whether a variant may be picked twice in a row. Default true. */
  readonly repeats?: boolean;
}

/** What a generator is asked for. */
export interface GeneratorRequest {
  readonly pool: string;
  readonly values: Values;
  /** The round: Unix seconds. */
  readonly generation: number;
  /** Which variant of the round, from 1. */
  readonly entry: number;
  readonly signal: AbortSignal;
}

/** Makes a variant: a value, or one with a score. */
export type Generator = (request: GeneratorRequest) => Promise<Value | Scored> | Value | Scored;

/** A variant with a quality: a number of 0 or more. */
export class Scored {
  constructor(
    readonly value: Value,
    readonly score: number,
  ) {}
}

/** A variant that was picked. */
export interface Picked {
  readonly value: Value;
  readonly generation: number;
  readonly entry: number;
  /** How many variants there are to pick from. */
  readonly variants: number;
}

/** How a round is worked off. */
export interface AccumulateOptions extends SetOptions {
  /** Begin the next round even if it is not due. */
  readonly force?: boolean;
  /** Ends it early; what was not made stays due. */
  readonly signal?: AbortSignal;
  /** How often the generator may be called at most. */
  readonly maxCalls?: number;
}

/** What working on a round did. */
export interface RoundReport {
  generation: number;
  planned: number;
  made: number;
  duplicates: number;
  failed: number;
  left: number;
  pruned: number;
}

/** Statistics of a pool. */
export interface PoolStatistics {
  readonly cachedEntries: number;
  readonly uniqueCombinationsCovered: number;
  readonly totalCombinations: number;
  readonly entriesPerGeneration: number;
  readonly maxEntriesPerCombination: number;
  readonly maxPossibleEntries: number;
  readonly avgEntriesPerCombination: number;
  readonly combinationCoveragePercentage: number;
  readonly entryCoveragePercentage: number;
  readonly failedCombinations: number;
  /** Unix milliseconds; `undefined` before the first round. */
  readonly lastGeneration: number | undefined;
}

/** A plan as the engine takes it. */
export function planArguments(plan: PoolPlan): { readonly dimensions: Plain; readonly options: Plain } {
  const values = (all: readonly DimensionValue[]): Plain => all.map((value) => ({ text: String(value), literal: typeof value !== "string" }));
  const dimensions = Object.entries(plan.dimensions).map(([name, all]) => ({ name, values: values(all) }));
  const options: Plain[] = [];
  if (plan.perGeneration !== undefined) options.push({ "per-generation": plan.perGeneration });
  if (plan.cap !== undefined) options.push({ cap: plan.cap });
  if (plan.interval !== undefined) options.push({ interval: span(plan.interval) });
  if (plan.retry !== undefined) options.push({ retry: span(plan.retry) });
  if (plan.batch !== undefined) options.push({ batch: plan.batch });
  if (plan.weighted !== undefined) options.push({ weighted: plan.weighted });
  if (plan.repeats !== undefined) options.push({ repeats: plan.repeats });
  return { dimensions, options };
}
