// What the pool holds: its figures, and how many variants each combination has.

import type { Pool } from "../../pkg/index.js";
import { find, made, row, writeAll } from "../dom.js";
import { count, moment, NOTHING, span } from "../format.js";
import { combinationsOf, type Plan } from "./plan.js";

/** Shows a pool as it is at `now`, the page's clock being `ahead`. */
export async function showPool(pool: Pool, plan: Plan, now: number, ahead: number): Promise<void> {
  const stats = await pool.stats();
  const next = stats.lastGeneration === undefined ? now : stats.lastGeneration + plan.interval;
  writeAll({
    "pool-clock": moment(now),
    "pool-ahead": ahead === 0 ? "nothing" : span(ahead),
    "pool-last": stats.lastGeneration === undefined ? "none yet" : moment(stats.lastGeneration),
    "pool-next": next <= now ? "due now" : `in ${span(next - now)}`,
    "pool-variants": `${count(stats.cachedEntries)} of ${count(stats.maxPossibleEntries)}`,
    "pool-coverage": `${count(stats.combinationCoveragePercentage)} %`,
    "pool-mean": stats.totalCombinations > 0 ? stats.avgEntriesPerCombination.toFixed(1) : NOTHING,
    "pool-failed": count(stats.failedCombinations),
  });
  const combinations = combinationsOf(plan.dimensions);
  // A pool says how many variants there are with each that it picks.
  const picks = await Promise.all(combinations.map((values) => pool.pick(values)));
  const rows = combinations.map((values, at) => {
    const variants = picks[at]?.variants ?? 0;
    const line = row(Object.values(values).join(", "), `${variants} of ${plan.cap}`);
    const bar = made("span", "", "bar");
    const filled = made("span");
    filled.style.width = `${(100 * Math.min(variants, plan.cap)) / plan.cap}%`;
    bar.append(filled);
    const cell = made("td");
    cell.append(bar);
    line.append(cell);
    return line;
  });
  find("combinations", HTMLTableSectionElement).replaceChildren(...rows);
}
