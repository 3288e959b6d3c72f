// larder-web with all of its parts at once: for service workers, which may not import anything later.

import { parts } from "./parts.js";
import * as pool from "./pools/pool.js";
import * as prefetching from "./prefetch/prefetching.js";
import * as snapshot from "./snapshot.js";
import * as store from "./store/open.js";

Object.assign(parts, {
  store: async () => store,
  pool: async () => pool,
  prefetching: async () => prefetching,
  snapshot: async () => snapshot,
} satisfies typeof parts);

export * from "./index.js";
