// fetch with a cache: by the rules of HTTP as a browser has one, or by choice, for what HTTP would not keep, such as the answers of a model
// to a POST. However many ask for the same at once, one asks the server, and all have the same bytes as they arrive.

import { Fetcher } from "./fetcher.js";
import type { Larder } from "./larder.js";
import type { Size, Span } from "./units.js";

export { cacheStatus, type CacheStatus } from "./respond.js";

/** As `fetch`. */
export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/** How responses are cached. */
export interface CachedFetchOptions {
  /** Asks the server; called with a `Request`. Default: the `fetch` of the platform. */
  readonly fetch?: Fetch;
  /** What the keys of all entries begin with. Default `fetch/`. */
  readonly prefix?: string;
  /** Labels of all entries, by which they can be made invalid together. */
  readonly tags?: readonly string[];
  /** Largest body that is stored. Default and maximum: the cache's largest entry. Larger ones are passed through. */
  readonly maxBodySize?: Size;
  /** For how long after its time a response is answered if the server fails or is not reached, where neither the response nor the request
   * says so. Default 0. Not with `ttl`. */
  readonly staleIfError?: Span;
  /** For how long after its time a response is kept, to ask whether it still holds, or for `staleIfError` and `force-cache`. Default 30 days. */
  readonly keep?: Span;

  /** By choice: requests with one of `methods` are cached for so long, whatever the server says of it. Others go by the rules of HTTP. */
  readonly ttl?: Span;
  /** By choice: for how long after its time a response is answered while another one is asked for. Default 0. */
  readonly stale?: Span;
  /** By choice: which methods. Default `GET`. */
  readonly methods?: readonly string[];
  /** By choice: the key of a request; `undefined` for one that is not cached. Requests of one key have one answer, also those of another
   * cached fetch on the same cache and with the same `prefix`. Default: its method, address and body, and who asks, by fields as
   * Authorization. */
  readonly key?: (request: Request) => string | undefined | Promise<string | undefined>;
  /** By choice: fields of the request that are part of the key, besides those that say who asks. Not with `key`. */
  readonly vary?: readonly string[];
  /** By choice: which responses are stored. Default: those with a status of 200 to 299. */
  readonly store?: (response: Response) => boolean;
}

/** A `fetch` that answers from a cache what it can. A response tells by its field `x-larder`, and by `cacheStatus`, how it was made.
 *
 * By the rules of HTTP the cache is a private one: it belongs to one user, and what was asked with other credentials is kept apart all the
 * same. Redirects, and what is reached by them, are not stored. Make one and keep it: only those who ask the same one share an answer under
 * way. Throws what `fetch` throws; `LarderError` with `invalid-argument` for
 * options that make no sense. */
export function cachedFetch(cache: Larder, options: CachedFetchOptions = {}): Fetch {
  const fetcher = new Fetcher(cache, options);
  return (input, init) => fetcher.fetch(input, init);
}
