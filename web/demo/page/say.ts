// What a screen reader is told: what somebody did and what came of it, never figures that run. What follows at once takes the place of what was
// not said yet.

import { find, write } from "./dom.js";

const PAUSE = 300;
let waiting: number | undefined;

/** Says a sentence once things are quiet. */
export function say(sentence: string): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const region = find("said", HTMLElement);
    // The same sentence again is news again.
    if (region.textContent === sentence) region.textContent = "";
    requestAnimationFrame(() => write(region, sentence));
  }, PAUSE);
}
