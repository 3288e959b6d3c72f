// The cache panel's figures and lists: what was counted, and who went last.

import { find, made, row, writeAll } from "../dom.js";
import { bytes, count, NOTHING, percent, ratio, seconds } from "../format.js";
import type { HitRate } from "./hit-rate.js";
import type { Playing } from "./playing.js";
import { nameOf } from "./workload.js";

const ROWS = 10;

/** Shows what was counted; `rate` is of requests in a second. */
export function showFigures(playing: Playing, chart: HitRate, rate: number, hasColdTier: boolean): void {
  const stats = playing.cache.sync.stats();
  const figure = (name: string): number => stats[name] ?? 0;
  const { requests, hits } = chart.now();
  writeAll({
    "figure-now": percent(hits, requests),
    "figure-all": percent(playing.hits, playing.requests),
    "figure-rate": `${count(rate)} /s`,
    "figure-entries": count(figure("entries")),
    "figure-bytes": bytes(figure("bytes")),
    "figure-evicted": count(figure("evicted-bytes") + figure("evicted-entries")),
    "figure-refused": count(figure("turned-away") + figure("full")),
    "figure-ratio": hasColdTier ? ratio(figure("cold-values"), figure("cold-bytes")) : "off",
    "cold-says": hasColdTier ? inCold(figure) : "Bytes count keys, values, tags, and 128 for each entry.",
  });
}

function inCold(figure: (name: string) => number): string {
  const raw = figure("bytes") + figure("cold-values") - figure("cold-bytes");
  return `${count(figure("cold-entries"))} entries are compressed; without that, what is there would take ${bytes(raw)}.`;
}

/** Shows who went last. The table has its rows from the beginning, so that nothing moves. */
export function showGone(playing: Playing): void {
  const rows = Array.from({ length: ROWS }, (_, at) => {
    const entry = playing.residents.gone[at];
    if (entry === undefined) return row("\u00A0", "", "", "");
    return row(nameOf(entry.id), count(entry.hits), seconds(entry.noticed - entry.came), seconds(entry.noticed - entry.accessed));
  });
  find("gone", HTMLTableSectionElement).replaceChildren(...rows);
}

/** Shows the chart's figures as a table. */
export function showTable(chart: HitRate): void {
  const rows = chart.table().map(({ seconds: ago, rate }) => {
    const line = made("tr");
    line.append(made("td", ago === 0 ? "now" : `\u2212${-ago} s`), made("td", rate === null ? NOTHING : percent(rate, 100)));
    return line;
  });
  find("hit-rates", HTMLTableSectionElement).replaceChildren(...rows);
}
