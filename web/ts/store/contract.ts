// The part of the contract that stores need, which is not known before one is opened.

import { know } from "../contract.js";

/** Adds what stores need to the contract. */
export const knowStores = (): void => know(`
  record summary: size u64, version u64, accessed u64, gone u64?;
  call admit 4: namespace u32, key bytes, record bytes, now u64 -> hit;
  call forget 24: namespace u32, key bytes;
  call take-bans 33: record bytes;
  call reap-bans 34: until u64, now u64, sequence u64? -> bytes;
  call judge 47: candidates summary[], needed u64, now u64 -> u32[];
`);
