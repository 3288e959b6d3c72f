// A Chromium for tests, and functions that run in its pages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { serve } from "./files.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

/** Starts a server of this folder and a browser. */
export async function start() {
  const server = await serve();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  const context = await browser.newContext();
  const end = async () => {
    await browser.close();
    await server.close();
  };
  /** An empty page of the server's. */
  const page = async (of = context) => {
    const page = await of.newPage();
    page.on("console", (message) => message.type() === "error" && console.error(message.text()));
    await page.goto(`${server.address}/empty.html`);
    return page;
  };
  return { server, browser, context, page, end };
}

/** Plays a scenario of scenarios.mjs in a page, or in a worker of it. */
export function play(page, scenario, options) {
  return page.evaluate(async ([scenario, options]) => {
    if (options.store !== "opfs") {
      const scenarios = await import("/web/test/scenarios.mjs");
      return scenarios[scenario](options);
    }
    const worker = new Worker("/web/test/worker.mjs", { type: "module" });
    const answer = new Promise((done, failed) => {
      worker.onmessage = ({ data }) => ("error" in data ? failed(new Error(data.error)) : done(data.answer));
      worker.onerror = (event) => failed(new Error(event.message));
    });
    worker.postMessage([scenario, options]);
    try {
      return await answer;
    } finally {
      worker.terminate();
    }
  }, [scenario, options]);
}

/** A test of each scenario with each store: their names, and what they are about. */
export function inBothStores(scenarios) {
  let chromium, page;
  before(async () => {
    chromium = await start();
    page = await chromium.page();
  });
  after(() => chromium?.end());
  for (const store of ["indexeddb", "opfs"]) {
    for (const [scenario, what] of Object.entries(scenarios)) {
      test(`${store}: ${what}`, async () => {
        assert.equal(await play(page, scenario, { store, name: scenario }), undefined);
      });
    }
  }
}
