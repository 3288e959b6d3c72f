// Compiled by ../types.test.mjs, and not run: the types of the adapters are those of what they are for, and keep what they are given.

import Keyv, { type KeyvStoreAdapter } from "keyv";
import { createStorage, defineDriver, type Driver } from "unstorage";

import { cachedFetch, cacheStatus, type CacheStatus } from "../../pkg/fetch.js";
import { Larder, type EntryInfo } from "../../pkg/index.js";
import { KeyvLarder } from "../../pkg/keyv.js";
import { memoize } from "../../pkg/memoize.js";
import { larderDriver } from "../../pkg/unstorage.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

const cache = await Larder.open();
const infos: AsyncIterable<EntryInfo> = cache.infos("prefix");

const store: KeyvStoreAdapter = new KeyvLarder(cache);
new Keyv<number>({ store, namespace: "numbers" });
new Keyv(new KeyvLarder(cache, { prefix: "", useKeyPrefix: false }));

const driver: Driver = larderDriver({ cache, ttl: "1h" });
createStorage({ driver });
createStorage({ driver: defineDriver(larderDriver)({ cache }) });

const asFetch: typeof fetch = cachedFetch(cache);
const status: CacheStatus | undefined = cacheStatus(await asFetch("http://localhost"));
cachedFetch(cache, { ttl: 5, methods: ["POST"], key: async (request) => (await request.text()) || undefined });
// @ts-expect-error A time is a number or a text.
cachedFetch(cache, { ttl: true });

interface User {
  readonly name: string;
}
const user = memoize(cache, async (id: number, options?: { deep: boolean }): Promise<User> => ({ name: `${id} ${options?.deep}` }), { name: "user" });
same<Parameters<typeof user>, [id: number, options?: { deep: boolean }]>(true);
same<Awaited<ReturnType<typeof user>>, User>(true);
same<Parameters<typeof user.invalidate>, [id: number, options?: { deep: boolean }]>(true);
const sum = memoize(cache, (...all: number[]) => all.length, { name: "sum", key: (first, ...rest) => [first ?? null, rest.length], tags: (first) => [`${first}`] });
same<ReturnType<typeof sum>, Promise<number>>(true);
// @ts-expect-error There is no such argument.
await user("42");
// @ts-expect-error A name is needed.
memoize(cache, () => 1, {});
// @ts-expect-error A date makes no key.
memoize(cache, (at: Date) => at.getTime(), { name: "at", key: (at) => at });

export { driver, infos, status };
