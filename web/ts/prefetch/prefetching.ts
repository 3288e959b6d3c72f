// What a cache has for prediction and prefetch, once somebody asks for it.

import type { Key } from "../bytes.js";
import type { Statistics } from "../core.js";
import type { LarderError } from "../error.js";
import type { Factory, GetOrSetOptions } from "../larder.js";
import type { Tabs } from "../tabs.js";
import type { Tier } from "../tier.js";
import type { Value } from "../values.js";
import { Predictor, type LearnOptions } from "./predictor.js";
import { Prefetcher, type PrefetchFunction, type PrefetcherOptions } from "./prefetcher.js";
import { Queue, type QueueFigures } from "./queue.js";

/** The cache, as it is seen from here. */
export interface Host {
  readonly tier: Tier;
  /** The name of its namespace. */
  readonly namespace: string;
  readonly tabs: () => Tabs | undefined;
  /** Whether an entry is in memory. */
  has(key: Key): boolean;
  /** Whether an entry is there and fresh. */
  isFresh(key: Key): Promise<boolean>;
  /** Has a value computed, unless somebody does. */
  fly(key: Key, factory: Factory<Value>, options: GetOrSetOptions): Promise<Value>;
  /** Fetching this failed. */
  failed(key: Key, error: unknown): void;
  warn(error: LarderError): void;
}

/** How prefetching goes: the queue, and what came of it. */
export interface PrefetchStatistics extends QueueFigures {
  /** Entries that were stored as prefetched. */
  readonly prefetched: number;
  /** Of those, the ones that somebody asked for. */
  readonly prefetchHits: number;
  /** The share of those, 0 to 1. */
  readonly hitRate: number;
}

/** Prediction and prefetch of one cache. */
export class Prefetching {
  readonly queue: Queue;
  private learner: Predictor | undefined;
  private loading: Promise<void> | undefined;
  /** Those that run. */
  readonly prefetchers = new Set<Prefetcher>();
  private readonly hidden = (): void => {
    if (globalThis.document.visibilityState === "hidden") void this.save();
  };

  constructor(readonly host: Host) {
    const { tier, namespace, tabs } = host;
    this.queue = new Queue(tier, namespace, tabs);
    tier.ending = () => this.end();
    (globalThis as { document?: Document }).document?.addEventListener("visibilitychange", this.hidden);
  }

  /** The predictor. It is made, and begins to load what is stored, when it is first asked for. */
  get predictor(): Predictor {
    if (this.learner === undefined) this.prepare({});
    return this.learner as unknown as Predictor;
  }

  private prepare(options: LearnOptions): void {
    const { tier, namespace, tabs } = this.host;
    this.learner = new Predictor(tier, namespace, options, tabs);
    this.loading = this.learner.load();
  }

  /** The predictor when it knows what is stored. */
  async ready(): Promise<Predictor> {
    const { predictor } = this;
    await this.loading;
    return predictor;
  }

  /** How it goes, beside what the cache counted. */
  async figures({ prefetched = 0, "prefetch-hits": prefetchHits = 0 }: Statistics): Promise<PrefetchStatistics> {
    return { ...(await this.queue.figures()), prefetched, prefetchHits, hitRate: prefetched === 0 ? 0 : prefetchHits / prefetched };
  }

  /** Learns from every read. */
  async learn(options: LearnOptions): Promise<void> {
    this.prepare(options);
    this.host.tier.predictor = await this.ready();
  }

  /** Stores what was learnt. */
  async save(): Promise<void> {
    await this.learner?.save();
  }

  prefetcher(fetch: PrefetchFunction, options: PrefetcherOptions): Prefetcher {
    const made = new Prefetcher(this, fetch, options);
    if (!made.isStopped) this.prefetchers.add(made);
    return made;
  }

  private async end(): Promise<void> {
    (globalThis as { document?: Document }).document?.removeEventListener("visibilitychange", this.hidden);
    for (const prefetcher of this.prefetchers) prefetcher.stop();
    const { learner } = this;
    this.learner = undefined;
    await learner?.save();
  }
}
