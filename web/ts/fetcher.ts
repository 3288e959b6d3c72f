// What a cached fetch does with a request: looks for its response, asks the server where it has to, and stores what may be stored.

import { LarderError } from "./error.js";
import type { CachedFetchOptions } from "./fetch.js";
import { CONTENT_TYPE, read, write, type Head, type Stored } from "./http-entry.js";
import { onward, wait, type Ask, type Flight, type Outcome } from "./http-flight.js";
import { age, directives, freshened, isAbout, isFailing, isGoodForFailure, isStorable, storedFields, use } from "./http-rules.js";
import { fieldsOf, HttpStore, isKnown, WHO_ASKS } from "./http-store.js";
import type { Larder, LarderEventMap } from "./larder.js";
import { Recording } from "./recording.js";
import { respond, tell, type CacheStatus } from "./respond.js";
import { decoded } from "./text.js";
import { size, span } from "./units.js";

/** Requests with these are questions about what the asker has. */
const CONDITIONS = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** When a response was asked for, and when it was there. */
type Times = Pick<Head, "requested" | "received">;

/** One cached fetch: its options, and what is under way. */
export class Fetcher {
  private readonly flights = new Map<string, Flight>();
  /** How many went by themselves. */
  private flown = 0;
  private readonly store: HttpStore;
  private readonly prefix: string;
  private readonly limit: number;
  private readonly staleIfError: number;
  private readonly ttl: number | undefined;
  private readonly stale: number;
  private readonly methods: ReadonlySet<string>;

  constructor(
    private readonly cache: Larder,
    private readonly options: CachedFetchOptions,
  ) {
    const { ttl, prefix = "fetch/", tags = [], stale = 0, methods = ["GET"], staleIfError = 0, keep = "30d", maxBodySize = Infinity } = options;
    const lost = (["stale", "methods", "key", "vary", "store"] as const).find((name) => options[name] !== undefined);
    if (ttl === undefined && lost !== undefined) throw new LarderError("invalid-argument", `${lost} is for caching by choice: give a ttl`);
    this.prefix = prefix;
    this.limit = Math.min(size(maxBodySize), cache.maxEntrySize);
    this.staleIfError = span(staleIfError);
    this.ttl = ttl === undefined ? undefined : span(ttl);
    if (this.ttl === 0) throw new LarderError("invalid-argument", "a ttl of 0 keeps nothing");
    this.stale = span(stale);
    this.methods = new Set(methods.map((method) => method.toUpperCase()));
    this.store = new HttpStore(cache, prefix, tags, Math.max(span(keep), this.staleIfError));
    // What was asked for before its entry was made invalid is not stored after it.
    cache.addEventListener("clear", () => this.outdate(() => true));
    const changed = ({ detail: { key } }: LarderEventMap["delete" | "change"]): void => {
      const name = key instanceof Uint8Array ? decoded(key) : key;
      this.outdate((place) => name?.startsWith(place) !== false);
    };
    cache.addEventListener("delete", changed);
    // Another tab may have written to the address.
    cache.addEventListener("change", changed);
    cache.addEventListener("invalidate", ({ detail: { rule } }: LarderEventMap["invalidate"]) => {
      if (rule === "all" || "glob" in rule) this.outdate(() => true);
      else if ("prefix" in rule) this.outdate((place) => place.startsWith(rule.prefix) || rule.prefix.startsWith(place));
      else if (("tag" in rule ? [rule.tag] : rule.tags).every((tag) => tags.includes(tag))) this.outdate(() => true);
    });
  }

  private outdate(concerns: (place: string) => boolean): void {
    for (const [name, flight] of this.flights) {
      if (!concerns(flight.place)) continue;
      flight.isOutdated = true;
      // Who asks from now on is not answered with what was so before.
      this.flights.delete(name);
    }
  }

  /** Asked anew each time, for it changes while something is waited for. */
  private isOutdated(flight: Flight): boolean {
    return flight.isOutdated;
  }

  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const ask = await this.ask(request);
    if (ask === undefined) return this.pass(request);
    const { cache, signal } = request;
    const isOffline = cache === "only-if-cached" || ask.asked.has("only-if-cached");
    // Who is on the way already, where there was nothing to answer with, need not look again.
    const isUnderWay = this.flights.has(nameOf(ask));
    const stored = cache === "reload" || isUnderWay ? undefined : await this.look(ask);
    signal.throwIfAborted();
    if (stored !== undefined) {
      const isAny = cache === "force-cache" || cache === "only-if-cached";
      const use = this.use(ask, stored.head);
      if (use === "while" && !isAny && !isOffline) this.refresh(ask, stored);
      if (isAny || use !== "validate") return this.answer(ask, stored, use === "fresh" ? "hit" : "stale");
    }
    if (cache === "only-if-cached" && !isUnderWay) throw new TypeError(`${request.url} is not in the cache`);
    if (isOffline) return tell(new Response(null, { status: 504, statusText: "Gateway Timeout" }), "miss");
    if (request.method === "HEAD") return this.pass(request);
    return this.join(ask, stored);
  }

  /** What is asked, or nothing if the cache has no part in it. */
  private async ask(request: Request): Promise<Ask | undefined> {
    const { method, headers, cache } = request;
    const isChosen = this.ttl !== undefined && this.methods.has(method);
    const asked = directives(headers.get("cache-control") ?? (headers.get("pragma")?.includes("no-cache") === true ? "no-cache" : null));
    if (!isChosen && method !== "GET" && method !== "HEAD") return undefined;
    if (!/^https?:/.test(request.url) || request.integrity || CONDITIONS.some((name) => headers.has(name))) return undefined;
    if (cache === "no-store" || asked.has("no-store")) return undefined;
    const body = request.body === null || !isChosen ? undefined : new Uint8Array(await request.clone().arrayBuffer());
    const mode = cache === "no-cache" ? new Map([...asked, ["no-cache", ""]]) : asked;
    const own = isChosen ? this.options.key : undefined;
    const key = own === undefined ? undefined : await own(request.clone());
    if (own !== undefined && key === undefined) return undefined;
    try {
      const place = isChosen ? `${this.prefix}by ${key ?? this.chosenKey(request, body)}` : this.store.place(request);
      return { request, body, asked: mode, place, isChosen };
    } catch (error) {
      // A cache that fails is none.
      this.fault(request.url, error);
      return undefined;
    }
  }

  private chosenKey(request: Request, body: Uint8Array | undefined): string {
    const { keys } = this.cache;
    const named = [...WHO_ASKS, ...(this.options.vary ?? []).map((name) => name.toLowerCase())].filter((name) => request.headers.has(name));
    const who = named.length === 0 ? "" : keys.text("vary", fieldsOf(request, named), { hashAbove: 0 });
    const url = request.url.split("#", 1)[0] ?? "";
    return keys.structured([request.method, url, body ?? null, who, isKnown(request)]);
  }

  private async look(ask: Ask): Promise<Stored | undefined> {
    try {
      if (!ask.isChosen) return await this.store.look(ask.place, ask.request);
      const found = read(await this.cache.get(ask.place));
      if (found === undefined || !("body" in found)) return undefined;
      // Who wants no redirects is not given what is behind one.
      return found.head.isRedirected && ask.request.redirect !== "follow" ? undefined : found;
    } catch (error) {
      this.fault(ask.place, error);
      return undefined;
    }
  }

  private use(ask: Ask, head: Head): ReturnType<typeof use> {
    const now = this.cache.now();
    if (!ask.isChosen) return use(head, ask.asked, now);
    if (ask.asked.has("no-cache")) return "validate";
    const left = head.received + (this.ttl ?? 0) - now;
    if (left > 0) return "fresh";
    return left + this.stale > 0 ? "while" : "validate";
  }

  private answer(ask: Ask, { head, body }: Stored, status: CacheStatus): Response {
    const isHead = ask.request.method === "HEAD";
    const isOld = status === "hit" || status === "stale";
    return respond(head, isHead ? null : body, status, isOld ? Math.floor(age(head, this.cache.now()) / 1000) : undefined);
  }

  /** Asks past the cache, and forgets what is written to. */
  private async pass(request: Request): Promise<Response> {
    const { url, method } = request;
    const response = await this.server(request);
    // Nobody can see whether an opaque one went well.
    if (!SAFE.has(method) && response.status < 400) {
      const others = ["location", "content-location"].flatMap((name) => response.headers.get(name) ?? []);
      const urls = others.flatMap((other) => (URL.canParse(other, url) ? new URL(other, url) : []));
      for (const { href, origin } of [new URL(url), ...urls]) if (origin === new URL(url).origin) await this.forget(href);
    }
    return tell(response, "bypass");
  }

  private async forget(url: string): Promise<void> {
    await this.store.forget(url).catch((error: unknown) => this.fault(url, error));
  }

  private server(request: Request): Promise<Response> {
    return (this.options.fetch ?? globalThis.fetch)(request);
  }

  /** What cannot be stored is answered all the same. */
  private fault(key: string, error: unknown): void {
    this.cache.dispatchEvent(new CustomEvent("error", { detail: { key, error } }));
  }

  /** Has the answer of the server, together with all who ask for the same. */
  private async join(ask: Ask, stored: Stored | undefined): Promise<Response> {
    const { signal } = ask.request;
    const name = nameOf(ask);
    const flight = this.flights.get(name) ?? this.takeOff(name, ask, stored);
    const outcome = await wait(flight, signal);
    const isLost = outcome.body instanceof Recording && !outcome.body.isKept;
    if ((outcome.isShared && !isLost) || !flight.isTaken) {
      flight.isTaken = true;
      return this.hand(ask, flight, outcome);
    }
    flight.leave();
    // The answer was for one alone; each asks for himself.
    const own = this.takeOff(`own ${++this.flown}`, ask, await this.look(ask));
    const answer = await wait(own, signal);
    own.isTaken = true;
    return this.hand(ask, own, answer);
  }

  /** Gives the outcome of a flight to one who waited for it, who leaves it when the body is read. */
  private hand(ask: Ask, flight: Flight, { head, body, status, opaque }: Outcome): Response {
    const { signal } = ask.request;
    if (opaque !== undefined) {
      signal.addEventListener("abort", flight.leave, { once: true });
      return tell(opaque, status);
    }
    if (body instanceof Recording) return respond(head, body.stream(signal, flight.leave), status, undefined);
    flight.leave();
    return this.answer(ask, { head, body }, status);
  }

  private refresh(ask: Ask, stored: Stored): void {
    const name = `refresh ${nameOf(ask)}`;
    if (this.flights.has(name)) return;
    const flight = this.takeOff(name, ask, stored);
    flight.isForLater = true;
    flight.outcome.then(({ opaque }) => drop(opaque), (error: unknown) => this.fault(ask.place, error));
  }

  private takeOff(name: string, ask: Ask, stored: Stored | undefined): Flight {
    const controller = new AbortController();
    const land = (): void => {
      if (this.flights.get(name) === flight) this.flights.delete(name);
    };
    const leave = (): void => {
      flight.waiting--;
      if (flight.waiting > 0) return;
      land();
      controller.abort(ask.request.signal.reason);
    };
    const outcome = Promise.resolve().then(() => this.exchange(ask, stored, flight, land));
    const flight: Flight = { outcome, controller, waiting: 0, isTaken: false, isOutdated: false, isForLater: false, place: ask.place, leave };
    outcome.then(({ body }) => body instanceof Recording || land(), land);
    this.flights.set(name, flight);
    return flight;
  }

  /** Asks the server, with what is stored if it may still hold. */
  private async exchange(ask: Ask, stored: Stored | undefined, flight: Flight, land: () => void): Promise<Outcome> {
    const { signal } = flight.controller;
    const old = ask.isChosen ? undefined : stored;
    const isGood = (): boolean => old !== undefined && isGoodForFailure(old.head, ask.asked, this.staleIfError, this.cache.now());
    const requested = this.cache.now();
    let response: Response;
    try {
      response = await this.server(onward(ask, signal, old));
    } catch (error) {
      if (old === undefined || signal.aborted || !isGood()) throw error;
      return { ...old, status: "stale", isShared: true };
    }
    const received = this.cache.now();
    if (old !== undefined && response.status === 304) {
      const said = response.headers;
      drop(response);
      // A page that moved is another one, whatever is where it went.
      if (response.redirected || !isAbout(old.head.headers, said)) return this.exchange(ask, undefined, flight, land);
      const head = { ...old.head, headers: freshened(old.head.headers, said), requested, received };
      await this.keep(ask, flight, { head, body: old.body }, false);
      return { head, body: old.body, status: "revalidated", isShared: true };
    }
    if (old !== undefined && isFailing(response.status) && isGood()) {
      drop(response);
      return { ...old, status: "stale", isShared: true };
    }
    try {
      return await this.received(ask, flight, land, response, { requested, received });
    } catch (error) {
      drop(response);
      throw error;
    }
  }

  private async received(ask: Ask, flight: Flight, land: () => void, response: Response, times: Times): Promise<Outcome> {
    const { url, status, statusText, redirected, headers, type } = response;
    const base = { url: url || ask.request.url, isRedirected: redirected, status, statusText, ...times };
    // What cannot be looked into, and what no response can be made with.
    if (status < 200 || status > 599) {
      return { head: { ...base, headers }, body: new Uint8Array(), status: "miss", isShared: false, opaque: response };
    }
    const isWanted = ask.isChosen
      ? status !== 206 && (this.options.store?.(response) ?? response.ok)
      : !redirected && isStorable({ status, headers });
    const length = headers.has("content-encoding") ? undefined : headers.get("content-length");
    const isStored = isWanted && !(Number(length ?? 0) > this.limit);
    const head: Head = { ...base, headers: new Headers(storedFields(headers)) };
    if (ask.isChosen) head.headers.delete("set-cookie");
    const isShared = ask.isChosen || (isStored && use(head, ask.asked, this.cache.now()) === "fresh");
    const whole = async (body: Uint8Array): Promise<void> => {
      // A body that is not as long as it was said to be was cut off on its way; unless what says that it is compressed is hidden.
      if (!isStored || (length != null && type !== "cors" && body.length !== Number(length))) return;
      await this.keep(ask, flight, { head, body }, type === "cors");
    };
    const closed = (): void => {
      land();
      if (flight.isForLater) flight.controller.abort();
    };
    if (response.body === null) {
      await whole(new Uint8Array());
      return { head: { ...base, headers }, body: new Uint8Array(), status: "miss", isShared };
    }
    const body = new Recording(response.body, isStored || isShared ? this.limit : -1, { whole, closed });
    const { signal } = flight.controller;
    const stop = (): void => body.stop(signal.reason);
    // A fetch that does not listen to it answers all the same.
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    return { head: { ...base, headers }, body, status: "miss", isShared };
  }

  private async keep(ask: Ask, flight: Flight, stored: Stored, isHidden: boolean): Promise<void> {
    if (this.isOutdated(flight)) return;
    try {
      if (!ask.isChosen) await this.store.keep(ask.place, ask.request, stored, isHidden);
      else {
        const { tags = [] } = this.options;
        await this.cache.set(ask.place, write(stored), { ttl: this.ttl ?? 0, stale: this.stale, contentType: CONTENT_TYPE, tags });
      }
      // Made invalid while it was stored.
      if (this.isOutdated(flight)) await this.cache.delete(ask.place);
    } catch (error) {
      this.fault(ask.place, error);
    }
  }
}

/** What those have in common who may share a question to the server. */
function nameOf({ request, asked, place, isChosen }: Ask): string {
  const { cache, mode, redirect, credentials, headers } = request;
  // Who wants what is new has the server asked, on whom others need not depend.
  return JSON.stringify([place, cache, mode, redirect, ...(isChosen ? [asked.has("no-cache")] : [credentials, [...headers]])]);
}

/** Gives up the body of a response. */
function drop(response: Response | undefined): void {
  // One that broke off already has nothing to say of it.
  response?.body?.cancel().catch(() => {});
}
