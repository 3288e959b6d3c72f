// Fears that what is read from the store while it is deleted, overwritten or emptied is taken into memory afterwards, and answered from then on.

import { inBothStores } from "./browser.mjs";

inBothStores({
  readWhileDeleted: "what is read while it is deleted stays deleted",
  readWhileOverwritten: "what is read while it is overwritten is not answered again",
  touchedWhileDeleted: "what is touched or added to while it is deleted stays deleted",
  loadedWhileDeleted: "what is deleted while memory is filled stays deleted",
  addedWhereMemoryIsFull: "numbers that memory has no room for add up",
});
