// Working off a round: what is due is made, some at a time, and each outcome is noted before the next batch.

import { LarderError } from "../error.js";
import { mended } from "../text.js";
import type { AccumulateOptions, DimensionValue, Generator, RoundReport, Values } from "./plan.js";
import type { Combination, Info, Pool } from "./pool.js";

interface Due {
  readonly of: Combination;
  readonly entry: number;
}

/** Makes what is due of a round. */
export async function work(pool: Pool, info: Info, generator: Generator, options: AccumulateOptions): Promise<RoundReport> {
  const { generation } = info.round;
  const due: Due[] = [];
  for await (const of of pool.combinations()) {
    for (const entry of (await pool.look(of.key, info)).due) due.push({ of, entry });
  }
  const report = { generation, planned: due.length, made: 0, duplicates: 0, failed: 0, left: 0, pruned: 0 };
  let calls = options.maxCalls ?? Infinity;
  const signal = options.signal ?? new AbortController().signal;
  const make = async ({ of, entry }: Due): Promise<void> => {
    if (signal.aborted || calls <= 0) {
      report.left++;
      return;
    }
    calls--;
    try {
      const made = await generator({ pool: pool.name, values: valuesOf(of), generation, entry, signal });
      const { duplicate, pruned } = await pool.put(of.key, info.round, [generation, entry], made, options);
      report[duplicate ? "duplicates" : "made"]++;
      report.pruned += pruned.length;
    } catch (error) {
      if (signal.aborted) {
        report.left++;
        return;
      }
      if (error instanceof LarderError && (error.code === "trapped" || error.code === "closed")) throw error;
      await pool.fail(of.key, info, [generation, entry], mended(String(error)));
      report.failed++;
    }
  };
  for (let at = 0; at < due.length; at += info.plan.batch) await Promise.all(due.slice(at, at + info.plan.batch).map(make));
  return report;
}

function valuesOf(of: Combination): Values {
  return Object.fromEntries(of.values.map(([name, { text, literal }]) => [name, literal ? (JSON.parse(text) as DimensionValue) : text]));
}
