// Hit rate by size: a line for each policy. One is in the accent colour, the others are grey and told apart by their dashes and by the names at their ends.

import type uPlot from "uplot";

import { axis, colour, draw, FONT } from "../chart.js";
import { percent } from "../format.js";
import type { Result } from "./messages.js";

const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 5], [1, 5], [14, 4], [6, 2, 2, 2, 2, 2], [3, 7], [10, 2]];

/** Pixels for the names at the right. */
const NAMES = 84;
const LINE = 14;

export class SizeChart {
  private chart: uPlot | undefined;
  private policies: readonly string[] = [];
  private results: readonly Result[] = [];
  private lit = "";

  constructor(private readonly frame: HTMLElement) {}

  /** Shows results; `lit` is the policy in the accent colour. */
  show(results: readonly Result[], lit: string): void {
    this.results = results;
    this.lit = lit;
    // The one in colour is drawn last, over the others.
    this.policies = [...new Set(results.map(({ policy }) => policy))].sort((a, b) => Number(a === lit) - Number(b === lit));
    this.chart?.destroy();
    this.frame.replaceChildren();
    this.frame.ariaLabel = this.inWords();
    if (results.length > 0) this.chart = draw(this.frame, this.options(), this.data());
  }

  private sizes(): number[] {
    return [...new Set(this.results.map(({ capacity }) => capacity))].sort((a, b) => a - b);
  }

  private data(): uPlot.AlignedData {
    const sizes = this.sizes();
    const rate = (policy: string, capacity: number): number | null => {
      const found = this.results.find((result) => result.policy === policy && result.capacity === capacity);
      return found === undefined ? null : (100 * found.hits) / found.requests;
    };
    return [sizes.map(Math.log10), ...this.policies.map((policy) => sizes.map((capacity) => rate(policy, capacity)))];
  }

  private options(): Omit<uPlot.Options, "width" | "height"> {
    const sizes = this.sizes();
    const places = sizes.map(Math.log10);
    const [low = 0, high = 1] = [places.at(0), places.at(-1)];
    const margin = Math.max(0.05, (high - low) * 0.03);
    const texts = new Map(this.results.map(({ capacity, text }) => [Math.log10(capacity), text]));
    const series = this.policies.map((policy, index) => {
      const isLit = policy === this.lit;
      const stroke = (): string => colour(isLit ? "accent" : "faint");
      return { stroke, width: isLit ? 2.5 : 1.25, dash: isLit ? [] : (DASHES[index % DASHES.length] ?? []), points: { show: true, size: isLit ? 7 : 4, fill: stroke } };
    });
    return {
      padding: [12, NAMES, 0, 0],
      scales: { x: { time: false, range: [low - margin, high + margin] }, y: { range: { min: { pad: 0.1, soft: 0, mode: 2 }, max: { pad: 0.1 } } } },
      axes: [
        axis({ splits: () => places, values: (_, ticks) => ticks.map((tick) => texts.get(tick) ?? ""), size: 30, gap: 8 }),
        axis({ values: (_, ticks) => ticks.map((tick) => `${tick} %`), size: 52, space: 40 }),
      ],
      series: [{}, ...series],
      hooks: { draw: [(chart: uPlot) => this.drawNames(chart)] },
    };
  }

  /** The name of each line at its end, pushed apart where they would cover each other. */
  private drawNames(chart: uPlot): void {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    const ends = this.policies.map((policy, index) => {
      const rate = Array.from(chart.data[index + 1] ?? []).findLast((value) => typeof value === "number") ?? 0;
      return { policy, y: chart.valToPos(rate, "y", true) };
    });
    ends.sort((a, b) => a.y - b.y);
    ends.forEach((end, index) => (end.y = Math.max(end.y, (ends[index - 1]?.y ?? -Infinity) + LINE * ratio)));
    let lowest = bbox.top + bbox.height;
    for (const end of ends.toReversed()) {
      end.y = Math.min(end.y, lowest);
      lowest = end.y - LINE * ratio;
    }
    ctx.save();
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const { policy, y } of ends) {
      const isLit = policy === this.lit;
      ctx.font = `${isLit ? "600 " : ""}${FONT.replace("12px", `${12 * ratio}px`)}`;
      ctx.fillStyle = colour(isLit ? "accent" : "muted");
      ctx.fillText(policy, bbox.left + bbox.width + 8 * ratio, y);
    }
    ctx.restore();
  }

  private inWords(): string {
    const sentences = this.sizes().map((capacity) => {
      const of = this.results.filter((result) => result.capacity === capacity).sort((a, b) => b.hits - a.hits);
      const [best, worst] = [of.at(0), of.at(-1)];
      if (best === undefined || worst === undefined) return "";
      return `At ${best.text}, ${best.policy} has the highest with ${percent(best.hits, best.requests)}, ${worst.policy} the lowest with ${percent(worst.hits, worst.requests)}.`;
    });
    return ["Hit rate by size.", ...sentences].join(" ");
  }
}
