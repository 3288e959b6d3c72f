// What is to be fetched before anybody asks for it, by priority. All tabs with one store have one queue: who takes an item has it for a while.

import { bytesOf, type Key } from "../bytes.js";
import type { Tabs } from "../tabs.js";
import { encoded, readText } from "../text.js";
import { QUEUES, type Tier } from "../tier.js";
import type { Plain } from "../wire.js";
import { knowPrefetch } from "./contract.js";
import { keyOf } from "./predictor.js";
import { Register, type Changed } from "./register.js";

knowPrefetch();

/** How something is to be fetched. */
export interface PrefetchOptions {
  /** How much it is wanted, 0 to 1: how likely it is, for instance. Default 0.5. */
  readonly priority?: number;
  /** How to get it, for who fetches it: at most 64 KiB. */
  readonly payload?: string | Uint8Array;
}

/** Something that is to be fetched. */
export interface Wanted extends PrefetchOptions {
  readonly key: Key;
}

/** Something in the queue. */
export interface QueuedPrefetch {
  /** Text, or bytes that are none. */
  readonly key: Key;
  readonly priority: number;
  /** Text, or bytes that are none. */
  readonly payload: string | Uint8Array;
  /** When it was queued: Unix milliseconds. */
  readonly since: number;
  /** Until when it has to wait, because somebody took it, or it failed: Unix milliseconds, or 0. */
  readonly waits: number;
  /** How often it was taken. */
  readonly attempts: number;
  /** Why it failed the last time; empty if it did not. */
  readonly reason: string;
}

/** What became of what was to be queued. */
export interface Enqueued {
  /** New in the queue. */
  readonly added: number;
  /** There already. They have the higher of both priorities, and the newer payload. */
  readonly merged: number;
  /** Without room among the 1,000 of the highest priority. */
  readonly dropped: number;
}

/** The queue in numbers. */
export interface QueueFigures {
  /** Items. */
  readonly length: number;
  /** Of those, the ones that can be taken now. */
  readonly ready: number;
  /** Requests to queue something. */
  readonly requests: number;
  /** Of those, the ones for what was in the queue already. */
  readonly merged: number;
  /** Items that went because there was no room. */
  readonly dropped: number;
  /** Items that were fetched. */
  readonly fetched: number;
  /** Items that were in the cache when their turn came, or were computed then. */
  readonly unneeded: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Items that were given up after three attempts. */
  readonly givenUp: number;
}

/** Items that a queue holds. */
export const CAPACITY = 1_000;
const LARGEST = 0xffff_ffff;

type Item = Omit<QueuedPrefetch, "key" | "priority" | "payload"> & {
  readonly wanted: { readonly key: Uint8Array; readonly priority: number; readonly payload: Uint8Array };
};

/** The queue of a cache. */
export class Queue {
  private readonly register: Register;

  constructor(
    private readonly tier: Tier,
    namespace: string,
    tabs: () => Tabs | undefined,
  ) {
    this.register = new Register(tier, QUEUES, namespace, "application/vnd.larder.prefetch-queue", tabs);
  }

  private call(name: string, args: { readonly [name: string]: Plain }): Plain {
    return this.tier.engine.call(name, { ...args, now: this.tier.now() });
  }

  /** Changes the queue if there is one. */
  private change<T>(otherwise: T, make: (state: Uint8Array) => Changed<T>): Promise<T> {
    return this.register.change((state) => (state === undefined ? [undefined, otherwise] : make(state)));
  }

  add(items: Iterable<Wanted>): Promise<Enqueued> {
    const wanted = Array.from(items, ({ key, priority = 0.5, payload = "" }) => ({
      key: bytesOf(key),
      priority,
      payload: typeof payload === "string" ? encoded(payload) : payload,
    }));
    return this.register.change((before) => {
      const args = { state: before ?? null, wanted, capacity: CAPACITY };
      const { state, ...done } = this.call("enqueue", args) as unknown as Enqueued & { readonly state: Uint8Array };
      return [state, done];
    });
  }

  /** Takes up to `count` items that are ready; nobody else is given them for `lease` milliseconds. */
  take(count: number, lease: number): Promise<QueuedPrefetch[]> {
    return this.change<QueuedPrefetch[]>([], (before) => {
      const { state, items } = this.call("take", { state: before, count, lease }) as unknown as { state: Uint8Array; items: Item[] };
      return [state, items.map(queued)];
    });
  }

  /** Takes items out that were fetched, or that need not be. */
  async finish(keys: readonly Key[], unneeded: boolean): Promise<void> {
    if (keys.length === 0) return;
    await this.change(0, (state) => this.removed("finish", { state, keys: keys.map(bytesOf), unneeded }));
  }

  /** Notes that fetching an item failed. */
  async fail(key: Key, reason: string, retry: number): Promise<void> {
    await this.change(undefined, (before) => {
      const [state] = this.call("fail-fetch", { state: before, key: bytesOf(key), reason, retry }) as [Uint8Array, Plain];
      return [state, undefined];
    });
  }

  withdraw(keys: readonly Key[] | undefined): Promise<number> {
    return this.change(0, (state) => this.removed("withdraw", { state, keys: keys?.map(bytesOf) ?? null }));
  }

  private removed(name: string, args: { readonly [name: string]: Plain }): Changed<number> {
    const { state, count } = this.call(name, args) as { state: Uint8Array; count: number };
    return [state, count];
  }

  items(limit: number): Promise<QueuedPrefetch[]> {
    const list = (state: Uint8Array): Item[] => this.call("queued-items", { state, limit: Math.min(limit, LARGEST) }) as unknown as Item[];
    return this.change<QueuedPrefetch[]>([], (state) => [undefined, list(state).map(queued)]);
  }

  figures(): Promise<QueueFigures> {
    return this.register.change((before) => {
      const { state } = before === undefined ? (this.call("enqueue", { wanted: [], capacity: CAPACITY }) as { state: Uint8Array }) : { state: before };
      const { "given-up": givenUp, ...figures } = this.call("figures", { state }) as { "given-up": number };
      return [undefined, { ...figures, givenUp } as QueueFigures];
    });
  }
}

function queued({ wanted: { key, priority, payload }, ...item }: Item): QueuedPrefetch {
  return { key: keyOf(key), priority, payload: readText(payload, 0, payload.length) ?? payload, ...item };
}
