// Compiled by ../types.test.mjs, and not run: what prediction and prefetch take and answer has types, and nothing else is taken.

import { Larder, type Learnt, type Prediction, type Predictor, type Prefetcher, type PrefetchStatistics, type QueuedPrefetch } from "../../pkg/index.js";

const cache = await Larder.open({ learn: { maxBytes: "2MB", gap: "10m" }, policy: "predicted" });
const predictor: Predictor | undefined = cache.sync.predictor;
const now: readonly Prediction[] | undefined = predictor?.predict(["/", new Uint8Array()], { limit: 3, min: 0.1 });
await cache.observe("/", { session: "ada" });
const next: readonly Prediction[] = await cache.next({ session: 7, limit: 1 });
const learnt: Learnt = await cache.learnt();
const gone: number = await cache.evictUnlikely(next, 10);
await cache.expect([...(now ?? []), { key: "/", probability: 0.5 }]);

await cache.prefetchMany([{ key: "/", priority: 1, payload: "how" }]);
const queue: readonly QueuedPrefetch[] = await cache.prefetchQueue({ limit: 10 });
const fetchIt = async ({ key, attempts }: QueuedPrefetch, signal: AbortSignal) => ({ page: String(key), attempts, ended: signal.aborted });
{
  await using prefetcher: Prefetcher = await cache.prefetcher(fetchIt, { ttl: "1h", tags: ["ahead"], every: 500, lease: "1m", concurrency: 2, predicted: 0.5 });
  prefetcher.stop();
}
const stats: PrefetchStatistics = await cache.prefetchStats();
// @ts-expect-error A prefetcher stores as prefetched by itself.
await cache.prefetcher(fetchIt, { prefetched: true });
// @ts-expect-error What is fetched is a value.
await cache.prefetcher(() => undefined);
// @ts-expect-error A session is a number or a text.
await cache.observe("/", { session: {} });

export { gone, learnt, queue, stats };
