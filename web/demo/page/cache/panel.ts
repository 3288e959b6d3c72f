// The cache panel: a cache under requests, watched while it runs.

import { Larder } from "../../pkg/index.js";
import { button, find, input, reason, select, write } from "../dom.js";
import { percent } from "../format.js";
import { POLICIES } from "../policies.js";
import { say } from "../say.js";
import { wireEntry } from "./entry.js";
import { showFigures, showGone, showTable } from "./figures.js";
import { HitRate, TICK } from "./hit-rate.js";
import { Playing } from "./playing.js";
import { Runner } from "./runner.js";
import { chosenWorkload, fillSettings, hasColdTier, maxBytes, policy, requestsPerSecond, showSettings } from "./settings.js";

/** Milliseconds between two sights of the lists, for eyes to follow. */
const SIGHT = 1000;

async function open(): Promise<Playing> {
  const coldTier = hasColdTier();
  const cache = await Larder.open({ maxBytes: maxBytes(), policy: policy(), coldTier });
  return new Playing(cache, chosenWorkload());
}

/** The panel, to others. */
export interface CachePanel {
  /** Its cache, which changes with the settings. */
  readonly cache: () => Larder;
  /** Shows what is there now; whoever changes the cache says so. */
  readonly refresh: () => void;
}

/** Starts the panel. */
export async function startCache(): Promise<CachePanel> {
  fillSettings();
  let playing = await open();
  const chart = new HitRate(find("hit-rate", HTMLElement));
  chart.clear();
  let before = { requests: 0, hits: 0, time: 0, sight: 0 };
  let rate = 0;
  const refresh = (): void => showFigures(playing, chart, rate, hasColdTier());

  const show = (): void => {
    showGone(playing);
    if (find("hit-rate-table", HTMLDetailsElement).open) showTable(chart);
  };
  const between = (now: number): void => {
    playing.upkeep();
    if (now - before.time < TICK) return;
    const { requests, hits } = playing;
    chart.tick(requests - before.requests, hits - before.hits);
    rate = (1000 * (requests - before.requests)) / (now - before.time);
    refresh();
    const isSeen = now - before.sight >= SIGHT;
    if (isSeen) show();
    before = { requests, hits, time: now, sight: isSeen ? now : before.sight };
  };
  const run = button("run");
  const runner = new Runner(
    () => playing.request(),
    between,
    (error) => {
      write(run, "Start");
      const sentence = `The requests stopped: ${reason(error)}`;
      write(find("cache-said", HTMLElement), sentence);
      say(sentence);
    },
  );

  const reset = async (): Promise<void> => {
    const next = await open();
    void playing.cache.close();
    playing = next;
    before = { ...before, requests: 0, hits: 0 };
    chart.clear();
    refresh();
    show();
  };

  run.addEventListener("click", () => {
    if (runner.isRunning) {
      runner.stop();
      rate = 0;
      refresh();
      const { requests, hits } = chart.now();
      say(`Paused. Hit rate ${percent(hits, requests)}.`);
    } else {
      before.time = performance.now();
      runner.start();
      say("Requests are running.");
    }
    write(run, runner.isRunning ? "Pause" : "Start");
    write(find("cache-said", HTMLElement), "");
  });
  button("empty").addEventListener("click", () => {
    playing.cache.sync.clear();
    playing.residents.clear();
    refresh();
    say("The cache is empty.");
  });
  select("policy").addEventListener("change", () => {
    playing.cache.sync.setPolicy(policy());
    chart.mark(policy());
    showSettings();
    say(`The policy is ${policy()} from now on: ${POLICIES[policy()]}.`);
  });
  for (const control of [select("size"), input("cold")]) {
    control.addEventListener("change", () => void reset().then(() => say("A new, empty cache is open.")));
  }
  input("rate").addEventListener("input", () => {
    runner.rate = requestsPerSecond();
    showSettings();
  });
  for (const control of [select("pattern"), select("keys"), input("skew")]) {
    control.addEventListener("change", () => {
      playing.workload = chosenWorkload();
      showSettings();
    });
  }
  input("skew").addEventListener("input", showSettings);
  find("hit-rate-table", HTMLDetailsElement).addEventListener("toggle", () => showTable(chart));
  wireEntry(() => playing, refresh);
  runner.rate = requestsPerSecond();
  refresh();
  show();
  return { cache: () => playing.cache, refresh };
}
