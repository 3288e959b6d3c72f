// What learns from reads which key follows which, and says what may be asked for next (docs/design.md). The engine learns; here it is kept.

import { bytesOf, type Key } from "../bytes.js";
import type { Engine } from "../engine.js";
import { LarderError } from "../error.js";
import type { Tabs } from "../tabs.js";
import { readText } from "../text.js";
import { MODELS, type Tier } from "../tier.js";
import { size, span, type Size, type Span } from "../units.js";
import type { Plain } from "../wire.js";
import { knowPrefetch } from "./contract.js";
import { Register } from "./register.js";

knowPrefetch();

/** How a cache learns. */
export interface LearnOptions {
  /** Bytes that what is learnt may take, about: 16 KiB to 256 MiB. Default 1 MiB, which is good for some 3,000 keys. */
  readonly maxBytes?: Size;
  /** After how long a request has nothing to do with the one before. Default 30 minutes. */
  readonly gap?: Span;
}

/** Whose requests: those of one user, page or connection, which follow each other for a reason. A text stands for a number. */
export type Session = string | number;

/** Which predictions are wanted. */
export interface PredictOptions {
  /** How many at most. Default 10. */
  readonly limit?: number;
  /** How likely at least, 0 to 1. Default 0. */
  readonly min?: number;
}

/** A key that may be asked for next. */
export interface Prediction {
  /** Text, or bytes that are none. */
  readonly key: Key;
  /** How likely it is: above 0, at most 1. */
  readonly probability: number;
}

/** What was learnt, in numbers. */
export interface Learnt {
  /** Keys that are known. */
  readonly keys: number;
  /** Contexts, of one key or of two, whose followers are counted. */
  readonly contexts: number;
  /** Bytes that these are charged with. */
  readonly bytes: number;
  /** Requests that came after another one of their session. */
  readonly observed: number;
  /** Of those, the ones for which some key was held for the likeliest. */
  readonly guessed: number;
  /** Of those, the ones that were for that key. */
  readonly foreseen: number;
  /** Of those observed, the ones that are not stored yet. */
  readonly unsaved: number;
}

/** What was learnt is stored when so much is not stored yet, and not more often than this, in milliseconds. */
const UNSAVED = 256;
const PAUSE = 10_000;
const LARGEST = 0xffff_ffff;

/** Learns which key follows which, and says what may be asked for next. A cache that was opened with `learn` has one at `cache.sync.predictor`, and
 * tells it of every read. */
export class Predictor {
  /** @internal */
  readonly followers = new Set<(session: Session) => void>();
  private readonly settings: readonly { readonly [name: string]: Plain }[];
  private readonly model: Register;
  /** The engine that has the predictor: a cache that is reopened has another one. */
  private engine: Engine | undefined;
  /** Requests since the last save, and when that was. */
  private observed = 0;
  private saved: number;
  /** How often all was forgotten. */
  private forgotten = 0;

  /** @internal */
  constructor(
    private readonly tier: Tier,
    namespace: string,
    { maxBytes, gap }: LearnOptions,
    tabs: () => Tabs | undefined,
  ) {
    this.settings = [
      { seed: crypto.getRandomValues(new BigInt64Array(1))[0] ?? 0n },
      ...(maxBytes === undefined ? [] : [{ "max-bytes": size(maxBytes) }]),
      ...(gap === undefined ? [] : [{ gap: span(gap) }]),
    ];
    this.model = new Register(tier, MODELS, namespace, "application/vnd.larder.prediction-model", tabs);
    this.saved = tier.now();
    this.prepared(tier.engine);
  }

  private prepared(engine: Engine): Engine {
    if (this.engine !== engine) {
      engine.call("prepare", { settings: this.settings });
      // After an inner error it goes on from what was saved.
      if (this.engine !== undefined) void this.load();
      this.engine = engine;
    }
    return engine;
  }

  private call(name: string, args: { readonly [name: string]: Plain } = {}): Plain {
    return this.prepared(this.tier.engine).call(name, args);
  }

  /** @internal Learns what is stored. */
  async load(): Promise<void> {
    const load = (state: Uint8Array | undefined): readonly [undefined, void] => {
      if (state !== undefined) this.prepared(this.tier.inner).call("load", { state });
      return [undefined, undefined];
    };
    await this.model.change(load).catch((cause: unknown) => this.warn("what was learnt before could not be read", cause));
  }

  /** @internal Stores what was learnt here with what other tabs learnt, and knows both from then on. */
  async save(): Promise<void> {
    const { tier, forgotten } = this;
    [this.observed, this.saved] = [0, tier.now()];
    // What a stopped engine learnt is lost.
    if (tier.isTrapped || this.engine !== tier.inner) return;
    const engine = tier.inner;
    const isCurrent = (): boolean => this.forgotten === forgotten;
    try {
      if ((engine.call("learnt", {}) as unknown as Learnt).unsaved === 0) return;
      await this.model.change(
        (stored) => [isCurrent() ? (engine.call("save", { stored: stored ?? null }) as Uint8Array) : undefined, undefined],
        (state) => void (isCurrent() && engine.call("load", { state })),
      );
    } catch (cause) {
      this.warn("what was learnt could not be stored", cause);
    }
  }

  private warn(message: string, cause: unknown): void {
    this.tier.listener?.warned(cause instanceof LarderError ? cause : new LarderError("storage", message, { cause }));
  }

  /** Takes note that a key was asked for, whether it was there or not. Follows 1,024 sessions; asking for the same key again says nothing. */
  observe(key: Key, { session = 0 }: { readonly session?: Session } = {}): void {
    const now = this.tier.now();
    this.prepared(this.tier.engine).observe(this.number(session), key, now);
    if (++this.observed >= UNSAVED && now - this.saved >= PAUSE) void this.save();
    for (const follow of this.followers) follow(session);
  }

  private number(session: Session): number {
    if (typeof session === "string") return this.tier.engine.hash(session, 0);
    if (Number.isSafeInteger(session) && session >= 0) return session;
    throw new LarderError("invalid-argument", `${session} is no session; give text, or a whole number that is not negative`);
  }

  private predictions(name: string, { limit = 10, min = 0 }: PredictOptions, args: { readonly [name: string]: Plain }): Prediction[] {
    const found = this.call(name, { ...args, limit: Math.min(limit, LARGEST), now: this.tier.now() }) as unknown as { key: Uint8Array; probability: number }[];
    return found.filter(({ probability }) => probability >= min).map(({ key, probability }) => ({ key: keyOf(key), probability }));
  }

  /** What may be asked for after a key, or after several, the last one last: the likeliest first. The last two count. */
  predict(after: Key | readonly Key[], options: PredictOptions = {}): Prediction[] {
    const keys = typeof after === "string" || after instanceof Uint8Array ? [after] : after;
    return this.predictions("predict", options, { after: keys.slice(-2).map(bytesOf) });
  }

  /** What may be asked for next in a session: the likeliest first. */
  next({ session = 0, ...options }: PredictOptions & { readonly session?: Session } = {}): Prediction[] {
    return this.predictions("next", options, { session: BigInt(this.number(session)) });
  }

  /** What may be asked for next in any session, and how likely it is that at least one asks for it: the likeliest first. */
  outlook(options: PredictOptions = {}): Prediction[] {
    return this.predictions("outlook", options, {});
  }

  /** What was learnt, in numbers. */
  learnt(): Learnt {
    return this.call("learnt") as unknown as Learnt;
  }

  /** Forgets everything, here and in the store. Other tabs forget what they know from there when they store what they learn. */
  async unlearn(): Promise<void> {
    this.call("unlearn");
    this.forgotten++;
    await this.model.change(() => [null, undefined]);
  }
}

/** A key as text, or as bytes where it is none. */
export function keyOf(bytes: Uint8Array): Key {
  return readText(bytes, 0, bytes.length) ?? bytes;
}
