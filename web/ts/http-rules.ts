// The rules of a private cache of HTTP (RFC 9111), with stale-while-revalidate and stale-if-error (RFC 5861): what may be stored, for how long
// it is fresh, and what a stored response is good for. Pure: times come in as arguments. All times are in milliseconds.

/** Directives of a Cache-Control field, by their names in lower case. */
export type Directives = ReadonlyMap<string, string>;

/** A response as the rules see it. */
export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  /** When it was asked for, and when it was there. */
  readonly requested: number;
  readonly received: number;
}

/** What a stored response is good for: an answer, an answer while another is asked for, or asking the server whether it still holds. */
export type Use = "fresh" | "stale" | "while" | "validate";

const SECOND = 1000;
/** More than any delta in seconds; what is larger counts as this. */
const MOST = 2 ** 31;
const WEEK = 7 * 864e5;

/** Statuses that are fresh for a while where nothing says for how long. */
const HEURISTIC = new Set([200, 203, 204, 300, 404, 405, 410, 414, 501]);
/** Statuses with which a server says that it fails, and may not for long. */
const FAILING = new Set([500, 502, 503, 504]);
/** Statuses that say how a part of another response is to be used, or where another one is: not stored. */
const NOT_WHOLE = new Set([206, 301, 302, 303, 304, 307, 308]);

/** Fields about the connection that a response came by. */
const OF_THE_CONNECTION = ["connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
  "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
/** Fields that belong to the stored body, which a 304 leaves as it is. */
const OF_THE_BODY = new Set(["content-encoding", "content-length", "content-range", "content-type"]);

/** A directive up to its comma, or to a semicolon, which some take for one. What is none has no name, and hides nothing that follows. */
const DIRECTIVE = /\s*([^\s=,;"]*)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?[^,;]*(?:[,;]|$)/gy;

/** The directives of a field. Of one that is there twice the first counts. */
export function directives(field: string | null): Directives {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, plain = ""] of (field ?? "").matchAll(DIRECTIVE)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted ?? plain);
  }
  return found;
}

/** A number of seconds as milliseconds; `undefined` if it is none. */
function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), MOST) * SECOND : undefined;
}

const MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const TIME = "(?<time>\\d\\d:\\d\\d:\\d\\d)";
const MONTH = "(?<month>[a-z]{3})";
const DATES = [
  new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`, "i"),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<short>\\d\\d) ${TIME} GMT$`, "i"),
  new RegExp(`^${DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`, "i"),
];

/** A date in one of the three forms of HTTP, in any case; `undefined` if it is none. `Date.parse` takes too much for a date. */
export function date(text: string | null, now: number): number | undefined {
  for (const form of DATES) {
    const { day = "", month = "", year, short = "", time = "" } = form.exec(text ?? "")?.groups ?? {};
    const at = MONTHS.indexOf(month.toLowerCase());
    if (day === "" || at % 3 !== 0) continue;
    // A year of two digits is not more than fifty years ahead.
    const last = new Date(now).getUTCFullYear() + 50;
    const full = year === undefined ? last - ((last - Number(short)) % 100) : Number(year);
    const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
    if (Number(day) < 1 || Number(day) > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
    return Date.UTC(full, at / 3, Number(day), hour, minute, second);
  }
  return undefined;
}

/** How old a response was when it was there, as far as that shows. */
function ageAtFirst({ headers, requested, received }: Seen): number {
  const apparent = Math.max(0, received - (date(headers.get("date"), received) ?? received));
  const said = seconds(headers.get("age")?.split(",")[0]?.trim()) ?? 0;
  return Math.max(apparent, said + Math.max(0, received - requested));
}

/** How old a response is. */
export function age(seen: Seen, now: number): number {
  return ageAtFirst(seen) + Math.max(0, now - seen.received);
}

/** For how long a response is fresh since it was made: what it says, or a tenth of what it was left unchanged for, a week at most. */
export function lifetime({ headers, status, received }: Seen): number {
  const said = directives(headers.get("cache-control"));
  if (said.has("max-age")) return seconds(said.get("max-age")) ?? 0;
  const made = date(headers.get("date"), received) ?? received;
  if (headers.has("expires")) return Math.max(0, (date(headers.get("expires"), received) ?? made) - made);
  const changed = date(headers.get("last-modified"), received);
  if (changed === undefined || !(HEURISTIC.has(status) || said.has("public"))) return 0;
  return Math.min(WEEK, Math.max(0, made - changed) / 10);
}

/** For how long a response is fresh yet; negative, for how long it is not any more. */
export function remaining(seen: Seen, now: number): number {
  return lifetime(seen) - age(seen, now);
}

/** Whether a response to a GET may be stored. */
export function isStorable({ status, headers }: Pick<Seen, "status" | "headers">): boolean {
  const said = directives(headers.get("cache-control"));
  if (status < 200 || status > 599 || NOT_WHOLE.has(status)) return false;
  if (said.has("must-understand") ? !HEURISTIC.has(status) : said.has("no-store")) return false;
  // A star, or what is no name of a field.
  if (!varying(headers).every((name) => /^[\w!#$%&'+.^`|~-]+$/.test(name))) return false;
  return HEURISTIC.has(status) || headers.has("expires") || said.has("max-age") || said.has("public") || said.has("private");
}

/** The request's fields that a response varies by, in lower case. */
export function varying(headers: Headers): string[] {
  const names = (headers.get("vary") ?? "").toLowerCase().split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

/** Whether a directive holds for the whole response, and not only for fields that it names. */
function holds(said: Directives, name: string): boolean {
  return said.has(name) && said.get(name) === "";
}

/** What a stored response is good for to a request with these directives. */
export function use(seen: Seen, asked: Directives, now: number): Use {
  const said = directives(seen.headers.get("cache-control"));
  if (holds(said, "no-cache") || asked.has("no-cache")) return "validate";
  const left = remaining(seen, now);
  if (age(seen, now) > (seconds(asked.get("max-age")) ?? Infinity)) return "validate";
  if (left < (seconds(asked.get("min-fresh")) ?? -Infinity)) return "validate";
  if (left > 0) return "fresh";
  if (said.has("must-revalidate")) return "validate";
  if (asked.has("max-stale") && -left <= (seconds(asked.get("max-stale")) ?? Infinity)) return "stale";
  return -left < (seconds(said.get("stale-while-revalidate")) ?? 0) ? "while" : "validate";
}

/** Whether a stored response may be answered because the server cannot, or cannot be reached. `otherwise` is for how long where neither the
 * response nor the request says it. */
export function isGoodForFailure(seen: Seen, asked: Directives, otherwise: number, now: number): boolean {
  const said = directives(seen.headers.get("cache-control"));
  if (holds(said, "no-cache") || said.has("must-revalidate") || asked.has("no-cache")) return false;
  const window = seconds(said.get("stale-if-error")) ?? otherwise;
  return -remaining(seen, now) <= Math.max(window, seconds(asked.get("stale-if-error")) ?? 0);
}

/** Whether a status says that the server fails. */
export function isFailing(status: number): boolean {
  return FAILING.has(status);
}

/** The fields of a response that may be stored, in their order. */
export function storedFields(headers: Headers): [string, string][] {
  const said = directives(headers.get("cache-control"));
  const listed = [headers.get("connection"), said.get("no-cache"), said.get("private")].join(",").toLowerCase();
  const without = new Set([...OF_THE_CONNECTION, ...listed.split(",").map((name) => name.trim())]);
  return [...headers].filter(([name]) => !without.has(name));
}

/** The fields of a stored response after the server said, with a 304, that it still holds. */
export function freshened(stored: Headers, said: Headers): Headers {
  const headers = new Headers(stored);
  const fields = storedFields(said).filter(([name]) => !OF_THE_BODY.has(name));
  // What aged on its way here is as old as the answer now, also if that does not say when it was made.
  for (const name of ["age", "date", ...fields.map(([name]) => name)]) headers.delete(name);
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** Whether a 304 is about the stored response: it names no other one. */
export function isAbout(stored: Headers, said: Headers): boolean {
  const strong = (tag: string | null): string | undefined => tag?.trim().replace(/^W\//, "");
  const [tag, now] = [strong(stored.get("etag")), strong(said.get("etag"))];
  return now === undefined || now === tag;
}
