// Fears that the package cannot be imported, or has no types, where it is used: publint and are-the-types-wrong over what would be published.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const tool = (name, ...args) => execFileSync(join(web, "node_modules", ".bin", name), args, { cwd: web, encoding: "utf8", stdio: "pipe" });

test("publint finds nothing", () => {
  assert.match(tool("publint", "pkg", "--strict"), /All good!/);
});

test("types are right for whoever imports", () => {
  const folder = mkdtempSync(join(tmpdir(), "larder-web-"));
  try {
    execFileSync("npm", ["pack", "--pack-destination", folder], { cwd: join(web, "pkg"), stdio: "pipe" });
    const [archive] = readdirSync(folder);
    const modules = readdirSync(join(web, "pkg")).filter((file) => file.endsWith(".wasm"));
    // There are no types to have of the WebAssembly itself; CommonJS reaches the package by `import()`. Ends with an error for anything else.
    const said = tool("attw", join(folder, archive), "--profile", "esm-only", "--format", "ascii", "--exclude-entrypoints", ...modules);
    assert.doesNotMatch(said, /resolution failed|masquerading|fallback condition|unexpected/i);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
