// A body that is read once and given to several, each at a pace of its own, from its beginning. It is read ahead up to a limit, to be kept;
// what is larger is not kept, and read only as fast as somebody takes it.

/** What a recording tells of. */
export interface Recorder {
  /** Called with the whole body, if it is within the limit, before the last reader is told of its end. Must not fail. */
  readonly whole: (body: Uint8Array) => Promise<void>;
  /** Called once when the body cannot be given from its beginning any more: it is over, failed, or is too large. */
  readonly closed: () => void;
}

/** Where a reader is: at which chunk of all that there were. */
interface Place {
  at: number;
}

/** A body under way. */
export class Recording {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private chunks: Uint8Array[] = [];
  /** How many chunks were before those. */
  private before = 0;
  private size = 0;
  /** Whether it can be given from its beginning. */
  isKept = true;
  private end: "whole" | { readonly error: unknown } | undefined;
  private readonly places = new Set<Place>();
  /** Readers that wait for more. */
  private waiting: (() => void)[] = [];
  /** Goes on with the source, which waits for readers. */
  private resume = (): void => {};

  /** Begins to read. With a limit of -1 nothing is read ahead. */
  constructor(
    source: ReadableStream<Uint8Array>,
    private readonly limit: number,
    private readonly recorder: Recorder,
  ) {
    this.reader = source.getReader();
    if (limit < 0) this.letGo();
    void this.run();
  }

  private async run(): Promise<void> {
    try {
      for (;;) {
        while (!this.isKept && !this.isWanted()) await new Promise<void>((done) => (this.resume = done));
        const { done, value } = await this.reader.read();
        // What was stopped looks as if it were over.
        if (done || this.end !== undefined) break;
        this.chunks.push(value);
        this.size += value.length;
        if (this.isKept && this.size > this.limit) this.letGo();
        this.wake();
      }
      if (this.isKept && this.end === undefined) await this.recorder.whole(joined(this.chunks, this.size));
      this.end ??= "whole";
    } catch (error) {
      this.end ??= { error };
    }
    if (this.isKept) this.recorder.closed();
    this.wake();
  }

  private letGo(): void {
    this.isKept = false;
    this.recorder.closed();
    this.drop();
  }

  /** Whether a reader has nothing left to read. */
  private isWanted(): boolean {
    for (const { at } of this.places) if (at >= this.before + this.chunks.length) return true;
    return false;
  }

  /** Gives up the chunks that everybody has. */
  private drop(): void {
    if (this.isKept || this.places.size === 0) return;
    const first = Math.min(...[...this.places].map(({ at }) => at));
    this.chunks.splice(0, first - this.before);
    this.before = first;
  }

  private wake(): void {
    for (const done of this.waiting.splice(0)) done();
  }

  /** Reads no further. */
  stop(reason: unknown): void {
    this.reader.cancel(reason).catch(() => {});
    this.end ??= { error: reason };
    this.resume();
    this.wake();
  }

  /** The body from its beginning; possible until `closed`. It ends early with `signal`; `left` is called once it is not read any more. */
  stream(signal: AbortSignal | undefined, left: () => void): ReadableStream<Uint8Array> {
    const place: Place = { at: this.before };
    this.places.add(place);
    let abort = (): void => {};
    const leave = (): void => {
      if (!this.places.delete(place)) return;
      signal?.removeEventListener("abort", abort);
      this.drop();
      left();
    };
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      for (;;) {
        if (!this.places.has(place)) return;
        const chunk = this.chunks[place.at - this.before];
        if (chunk !== undefined) {
          place.at++;
          // A copy: what a reader does to its bytes is nobody else's matter.
          controller.enqueue(chunk.slice());
          this.drop();
          return;
        }
        if (this.end !== undefined) {
          leave();
          if (this.end === "whole") controller.close();
          else controller.error(this.end.error);
          return;
        }
        this.resume();
        await new Promise<void>((done) => this.waiting.push(done));
      }
    };
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          abort = () => {
            leave();
            controller.error(signal?.reason);
          };
          if (signal?.aborted === true) abort();
          else signal?.addEventListener("abort", abort, { once: true });
        },
        pull,
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
