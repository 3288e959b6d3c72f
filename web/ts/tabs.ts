// Several tabs with one store: they tell each other that there is something new, and take turns where only one may act. Where the browser
// lacks a part of it, each tab goes by itself: what others wrote is seen with the next look into the store.

/** The tabs that share a store. */
export class Tabs {
  private readonly channel: BroadcastChannel | undefined;
  private readonly locks: LockManager | undefined;

  constructor(
    private readonly name: string,
    told: () => void,
  ) {
    this.locks = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = told;
  }

  /** Tells the others that something was written. */
  tell(): void {
    this.channel?.postMessage(null);
  }

  /** Does something that one tab does at a time; `work` hears whether another one had its turn before. */
  async inTurn<T>(what: string, signal: AbortSignal | undefined, work: (waited: boolean) => Promise<T>): Promise<T> {
    const { locks } = this;
    if (locks === undefined) return work(true);
    const name = `${this.name}/${what}`;
    const free = await locks.request(name, { ifAvailable: true }, async (lock) => (lock === null ? undefined : { done: await work(false) }));
    if (free !== undefined) return free.done;
    // A lock cannot be asked for with a signal and `ifAvailable` at once.
    return (await locks.request(name, signal === undefined ? {} : { signal }, () => work(true))) as T;
  }

  close(): void {
    this.channel?.close();
  }
}
