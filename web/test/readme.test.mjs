// Fears that the README shows what does not work: its programs, run.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const web = fileURLToPath(new URL("..", import.meta.url));
/** The file of an entry point. */
const built = (_, entry = "/index") => JSON.stringify(new URL(`../pkg${entry}.js`, import.meta.url).href);

for (const [at, [, program]] of [...readme.matchAll(/```js\n(.*?)```/gs)].entries()) {
  test(`program ${at + 1} of the README does what it says`, async () => {
    const source = program.replace(/"larder-web(\/\w+)?"/g, built);
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source], { cwd: web });
    const said = [...program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, words]) => words.replaceAll('"', "'"));
    assert.ok(said.length > 0, "it says what it prints");
    const printed = stdout.replaceAll('"', "'");
    for (const words of said) assert.ok(printed.includes(words), `${words} is not in ${printed}`);
  });
}
