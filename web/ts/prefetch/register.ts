// Bytes that all tabs with one store share and change in turn: an entry of a namespace of the cache's own. Without a store they are here,
// where nobody gives them up for lack of space.

import { bytesOf, isSame } from "../bytes.js";
import type { Stored } from "../engine.js";
import { LarderError } from "../error.js";
import type { Tabs } from "../tabs.js";
import type { Hit, Tier } from "../tier.js";

/** What they become, nothing to leave them, null to remove them; and what is answered. */
export type Changed<T> = readonly [state: Uint8Array | null | undefined, answer: T];

/** Bytes of a cache that are changed in turn. */
export class Register {
  private readonly id: number;
  /** What they were when this tab last saw them. */
  private held: Uint8Array | undefined;
  /** What a newer version made is left to it, and what is here stays here. */
  private isForeign = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly tier: Tier,
    private readonly namespace: string,
    private readonly key: string,
    private readonly contentType: string,
    private readonly tabs: () => Tabs | undefined,
  ) {
    this.id = tier.namespace(namespace);
  }

  /** Whether what is written outlives the page. */
  private get isStored(): boolean {
    return this.tier.log?.isWritable === true && !this.isForeign;
  }

  /** Makes a change when all before it are made, here and in other tabs. `make` may be called again without bytes, if those there are cannot
   * be read; `then` is called with what was stored, before the next change. */
  change<T>(make: (state: Uint8Array | undefined) => Changed<T>, then?: (state: Uint8Array) => void): Promise<T> {
    const work = async (): Promise<T> => {
      const before = await this.read();
      const [state, answer] = this.made(before, make);
      if (state !== undefined && !isAsBefore(state, before)) await this.write(state);
      if (state instanceof Uint8Array) then?.(state);
      return answer;
    };
    const done = this.queue.then(() => this.inTurn(work));
    this.queue = done.catch(() => {});
    return done;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const tabs = this.tabs();
    if (tabs === undefined || !this.isStored) return work();
    return tabs.inTurn(`${this.namespace}/${this.key}`, undefined, async () => {
      await this.tier.log?.follow();
      return work();
    });
  }

  private made<T>(state: Uint8Array | undefined, make: (state: Uint8Array | undefined) => Changed<T>): Changed<T> {
    try {
      return make(state);
    } catch (refused) {
      if (state === undefined || !(refused instanceof LarderError) || !["corrupt", "newer-format"].includes(refused.code)) throw refused;
      const isNewer = refused.code === "newer-format";
      this.isForeign ||= isNewer;
      this.held = undefined;
      const what = isNewer ? "was made by a newer larder and is left to it; what is new is not stored" : "is damaged, and begins anew";
      this.tier.listener?.warned(new LarderError(refused.code, `what is in ${this.namespace} ${what}`, { cause: refused }));
      const [made, answer] = make(undefined);
      return [made ?? null, answer];
    }
  }

  /** What there is, also when the cache is about to be closed. */
  private async read(): Promise<Uint8Array | undefined> {
    const { tier, id, key } = this;
    const { log, inner } = tier;
    if (log === undefined || !this.isStored) return this.held;
    const args = { namespace: id, key: bytesOf(key), now: tier.now() };
    const hit = inner.call("get", args) as unknown as Hit | null;
    return (this.held = (hit ?? (await this.find()))?.value);
  }

  private async find(): Promise<Hit | undefined> {
    const { tier, id, key } = this;
    const found = await tier.shelf?.log.read(tier.shelf.hash(id, key));
    if (found === undefined) return undefined;
    try {
      return tier.inner.call("admit", { namespace: id, key: bytesOf(key), record: found.bytes, now: tier.now() }) as unknown as Hit;
    } catch (refused) {
      if (!(refused instanceof LarderError) || refused.code === "trapped") throw refused;
      tier.listener?.warned(new LarderError(refused.code, `what is in ${this.namespace} cannot be read, and begins anew`, { cause: refused }));
      return undefined;
    }
  }

  private async write(state: Uint8Array | null): Promise<void> {
    const { tier, id, key } = this;
    this.held = state ?? undefined;
    if (!this.isStored) return;
    const args = { namespace: id, key: bytesOf(key), now: tier.now() };
    if (state === null) {
      tier.inner.call("delete", { ...args, stored: null });
      tier.shelf?.drop(id, key);
    } else {
      const options = [{ "content-type": this.contentType }];
      const stored = tier.inner.call("set", { ...args, value: state, options, sequence: tier.stamp() });
      tier.shelf?.keep(id, key, stored as unknown as Stored);
    }
    await tier.log?.written();
  }
}

function isAsBefore(state: Uint8Array | null, before: Uint8Array | undefined): boolean {
  return state === null || before === undefined ? state === (before ?? null) : isSame(state, before);
}
