// Pools: sets of variants that grow, and from which one is picked at random, so that one question has several good answers (docs/pools.md).

import { bytesOf, given, type SetOptions, type SyncLarder } from "./core.js";
import { LarderError } from "./error.js";
import { span, type Span } from "./units.js";
import { decodeOwn, encode, type Value } from "./values.js";
import type { Plain } from "./wire.js";

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

interface Round {
  readonly [name: string]: Plain;
  readonly generation: number;
}

interface Info {
  readonly plan: { readonly retry: number; readonly batch: number; readonly weighted: boolean; readonly repeats: boolean };
  readonly round: Round;
}

interface Combination {
  readonly key: Uint8Array;
  readonly values: readonly (readonly [string, { readonly text: string; readonly literal: boolean }])[];
}

interface Looked {
  readonly variants: readonly Plain[];
  readonly due: readonly number[];
  readonly failures: number;
}

const PAGE = 1000;
/** The longest that a retry may lie ahead: a day, or the plan's. */
const DAY = 864e5;

/** A pool. Make one with `cache.pool`. */
export class Pool {
  private readonly namespace: number;
  private state: Uint8Array;

  /** @internal */
  constructor(
    private readonly cache: SyncLarder,
    readonly name: string,
    plan: PoolPlan,
    before?: Pool,
  ) {
    this.namespace = this.call("namespace", { name: `pool/${name}` }) as number;
    const values = (all: readonly DimensionValue[]): Plain =>
      all.map((value) => ({ text: String(value), literal: typeof value !== "string" }));
    const dimensions = Object.entries(plan.dimensions).map(([name, all]) => ({ name, values: values(all) }));
    const options: Plain[] = [];
    if (plan.perGeneration !== undefined) options.push({ "per-generation": plan.perGeneration });
    if (plan.cap !== undefined) options.push({ cap: plan.cap });
    if (plan.interval !== undefined) options.push({ interval: span(plan.interval) });
    if (plan.retry !== undefined) options.push({ retry: span(plan.retry) });
    if (plan.batch !== undefined) options.push({ batch: plan.batch });
    if (plan.weighted !== undefined) options.push({ weighted: plan.weighted });
    if (plan.repeats !== undefined) options.push({ repeats: plan.repeats });
    this.state = this.call("define", { state: before?.state ?? null, dimensions, options }) as Uint8Array;
  }

  private call(name: string, args: { readonly [name: string]: Plain }): Plain {
    return this.cache.open.call(name, args);
  }

  private get info(): Info {
    return this.call("inspect-pool", { state: this.state }) as unknown as Info;
  }

  private key(values: Values): Uint8Array {
    const pairs = Object.entries(values).map(([name, value]) => [name, String(value)]);
    return this.call("combination-key", { state: this.state, values: pairs }) as Uint8Array;
  }

  private *combinations(): IterableIterator<Combination> {
    let first: number | null = 0;
    while (first !== null) {
      const args = { state: this.state, values: [], kept: false, first, limit: PAGE };
      const page = this.call("combinations", args) as unknown as { combinations: Combination[]; next: number | null };
      yield* page.combinations;
      first = page.next;
    }
  }

  private look(combination: Uint8Array, { plan, round }: Info): Looked {
    const longest = Math.max(DAY, plan.retry);
    const args = { namespace: this.namespace, combination, round, "longest-retry": longest, now: this.cache.now() };
    return this.call("look", args) as unknown as Looked;
  }

  /** Picks a variant at random; `undefined` when there is none. */
  pick(values: Values): Picked | undefined {
    const { plan } = this.info;
    const how = [...(plan.weighted ? ["weighted"] : []), ...(plan.repeats ? [] : ["no-repeats"])];
    const args = { namespace: this.namespace, combination: this.key(values), how, now: this.cache.now() };
    const picked = this.call("pick", args) as unknown as {
      generation: number;
      entry: number;
      variants: number;
      hit: { value: Uint8Array; "content-type": string } | null;
    } | null;
    if (picked?.hit == null) return undefined;
    const { generation, entry, variants, hit } = picked;
    const value = decodeOwn(hit.value, hit["content-type"]);
    return value === undefined ? undefined : { value, generation, entry, variants };
  }

  /** Picks a variant, or has one made where there is none. */
  async pickOrGenerate(values: Values, generator: Generator, options: SetOptions & { readonly signal?: AbortSignal } = {}): Promise<Value> {
    const picked = this.pick(values);
    if (picked !== undefined) return picked.value;
    const { generation } = this.info.round;
    const signal = options.signal ?? new AbortController().signal;
    const made = await generator({ pool: this.name, values, generation, entry: 1, signal });
    this.add(values, made, options);
    return made instanceof Scored ? made.value : made;
  }

  /** Adds a variant; false when there was one of the same bytes. */
  add(values: Values, made: Value | Scored, options: SetOptions = {}): boolean {
    return !this.put(this.key(values), null, made, options).duplicate;
  }

  private put(combination: Uint8Array, place: Plain, made: Value | Scored, options: SetOptions): { duplicate: boolean; pruned: readonly Plain[] } {
    const [value, score] = made instanceof Scored ? [made.value, made.score] : [made, null];
    const [bytes, type] = encode(value);
    const variant = { place, value: bytesOf(bytes), score, options: given(type, options) };
    const args = { namespace: this.namespace, combination, round: this.info.round, variant, now: this.cache.now() };
    return this.call("add-variant", args) as unknown as { duplicate: boolean; pruned: readonly Plain[] };
  }

  /** Begins the next round if it is due, and makes what is due of the one under way, a batch at a time. What fails is tried again after the
   * plan's `retry`, with the next call of this. */
  async accumulate(generator: Generator, options: AccumulateOptions = {}): Promise<RoundReport> {
    const begun = this.call("begin", { state: this.state, now: this.cache.now(), force: options.force ?? false });
    if (begun !== null) this.state = begun as Uint8Array;
    const info = this.info;
    const due = [...this.combinations()].flatMap((of) => this.look(of.key, info).due.map((entry) => ({ of, entry })));
    const generation = info.round.generation;
    const report = { generation, planned: due.length, made: 0, duplicates: 0, failed: 0, left: 0, pruned: 0 };
    let calls = options.maxCalls ?? Infinity;
    const signal = options.signal ?? new AbortController().signal;
    const make = async ({ of, entry }: { readonly of: Combination; readonly entry: number }): Promise<void> => {
      if (signal.aborted || calls <= 0) {
        report.left++;
        return;
      }
      calls--;
      const values = Object.fromEntries(
        of.values.map(([name, { text, literal }]) => [name, literal ? (JSON.parse(text) as DimensionValue) : text]),
      );
      try {
        const made = await generator({ pool: this.name, values, generation, entry, signal });
        const { duplicate, pruned } = this.put(of.key, [generation, entry], made, options);
        report[duplicate ? "duplicates" : "made"]++;
        report.pruned += pruned.length;
      } catch (error) {
        if (signal.aborted) {
          report.left++;
          return;
        }
        if (error instanceof LarderError && (error.code === "trapped" || error.code === "closed")) throw error;
        const [now, place] = [this.cache.now(), [generation, entry]];
        const args = { reason: String(error), "retry-at": now + info.plan.retry, now };
        this.call("fail", { namespace: this.namespace, combination: of.key, round: info.round, place, ...args });
        report.failed++;
      }
    };
    for (let at = 0; at < due.length; at += info.plan.batch) await Promise.all(due.slice(at, at + info.plan.batch).map(make));
    if (report.left === 0 && due.length > 0) {
      const settled = this.call("settle", { state: this.state, generation });
      if (settled !== null) this.state = settled as Uint8Array;
    }
    return report;
  }

  /** Empties the pool; with `regenerate` all is due at once, else with the next round. */
  clear({ regenerate = false } = {}): number {
    this.state = this.call("clear-pool", { state: this.state, regenerate }) as Uint8Array;
    return this.call("clear", { namespace: this.namespace }) as number;
  }

  /** Statistics. */
  stats(): PoolStatistics {
    const info = this.info;
    const tally = { entries: 0, covered: 0, failed: 0 };
    for (const { key } of this.combinations()) {
      const { variants, failures } = this.look(key, info);
      tally.entries += variants.length;
      if (variants.length > 0) tally.covered++;
      if (failures > 0) tally.failed++;
    }
    const figures = this.call("statistics", { state: this.state, tally }) as { readonly [name: string]: number | null };
    const number = (name: string): number => figures[name] ?? 0;
    return {
      cachedEntries: number("cached-entries"),
      uniqueCombinationsCovered: number("unique-combinations-covered"),
      totalCombinations: number("total-combinations"),
      entriesPerGeneration: number("entries-per-generation"),
      maxEntriesPerCombination: number("max-entries-per-combination"),
      maxPossibleEntries: number("max-possible-entries"),
      avgEntriesPerCombination: number("avg-entries-per-combination-tenths") / 10,
      combinationCoveragePercentage: number("combination-coverage-percentage"),
      entryCoveragePercentage: number("entry-coverage-percentage"),
      failedCombinations: number("failed-combinations"),
      lastGeneration: figures["last-generation"] ?? undefined,
    };
  }
}
