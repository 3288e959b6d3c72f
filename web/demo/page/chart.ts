// What both charts have in common: uPlot without its legend and cursor (figures and tables stand beside), in the page's colours, as wide as there
// is room.

import uPlot from "../vendor/uplot.js";

/** The value of a colour of the style sheet now, light or dark. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const FONT = "12px system-ui, sans-serif";

/** An axis in the page's colours. */
export function axis(more: uPlot.Axis): uPlot.Axis {
  return {
    font: FONT,
    labelFont: FONT,
    labelSize: 20,
    labelGap: 4,
    stroke: () => colour("muted"),
    grid: { stroke: () => colour("rule"), width: 1 },
    ticks: { show: false },
    ...more,
  };
}

/** Draws in a frame, whose width it follows, with a fixed height. */
export function draw(frame: HTMLElement, options: Omit<uPlot.Options, "width" | "height">, data: uPlot.AlignedData): uPlot {
  const height = frame.clientHeight;
  const settings = { legend: { show: false }, cursor: { show: false }, ...options };
  const chart = new uPlot({ ...settings, width: Math.max(frame.clientWidth, 240), height }, data, frame);
  new ResizeObserver(() => {
    const width = frame.clientWidth;
    // A hidden panel has none.
    if (width > 0 && width !== chart.width) chart.setSize({ width, height });
  }).observe(frame);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw(false, true));
  return chart;
}
