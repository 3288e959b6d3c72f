// The calls of the contract (wit/) by number, with the types of their arguments and answers. `wire.ts` reads and writes by them.
//
// A type is the name of a plain one, or of one that is described here; "x?" is an option, "x[]" a list. The numbers are those of `src/calls.rs`.
// Those of pools are in `pools/contract.ts`, so with `prefetch` and `store`; those of snapshots in `snapshot.ts`, and what the package itself does not call in
// `uncalled.ts`.

/** Fields of a record in order, or cases of a variant with the types of what they carry, "" for nothing. */
export type Fields = readonly (readonly [name: string, type: string])[];

/** What a call takes and answers. */
export type Call = readonly [number: number, args: Fields, answer: string];

/** A type that is made of others: what it is, its fields, and the names of these, which of a tuple and of a result are types. */
export type Compound = readonly [kind: string, fields: Fields, names: readonly string[]];

/** Types that are made of others. */
export const TYPES: Record<string, Compound> = {};

/** The calls. */
export const CALLS: Record<string, Call> = {};

/** Adds descriptions to the contract: `kind name: field type, ...` of a type, `call name number: argument type, ... -> answer` of a call, each with a
 * semicolon behind it. */
export function know(descriptions: string): void {
  const pattern = /(\w+) (\S+?)(?: (\d+))?(?:: ([^>]*?))?(?: -> (\S+))?;/g;
  for (const [, kind = "", name = "", number, list = "", answer = ""] of descriptions.replace(/\s+/g, " ").matchAll(pattern)) {
    const fields = list.split(", ").filter(Boolean).map((field) => field.split(" ")).map(([name = "", type = ""]) => [name, type] as const);
    if (kind === "call") CALLS[name] = [Number(number), fields, answer];
    else TYPES[name] = [kind, fields, fields.map(([name]) => name)];
  }
}

know(`
  tuple pair: text, text;
  enum durability: memory, process, sync;
  enum codec: none, deflate, lz4;
  enum compression: none, deflate, lz4, auto;
  enum freshness: fresh, stale;
  enum tier: small, medium, large, xlarge;
  enum dependency-kind: file, glob, environment;
  variant setting: max-bytes u64, max-entries u32, max-entry-size u32, max-key-size u32, policy text, objective text, codec compression,
    compression-threshold u32, compression-level u8, cold-tier bool, advice bool, store bool, seed i64;
  variant namespace-default: ttl u64, tti u64, stale u64, jitter u8;
  record dependency: kind dependency-kind, name text, stamp bytes;
  variant set-option: ttl u64, tti u64, stale u64, content-type text, metadata pair, tag text, durability durability, cost u64,
    dependency dependency, prefetched;
  variant ban-rule: all, tag text, all-tags text[], prefix bytes, glob bytes, file text;
  record banned: sequence u64, hit u64?, record bytes;
  record hit: value bytes, content-type text, version u64, created u64, expires u64?, freshness freshness, renew bool, depends bool;
  record stored: version u64, gone u64?, record bytes;
  record counted: value i64, stored stored;
  record times: expires u64?, gone u64?;
  record entry-info: namespace text, key bytes, content-type text, metadata pair[], tags text[], dependencies dependency[], version u64,
    created u64, accessed u64, expires u64?, gone u64?, idle-timeout u64?, stale-window u64?, cost u64?, prefetched bool, hits u32,
    value-size u64, size u64, codec codec, durability durability;
  record page: entries entry-info[], next u32?;
  record statistics: entries u64, bytes u64, hits u64, stale-hits u64, misses u64, admitted u64, refused u64, refused-corrupt u64,
    refused-newer u64, refused-too-large u64, refused-other-key u64, sets u64, deletes u64, expired u64, invalidated u64, evicted-bytes u64,
    evicted-entries u64, evicted-asked u64, turned-away u64, errors u64, invalid-arguments u64, keys-too-large u64, values-too-large u64,
    not-numbers u64, full u64, prefetched u64, prefetch-hits u64, bytes-written u64, bytes-read u64, compressed-in u64, compressed-out u64,
    deflated u64, lz4 u64, incompressible u64, incompressible-bytes u64, cold-entries u64, cold-bytes u64, cold-values u64,
    dictionary-bytes u64, cooled u64, warmed u64, cold-hits u64, cold-damaged u64;
  tuple likely: bytes, f64;
  result stored-or-error: stored;
  variant token: null, boolean bool, integer i64, unsigned i64, float f64, string text, bytes bytes, list u32, set u32, map u32;
  record made: key bytes, hashed bool, tier tier?;
  record stamp: size u64, seconds i64, nanoseconds u32;
  variant path-state: unknown, stamp stamp, content bytes, content-hash bytes;
  variant text-setting: hash-above u64, small u64, medium u64, large u64;
  call open 0: settings setting[];
  call namespace 1: name text -> u32;
  call set-defaults 2: namespace u32, defaults namespace-default[];
  call get 3: namespace u32, key bytes, now u64 -> hit?;
  call ttl 6: namespace u32, key bytes, now u64 -> times?;
  call inspect 7: namespace u32, key bytes, now u64 -> entry-info?;
  call get-many 8: namespace u32, keys bytes[], now u64 -> hit?[];
  call scan 9: namespace u32?, prefix bytes, cursor u32, limit u32, now u64 -> page;
  call describe 11: record bytes -> entry-info;
  call set 16: namespace u32, key bytes, value bytes, options set-option[], now u64, sequence u64? -> stored;
  call increment 21: namespace u32, key bytes, delta i64, options set-option[], stored bytes?, now u64, sequence u64? -> counted;
  call touch 22: namespace u32, key bytes, ttl u64?, stored bytes?, now u64, sequence u64? -> stored?;
  call delete 23: namespace u32, key bytes, stored bytes?, now u64 -> bool;
  call ban 32: namespace u32?, rules ban-rule[], now u64, sequence u64? -> banned;
  call clear 37: namespace u32? -> u32;
  call cleanup 38: now u64, limit u32 -> u32;
  call maintain 39: now u64, budget u32 -> u32;
  call resize 41: max-bytes u64, now u64 -> u32;
  call set-policy 44: name text;
  call stats 45: namespace u32? -> statistics;
  call evict-unlikely 49: namespace u32, predictions likely[], count u32, now u64 -> u32;
  call expect 50: namespace u32, predictions likely[], now u64 -> u32;
  call parts 64: parts bytes[] -> made;
  call dictionary 65: value token[] -> made;
  call structured 66: value token[] -> made;
  call path 67: path bytes, state path-state -> made;
  call endpoint 68: endpoint text, parameters pair[] -> made;
  call text 69: operation text, options token[], text bytes, settings text-setting[] -> made;
  call operation-prefix 71: operation text -> bytes;
`);
