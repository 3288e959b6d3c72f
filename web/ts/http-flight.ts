// A question to the server that is under way, for all who ask the same. Who does not wait any more leaves it; the last one ends it.

import type { Head, Stored } from "./http-entry.js";
import type { Directives } from "./http-rules.js";
import { isElsewhere } from "./http-store.js";
import type { Recording } from "./recording.js";
import type { CacheStatus } from "./respond.js";

/** A request on its way. */
export interface Ask {
  readonly request: Request;
  /** Read before, where the key is made of it. */
  readonly body: Uint8Array | undefined;
  readonly asked: Directives;
  /** Where its response lies. */
  readonly place: string;
  readonly isChosen: boolean;
}

/** What came of asking. */
export interface Outcome {
  readonly head: Head;
  readonly body: Uint8Array | Recording;
  readonly status: CacheStatus;
  /** Whether others who asked for the same meanwhile may have it. */
  readonly isShared: boolean;
  /** What nobody can look into, and is handed over as it is. */
  readonly opaque?: Response;
}

/** A question to the server that is under way. */
export interface Flight {
  readonly outcome: Promise<Outcome>;
  readonly controller: AbortController;
  /** Who waits for it, or reads what came of it. */
  waiting: number;
  /** Whether what is not shared went to somebody. */
  isTaken: boolean;
  /** The address was written to meanwhile: what came of it is answered and not stored. */
  isOutdated: boolean;
  /** Whether nobody waits for it, and it is only for what will be stored. */
  isForLater: boolean;
  readonly place: string;
  readonly leave: () => void;
}

/** Waits for the outcome of a flight until `signal` says otherwise. Who does not wait to its end leaves it. */
export async function wait(flight: Flight, signal: AbortSignal): Promise<Outcome> {
  flight.waiting++;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([flight.outcome, aborted]);
  } catch (error) {
    flight.outcome.catch(() => {});
    flight.leave();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The request that goes to the server. */
export function onward({ request, body }: Ask, signal: AbortSignal, stored: Stored | undefined): Request {
  const headers = new Headers(request.headers);
  const init: RequestInit = { headers, signal };
  if (body !== undefined) init.body = body as Uint8Array<ArrayBuffer>;
  // What a HEAD finds stale was had with a GET: the answer to a HEAD has no body to take its place.
  if (request.method === "HEAD") init.method = "GET";
  if (stored !== undefined) {
    const [tag, changed] = [stored.head.headers.get("etag"), stored.head.headers.get("last-modified")];
    // A page that sends these elsewhere would have to ask first; its browser asks for itself whether what it has holds.
    if (isElsewhere(request.url)) init.cache = "no-cache";
    else {
      if (tag !== null) headers.set("if-none-match", tag);
      if (changed !== null) headers.set("if-modified-since", changed);
    }
  }
  if (request.mode !== "navigate") return new Request(request, init);
  // A request of this kind cannot be changed.
  const { method, credentials, redirect, cache } = request;
  return new Request(request.url, { method, credentials, redirect, cache, mode: "same-origin", ...init });
}
