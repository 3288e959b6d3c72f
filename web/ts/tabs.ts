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

  /** Does something that one tab does at a time. */
  inTurn<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (this.locks === undefined) return work();
    return this.locks.request(`${this.name}/${what}`, signal === undefined ? {} : { signal }, work) as Promise<T>;
  }

  close(): void {
    this.channel?.close();
  }
}
