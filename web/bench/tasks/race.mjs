// The main thread under a million entries, in memory and with IndexedDB. Played twice, and the better counts: that another program had the
// processor is a long task too.

const PLAYS = {
  "in memory": [["open", "nothing", "set", "export", "import", "cleanup", "clear"]],
  "indexeddb": [["open", "set"], ["open", "load", "export", "import", "cleanup", "clear"]],
};

const TIMES = 2;

export async function watch(browser, say) {
  const results = {};
  for (let time = 0; time < TIMES; time++) {
    for (const [name, pages] of Object.entries(PLAYS)) {
      const origin = await browser.origin();
      for (const [at, steps] of pages.entries()) {
        say(`tasks ${name}: ${steps.join(", ")}`);
        const answers = await browser.call(origin, "tasks/steps.mjs", "play", name === "indexeddb" ? name : undefined, steps);
        for (const [step, figures] of Object.entries(answers)) {
          // What is opened first is empty.
          const place = step === "open" && at === 0 ? "open, empty" : step;
          ((results[name] ??= {})[place] ??= []).push(figures);
        }
      }
    }
  }
  return results;
}
