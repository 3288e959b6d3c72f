// A cache that is asked by a workload: what a program does that computes what is missing.

import { LarderError, type Larder } from "../../pkg/index.js";
import { Residents } from "./residents.js";
import { valueOf } from "./values.js";
import { nameOf, tagOf, type Workload } from "./workload.js";

/** Entries looked for after each slice of requests. */
const LOOKED = 400;

export class Playing {
  readonly residents = new Residents();
  requests = 0;
  hits = 0;

  constructor(
    readonly cache: Larder,
    public workload: Workload,
  ) {}

  /** One request: a read and, if nothing is there, a write. */
  request(): void {
    const { sync } = this.cache;
    const id = this.workload();
    const key = nameOf(id);
    const now = performance.now();
    this.requests++;
    if (sync.get(key) !== undefined) {
      this.hits++;
      this.residents.read(id, now);
      return;
    }
    this.residents.went(id, now);
    try {
      sync.set(key, valueOf(id), { tags: [tagOf(id)] });
      this.residents.wrote(id, now);
    } catch (error) {
      // Under `ttl` a full cache refuses; the statistics count it.
      if (!(error instanceof LarderError) || error.code !== "full") throw error;
    }
  }

  /** What is to be done between slices of requests. */
  upkeep(): void {
    const { sync } = this.cache;
    this.residents.look(LOOKED, performance.now(), (id) => sync.has(nameOf(id)));
  }
}
