// The race of stores: in each round everyone plays each step, each on an origin of its own.

/** The names of those who race, as the pages know them. */
export const NAMES = ["larder-web, indexeddb", "larder-web, opfs", "idb-keyval", "localForage", "unstorage, indexedb"];

const isLarder = (name) => name.startsWith("larder");

/** Steps of each round, and what they are in the report. */
const STEPS = ["write", "read", "open", "all", "preload", "snapshot"];

export async function race(browser, rounds, say) {
  const origins = Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, await browser.origin()])));
  const results = {};
  const note = (name, figures) => {
    for (const [figure, taken] of Object.entries(figures)) ((results[figure] ??= {})[name] ??= []).push(taken);
  };
  const play = async (name, step, round) => {
    say(`${step}, ${name}`);
    const way = name.endsWith("opfs") ? "playInWorker" : "play";
    note(name, await browser.call(origins[name], "stored/steps.mjs", way, name, step, round));
  };
  for (const name of NAMES) {
    const before = await browser.call(origins[name], "stored/steps.mjs", "usage");
    await play(name, "fill", 0);
    note(name, { bytes: (await browser.call(origins[name], "stored/steps.mjs", "usage")) - before });
  }
  for (let round = 0; round < rounds; round++) {
    for (const step of STEPS) {
      const from = round % NAMES.length;
      for (const name of [...NAMES.slice(from), ...NAMES.slice(0, from)]) {
        if ((step === "preload" || step === "snapshot") && !isLarder(name)) continue;
        await play(name, step, round);
      }
    }
  }
  return results;
}
