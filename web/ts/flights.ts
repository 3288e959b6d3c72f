// One computation for each key: whoever asks while it is under way waits for it.

import { bytesOf, type Key } from "./bytes.js";

/** A computation under way. */
export interface Flight<V> {
  readonly promise: Promise<V>;
  readonly controller: AbortController;
  waiting: number;
  /** What it makes was deleted or made invalid meanwhile: it is answered and not stored. */
  isOutdated: boolean;
}

/** The computations of a cache. */
export class Flights<V> {
  private readonly byName = new Map<string, Flight<V>>();

  /** The one under way for a key that somebody may join: neither overtaken nor given up. */
  of(key: Key): Flight<V> | undefined {
    const flight = this.byName.get(nameOf(key));
    return flight === undefined || flight.isOutdated || flight.controller.signal.aborted ? undefined : flight;
  }

  /** Begins one. */
  begin(key: Key, compute: (flight: Flight<V>) => Promise<V>): Flight<V> {
    const name = nameOf(key);
    const run = async (): Promise<V> => {
      try {
        return await compute(flight);
      } finally {
        if (this.byName.get(name) === flight) this.byName.delete(name);
      }
    };
    const flight: Flight<V> = { promise: Promise.resolve().then(run), controller: new AbortController(), waiting: 0, isOutdated: false };
    this.byName.set(name, flight);
    return flight;
  }

  /** It begins only now: what was deleted until here was deleted before. */
  restart(key: Key, flight: Flight<V>): void {
    if (this.byName.get(nameOf(key)) === flight) flight.isOutdated = false;
  }

  /** What is computed under a key that begins so was overtaken. */
  outdate(prefix: Key = ""): void {
    const begin = nameOf(prefix);
    for (const [name, flight] of this.byName) if (name.startsWith(begin)) flight.isOutdated = true;
  }

  /** What is computed under this key was overtaken. */
  outdateOne(key: Key): void {
    // Every deletion comes by here, and to make a name costs half as much as deleting.
    if (this.byName.size === 0) return;
    const flight = this.of(key);
    if (flight !== undefined) flight.isOutdated = true;
  }

  /** Asks all to end. */
  abort(reason: unknown): void {
    for (const flight of this.byName.values()) flight.controller.abort(reason);
  }
}

/** A key as text, for a map: one character a byte. */
function nameOf(key: Key): string {
  let name = "";
  for (const byte of bytesOf(key)) name += String.fromCharCode(byte);
  return name;
}

/** What is computed, or the reason of the signal: who does not listen to it is not waited for. */
export async function until<V>(signal: AbortSignal, computed: Promise<V>): Promise<V> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([computed, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Waits for a flight until `signal` says otherwise; the last one who leaves ends it. */
export async function wait<V>(flight: Flight<V>, signal: AbortSignal | undefined): Promise<V> {
  flight.waiting++;
  try {
    return await (signal === undefined ? flight.promise : until(signal, flight.promise));
  } finally {
    flight.waiting--;
    if (flight.waiting === 0 && signal?.aborted === true) {
      flight.promise.catch(() => {});
      flight.controller.abort(signal.reason);
    }
  }
}
