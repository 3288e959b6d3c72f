// Plays a vector (tests/vectors/README.md) against an engine; runs in Node and in a browser.

import { knowPools } from "../pkg/pools/contract.js";
import { knowPrefetch } from "../pkg/prefetch/contract.js";
import "../pkg/snapshot.js";
import { knowStores } from "../pkg/store/contract.js";
import { knowMore } from "../pkg/uncalled.js";

/** Calls that only `fast.wasm` has. */
export const UNCALLED = knowMore();
knowPools();
knowPrefetch();
knowStores();

/** Of the calls that only `fast.wasm` has, those that change nothing. */
const READS = ["matches", "verify", "is-banned", "bans", "next-expiry", "advice", "check", "text-hashed", "hasher", "update", "length", "digest"];

/** A vector without the calls and the setting that only `fast.wasm` has, up to where it goes on with what such a call changed. */
export function called(vector) {
  const end = vector.steps.findIndex(({ call }) => UNCALLED.includes(call) && !READS.includes(call));
  const steps = vector.steps.slice(0, end < 0 ? undefined : end).filter(({ call }) => !READS.includes(call));
  return { ...vector, settings: vector.settings?.filter((setting) => !("advice" in setting)), steps };
}

const HEX = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** A byte string in any of its forms; undefined for anything else. */
function bytes(value, saved) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const [[form, of] = []] = Object.entries(value);
  if (Object.keys(value).length !== 1) return undefined;
  if (form === "text" && typeof of === "string") return new TextEncoder().encode(of);
  if (form === "hex") return fromHex(of);
  if (form === "saved") return saved.get(of);
  if (form === "repeat") {
    const [piece, times] = [fromHex(of[0]), of[1]];
    const whole = new Uint8Array(piece.length * times);
    for (let at = 0; at < times; at++) whole.set(piece, at * piece.length);
    return whole;
  }
  return undefined;
}

/** Arguments with their byte strings as bytes. Where a variant may be meant, `text` is one of its cases. */
function plain(value, saved, path = "") {
  const isVariant = /\b(value|options)\.\d+$/.test(path) && Object.keys(value ?? {})[0] !== "hex";
  const found = isVariant ? undefined : bytes(value, saved);
  if (found !== undefined) return found;
  if (Array.isArray(value)) return value.map((item, at) => plain(item, saved, `${path}.${at}`));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, saved, `${path}.${name}`)]));
  }
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  if (value === "nan") return NaN;
  return value;
}

const BLANK = (answer) =>
  answer === null || answer === false || answer === "" || Number(answer) === 0 ||
  (answer instanceof Uint8Array && answer.length === 0) || (Array.isArray(answer) && answer.length === 0) ||
  (typeof answer === "object" && !(answer instanceof Uint8Array) && !Array.isArray(answer) && Object.values(answer).every(BLANK));

/** Where an answer differs from what is expected, or nothing. */
function differs(expected, answer, saved, hash) {
  if (answer instanceof Uint8Array) {
    if (expected?.xxh3 !== undefined) {
      const isSame = expected.len === answer.length && BigInt(hash(answer)) === BigInt(`0x${expected.xxh3}`) >> 11n;
      return isSame ? undefined : `${answer.length} other bytes`;
    }
    const wanted = bytes(expected, saved);
    const same = wanted !== undefined && wanted.length === answer.length && wanted.every((byte, at) => byte === answer[at]);
    return same ? undefined : `bytes ${HEX(answer.subarray(0, 200))}`;
  }
  if (Array.isArray(answer)) {
    if (!Array.isArray(expected) || expected.length !== answer.length) return `a list of ${answer.length}`;
    for (const [at, item] of answer.entries()) {
      const found = differs(expected[at], item, saved, hash);
      if (found !== undefined) return `[${at}] ${found}`;
    }
    return undefined;
  }
  if (answer !== null && typeof answer === "object") {
    if (expected === null || typeof expected !== "object") return JSON.stringify(answer, (_, it) => (typeof it === "bigint" ? `${it}` : it));
    if ("error" in answer) return expected.error === answer.error ? undefined : `error ${answer.error}: ${answer.message}`;
    for (const name of new Set([...Object.keys(answer), ...Object.keys(expected)])) {
      const found = name in expected ? differs(expected[name], answer[name] ?? null, saved, hash) : BLANK(answer[name]) ? undefined : `${answer[name]}`;
      if (found !== undefined) return `${name}: ${found}`;
    }
    return undefined;
  }
  if (typeof answer === "number" || typeof answer === "bigint") return Number(expected) === Number(answer) ? undefined : `${answer}`;
  return expected === answer ? undefined : JSON.stringify(answer);
}

/** Plays a vector; answers with what was not as expected. An engine that has a self-check makes it after each call. */
export function play(engine, vector) {
  const saved = new Map();
  const mismatches = [];
  const make = (call, args) => {
    try {
      return engine.call(call, args);
    } catch (refused) {
      if (refused.code === undefined) throw refused;
      return { error: refused.code, message: refused.message };
    }
  };
  make("open", { settings: plain(vector.settings, saved) });
  for (const [at, step] of vector.steps.entries()) {
    let { call, args = {} } = step;
    args = plain(args, saved);
    if (call === "get-short" && args.len > 32) {
      // Of the form of the call, not of the cache.
      continue;
    }
    if (call === "get-short") {
      const words = new DataView(new ArrayBuffer(32));
      ["a", "b", "c", "d"].forEach((name, place) => words.setBigUint64(8 * place, BigInt(args[name] ?? 0), true));
      [call, args] = ["get", { ...args, key: new Uint8Array(words.buffer).slice(0, Math.min(args.len, 32)) }];
    }
    const answer = make(call, args);
    const found = differs(step.answer, answer, saved, (bytes) => engine.hash(bytes, 0));
    if (found !== undefined) mismatches.push(`step ${at} ${call}: expected ${JSON.stringify(step.answer)?.slice(0, 300)}, got ${found}`);
    const save = (name, record) => record !== undefined && saved.set(name, record);
    if (typeof step.save === "string") save(step.save, answer instanceof Uint8Array ? answer : (answer?.record ?? answer?.stored?.record));
    else for (const [field, name] of Object.entries(step.save ?? {})) {
      const found = answer?.[field];
      save(name, found instanceof Uint8Array ? found : (found?.[1] ?? found)?.record);
    }
    const checked = make("check", {});
    if (checked !== null && checked.error !== "unsupported") mismatches.push(`step ${at}: ${checked.message}`);
  }
  return mismatches;
}
