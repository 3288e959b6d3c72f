// What not every page needs is loaded by those that do. `whole.ts` has all of it at once, for service workers, which may not import later.

/** How the parts are had. */
export const parts = {
  store: () => import("./store/open.js"),
  pool: () => import("./pools/pool.js"),
  prefetching: () => import("./prefetch/prefetching.js"),
  snapshot: () => import("./snapshot.js"),
};
