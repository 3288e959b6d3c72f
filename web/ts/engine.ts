// One cache: an instance of the WebAssembly module, and the memory that is shared with it. An instance belongs to one cache, so that a
// trap costs that cache and no other, and its memory is given back with it.

import { CALLS } from "./contract.js";
import { LarderError, refusal } from "./error.js";
import { writeText } from "./text.js";
import { Reader, Writer, type Plain } from "./wire.js";

/** What the module exports (`src/hot.rs`). */
export interface Exports {
  memory: WebAssembly.Memory;
  input(length: number): number;
  output(): number;
  outputLength(): number;
  call(number: number, length: number): number;
  get(namespace: number, length: number, now: number): number;
  has(namespace: number, length: number, now: number): number;
  set(namespace: number, key: number, value: number, kind: number, options: number, now: number, sequence: number): number;
  hash(length: number, seed: number): number;
  restore(length: number, now: number, sequence: number): number;
  load(namespace: number, length: number, now: number): number;
  accessed(length: number): number;
  sound(length: number, now: number): number;
  /** Not in the slim module. */
  observe(session: number, length: number, now: number): void;
}

/** Settings of a cache, by their names in the contract. */
export type Settings = readonly { readonly [name: string]: Plain }[];

/** Content types that values have by themselves, by their numbers (`src/hot.rs`). */
export const enum Type {
  Text = 0,
  Bytes = 1,
  Json = 2,
  Other = 3,
}

/** Where the parts of a value lie; they hold until the next call. */
export interface Parts {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly length: number;
  readonly type: Type;
  readonly typeAt: number;
  readonly typeLength: number;
  readonly flags: number;
}

/** What the engine answers to a write. */
export interface Stored {
  readonly version: number;
  readonly gone: number | null;
  readonly record: Uint8Array;
}

/** Answers of hot calls that are no places. */
const NONE = 0;
const REFUSED = 1;

/** An instance of the module. */
export class Engine {
  private readonly exports: Exports;
  private trap: LarderError | undefined;
  private bytes: Uint8Array;
  private words: Uint32Array;
  private inputAt: number;
  private inputLength = 1024;
  /** Where the answer of the last `set` or `restore` lies. */
  private answered = 0;

  constructor(module: WebAssembly.Module) {
    const imports: { [module: string]: { [name: string]: () => void } } = {};
    // The engine imports nothing; what wasm-bindgen adds has nothing to do for functions of numbers.
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => {};
    this.exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
    this.inputAt = this.exports.input(this.inputLength) >>> 0;
    this.bytes = new Uint8Array(this.exports.memory.buffer);
    this.words = new Uint32Array(this.exports.memory.buffer);
  }

  /** Whether an inner error ended it. */
  get isTrapped(): boolean {
    return this.trap !== undefined;
  }

  /** Views of memory are empty once it has grown. */
  private renew(): void {
    if (this.bytes.length > 0) return;
    this.bytes = new Uint8Array(this.exports.memory.buffer);
    this.words = new Uint32Array(this.exports.memory.buffer);
  }

  private room(length: number): void {
    if (length <= this.inputLength) return;
    this.inputAt = this.exports.input(length) >>> 0;
    this.inputLength = length;
    this.renew();
  }

  private guard<T>(work: () => T): T {
    if (this.trap !== undefined) throw this.trap;
    try {
      return work();
    } catch (cause) {
      throw this.trapped(cause);
    }
  }

  /** What to throw for what was thrown; after a trap nothing is answered any more. */
  private trapped(cause: unknown): unknown {
    if (!(cause instanceof WebAssembly.RuntimeError) && !(cause instanceof RangeError)) return cause;
    this.trap = new LarderError("trapped", "the cache was stopped by an inner error; open it again", { cause });
    return this.trap;
  }

  /** Writes a key to the input; answers how many bytes it has. */
  private key(key: string | Uint8Array, at = 0): number {
    if (typeof key !== "string") {
      if (!(key instanceof Uint8Array)) throw new LarderError("invalid-argument", `a ${typeof key} is no key; give text or bytes`);
      this.room(at + key.length);
      this.bytes.set(key, this.inputAt + at);
      return key.length;
    }
    this.room(at + 3 * key.length);
    return writeText(key, this.bytes, this.inputAt + at);
  }

  /** Looks an entry up; `undefined` if it is not there. */
  get(namespace: number, key: string | Uint8Array, now: number): Parts | undefined {
    if (this.trap !== undefined) throw this.trap;
    let answer: number;
    try {
      answer = this.exports.get(namespace, this.key(key), now);
    } catch (cause) {
      throw this.trapped(cause);
    }
    if (answer === NONE) return undefined;
    if (this.bytes.length === 0) this.renew();
    if (answer === REFUSED) throw this.refused();
    const [at, words] = [answer >>> 2, this.words];
    const flags = words[at + 4] as number;
    return {
      bytes: this.bytes,
      at: words[at] as number,
      length: words[at + 1] as number,
      type: flags >>> 3,
      typeAt: words[at + 2] as number,
      typeLength: words[at + 3] as number,
      flags,
    };
  }

  /** Whether an entry is there. */
  has(namespace: number, key: string | Uint8Array, now: number): boolean {
    if (this.trap !== undefined) throw this.trap;
    let answer: number;
    try {
      answer = this.exports.has(namespace, this.key(key), now);
    } catch (cause) {
      throw this.trapped(cause);
    }
    if (answer > 1) throw this.refused();
    return answer === 1;
  }

  /** Stores an entry of a content type, or with options that `options` wrote; under a sequence number, or with 0 under one of the engine's own. */
  set(
    namespace: number,
    key: string | Uint8Array,
    value: string | Uint8Array,
    type: Type,
    options: Uint8Array | undefined,
    now: number,
    sequence: number,
  ): void {
    if (this.trap !== undefined) throw this.trap;
    const length = options === undefined ? 0 : options.length;
    try {
      // All room first: what is written goes when the input moves.
      this.room((typeof key === "string" ? 3 : 1) * key.length + (typeof value === "string" ? 3 : 1) * value.length + length);
      const keyLength = this.key(key);
      const valueLength = this.key(value, keyLength);
      if (options !== undefined) this.bytes.set(options, this.inputAt + keyLength + valueLength);
      this.answered = this.exports.set(namespace, keyLength, valueLength, type, length, now, sequence);
    } catch (cause) {
      throw this.trapped(cause);
    }
    if (this.bytes.length === 0) this.renew();
    if (this.answered === REFUSED) throw this.refused();
  }

  /** What the last `set` answered. */
  written(): Stored {
    const [version, versionHigh, at, length, gone, goneHigh] = this.words.subarray(this.answered >>> 2, (this.answered >>> 2) + 6) as unknown as [
      number, number, number, number, number, number,
    ];
    const isNever = gone === 0xffff_ffff && goneHigh === 0xffff_ffff;
    const record = this.bytes.slice(at, at + length);
    return { version: versionHigh * 2 ** 32 + version, gone: isNever ? null : goneHigh * 2 ** 32 + gone, record };
  }

  /** Tells the predictor, which was prepared, that a session asked for a key. */
  observe(session: number, key: string | Uint8Array, now: number): void {
    if (this.trap !== undefined) throw this.trap;
    try {
      this.exports.observe(session, this.key(key), now);
    } catch (cause) {
      throw this.trapped(cause);
    }
    this.renew();
  }

  /** A hash of 53 bits. */
  hash(key: string | Uint8Array, seed: number): number {
    return this.guard(() => this.exports.hash(this.key(key), seed));
  }

  /** Makes a hot call about bytes, which are put into the input. */
  about(bytes: Uint8Array, call: (exports: Exports, length: number) => number): number {
    return this.guard(() => {
      this.room(bytes.length);
      this.bytes.set(bytes, this.inputAt);
      const answer = call(this.exports, bytes.length);
      this.renew();
      return answer;
    });
  }

  /** Stores the entry of a record of elsewhere, under a sequence number, or with 0 under one of the engine's own. */
  restore(record: Uint8Array, now: number, sequence: number): Stored & { readonly namespace: number; readonly key: Uint8Array } {
    this.answered = this.about(record, (exports, length) => exports.restore(length, now, sequence));
    if (this.answered === REFUSED) throw this.refused();
    const [namespace, at, length] = this.words.subarray((this.answered >>> 2) + 6) as unknown as [number, number, number];
    return { ...this.written(), namespace, key: this.bytes.slice(at, at + length) };
  }

  /** The refusal of the last hot call. */
  private refused(): LarderError {
    this.renew();
    const at = this.exports.output() >>> 0;
    const reader = new Reader(this.bytes.subarray(at, at + this.exports.outputLength()));
    let found = new LarderError("internal", "the engine refused without a reason");
    reader.read("stored-or-error", (code, message) => {
      found = refusal(code, message);
      return null;
    });
    return found;
  }

  /** Makes a call of the contract. */
  call(name: string, args: { readonly [name: string]: Plain | undefined }): Plain {
    const call = CALLS[name];
    if (call === undefined) throw new TypeError(`the contract has no call ${name}`);
    const [number, fields, answer] = call;
    const writer = new Writer();
    writer.fields(fields, args);
    const written = writer.done();
    return this.guard(() => {
      this.room(written.length);
      this.bytes.set(written, this.inputAt);
      const status = this.exports.call(number, written.length);
      this.renew();
      const at = this.exports.output() >>> 0;
      const output = this.bytes.subarray(at, at + this.exports.outputLength());
      if (status !== 0) throw refusal(status - 1, new TextDecoder().decode(output));
      return new Reader(output).read(answer, (code, message) => ({ error: refusal(code, message).code, message }));
    });
  }
}
