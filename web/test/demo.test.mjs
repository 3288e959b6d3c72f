// Fears that the demo page does not work: by keyboard, offline, from a sub-path, for who cannot see it, or with hostile input. In a real Chromium.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { chromium } from "playwright-core";

import { out } from "../demo/build.mjs";
import { serve } from "../demo/serve.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PANELS = ["cache", "pools", "compare", "snapshot"];
const LONG = { timeout: 60_000 };

let server, browser, context, page, complaints, home;

before(async () => {
  server = await serve(out, 0, "/some/path/");
  home = `${server.address}/some/path/`;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** A page whose complaints are kept. */
async function open(options = {}) {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  complaints = [];
  context.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(home)) complaints.push(`asked ${request.url()}`);
  });
  page = await context.newPage();
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(home);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
}

/** Goes to a control by its role and name, as a screen reader says them, and presses keys there. */
async function press(role, name, ...keys) {
  const control = page.getByRole(role, { name, exact: true });
  await control.focus();
  for (const key of keys) await page.keyboard.press(key);
}

const go = (panel) => press("link", panel, "Enter");
const text = (id) => page.locator(`#${id}`).textContent();
const says = (id, pattern) => page.waitForFunction(([id, source]) => new RegExp(source).test(document.getElementById(id).textContent), [id, pattern.source], LONG);

beforeEach(() => open());

afterEach(async () => {
  await context.close();
  assert.deepEqual(complaints, []);
});

test("the cache runs, changes its policy while it runs, and shows who went", async () => {
  await press("button", "Start", "Enter");
  await says("figure-evicted", /[1-9]/);
  await press("combobox", "Policy", "ArrowDown");
  assert.match(await text("policy-says"), /least recently/);
  await says("said", /policy is lru/);
  await says("gone", /item:\d+/);
  assert.match(await page.locator("#hit-rate").getAttribute("aria-label"), /now/);
  await press("button", "Pause", "Enter");
  await says("said", /Paused/);
  const [entries, bytes] = [await text("figure-entries"), await text("figure-bytes")];
  assert.match(entries, /^[\d,]+$/);
  assert.ok(Number.parseFloat(bytes.replace(",", "")) <= 1024, bytes);
});

test("the cold tier holds more, compressed", async () => {
  await press("checkbox", "Cold tier: compress what cools", "Space");
  await says("said", /new, empty cache/);
  await press("slider", "Rate", "End");
  await press("button", "Start", "Enter");
  await says("figure-ratio", /^[1-9][\d.]* : 1$/);
  await says("cold-says", /[1-9]\d* entries are compressed/);
  await press("button", "Empty the cache", "Enter");
  await says("cold-says", /^0 entries/);
  await says("cold-says", /[1-9]\d* entries are compressed/);
  assert.equal(await text("cache-said"), "");
});

test("an entry is looked at, deleted, and made invalid by its tag", async () => {
  await press("button", "Start", "Enter");
  await says("figure-entries", /[1-9]\d\d/);
  await press("button", "Pause", "Enter");
  await press("button", "Any entry", "Enter");
  await says("entry-facts", /shelf-\d/);
  await press("button", "Delete", "Enter");
  await says("entry-said", /is deleted/);
  await press("button", "Any entry", "Enter");
  await press("button", "Invalidate the tag", "Enter");
  await press("button", "Inspect", "Enter");
  await says("entry-said", /is not there/);
  await page.getByLabel("Key", { exact: true }).fill("<img src=x>\u202Eabc");
  await press("button", "Inspect", "Enter");
  await says("entry-said", /<img src=x>\uFFFDabc is not there/);
  assert.equal(await page.locator("img").count(), 0);
});

test("a pool grows by rounds as time goes by, and picks vary", async () => {
  await go("Pools");
  for (const [name, key] of [["Calls that fail", "Home"], ["Time of a call", "Home"], ["Answers that it knows", "End"]]) await press("slider", name, key);
  await press("button", "Run what is due", "Enter");
  await says("pool-said", /18 planned/);
  assert.equal(await text("pool-coverage"), "100 %");
  await press("button", "Run what is due", "Enter");
  await says("pool-said", /Nothing is due/);
  await press("button", "Skip three hours", "Enter");
  await says("pool-next", /due now/);
  await press("button", "Run what is due", "Enter");
  await says("pool-said", /18 planned/);
  await press("button", "Pick 20", "Enter");
  await says("pick-said", /in the last 20 picks/);
  const [, distinct] = /^(\d+) distinct answers in the last 20 picks/.exec(await text("pick-said"));
  assert.ok(Number(distinct) > 1, distinct);
  assert.equal(await page.locator("#picks li").count(), 20);
});

test("a plan that is none is refused with a sentence, and failures are counted", async () => {
  await go("Pools");
  const dimensions = page.getByLabel("Dimensions, one to a line");
  await dimensions.fill("language rust");
  await press("button", "Apply the plan", "Enter");
  await says("pool-said", /is no dimension/);
  await dimensions.fill("tone: dry, warm");
  await press("button", "Apply the plan", "Enter");
  await says("pool-said", /in force/);
  await press("slider", "Calls that fail", "End");
  await press("slider", "Time of a call", "Home");
  await press("button", "Run what is due", "Enter");
  await says("pool-said", /6 planned: 0 made, 0 duplicates, 6 failed/);
  assert.equal(await text("pool-failed"), "2");
});

test("policies are compared on the built-in trace, with the counts of larder simulate", async () => {
  await go("Compare");
  await page.getByLabel("Sizes, of the trace’s keys or absolute").fill("1%, 10%");
  await press("button", "Run", "Enter");
  await says("compare-said", /Done: 12/);
  await page.getByLabel("Cells show").selectOption("misses");
  const counts = JSON.parse(readFileSync(new URL("demo-counts.json", import.meta.url), "utf8")).entries;
  for (const policy of ["adaptive", "lru", "sieve"]) {
    const cells = await page.locator("#results tr", { has: page.getByRole("rowheader", { name: policy, exact: true }) }).locator("td").allTextContents();
    assert.deepEqual(cells.map((cell) => Number(cell.replaceAll(",", ""))), counts[policy]);
  }
  assert.match(await page.locator("#size-chart").getAttribute("aria-label"), /At 1%, adaptive has the highest/);
  assert.match(await text("compare-command"), /--unit entries --capacity 1%,10% --policy adaptive,/);
});

test("a trace of somebody else is read, by choice or by drop, and a hostile one does nothing", async () => {
  await go("Compare");
  const name = "<img src=x onerror=alert(1)>.csv";
  await page.locator("#trace").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from("<b>a</b>,5\nb,7\n<b>a</b>,5\n") });
  await press("button", "Run", "Enter");
  await says("compare-trace", /3 requests for 2 keys, 12 B in all/);
  assert.equal(await page.locator("img, main b b").count(), 0);
  await page.evaluate(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(["a\n,3\n"], "broken.csv"));
    document.getElementById("trace-drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
  });
  await says("trace-name", /broken\.csv/);
  await press("button", "Run", "Enter");
  await says("compare-said", /Line 2: there is no key/);
  await press("button", "Back to the built-in trace", "Enter");
  assert.equal(await text("trace-name"), "built-in.csv");
});

test("a comparison is cancelled, and the built-in trace is saved", async () => {
  await go("Compare");
  await page.getByLabel("Sizes, of the trace’s keys or absolute").fill("1% 2% 3% 4% 5% 6% 7% 8% 9% 10% 11% 12%");
  await press("button", "Run", "Enter");
  await says("results", /adaptive/);
  await press("button", "Cancel", "Enter");
  await says("compare-said", /Cancelled/);
  const [download] = await Promise.all([page.waitForEvent("download", LONG), press("button", "Save the built-in trace", "Enter")]);
  const lines = readFileSync(await download.path(), "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 200_000);
  assert.match(lines[0], /^item:\d+,\d+$/);
});

test("a cache goes out as a snapshot and comes back", async () => {
  await press("button", "Start", "Enter");
  await says("figure-entries", /[1-9]\d\d/);
  await press("button", "Pause", "Enter");
  await go("Snapshot");
  const [download] = await Promise.all([page.waitForEvent("download", LONG), press("button", "Save a snapshot", "Enter")]);
  await page.locator("#import").setInputFiles(await download.path());
  await says("snapshot-said", /[1-9][\d,]* entries imported, 0 expired, 0 damaged/);
});

test("every panel works offline after the first load", async () => {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await says("offline-says", /offline from now on/);
  await context.setOffline(true);
  await page.reload();
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  await press("button", "Start", "Enter");
  await says("figure-entries", /[1-9]/);
  await go("Compare");
  await page.getByLabel("Sizes, of the trace’s keys or absolute").fill("1%");
  await press("button", "Run", "Enter");
  await says("compare-said", /Done/);
});

test("all controls of a panel are reached with Tab alone, in order, and seen when they are", async () => {
  for (const panel of PANELS) {
    await page.goto(`${home}#${panel}`);
    await page.waitForSelector(`#${panel}:not([hidden])`);
    const wanted = await page.locator(`#${panel} :is(button, input, select, textarea, summary):visible:enabled`).evaluateAll((all) => all.map((one) => one.id || one.value || one.tagName));
    const reached = [];
    await page.evaluate(() => document.querySelector("h1").scrollIntoView());
    await page.locator("#main").focus();
    for (let step = 0; step < wanted.length + 10 && reached.length < wanted.length; step++) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => {
        const one = document.activeElement;
        return { name: one.id || one.value || one.tagName, outline: getComputedStyle(one).outlineStyle };
      });
      if (wanted.includes(found.name)) reached.push(found.name);
      assert.notEqual(found.outline, "none", found.name);
    }
    assert.deepEqual(reached, wanted, panel);
  }
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to object to (${colorScheme})`, async () => {
    await context.close();
    await open({ colorScheme, reducedMotion: "reduce" });
    await press("button", "Start", "Enter");
    await says("gone", /item:/);
    await press("button", "Any entry", "Enter");
    await press("button", "Pause", "Enter");
    await go("Pools");
    await press("slider", "Time of a call", "Home");
    await press("button", "Run what is due", "Enter");
    await says("pool-said", /planned/);
    await press("button", "Pick 20", "Enter");
    await go("Compare");
    await page.getByLabel("Sizes, of the trace’s keys or absolute").fill("1%, 10%");
    await press("button", "Run", "Enter");
    await says("compare-said", /Done/);
    await page.evaluate(AXE);
    for (const panel of PANELS) {
      await page.goto(`${home}#${panel}`);
      await page.waitForSelector(`#${panel}:not([hidden])`);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      const found = violations.map(({ id, nodes }) => `${panel}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
      assert.deepEqual(found, []);
    }
  });
}

test("nothing is cut off or scrolls sideways on a phone", async () => {
  await page.setViewportSize({ width: 360, height: 800 });
  for (const panel of PANELS) {
    await page.goto(`${home}#${panel}`);
    await page.waitForSelector(`#${panel}:not([hidden])`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= 360), true, panel);
  }
});

test("larder serve has the page at /demo, and it works there", LONG, async () => {
  const program = spawn(join(out, "..", "..", "release", "larder"), ["serve", "--http", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(program, "exit");
  try {
    const [line] = await once(createInterface(program.stdout), "line");
    const visitor = await context.newPage();
    await visitor.goto(`${line}demo`);
    assert.equal(visitor.url(), `${line}demo/`);
    await visitor.waitForSelector("html[data-ready]", { state: "attached" });
    complaints = complaints.filter((complaint) => !complaint.startsWith(`asked ${line}`));
  } finally {
    program.kill();
    await ended;
  }
});
