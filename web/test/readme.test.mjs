// Fears that the README shows what does not work: its programs, run.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const library = new URL("../pkg/index.js", import.meta.url).href;

for (const [at, [, program]] of [...readme.matchAll(/```js\n(.*?)```/gs)].entries()) {
  test(`program ${at + 1} of the README does what it says`, async () => {
    const source = program.replaceAll('"larder-web"', JSON.stringify(library));
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source]);
    const said = [...program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, words]) => words.replaceAll('"', "'"));
    assert.ok(said.length > 0, "it says what it prints");
    const printed = stdout.replaceAll('"', "'");
    for (const words of said) assert.ok(printed.includes(words), `${words} is not in ${printed}`);
  });
}
