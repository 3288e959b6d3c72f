// larder-web: Larder for browsers and Node.

export { Larder, type Factory, type GetOrSetOptions, type LarderEventMap, type OpenOptions } from "./larder.js";
export {
  SyncLarder,
  type CoreOptions,
  type EntryInfo,
  type Key,
  type Looked,
  type Policy,
  type Rule,
  type SetOptions,
  type Statistics,
} from "./core.js";
export { LarderError, type ErrorCode } from "./error.js";
export { Keys, type KeyValue, type TextKeyOptions } from "./keys.js";
export { type Source } from "./load.js";
export { type Pool } from "./pools/pool.js";
export {
  Scored,
  type AccumulateOptions,
  type DimensionValue,
  type Generator,
  type GeneratorRequest,
  type Picked,
  type PoolPlan,
  type PoolStatistics,
  type RoundReport,
  type Values,
} from "./pools/plan.js";
export { type LearnOptions, type Learnt, type PredictOptions, type Prediction, type Predictor, type Session } from "./prefetch/predictor.js";
export { type Prefetcher, type PrefetcherOptions, type PrefetchFunction } from "./prefetch/prefetcher.js";
export { type PrefetchStatistics } from "./prefetch/prefetching.js";
export { type Enqueued, type PrefetchOptions, type QueuedPrefetch, type QueueFigures, type Wanted } from "./prefetch/queue.js";
export { type Imported, type SnapshotSource } from "./snapshot.js";
export { type StoreOptions } from "./store/open.js";
export { type Size, type Span } from "./units.js";
export { type Json, type Value } from "./values.js";
