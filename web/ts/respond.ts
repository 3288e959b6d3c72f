// Responses as they are handed over, and how they were made.

import type { Head } from "./http-entry.js";

/** How a response was made: from the cache (`hit`), by the server (`miss`), from the cache past its time (`stale`), from the cache after the
 * server said that it still holds (`revalidated`), or past the cache, which has no part in such requests (`bypass`). */
export type CacheStatus = "hit" | "miss" | "stale" | "revalidated" | "bypass";

const FIELD = "x-larder";
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304]);
const told = new WeakMap<Response, CacheStatus>();

/** How a response of a `cachedFetch` was made; `undefined` for a response of anybody else's. */
export function cacheStatus(response: Response): CacheStatus | undefined {
  return told.get(response);
}

/** Remembers how a response was made. */
export function tell(response: Response, status: CacheStatus): Response {
  told.set(response, status);
  return response;
}

/** A response with a head and a body. `age` is in seconds. */
export function respond(head: Head, body: Uint8Array | ReadableStream<Uint8Array> | null, status: CacheStatus, age: number | undefined): Response {
  const headers = new Headers(head.headers);
  headers.set(FIELD, status);
  if (age !== undefined) headers.set("age", String(age));
  const { statusText } = head;
  const given = WITHOUT_BODY.has(head.status) ? null : (body as BodyInit | null);
  return known(new Response(given, { status: head.status, statusText, headers }), head, status);
}

/** Gives a response, and its clones, what a constructor cannot. */
function known(response: Response, head: Head, status: CacheStatus): Response {
  Object.defineProperties(response, {
    url: { value: head.url },
    redirected: { value: head.isRedirected },
    clone: { value: () => known(Response.prototype.clone.call(response), head, status) },
  });
  return tell(response, status);
}
