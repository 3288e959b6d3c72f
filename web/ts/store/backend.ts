// Where a store keeps its bytes. A store is a log of blocks: each holds records one behind the other, and lines that say which and where,
// so that opening reads lines and no values (docs/design.md, "In the browser").

import type { LarderError } from "../error.js";

/** A block as it is found: its lines, not its records. */
export interface Block {
  /** Later blocks have larger numbers. */
  readonly id: number;
  /** What is dropped as a whole, oldest first: a block, or a file of several. */
  readonly unit: number;
  /** Bytes that it takes. */
  readonly size: number;
  readonly lines: Uint8Array;
}

/** How a block is written. */
export interface Append {
  readonly lines: Uint8Array;
  readonly bytes: Uint8Array;
  /** Whether it has to survive a loss of power. */
  readonly strict: boolean;
  /** Units that go with the same transaction. */
  readonly drop?: readonly number[];
  /** Write nothing if there is a block behind this one. */
  readonly onlyAfter?: number;
}

/** A place to keep blocks. Its errors are the browser's own. */
export interface Backend {
  /** Whether others may write to it. */
  readonly isShared: boolean;
  /** Drawn at random when the store was made; keys are hashed under it. */
  readonly seed: number;
  /** Is called when all blocks that there were are no more, and why. */
  lost: (why: LarderError) => void;
  /** The blocks behind this one, in their order, some at a time. */
  blocks(after: number): AsyncIterable<Block>;
  /** Writes a block; answers with what it became, or with nothing if `onlyAfter` does not hold. */
  append(block: Append): Promise<Omit<Block, "lines"> | undefined>;
  /** A piece of a block's records; nothing if the block is not there any more. */
  read(id: number, at: number, length: number): Promise<Uint8Array | undefined>;
  /** Drops everything. */
  clear(): Promise<void>;
  close(): void;
}
