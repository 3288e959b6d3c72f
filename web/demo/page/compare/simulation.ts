// A simulated cache in the engine: keys and sizes, no values. The engine's own simulation, so that every count is that of `larder simulate`.

import type { Requests } from "../trace/requests.js";

interface Exports {
  memory: WebAssembly.Memory;
  input(length: number): number;
  output(): number;
  outputLength(): number;
  simulationKey(length: number): number;
  simulationOpen(policy: number, objective: number, bytes: number, capacity: number, seed: number): number;
  simulationRequests(count: number): void;
  simulationTotals(): number;
}

export type Unit = "entries" | "bytes";

/** What was counted. */
export interface Totals {
  readonly requests: number;
  readonly hits: number;
  readonly bytes: number;
  readonly bytesHit: number;
  readonly refused: number;
}

/** Requests that are made at a time. */
const BATCH = 4096;
const LONGEST_KEY = 1 << 17;
const encoder = new TextEncoder();

export const compiled = (address: URL): Promise<WebAssembly.Module> =>
  fetch(address).then(async (response) => {
    if (!response.ok) throw new Error(`The engine could not be loaded: ${response.status}.`);
    return WebAssembly.compile(await response.arrayBuffer());
  });

function instance(module: WebAssembly.Module): Exports {
  const imports: Record<string, Record<string, () => void>> = {};
  // The engine imports nothing; what its build adds has nothing to do for functions of numbers.
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => {};
  return new WebAssembly.Instance(module, imports).exports as unknown as Exports;
}

/** A function that turns keys into the numbers that stand for them. */
export function hasher(module: WebAssembly.Module): (key: Uint8Array) => readonly [number, number] {
  const exports = instance(module);
  const at = exports.input(LONGEST_KEY) >>> 0;
  const bytes = new Uint8Array(exports.memory.buffer);
  const words = new Uint32Array(exports.memory.buffer);
  return (key) => {
    bytes.set(key, at);
    const place = exports.simulationKey(key.length) >>> 2;
    return [words[place] ?? 0, words[place + 1] ?? 0];
  };
}

/** Replays requests; `made` is told how many were made, and nothing else runs meanwhile. */
export function replay(
  module: WebAssembly.Module,
  requests: Requests,
  { policy, unit, capacity }: { readonly policy: string; readonly unit: Unit; readonly capacity: number },
  made: (requests: number) => void,
): Totals {
  const exports = instance(module);
  const at = exports.input(12 * BATCH) >>> 0;
  // Memory grows, and views of it go stale.
  const memory = (): Uint8Array => new Uint8Array(exports.memory.buffer);
  const [name, objective] = [encoder.encode(policy), encoder.encode("balanced")];
  memory().set(name, at);
  memory().set(objective, at + name.length);
  if (exports.simulationOpen(name.length, objective.length, unit === "bytes" ? 1 : 0, capacity, 0) !== 0) {
    const place = exports.output() >>> 0;
    throw new Error(new TextDecoder().decode(memory().slice(place, place + exports.outputLength())));
  }
  const [keys, sizes] = [new Uint8Array(requests.words.buffer), new Uint8Array(requests.sizes.buffer)];
  for (let from = 0; from < requests.count; from += BATCH) {
    const count = Math.min(BATCH, requests.count - from);
    memory().set(keys.subarray(8 * from, 8 * (from + count)), at);
    memory().set(sizes.subarray(4 * from, 4 * (from + count)), at + 8 * count);
    exports.simulationRequests(count);
    made(count);
  }
  const [all = 0, hits = 0, bytes = 0, bytesHit = 0, refused = 0] = totals(exports);
  return { requests: all, hits, bytes, bytesHit, refused };
}

function totals(exports: Exports): number[] {
  const place = exports.simulationTotals() >>> 0;
  const view = new DataView(exports.memory.buffer, place, 40);
  return [0, 8, 16, 24, 32].map((at) => view.getFloat64(at, true));
}
