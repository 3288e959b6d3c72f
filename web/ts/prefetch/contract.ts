// The part of the contract that is about prediction and prefetch (wit/prefetch.wit), which is not known before it is asked for.

import { know } from "../contract.js";

/** Adds what is about prediction and prefetch to the contract. */
export const knowPrefetch = (): void => know(`
  variant predictor-setting: max-bytes u64, gap u64, seed i64;
  record prediction: key bytes, probability f64;
  record learnt: keys u64, contexts u64, bytes u64, observed u64, guessed u64, foreseen u64, unsaved u64;
  record wanted: key bytes, priority f64, payload bytes;
  record queued: wanted wanted, since u64, waits u64, attempts u32, reason text;
  record enqueued: state bytes, added u32, merged u32, dropped u32;
  record taken: state bytes, items queued[], next u64?;
  record removed: state bytes, count u32;
  variant failed: again u64, given-up, unknown;
  tuple state-and-failed: bytes, failed;
  record queue-figures: length u64, ready u64, requests u64, merged u64, dropped u64, fetched u64, unneeded u64, failures u64, given-up u64;
  call prepare 128: settings predictor-setting[];
  call observe 129: session i64, key bytes, now u64;
  call predict 130: after bytes[], limit u32 -> prediction[];
  call next 131: session i64, limit u32, now u64 -> prediction[];
  call outlook 132: limit u32, now u64 -> prediction[];
  call learnt 133 -> learnt;
  call save 134: stored bytes? -> bytes;
  call load 135: state bytes;
  call unlearn 136;
  call enqueue 144: state bytes?, wanted wanted[], capacity u32, now u64 -> enqueued;
  call take 145: state bytes, count u32, lease u64, now u64 -> taken;
  call finish 146: state bytes, keys bytes[], unneeded bool -> removed;
  call fail-fetch 147: state bytes, key bytes, reason text, retry u64, now u64 -> state-and-failed;
  call withdraw 148: state bytes, keys bytes[]? -> removed;
  call queued-items 149: state bytes, limit u32 -> queued[];
  call figures 150: state bytes, now u64 -> queue-figures;
`);
