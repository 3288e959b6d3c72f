// Which store a cache has, and what happens where it cannot be had.

import { Engine } from "../engine.js";
import { LarderError } from "../error.js";
import { Tabs } from "../tabs.js";
import type { Tier } from "../tier.js";
import { size, type Size } from "../units.js";
import type { Backend } from "./backend.js";
import { IndexedDb } from "./indexeddb.js";
import { Keeper } from "./keeper.js";
import { Log } from "./log.js";
import { Opfs, type Sum } from "./opfs.js";
import { Shelf } from "./shelf.js";

/** How a cache is kept beyond the page. */
export interface StoreOptions {
  /** Where entries are kept. `indexeddb` is shared by all tabs of the origin; `opfs`, files of the origin, is quicker, and one dedicated worker at a time has
   * it. Default: nowhere. */
  readonly store?: "indexeddb" | "opfs";
  /** Name of the store. Default `larder`. */
  readonly name?: string;
  /** Bytes that it may take. Default 256 MiB. */
  readonly maxStoreBytes?: Size;
  /** Whether opening waits for memory to be filled from the store. Default false. */
  readonly preload?: boolean;
}

const MAX_BYTES = 256 * 1024 * 1024;

/** Puts the store behind a cache. Answers with the tabs that share it; `told` hears of what they write. */
export async function attach(tier: Tier, options: StoreOptions, told: () => void): Promise<Tabs | undefined> {
  const { store, maxStoreBytes } = options;
  if (store === undefined) return undefined;
  const name = `larder:${options.name ?? "larder"}`;
  const limit = maxStoreBytes === undefined ? MAX_BYTES : size(maxStoreBytes);
  let backend: Backend | undefined;
  try {
    backend = await begin(store, name, sums(tier), limit);
    const log = await Log.open(backend, new Keeper(tier), limit);
    tier.shelf = new Shelf(tier, log);
    if (!backend.isShared) return undefined;
    const tabs = new Tabs(name, told);
    // What was written while this was read is known now, and what comes is told.
    await log.follow();
    return tabs;
  } catch (cause) {
    backend?.close();
    if (cause instanceof LarderError && cause.code === "newer-format") throw cause;
    // Private windows, a browser that was told to keep nothing, a damaged profile.
    const why = "the store cannot be had, so the cache is in memory alone";
    await tier.withoutStore();
    tier.listener?.warned(cause instanceof LarderError ? cause : new LarderError("storage", why, { cause }));
    return undefined;
  }
}

/** Checksums for the store. After an inner error another engine has them: what waits is still written. */
function sums(tier: Tier): Sum {
  let spare: Engine | undefined;
  return (bytes, seed) => (tier.isTrapped ? (spare ??= new Engine(tier.module)) : tier.inner).hash(bytes, seed);
}

function begin(store: "indexeddb" | "opfs", name: string, sum: Sum, maxBytes: number): Promise<Backend> {
  if (store === "opfs") {
    const storage = (globalThis.navigator as Partial<Navigator> | undefined)?.storage as Partial<StorageManager> | undefined;
    if (storage?.getDirectory === undefined) throw new LarderError("unsupported", "there are no files of the origin here (OPFS)");
    return Opfs.open(name, sum, maxBytes);
  }
  if (typeof indexedDB === "undefined") throw new LarderError("unsupported", "there is no IndexedDB here");
  return IndexedDb.open(name);
}
