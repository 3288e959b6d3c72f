// A server, a cache and a cached fetch between them, for tests.

import assert from "node:assert/strict";
import { after } from "node:test";

import { cachedFetch, cacheStatus } from "../pkg/fetch.js";
import { Larder } from "../pkg/index.js";
import { clock, origin } from "./origin.mjs";

const opened = [];
after(() => Promise.all(opened.map((server) => server.close())));

/** What is needed to ask a server that answers as `answer` says. `fetch` takes a path; `go` says how a response was made, and its body. */
export async function open(answer, options = {}, cacheOptions = {}) {
  const now = clock();
  const server = await origin(answer);
  opened.push(server);
  const cache = await Larder.open({ now, ...cacheOptions });
  const faults = [];
  cache.addEventListener("error", ({ detail }) => faults.push(detail.error));
  const cached = cachedFetch(cache, options);
  const fetch = (path = "/", init = undefined) => cached(server.address + path, init);
  const go = async (path, init) => {
    const response = await fetch(path, init);
    const text = await response.text();
    assert.ok([cacheStatus(response), null].includes(response.headers.get("x-larder")));
    return `${cacheStatus(response)} ${text}`;
  };
  return { now, server, cache, faults, fetch, go, seen: server.seen, address: server.address };
}

/** A server's answer that is fresh for some seconds: the number of the request. */
export function fresh(seconds = 60, headers = {}) {
  return ({ at }) => ({ headers: { "cache-control": `max-age=${seconds}`, ...headers }, body: String(at) });
}

/** How many entries a cache has. */
export async function entries(cache) {
  return (await cache.stats()).entries;
}
