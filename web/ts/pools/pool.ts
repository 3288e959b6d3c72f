// Pools: sets of variants that grow, and from which one is picked at random, so that one question has several good answers (docs/pools.md).

import { bytesOf } from "../bytes.js";
import { breathe } from "../breathe.js";
import { given, type SetOptions } from "../core.js";
import type { Stored } from "../engine.js";
import { LarderError } from "../error.js";
import type { Tabs } from "../tabs.js";
import { REGISTRY, type Hit, type Tier } from "../tier.js";
import { decodeOwn, encode, type Value } from "../values.js";
import type { Plain } from "../wire.js";
import {
  Scored,
  planArguments,
  type AccumulateOptions,
  type Generator,
  type Picked,
  type PoolPlan,
  type PoolStatistics,
  type RoundReport,
  type Values,
} from "./plan.js";
import { knowPools } from "./contract.js";
import { work } from "./round.js";

knowPools();

/** What is known of a round. */
export interface Round {
  readonly [name: string]: Plain;
  readonly generation: number;
}

/** What is known of a pool. */
export interface Info {
  readonly plan: { readonly retry: number; readonly batch: number; readonly weighted: boolean; readonly repeats: boolean };
  readonly round: Round;
}

/** A combination of the plan. */
export interface Combination {
  readonly key: Uint8Array;
  readonly values: readonly (readonly [string, { readonly text: string; readonly literal: boolean }])[];
}

interface Looked {
  readonly variants: readonly { readonly generation: number; readonly entry: number }[];
  readonly due: readonly number[];
  readonly failures: number;
}

/** The content type of what is known of a pool. */
const STATE = "application/vnd.larder.pool";
/** Combinations that are listed at a time. */
const PAGE = 1000;
/** How often picking starts anew because what was picked is not there. */
const TRIES = 32;
/** The longest that a retry may lie ahead: a day, or the plan's. */
const DAY = 864e5;

/** A pool. Make one with `cache.pool`. */
export class Pool {
  private readonly namespace: number;
  private readonly registry: number;
  private readonly key: string;
  /** What is known where there is no store, and memory may give it up. */
  private held: Uint8Array | undefined;

  /** @internal */
  constructor(
    private readonly tier: Tier,
    readonly name: string,
    namespace: string,
    private readonly tabs: () => Tabs | undefined,
  ) {
    this.key = `${namespace}/pool/${name}`;
    this.namespace = tier.namespace(this.key);
    this.registry = tier.namespace(REGISTRY);
  }

  private call(name: string, args: { readonly [name: string]: Plain }): Plain {
    return this.tier.engine.call(name, args);
  }

  /** Does what one tab does at a time. */
  private inTurn<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const tabs = this.tabs();
    if (tabs === undefined) return work();
    return tabs.inTurn(`${what}/${this.key}`, signal, async () => {
      await this.tier.log?.follow();
      return work();
    });
  }

  private async state(): Promise<Uint8Array> {
    const found = await this.stateIfAny();
    if (found === undefined) throw new LarderError("invalid-argument", `there is no pool ${JSON.stringify(this.name)}; give it a plan`);
    return found;
  }

  private async stateIfAny(): Promise<Uint8Array | undefined> {
    const { tier, registry: namespace } = this;
    const hit = this.call("get", { namespace, key: bytesOf(this.key), now: tier.now() }) as unknown as Hit | null;
    return (hit ?? (await tier.shelf?.find(namespace, this.key)))?.value ?? this.held;
  }

  /** Puts another state in place of the one there is. `change` answers with none to leave it. */
  private change(change: (state: Uint8Array | undefined) => Plain): Promise<void> {
    return this.inTurn("pool", undefined, async () => {
      const state = change(await this.stateIfAny());
      if (state === null) return;
      if (this.tier.log === undefined) this.held = state as Uint8Array;
      const args = { namespace: this.registry, key: bytesOf(this.key), value: state, options: [{ "content-type": STATE }] };
      const stored = this.call("set", { ...args, now: this.tier.now(), sequence: this.tier.stamp() });
      this.tier.shelf?.keep(this.registry, this.key, stored as unknown as Stored);
      await this.tier.log?.written();
    });
  }

  /** @internal */
  async define(plan: PoolPlan | undefined): Promise<void> {
    if (plan === undefined) return void (await this.state());
    await this.change((state) => this.call("define", { state: state ?? null, ...planArguments(plan) }));
  }

  /** @internal */
  async info(): Promise<Info> {
    return this.call("inspect-pool", { state: await this.state() }) as unknown as Info;
  }

  private async combination(values: Values): Promise<Uint8Array> {
    const pairs = Object.entries(values).map(([name, value]) => [name, String(value)]);
    return this.call("combination-key", { state: await this.state(), values: pairs }) as Uint8Array;
  }

  /** @internal */
  async *combinations(): AsyncIterableIterator<Combination> {
    for (let first: number | null = 0; first !== null; ) {
      const args = { state: await this.state(), values: [], kept: false, first, limit: PAGE };
      const page = this.call("combinations", args) as unknown as { combinations: Combination[]; next: number | null };
      for (const combination of page.combinations) {
        yield combination;
        await breathe();
      }
      first = page.next;
    }
  }

  /** @internal */
  async look(combination: Uint8Array, { plan, round }: Info): Promise<Looked> {
    const longest = Math.max(DAY, plan.retry);
    const { tier, namespace } = this;
    return tier.withStored(namespace, combination, (stored) => {
      const args = { namespace, combination, round, "longest-retry": longest, stored, now: tier.now() };
      return this.call("look", args) as unknown as Looked;
    });
  }

  /** Picks a variant at random; `undefined` when there is none. */
  async pick(values: Values): Promise<Picked | undefined> {
    const [{ plan }, combination] = [await this.info(), await this.combination(values)];
    const how = [...(plan.weighted ? ["weighted"] : []), ...(plan.repeats ? [] : ["no-repeats"])];
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const picked = await this.tier.withStored(this.namespace, combination, (stored) => {
        const args = { namespace: this.namespace, combination, how, stored, now: this.tier.now() };
        return this.call("pick", args) as unknown as (Omit<Picked, "value"> & { readonly hit: Hit | null }) | null;
      });
      if (picked === null || picked.variants === 0) return undefined;
      const { generation, entry, variants } = picked;
      const hit = picked.hit ?? (await this.variant(combination, generation, entry));
      const value = hit === undefined ? undefined : decodeOwn(hit.value, hit["content-type"]);
      if (value !== undefined) return { value, generation, entry, variants };
    }
    return undefined;
  }

  /** A variant that memory lacks. One that is nowhere is struck from its combination. */
  private async variant(combination: Uint8Array, generation: number, entry: number): Promise<Hit | undefined> {
    const key = this.call("variant-key", { combination, generation, entry }) as Uint8Array;
    const hit = await this.tier.shelf?.find(this.namespace, key);
    if (hit === undefined) await this.write("lose", combination, { place: [generation, entry] });
    return hit;
  }

  /** Makes a change to a combination that answers with its record, if it changed. */
  private write(name: string, combination: Uint8Array, args: { readonly [name: string]: Plain }): Promise<void> {
    return this.inTurn("pool", undefined, async () => {
      const { tier, namespace } = this;
      await tier.withStored(namespace, combination, (stored) => {
        const all = { namespace, combination, ...args, stored, now: tier.now(), sequence: tier.stamp() };
        const written = this.call(name, all) as unknown as Stored | null;
        if (written !== null) tier.shelf?.keep(namespace, combination, written);
      });
      await tier.log?.written();
    });
  }

  /** Picks a variant, or has one made where there is none. */
  async pickOrGenerate(values: Values, generator: Generator, options: SetOptions & { readonly signal?: AbortSignal } = {}): Promise<Value> {
    const picked = await this.pick(values);
    if (picked !== undefined) return picked.value;
    const { generation } = (await this.info()).round;
    const signal = options.signal ?? new AbortController().signal;
    const made = await generator({ pool: this.name, values, generation, entry: 1, signal });
    await this.add(values, made, options);
    return made instanceof Scored ? made.value : made;
  }

  /** Adds a variant; false when there was one of the same bytes. */
  async add(values: Values, made: Value | Scored, options: SetOptions = {}): Promise<boolean> {
    const [{ round }, combination] = [await this.info(), await this.combination(values)];
    return !(await this.put(combination, round, null, made, options)).duplicate;
  }

  /** @internal */
  put(
    combination: Uint8Array,
    round: Round,
    place: Plain,
    made: Value | Scored,
    options: SetOptions,
  ): Promise<{ readonly duplicate: boolean; readonly pruned: readonly Uint8Array[] }> {
    const [value, score] = made instanceof Scored ? [made.value, made.score] : [made, null];
    const [bytes, type] = encode(value);
    const variant = { place, value: bytesOf(bytes), score, options: given(type, options) };
    return this.inTurn("pool", undefined, async () => {
      const { tier, namespace } = this;
      const added = await tier.withStored(namespace, combination, (stored) => {
        const args = { namespace, combination, round, variant, stored, now: tier.now(), sequence: tier.stamp(2) };
        const added = this.call("add-variant", args) as unknown as {
          readonly duplicate: boolean;
          readonly variant: readonly [Uint8Array, Stored] | null;
          readonly combination: Stored;
          readonly pruned: readonly Uint8Array[];
        };
        if (added.variant !== null) tier.shelf?.keep(namespace, ...added.variant);
        tier.shelf?.keep(namespace, combination, added.combination);
        for (const key of added.pruned) tier.shelf?.drop(namespace, key);
        return added;
      });
      await tier.log?.written();
      return added;
    });
  }

  /** @internal */
  fail(combination: Uint8Array, info: Info, place: readonly [number, number], reason: string): Promise<void> {
    const retry = this.tier.now() + info.plan.retry;
    return this.write("fail", combination, { round: info.round, place, reason, "retry-at": retry });
  }

  /** Begins the next round if it is due, and makes what is due of the one under way, a batch at a time. What fails is tried again after the
   * plan's `retry`, with the next call of this. Of several tabs one works at a time. */
  async accumulate(generator: Generator, options: AccumulateOptions = {}): Promise<RoundReport> {
    return this.inTurn("round", options.signal, async () => {
      const begin = { now: this.tier.now(), force: options.force ?? false };
      await this.change((state) => this.call("begin", { state: state ?? null, ...begin }));
      const report = await work(this, await this.info(), generator, options);
      if (report.left === 0 && report.planned > 0) {
        await this.change((state) => this.call("settle", { state: state ?? null, generation: report.generation }));
      }
      return report;
    });
  }

  /** Empties the pool; with `regenerate` all is due at once, else with the next round. Answers how many entries went. */
  async clear({ regenerate = false } = {}): Promise<number> {
    await this.change((state) => this.call("clear-pool", { state: state ?? null, regenerate }));
    const removed = this.tier.clear(this.namespace);
    await this.tier.log?.written();
    return removed;
  }

  /** Statistics. */
  async stats(): Promise<PoolStatistics> {
    const info = await this.info();
    const tally = { entries: 0, covered: 0, failed: 0 };
    for await (const { key } of this.combinations()) {
      const { variants, failures } = await this.look(key, info);
      tally.entries += variants.length;
      if (variants.length > 0) tally.covered++;
      if (failures > 0) tally.failed++;
    }
    const figures = this.call("statistics", { state: await this.state(), tally }) as { readonly [name: string]: number | null };
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
