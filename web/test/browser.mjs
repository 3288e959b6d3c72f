// A Chromium for tests, and functions that run in its pages.

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
