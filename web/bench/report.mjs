// Figures as Markdown.

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Three digits that count, as far as there are so many. */
export function number(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Median, minimum, and how many times as long as the first of `base`. */
export function cell(rounds, base) {
  if (rounds === undefined) return "–";
  const ratio = base === undefined ? "" : ` (${number(median(rounds) / median(base))})`;
  return `${number(median(rounds))} / ${number(Math.min(...rounds))}${ratio}`;
}

/** A table; the first of each row is its name. */
export function table(heads, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, at) => (at === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** A table of rounds by contestant and operation, `results[operation][contestant]`. */
export function races(unit, results, contestants, base) {
  const operations = Object.keys(results);
  const rows = contestants.map((name) => [name, ...operations.map((operation) => cell(results[operation][name], results[operation][base]))]);
  return table([unit, ...operations], rows);
}
