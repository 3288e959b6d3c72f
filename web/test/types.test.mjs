// Fears types that say less than there is, or other than it is; and entry points that are not there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const web = fileURLToPath(new URL("..", import.meta.url));

test("adapters have the types of what they are for, and keep those they are given", async () => {
  const args = ["node_modules/typescript/bin/tsc", "-p", "test/types"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: web }).catch(({ stdout }) => ({ stdout }));
  assert.equal(stdout, "");
});

test("types need no newer library than browsers have", async () => {
  const libraries = ["--lib", "es2022,dom,dom.iterable", "--module", "nodenext", "--target", "es2022", "--strict", "--noEmit"];
  const args = ["node_modules/typescript/bin/tsc", ...libraries, "pkg/index.d.ts"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: web }).catch(({ stdout }) => ({ stdout }));
  assert.equal(stdout, "");
});

test("every entry point is there, with its types, and imports only what the package has", async () => {
  const { exports, peerDependencies, peerDependenciesMeta } = JSON.parse(readFileSync(`${web}pkg/package.json`, "utf8"));
  assert.deepEqual(Object.keys(exports), [".", "./larder.wasm", "./fast.wasm", "./slim.wasm", "./whole", "./fetch", "./keyv", "./memoize", "./unstorage"]);
  assert.deepEqual(Object.keys(peerDependencies), Object.keys(peerDependenciesMeta));
  for (const files of Object.values(exports)) {
    for (const file of typeof files === "string" ? [files] : Object.values(files)) assert.ok(existsSync(`${web}pkg/${file}`), file);
    if (typeof files === "string") continue;
    for (const file of Object.values(files)) {
      const imported = [...readFileSync(`${web}pkg/${file}`, "utf8").matchAll(/\bfrom "([^"]+)"/g)].map(([, name]) => name);
      for (const name of imported) assert.match(name, /^\.\//, `${file} imports ${name}`);
    }
  }
});
