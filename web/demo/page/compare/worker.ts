// The worker: reads a trace, then replays it for one policy and size after the other. It is ended from outside when nobody wants to know any more.

import { builtIn } from "../trace/built-in.js";
import { readTrace } from "../trace/read.js";
import { resolve } from "./capacity.js";
import type { Message, Replay, Task } from "./messages.js";
import { compiled, hasher, replay } from "./simulation.js";

/** Milliseconds between two messages about progress. */
const PAUSE = 100;

const tell = (message: Message): void => postMessage(message);

function progress(doing: string): (part: number) => void {
  let last = 0;
  return (part) => {
    if (performance.now() - last < PAUSE) return;
    last = performance.now();
    tell({ kind: "progress", doing, part });
  };
}

async function work({ file = builtIn(), policies, unit, capacities }: Replay): Promise<void> {
  const module = await compiled(new URL("../../simulation.wasm", import.meta.url));
  const requests = await readTrace(file, hasher(module), progress("Reading"));
  const survey = requests.survey();
  tell({ kind: "surveyed", trace: { name: file.name, requests: requests.count, isSized: requests.isSized, ...survey } });
  const all = requests.count * policies.length * capacities.length;
  const replaying = progress("Replaying");
  let made = 0;
  for (const { text, capacity: written } of capacities) {
    for (const policy of policies) {
      const capacity = resolve(written, unit, survey);
      const totals = replay(module, requests, { policy, unit, capacity }, (count) => replaying((made += count) / all));
      tell({ kind: "result", result: { policy, text, capacity, ...totals } });
    }
  }
  tell({ kind: "done" });
}

addEventListener("message", ({ data }: MessageEvent<Task>) => {
  if (data.kind === "make") return tell({ kind: "made", file: builtIn() });
  work(data).catch((error: unknown) => tell({ kind: "refused", why: error instanceof Error ? error.message : String(error) }));
});
