/// <reference lib="esnext.disposable" preserve="true" />

// Fetching what is queued, a batch at a time. What ends early is ready again when its lease is over.

import type { Key } from "../bytes.js";
import type { SetOptions } from "../core.js";
import { LarderError } from "../error.js";
import { mended } from "../text.js";
import { span, type Span } from "../units.js";
import type { Value } from "../values.js";
import type { Prefetching } from "./prefetching.js";
import type { Session } from "./predictor.js";
import { CAPACITY, type QueuedPrefetch, type Wanted } from "./queue.js";

/** Gets what is queued. What it throws is a failure: it is asked again later, three times in all. */
export type PrefetchFunction = (item: QueuedPrefetch, signal: AbortSignal) => Promise<Value> | Value;

/** How a queue is worked off, and what the entries are stored with. */
export interface PrefetcherOptions extends Omit<SetOptions, "prefetched"> {
  /** Items of a batch. Default 10. */
  readonly batch?: number;
  /** From the beginning of a batch to that of the next. Default a second. */
  readonly every?: Span;
  /** How long nobody else is given an item that was taken, and fetching it may take: at most a day. Default 30 s. */
  readonly lease?: Span;
  /** How long after a failure an item is tried again; after the second, twice that. Default 30 s. */
  readonly retry?: Span;
  /** Items that are fetched at a time. Default 5. */
  readonly concurrency?: number;
  /** Queues what is likelier than this to be asked for after what was read or observed, 0 to 1, unless it is there. Reads count where the cache was
   * opened with `learn`. Default: nothing. */
  readonly predicted?: number;
  /** Stops it. */
  readonly signal?: AbortSignal;
}

/** Predictions that are looked at after a read. */
const LIKELY = 16;
const DAY = 864e5;

interface Times {
  readonly every: number;
  readonly lease: number;
  readonly retry: number;
}

/** Fetches what is queued, until it is stopped. Make one with `cache.prefetcher`. */
export class Prefetcher {
  private readonly controller = new AbortController();
  /** What is predicted and not yet queued, by key, and whether it is being queued. */
  private readonly likely = new Map<Key, number>();
  private isQueueing = false;
  private failed: unknown;

  /** @internal */
  constructor(
    private readonly all: Prefetching,
    private readonly fetch: PrefetchFunction,
    private readonly options: PrefetcherOptions,
  ) {
    const { batch = 10, every = "1s", lease = "30s", retry = "30s", concurrency = 5, predicted, signal } = options;
    const times = { every: Math.min(span(every), DAY), lease: Math.min(span(lease), DAY), retry: span(retry) };
    if (!(batch >= 1) || !(concurrency >= 1)) throw new LarderError("invalid-argument", "a batch, and what is fetched at a time, is 1 or more");
    if (predicted !== undefined && !(predicted >= 0 && predicted <= 1)) throw new LarderError("invalid-argument", "a probability is a number from 0 to 1");
    const stop = (): void => this.stop();
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true, signal: this.signal });
    if (predicted !== undefined && !this.isStopped) this.follow(predicted);
    void this.run(Math.min(Math.floor(batch), CAPACITY), Math.floor(concurrency), times);
  }

  private get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Whether it was stopped. */
  get isStopped(): boolean {
    return this.signal.aborted;
  }

  /** Stops it. What is being fetched is asked to end, and ready again when its lease is over. */
  stop(): void {
    this.all.prefetchers.delete(this);
    this.controller.abort(new DOMException("the prefetcher was stopped", "AbortError"));
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }

  private async run(batch: number, concurrency: number, { every, lease, retry }: Times): Promise<void> {
    while (!this.isStopped) {
      const next = pause(every, this.signal);
      await this.guard(() => this.round(batch, concurrency, lease, retry));
      await next;
    }
  }

  /** Does what may fail without ending the worker. A failure that goes on is told of once. */
  private async guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failed = undefined;
    } catch (error) {
      const code = error instanceof LarderError ? error.code : "storage";
      if (code === "closed") this.stop();
      else if (code !== this.failed) this.all.host.warn(error instanceof LarderError ? error : new LarderError(code, "the queue of prefetches failed", { cause: error }));
      this.failed = code;
    }
  }

  private async round(batch: number, concurrency: number, lease: number, retry: number): Promise<void> {
    let left = batch;
    // One at a time: what was taken and not begun would wait until its lease is over.
    const take = async (): Promise<QueuedPrefetch | undefined> => (this.isStopped || left-- <= 0 ? undefined : (await this.all.queue.take(1, lease))[0]);
    const work = async (first: QueuedPrefetch | undefined): Promise<void> => {
      for (let item = first; item !== undefined && !this.isStopped; item = await take()) await this.fetchOne(item, lease, retry);
    };
    const first = await take();
    if (first === undefined) return;
    const others = Array.from({ length: Math.min(concurrency, batch) - 1 }, async () => work(await take()));
    await Promise.all([work(first), ...others]);
  }

  private async fetchOne(item: QueuedPrefetch, lease: number, retry: number): Promise<void> {
    const { queue, host } = this.all;
    const { key } = item;
    if (await host.isFresh(key)) return queue.finish([key], true);
    if (this.isStopped) return;
    const ended = new AbortController();
    const end = (): void => ended.abort(this.signal.reason);
    this.signal.addEventListener("abort", end, { once: true });
    // Then somebody else is given it.
    const timer = setTimeout(() => ended.abort(new DOMException("fetching took longer than the lease", "TimeoutError")), lease);
    let isOwn = false;
    const make = ({ signal }: { readonly signal: AbortSignal }): Promise<Value> | Value => {
      isOwn = true;
      return this.fetch(item, signal);
    };
    try {
      await host.fly(key, make, { ...this.options, prefetched: true, signal: ended.signal });
    } catch (error) {
      if (this.isStopped) return;
      host.failed(key, error);
      return await queue.fail(key, mended(String(error)), retry);
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", end);
    }
    // What somebody else computed meanwhile was not fetched.
    await queue.finish([key], !isOwn);
  }

  /** Queues what is predicted. */
  private follow(than: number): void {
    const { followers } = this.all.predictor;
    const follow = (session: Session): void => {
      for (const { key, probability } of this.all.predictor.next({ session, limit: LIKELY, min: than })) {
        if (probability > than && !this.all.host.has(key)) this.likely.set(key, Math.max(probability, this.likely.get(key) ?? 0));
      }
      if (this.likely.size > 0 && !this.isQueueing) void this.guard(() => this.queueLikely());
    };
    followers.add(follow);
    this.signal.addEventListener("abort", () => followers.delete(follow), { once: true });
  }

  private async queueLikely(): Promise<void> {
    this.isQueueing = true;
    try {
      while (this.likely.size > 0 && !this.isStopped) {
        const wanted: Wanted[] = Array.from(this.likely, ([key, priority]) => ({ key, priority }));
        this.likely.clear();
        const isFresh = await Promise.all(wanted.map(({ key }) => this.all.host.isFresh(key)));
        const missing = wanted.filter((_, at) => !isFresh[at]);
        if (missing.length > 0) await this.all.queue.add(missing);
      }
    } finally {
      this.isQueueing = false;
    }
  }
}

/** Waits, or until a signal. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
