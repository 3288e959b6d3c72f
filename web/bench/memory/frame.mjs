// One contestant in a frame of its own in a page: frames share the thread, and each compiles its own functions.

import { IN_PAGE } from "./contestants.mjs";
import { setUp } from "./operations.mjs";

export async function setUpFrame(options) {
  globalThis.measure = await setUp(IN_PAGE[options.name], options);
}
