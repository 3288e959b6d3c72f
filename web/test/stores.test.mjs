// Fears that entries are lost, come back, or come back as something else when a page is left and opened again: in a real Chromium, with both
// stores that a browser has.

import { inBothStores } from "./browser.mjs";

inBothStores({
  valuesComeBack: "values come back as what they were",
  whatIsGoneStaysGone: "what is gone stays gone",
  memoryMayBeSmall: "memory may be smaller than the store",
  numbersAddUp: "numbers add up",
  theStoreIsBounded: "the store stays within its bounds",
  setTogether: "what is set together is written together",
  writesAreWaitedFor: "writes do not pile up",
  overwritingLeavesNoGarbage: "what is overwritten makes room",
  plansStayWhereThereIsNoRoom: "plans of pools stay where there is no room",
  poolsStay: "pools and their rounds stay",
  snapshotsGoRound: "snapshots are read again, and damaged ones are refused",
  asAMap: "it is as a map, through restarts",
  bansMayBeMany: "more is made invalid than there can be bans",
  memoryIsFilled: "memory is filled from the store",
  eachComesOnce: "each entry comes once, whatever happens meanwhile",
  deletedWhileListed: "what is deleted while it is listed does not come",
  closedAtOnce: "what is closed at once keeps what was written last, and what was there before",
  theQueueStays: "the queue of prefetches stays, and what came of it counts once",
  whatWasLearntStays: "what was learnt stays until it is forgotten",
  damageBeginsAnew: "a queue and a model that are damaged begin anew, and that is said",
  whatIsNewerIsLeft: "a queue and a model of a newer version are left alone, and that is said",
  whatIsOwnStaysWhereThereIsNoRoom: "the queue and what was learnt stay where there is no room",
  idleTimesBeginAnew: "idle times begin anew in the store with what is read from it",
  exportedWhereverItIs: "what is in memory alone is exported with the rest",
  cleanedUpOnce: "what is cleaned up counts once",
});
