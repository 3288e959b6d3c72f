// A trace in memory: a number of 64 bits for each key asked for, as two words, the lower one first, and a size. That is how the engine takes them.

import { Refused } from "./lines.js";

/** More are refused: they take 12 bytes each, and sums of sizes are exact up to here. */
export const MOST = 4_000_000;

export class Requests {
  words = new Uint32Array(1 << 14);
  sizes = new Uint32Array(1 << 13);
  count = 0;
  /** Whether any size is another one than 1. */
  isSized = false;

  add(low: number, high: number, size: number): void {
    if (this.count === MOST) throw new Refused(`The trace has more than ${MOST.toLocaleString("en")} requests, the most that this page takes.`);
    if (this.count === this.sizes.length) this.grow();
    this.words[2 * this.count] = low;
    this.words[2 * this.count + 1] = high;
    this.sizes[this.count] = size;
    this.isSized ||= size !== 1;
    this.count++;
  }

  private grow(): void {
    const [words, sizes] = [this.words, this.sizes];
    this.words = new Uint32Array(2 * words.length);
    this.words.set(words);
    this.sizes = new Uint32Array(2 * sizes.length);
    this.sizes.set(sizes);
  }

  /** How many keys there are, and the sum of their sizes, each as it was first asked for with. */
  survey(): { readonly keys: number; readonly bytes: number } {
    const { words, sizes, count } = this;
    // Open addressing: places of requests from 1, in a table that is never more than half full.
    const table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 1)));
    const mask = table.length - 1;
    let [keys, bytes] = [0, 0];
    for (let at = 0; at < count; at++) {
      const [low, high] = [words[2 * at] ?? 0, words[2 * at + 1] ?? 0];
      let place = Math.imul(low ^ high, 0x9e3779b1) & mask;
      for (let other = table[place] ?? 0; ; other = table[place] ?? 0) {
        if (other === 0) {
          table[place] = at + 1;
          keys++;
          bytes += Math.max(1, sizes[at] ?? 1);
          break;
        }
        if (words[2 * other - 2] === low && words[2 * other - 1] === high) break;
        place = (place + 1) & mask;
      }
    }
    return { keys, bytes };
  }
}
