// What a live cache recorded: a key alone is a read that found nothing, a key with a size a read that found something, or a write. A write that answers a
// read which found nothing is one request with it, made when the read was: a read waits for its size until its key's next line that has one, for 4,096
// requests at most. Then it has the size 1.

import { Refused } from "./lines.js";
import { sizeOf } from "./text.js";

/** Takes a request: its key, and its size. */
export type Take = (key: Uint8Array, size: number) => void;

interface Held {
  readonly key: string;
  size: number | undefined;
}

/** Requests that are held back while one of them waits for its size. */
const WINDOW = 4096;
const KEY = /^[0-9a-fA-F]{16}$/;
const HASH = 35;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class Recorded {
  private held: Held[] = [];
  /** Of those held, the first that was not handed over. */
  private first = 0;
  private readonly waiting = new Map<string, Held[]>();

  constructor(private readonly take: Take) {}

  line(line: Uint8Array, number: number): void {
    if (line[0] === HASH) return;
    const [key = "", digits, ...more] = decoder.decode(line).split(",");
    if (!KEY.test(key) || more.length > 0) throw new Refused(`Line ${number}: it is no line of a recording.`);
    const size = digits === undefined ? undefined : sizeOf(encoder.encode(digits));
    if (digits !== undefined && size === undefined) throw new Refused(`Line ${number}: ${JSON.stringify(digits)} is no size.`);
    const waiting = this.waiting.get(key);
    if (size === undefined) {
      const request: Held = { key, size: undefined };
      this.held.push(request);
      if (waiting === undefined) this.waiting.set(key, [request]);
      else waiting.push(request);
    } else if (waiting !== undefined) {
      for (const request of waiting) request.size = size;
      this.waiting.delete(key);
    } else {
      this.held.push({ key, size });
    }
    this.handOver(false);
  }

  /** Nothing follows: what waits has the size 1. */
  end(): void {
    this.handOver(true);
  }

  private handOver(isEnd: boolean): void {
    for (let request = this.held[this.first]; request !== undefined; request = this.held[this.first]) {
      if (request.size === undefined) {
        if (!isEnd && this.held.length - this.first <= WINDOW) break;
        this.giveUp(request);
      }
      this.first++;
      this.take(encoder.encode(request.key), request.size ?? 1);
    }
    // What was handed over is let go now and then, not with each line.
    if (this.first > WINDOW) {
      this.held = this.held.slice(this.first);
      this.first = 0;
    }
  }

  /** A request waits no more. */
  private giveUp(request: Held): void {
    const rest = this.waiting.get(request.key)?.filter((other) => other !== request) ?? [];
    if (rest.length > 0) this.waiting.set(request.key, rest);
    else this.waiting.delete(request.key);
  }
}
