// A service worker that answers GETs from Larder: by the rules of HTTP while there is a network, and with whatever it has when there is none.
// To use it, put it where your pages are, have the imports lead to larder-web, and register it with `{ type: "module" }`.
//
// What it holds is stored: the browser ends a worker that was idle for a while, and begins it again. A service worker may not import
// anything later, so it takes the package whole.

import { cachedFetch } from "../pkg/fetch.js";
import { Larder } from "../pkg/whole.js";

/** What is there from the first visit on. */
const PAGES = ["./index.html", "./hello.json"];

/** The engine: kept too, for a worker that is begun again without a network. */
async function engine() {
  const url = new URL("../pkg/larder.wasm", import.meta.url);
  const kept = await caches.open("larder-engine");
  if ((await kept.match(url)) === undefined) await kept.add(url);
  return kept.match(url);
}

// A service worker may not wait here, so all who need the cache wait for this.
const opened = engine()
  .then((wasm) => Larder.open({ wasm, maxBytes: "32MB", store: "indexeddb", name: "pages" }))
  .then((cache) => cachedFetch(cache, { staleIfError: "30d" }));

async function answer(request) {
  const cached = await opened;
  try {
    return await cached(request);
  } catch (error) {
    // No network. Even what should be asked for each time is better than nothing; if there is nothing, the error is the first one.
    const { url, headers, credentials } = request;
    return cached(url, { headers, credentials, cache: "force-cache" }).catch(() => Promise.reject(error));
  }
}

async function load(url) {
  const response = await answer(new Request(url));
  await response.arrayBuffer();
}

self.addEventListener("install", (event) => {
  event.waitUntil(Promise.all(PAGES.map(load)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});
