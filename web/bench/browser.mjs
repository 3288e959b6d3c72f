// A Chromium with a profile on disk, and origins for it: each is a server of this repository on a port of its own, so that what one
// contestant keeps is not counted for another.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { serve } from "../test/files.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

export async function start() {
  const profile = mkdtempSync(join(tmpdir(), "larder-web-bench-"));
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS });
  const servers = [];
  return {
    version: context.browser()?.version() ?? "unknown",
    /** The address of a new origin. */
    async origin() {
      const server = await serve();
      servers.push(server);
      return server.address;
    },
    /** A page of an origin with nothing in its memory; an imported module's function is called in it. */
    async call(origin, module, name, ...args) {
      const page = await this.page(origin);
      try {
        return await page.evaluate(async ([module, name, args]) => (await import(module))[name](...args), [`/web/bench/${module}`, name, args]);
      } finally {
        await page.close();
      }
    },
    async page(origin) {
      const page = await context.newPage();
      page.setDefaultTimeout(0);
      page.on("console", (message) => message.type() === "error" && console.error(message.text()));
      page.on("pageerror", (error) => console.error(error));
      await page.goto(`${origin}/web/bench/page.html`);
      return page;
    },
    async end() {
      await context.close();
      for (const server of servers) await server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}
