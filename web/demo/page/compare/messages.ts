// What the page and its worker tell each other.

import type { Written } from "./capacity.js";
import type { Totals, Unit } from "./simulation.js";

/** To the worker: replay this. Without a file, the built-in trace. */
export interface Replay {
  readonly kind: "replay";
  readonly file: File | undefined;
  readonly policies: readonly string[];
  readonly unit: Unit;
  readonly capacities: readonly Written[];
}

/** To the worker. `make`: only make the built-in trace. */
export type Task = Replay | { readonly kind: "make" };

/** What a simulated cache counted. */
export interface Result extends Totals {
  readonly policy: string;
  /** The capacity as it was written, and in entries or bytes. */
  readonly text: string;
  readonly capacity: number;
}

/** What a trace holds. */
export interface Surveyed {
  readonly name: string;
  readonly requests: number;
  readonly keys: number;
  readonly bytes: number;
  readonly isSized: boolean;
}

/** From the worker. */
export type Message =
  | { readonly kind: "progress"; readonly doing: string; readonly part: number }
  | { readonly kind: "surveyed"; readonly trace: Surveyed }
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "made"; readonly file: File }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly why: string };
