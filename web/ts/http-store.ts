// Where responses lie in the cache. One response to an address lies under the address; where there are several, by fields of the request
// (Vary), their list of fields lies there, and they lie beside it under a name that is gone with the list. So an address is forgotten with
// what lies under it, however many responses there were.

import { read, write, writeVariants, CONTENT_TYPE, type Stored } from "./http-entry.js";
import { isStorable, remaining, varying } from "./http-rules.js";
import type { Larder } from "./larder.js";

/** Fields that say who asks. What one is told is not told to another, whether or not the server thinks of saying so. */
export const WHO_ASKS = ["authorization", "cookie", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key"];

/** Stands for all fields of a request. */
const ALL = ":all";
/** More fields than a server would name. */
const MOST_FIELDS = 32;
/** Longer addresses are hashed. */
const LONGEST = 2000;
/** Lists of fields do not go by themselves. */
const EVER = "36500d";

function isInBrowser(): boolean {
  return globalThis.location !== undefined;
}

/** Whether an address is of another server than the page's own. Outside of browsers there is no page. */
export function isElsewhere(url: string): boolean {
  return isInBrowser() && new URL(url).origin !== globalThis.location.origin;
}

/** Whether a browser tells the server who asks. */
export function isKnown({ url, credentials }: Request): boolean {
  return credentials === "include" || (credentials === "same-origin" && !isElsewhere(url));
}

/** Whether a browser sets a field of requests by itself, shows it to nobody, and not always to the same. */
function isHiddenField(name: string): boolean {
  return name === "cookie" || name === "referer" || name.startsWith("sec-");
}

/** Fields of a request, as one text. */
export function fieldsOf(request: Request, names: readonly string[]): string {
  const value = (name: string): unknown => (name === ALL ? [...request.headers] : request.headers.get(name));
  return JSON.stringify([...names].sort().map((name) => [name, value(name)]));
}

/** Responses in a cache. */
export class HttpStore {
  constructor(
    private readonly cache: Larder,
    private readonly prefix: string,
    private readonly tags: readonly string[],
    /** For how many milliseconds responses are kept when they are not fresh any more. */
    private readonly stale: number,
  ) {}

  /** Under which key the responses to requests like this lie; those with the browser's credentials apart from those without. */
  place(request: Request): string {
    return this.placeOf(request.url, isKnown(request));
  }

  /** No address has a space in it. */
  private placeOf(full: string, isKnown: boolean): string {
    const url = full.split("#", 1)[0] ?? "";
    const address = url.length <= LONGEST ? url : this.cache.keys.structured(url);
    return `${this.prefix}${address} ${isKnown ? "" : "omit "}`;
  }

  private beside(place: string, generation: string, request: Request, vary: readonly string[]): string {
    // Hashed however short, for there may be secrets in it.
    return `${place}${generation} ${this.cache.keys.text("vary", fieldsOf(request, vary), { hashAbove: 0 })}`;
  }

  /** The response that is stored for a request. */
  async look(place: string, request: Request): Promise<Stored | undefined> {
    const known = WHO_ASKS.filter((name) => request.headers.has(name));
    const found = read(await this.cache.get(place));
    if (found === undefined) return undefined;
    if ("body" in found) return known.length === 0 ? found : undefined;
    const { vary, generation } = found;
    if (!known.every((name) => vary.includes(name))) return undefined;
    const variant = read(await this.cache.get(this.beside(place, generation, request, vary)));
    return variant !== undefined && "body" in variant ? variant : undefined;
  }

  /** Stores a response to a request. `isHidden` says that fields of the response may be hidden from who asked (CORS), Vary among them. */
  async keep(place: string, request: Request, stored: Stored, isHidden: boolean): Promise<void> {
    const { head } = stored;
    if (!isStorable(head) || (isInBrowser() && varying(head.headers).some(isHiddenField))) return;
    const known = WHO_ASKS.filter((name) => request.headers.has(name));
    const named = head.headers.has("vary") ? varying(head.headers) : isHidden ? [ALL] : [];
    const before = read(await this.cache.get(place));
    const list = before !== undefined && "vary" in before ? before : undefined;
    const vary = [...new Set([...(list?.vary ?? []), ...named, ...known])];
    if (vary.length > MOST_FIELDS) return;
    const ttl = Math.max(1, remaining(head, head.received));
    const options = { ttl, stale: this.stale, contentType: CONTENT_TYPE, tags: this.tags };
    if (vary.length === 0) {
      await this.cache.set(place, write(stored), options);
      return;
    }
    const isSame = list !== undefined && list.vary.length === vary.length;
    const generation = isSame ? list.generation : [...crypto.getRandomValues(new Uint32Array(2))].join(".");
    if (!isSame) await this.cache.set(place, writeVariants({ vary, generation }), { ...options, ttl: EVER, stale: 0 });
    await this.cache.set(this.beside(place, generation, request, vary), write(stored), options);
  }

  /** Removes what is stored for an address. */
  async forget(url: string): Promise<void> {
    for (const isKnown of [true, false]) await this.cache.delete(this.placeOf(url, isKnown));
  }
}
