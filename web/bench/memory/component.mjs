// The portable component as JavaScript, by jco. It weighs 168 MB and is of use for nothing else here, so it is installed beside the build.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const JCO = "1.17.6";
const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(root, "target", "web", "bench");

/** The address of the module, from this file or from what the release build of `larder` carries. */
export function transpiled(file) {
  mkdirSync(folder, { recursive: true });
  const component = file ?? join(folder, "component.wasm");
  if (file === undefined) execFileSync(join(root, "target", "release", "larder"), ["component", "--out", component], { stdio: "ignore" });
  const jco = join(folder, "node_modules", ".bin", "jco");
  if (!existsSync(jco)) {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    execFileSync("npm", ["install", `@bytecodealliance/jco@${JCO}`, "--no-audit", "--no-fund"], { cwd: folder, stdio: "ignore" });
  }
  execFileSync(jco, ["transpile", component, "-o", join(folder, "component"), "--name", "component"], { stdio: "ignore" });
  return pathToFileURL(join(folder, "component", "component.js")).href;
}
