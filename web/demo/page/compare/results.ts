// The results as a table: a line for each policy, a column for each size. What a cell says can be chosen.

import { find, made, row, select } from "../dom.js";
import { bytes, count, percent } from "../format.js";
import type { Replay, Result } from "./messages.js";

/** Widths of columns, in rem. */
const WIDTHS = { policy: 6, size: 5.5 };

const CELLS: Readonly<Record<string, (result: Result) => string>> = {
  hits: ({ hits, requests }) => percent(hits, requests, 2),
  bytes: ({ bytesHit, bytes }) => percent(bytesHit, bytes, 2),
  misses: ({ hits, requests }) => count(requests - hits),
  refused: ({ refused }) => count(refused),
};

/** Shows the results of what was asked for, empty cells for what is still to come, so that nothing moves when it does. */
export function showResults({ policies, unit, capacities }: Replay, results: readonly Result[]): void {
  const sizes = capacities.map(({ text }) => text);
  const cell = CELLS[select("cells").value] ?? CELLS["misses"];

  // Columns are equally wide from the beginning, and never too narrow for their figures.
  const table = find("results-table", HTMLTableElement);
  table.style.minWidth = `${WIDTHS.policy + WIDTHS.size * sizes.length}rem`;

  const head = made("tr");
  head.append(made("th", "Policy"));
  for (const text of sizes) {
    const capacity = results.find((result) => result.text === text)?.capacity;
    const column = made("th", text);
    column.append(made("small", capacity === undefined ? "\u00A0" : unit === "bytes" ? bytes(capacity) : count(capacity)));
    head.append(column);
  }
  for (const column of head.cells) column.scope = "col";

  const most = new Map(sizes.map((text) => [text, Math.max(...results.filter((result) => result.text === text).map(({ hits }) => hits))]));
  const lines = policies.map((policy) => {
    const of = sizes.map((text) => results.find((result) => result.policy === policy && result.text === text));
    const line = row(policy, ...of.map((result) => (result === undefined || cell === undefined ? "" : cell(result))));
    of.forEach((result, at) => line.cells[at + 1]?.classList.toggle("is-best", result !== undefined && result.hits === most.get(result.text)));
    return line;
  });
  find("results-head", HTMLTableSectionElement).replaceChildren(head);
  find("results", HTMLTableSectionElement).replaceChildren(...lines);
}
