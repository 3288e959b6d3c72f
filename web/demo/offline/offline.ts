// The page without a network: all its files are kept when it is first loaded, and answered from there. A build whose content differs is another
// version, kept beside the old one and used once no tab shows the old one any more, so that files of two builds never meet.

/** Put in front of this file by the build: a digest of all files, and their names. */
declare const VERSION: string;
declare const FILES: readonly string[];

declare const self: ServiceWorkerGlobalScope;
export type {};

// Several of these pages may be on one origin.
const MINE = `larder-demo ${self.registration.scope} `;
const CURRENT = MINE + VERSION;

async function keep(): Promise<void> {
  const cache = await caches.open(CURRENT);
  await cache.addAll(FILES.map((file) => new Request(new URL(file, self.registration.scope), { cache: "reload" })));
}

async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(MINE) && name !== CURRENT) await caches.delete(name);
  await self.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CURRENT);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(self.registration.scope)) event.respondWith(answer(event.request));
});
