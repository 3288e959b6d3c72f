// Fears that what is read from the store while it is deleted, overwritten or emptied is taken into memory afterwards, and answered from then on.

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
  readWhileDeleted: "what is read while it is deleted stays deleted",
  readWhileOverwritten: "what is read while it is overwritten is not answered again",
  touchedWhileDeleted: "what is touched or added to while it is deleted stays deleted",
  loadedWhileDeleted: "what is deleted while memory is filled stays deleted",
  addedWhereMemoryIsFull: "numbers that memory has no room for add up",
};

for (const store of ["indexeddb", "opfs"]) {
  for (const [scenario, what] of Object.entries(SCENARIOS)) {
    test(`${store}: ${what}`, async () => {
      assert.equal(await play(page, scenario, { store, name: scenario }), undefined);
    });
  }
}
