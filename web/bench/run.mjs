// Larder and its peers for JavaScript side by side: `npm --prefix web run bench -- [options]`.
//   --only memory,stored,tasks,sizes   parts; default: all
//   --rounds N                         rounds of everything but tasks, which take two; default 21 in memory and 3 of stores
//   --component FILE                   the portable component; default: that of target/release/larder
//   --out FILE                         where the report goes; default: to the terminal alone

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { start } from "./browser.mjs";
import { JCO, transpiled } from "./memory/component.mjs";
import { CONTESTANTS, IN_PAGE } from "./memory/contestants.mjs";
import { frames, thread } from "./memory/places.mjs";
import { race as raceInMemory, SUITES } from "./memory/race.mjs";
import { number, races, table } from "./report.mjs";
import { sizes } from "./sizes.mjs";
import { NAMES, race as raceStores } from "./stored/race.mjs";
import { watch } from "./tasks/race.mjs";

const PARTS = ["memory", "stored", "tasks", "sizes"];
const { values: options } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string" }, component: { type: "string" }, out: { type: "string" } },
});
const parts = options.only?.split(",") ?? PARTS;
for (const part of parts) if (!PARTS.includes(part)) throw new Error(`there is no part ${part}; there are ${PARTS.join(", ")}`);
const rounds = options.rounds === undefined ? undefined : Number(options.rounds);

/** npm runs in the folder of the package. */
const path = (name) => (name === undefined ? undefined : resolve(process.env.INIT_CWD ?? "", name));

const report = [];
/** What there is so far is kept, for the whole takes a quarter of an hour. */
const add = (...lines) => {
  console.log(`${lines.join("\n")}\n`);
  report.push(...lines, "");
  if (options.out !== undefined) writeFileSync(path(options.out), `${report.join("\n").trim()}\n`);
};
const say = (what) => console.error(`${new Date().toISOString().slice(11, 19)} load ${loadavg()[0].toFixed(2)} ${what}`);

const STORED = {
  singles: "1,000 sets, one after the other",
  many: "10,000 at once",
  gets: "1,000 gets, reopened",
  fill: "100,000 at once",
  open: "open 100,000 and get one",
  all: "read all, memory empty",
  preload: "open with preload",
  loaded: "read all, preloaded",
  export: "export",
  import: "import",
};

async function memory(browser) {
  const contestants = { ...CONTESTANTS };
  let made;
  try {
    made = transpiled(path(options.component));
  } catch (error) {
    delete contestants["component through jco"];
    add(`The component was left out: ${error.message.split("\n")[0]}`);
  }
  const page = await browser.page(await browser.origin());
  for (const [where, who, begin] of [["Node", contestants, thread], ["Chromium", IN_PAGE, frames(page)]]) {
    for (const suite of SUITES) {
      say(`memory in ${where}, ${suite.title}`);
      const { results, names } = await raceInMemory(begin, who, suite, rounds ?? 21, { made });
      add(`### In memory, ${where}, ${suite.title}`, "", races("ns", results, names, names[0]));
    }
  }
  await page.close();
}

async function stored(browser) {
  const results = await raceStores(browser, rounds ?? 3, say);
  const pick = (figures, from) => Object.fromEntries(figures.map((figure) => [STORED[figure] ?? figure, from[figure]]));
  const milliseconds = (...figures) => races("ms", pick(figures, results), NAMES, NAMES[0]);
  add("### Stores in Chromium: 11,000 entries", "", milliseconds("singles", "many", "gets"));
  add("### Stores in Chromium: 100,000 entries", "", milliseconds("fill", "open", "all"));
  const own = races("ms", pick(["preload", "loaded", "export", "import"], results), NAMES.slice(0, 2), NAMES[0]);
  add("### Stores in Chromium: 100,000 entries, what only Larder has", "", own);
  const rows = NAMES.map((name) => [name, number(results.bytes[name][0]), (results.bytes[name][0] / 100_000).toFixed(0)]);
  add("### Stores in Chromium: bytes of 100,000 entries, as the browser counts them", "", table(["", "bytes", "an entry"], rows));
}

async function tasks(browser) {
  const rows = [];
  for (const [name, steps] of Object.entries(await watch(browser, say))) {
    for (const [step, plays] of Object.entries(steps)) {
      const [taken, longest] = [Math.min(...plays.map(([taken]) => taken)), Math.min(...plays.map(([, longest]) => longest))];
      const both = plays.map(([, longest]) => (longest === 0 ? "none" : longest.toFixed(0))).join(", ");
      rows.push([`${name}: ${step}`, number(taken / 1000), longest === 0 ? "none over 50" : longest.toFixed(0), both]);
    }
  }
  add("### The main thread under 1,000,000 entries", "", table(["", "s", "longest task, ms", "of each time"], rows));
}

async function downloads() {
  const rows = (await sizes()).map(([name, { raw, gzipped }]) => [name, raw.toLocaleString("en"), gzipped.toLocaleString("en")]);
  add("### What a page downloads", "", table(["", "bytes", "gzipped"], rows));
}

const versionOf = (name) => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
const peers = ["lru-cache", "quick-lru", "keyv", "unstorage", "idb-keyval", "localforage"].map((name) => `${name} ${versionOf(name)}`);
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`;
const browser = await start();
add(
  "# Larder for JavaScript and its peers",
  "",
  `- Machine: ${machine}; load when it began: ${loadavg()[0].toFixed(2)}`,
  `- Kernel: Linux ${release()}`,
  `- Versions: Node ${process.versions.node}, Chromium ${browser.version}, ${peers.join(", ")}, jco ${JCO}, larder-web ${versionOf("../pkg")}`,
  `- Command: \`npm --prefix web run bench -- ${process.argv.slice(2).join(" ")}\``,
  "",
  "Everyone measures once in each round, beginning with another one each time: median / minimum of the rounds, in brackets how many times",
  "as long as the first line's median.",
);
try {
  if (parts.includes("memory")) await memory(browser);
  if (parts.includes("stored")) await stored(browser);
  if (parts.includes("tasks")) await tasks(browser);
  if (parts.includes("sizes")) await downloads();
  add(`Load when it ended: ${loadavg()[0].toFixed(2)}`);
} finally {
  await browser.end();
}
