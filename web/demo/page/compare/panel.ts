// The panel that compares policies on a trace: what is asked for, and what the worker says.

import { button, find, form, input, made, options, reason, select, shown, write } from "../dom.js";
import { download } from "../download.js";
import { acceptFiles } from "../drop.js";
import { bytes, count } from "../format.js";
import { NAMES } from "../policies.js";
import { say } from "../say.js";
import { LARGEST } from "../trace/read.js";
import { capacities } from "./capacity.js";
import type { Message, Replay, Result, Surveyed, Task } from "./messages.js";
import { showResults } from "./results.js";
import type { Unit } from "./simulation.js";
import { SizeChart } from "./size-chart.js";

/** Milliseconds between two sights of results that come in. */
const SIGHT = 200;
const CHECKED = ["adaptive", "lru", "fifo", "sieve", "s3-fifo", "w-tinylfu"];

function policyBoxes(): HTMLInputElement[] {
  return NAMES.map((name) => {
    const [label, box] = [made("label", "", "check"), made("input")];
    [box.type, box.value, box.checked] = ["checkbox", name, CHECKED.includes(name)];
    label.append(box, made("span", name));
    find("compare-policies", HTMLElement).append(label);
    return box;
  });
}

/** The same with the command. The file's name is left for its owner to write: nothing of it reaches a shell from here. */
const command = ({ unit, policies, capacities }: Replay): string =>
  `larder simulate FILE --unit ${unit} --capacity ${capacities.map(({ text }) => text).join(",")} --policy ${policies.join(",")}`;

export function startCompare(): void {
  const boxes = policyBoxes();
  const chart = new SizeChart(find("size-chart", HTMLElement));
  const bar = find("compare-progress", HTMLProgressElement);
  const run = button("compare-run");
  let file: File | undefined;
  let worker: Worker | undefined;
  let results: Result[] = [];
  let task: Replay | undefined;

  const tell = (sentence: string): void => write(find("compare-said", HTMLElement), sentence);
  const show = (): void => {
    if (task !== undefined) showResults(task, results);
    chart.show(results, select("lit").value);
  };
  // Results come in bursts; the table and the chart are drawn a few times a second at most, and at the end.
  let drawing: number | undefined;
  const showNow = (): void => {
    clearTimeout(drawing);
    drawing = undefined;
    show();
  };
  const showSoon = (): void => {
    drawing ??= setTimeout(showNow, SIGHT);
  };
  const end = (sentence: string): void => {
    worker?.terminate();
    worker = undefined;
    bar.value = 0;
    if (drawing !== undefined) showNow();
    write(run, "Run");
    tell(sentence);
    say(sentence);
  };

  const surveyed = ({ name, requests, keys, bytes: all, isSized }: Surveyed): void => {
    const sizes = isSized ? `, ${bytes(all)} in all` : "; without sizes, each counts as 1";
    write(find("compare-trace", HTMLElement), `${shown(name)}: ${count(requests)} requests for ${count(keys)} keys${sizes}.`);
  };
  const hear = (message: Message): void => {
    if (message.kind === "progress") {
      bar.value = message.part;
      tell(`${message.doing}…`);
    } else if (message.kind === "surveyed") surveyed(message.trace);
    else if (message.kind === "result") {
      results.push(message.result);
      showSoon();
    } else if (message.kind === "refused") end(message.why);
    else if (message.kind === "made") {
      download(message.file, message.file.name);
      end(`${message.file.name} is saved.`);
    } else if (message.kind === "done") end(`Done: ${results.length} simulated caches.`);
  };
  const begin = (what: Task): void => {
    worker?.terminate();
    worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Message>) => hear(data));
    worker.addEventListener("error", (event) => end(`The worker failed: ${event.message || "it could not be loaded"}.`));
    worker.postMessage(what);
    write(run, "Cancel");
  };

  const start = (): void => {
    try {
      const unit = select("unit").value as Unit;
      const policies = boxes.filter((box) => box.checked).map((box) => box.value);
      if (policies.length === 0) throw new Error("Choose a policy.");
      task = { kind: "replay", file, policies, unit, capacities: capacities(input("capacities").value, unit) };
      results = [];
      options(select("lit"), policies);
      write(find("compare-command", HTMLElement), command(task));
      show();
      tell("Reading…");
      begin(task);
    } catch (error) {
      end(reason(error));
    }
  };
  form("compare-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (worker === undefined) start();
    else end("Cancelled; what was counted so far is shown.");
  });
  const choose = (chosen: File | undefined): void => {
    file = chosen;
    button("trace-built-in").hidden = file === undefined;
    const name = file === undefined ? "built-in.csv" : `${shown(file.name)}, ${bytes(file.size)}`;
    write(find("trace-name", HTMLElement), name);
    say(`The trace is ${name}.`);
    if (file !== undefined && file.size > LARGEST) tell(`The file is larger than ${bytes(LARGEST)}, the most that this page takes.`);
  };
  acceptFiles(find("trace-drop", HTMLElement), input("trace"), choose);
  button("trace-built-in").addEventListener("click", () => {
    choose(undefined);
    input("trace").focus();
  });
  button("trace-save").addEventListener("click", () => {
    if (worker === undefined) begin({ kind: "make" });
  });
  select("cells").addEventListener("change", show);
  select("lit").addEventListener("change", show);
  show();
}
