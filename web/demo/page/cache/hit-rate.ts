// The hit rate of the last minute, a point each half second, with a mark where the policy was changed.

import type uPlot from "uplot";

import { axis, colour, draw, FONT } from "../chart.js";
import { percent } from "../format.js";

/** Milliseconds between points, and how many there are. */
export const TICK = 500;
const POINTS = 121;
/** Ticks over which a point is the mean: single ones are noise. */
const SMOOTHED = 4;

export class HitRate {
  private readonly chart: uPlot;
  private readonly seconds = Array.from({ length: POINTS }, (_, at) => ((at - POINTS + 1) * TICK) / 1000);
  private readonly rates: (number | null)[] = new Array<number | null>(POINTS).fill(null);
  private readonly latest: { requests: number; hits: number }[] = [];
  private readonly isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  private ticks = 0;
  private marks: { at: number; text: string }[] = [];

  constructor(private readonly frame: HTMLElement) {
    const options = {
      scales: { x: { time: false, range: [-60, 0] as uPlot.Range.MinMax }, y: { range: [0, 100] as uPlot.Range.MinMax } },
      axes: [
        axis({ values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "now" : `\u2212${-tick} s`)), space: 60, size: 30, gap: 8 }),
        axis({ values: (_, ticks) => ticks.map((tick) => `${tick} %`), size: 52, incrs: [25] }),
      ],
      series: [{}, { stroke: () => colour("accent"), width: 2, points: { show: false } }],
      hooks: { draw: [(chart: uPlot) => this.drawMarks(chart)] },
    };
    this.chart = draw(frame, options, [this.seconds, this.rates]);
  }

  /** Takes what was counted since the last tick. */
  tick(requests: number, hits: number): void {
    this.latest.push({ requests, hits });
    if (this.latest.length > SMOOTHED) this.latest.shift();
    this.rates.shift();
    const { requests: of, hits: part } = this.now();
    this.rates.push(of > 0 ? (100 * part) / of : null);
    this.marks = this.marks.map(({ at, text }) => ({ at: at - TICK / 1000, text })).filter(({ at }) => at > -60);
    // Who wants little motion sees the same in fewer steps.
    this.ticks++;
    if (!this.isCalm.matches || this.ticks % SMOOTHED === 0) {
      this.chart.setData([this.seconds, this.rates], false);
      this.chart.redraw();
    }
    this.frame.ariaLabel = `Hit rate of the last minute; ${percent(part, of)} now`;
  }

  /** Requests and hits of the last two seconds. */
  now(): { readonly requests: number; readonly hits: number } {
    const sum = { requests: 0, hits: 0 };
    for (const { requests, hits } of this.latest) {
      sum.requests += requests;
      sum.hits += hits;
    }
    return sum;
  }

  /** Marks this moment. */
  mark(text: string): void {
    this.marks.push({ at: 0, text });
    this.chart.redraw();
  }

  clear(): void {
    this.latest.length = 0;
    this.rates.fill(null);
    this.marks = [];
    this.chart.setData([this.seconds, this.rates], false);
    this.chart.redraw();
    this.frame.ariaLabel = "Hit rate of the last minute; no requests yet";
  }

  /** The points of each fifth second, the latest first. */
  table(): { readonly seconds: number; readonly rate: number | null }[] {
    const every = 5000 / TICK;
    return Array.from({ length: 12 }, (_, row) => {
      const at = POINTS - 1 - row * every;
      return { seconds: this.seconds[at] ?? 0, rate: this.rates[at] ?? null };
    });
  }

  private drawMarks(chart: uPlot): void {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * ratio}px`);
    ctx.strokeStyle = ctx.fillStyle = colour("muted");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    for (const [index, { at, text }] of this.marks.entries()) {
      const x = Math.round(chart.valToPos(at, "x", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // Near the right edge the text goes to the left of its line; neighbours take turns in height.
      const isLate = x + ctx.measureText(text).width + 8 * ratio > bbox.left + bbox.width;
      ctx.textAlign = isLate ? "right" : "left";
      ctx.fillText(text, x + (isLate ? -5 : 5) * ratio, bbox.top + bbox.height - (8 + 16 * (index % 3)) * ratio);
    }
    ctx.restore();
  }
}
