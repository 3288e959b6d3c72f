// Fears that entries are lost, come back, or come back as something else when a page is left and opened again: in a real Chromium, with both
// stores that a browser has.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { play, start } from "./browser.mjs";

let chromium, page;

before(async () => {
  chromium = await start();
  page = await chromium.page();
});

after(() => chromium?.end());

const SCENARIOS = {
  valuesComeBack: "values come back as what they were",
  whatIsGoneStaysGone: "what is gone stays gone",
  memoryMayBeSmall: "memory may be smaller than the store",
  numbersAddUp: "numbers add up",
  theStoreIsBounded: "the store stays within its bounds",
  overwritingLeavesNoGarbage: "what is overwritten makes room",
  poolsStay: "pools and their rounds stay",
  snapshotsGoRound: "snapshots are read again, and damaged ones are refused",
  asAMap: "it is as a map, through restarts",
  bansMayBeMany: "more is made invalid than there can be bans",
  memoryIsFilled: "memory is filled from the store",
  eachComesOnce: "each entry comes once, whatever happens meanwhile",
  deletedWhileListed: "what is deleted while it is listed does not come",
  idleTimesBeginAnew: "idle times begin anew in the store with what is read from it",
};

for (const store of ["indexeddb", "opfs"]) {
  for (const [scenario, what] of Object.entries(SCENARIOS)) {
    test(`${store}: ${what}`, async () => {
      assert.equal(await play(page, scenario, { store, name: scenario }), undefined);
    });
  }
}
