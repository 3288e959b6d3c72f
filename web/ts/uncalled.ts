// The part of the contract that the package itself does not call, and only `fast.wasm` has: `src/contract.rs`. Who plays vectors does.

import { CALLS, know } from "./contract.js";

/** Adds what the package does not call to the contract; answers with the names of these calls. */
export function knowMore(): string[] {
  const before = { ...CALLS };
  know(`
  record item: key bytes, value bytes, options set-option[];
  record estimate: policy text, capacity-percent u32, requests u64, hits u64, bytes u64, bytes-hit u64;
  call exists 5: namespace u32, key bytes, now u64 -> bool;
  call matches 10: pattern bytes, key bytes -> bool;
  call verify 12: record bytes, limit u32 -> entry-info;
  call restore 17: namespace u32, record bytes, now u64, sequence u64? -> stored;
  call add 18: namespace u32, key bytes, value bytes, options set-option[], stored bytes?, now u64, sequence u64? -> stored?;
  call replace 19: namespace u32, key bytes, value bytes, options set-option[], stored bytes?, now u64, sequence u64? -> stored?;
  call compare-and-set 20: namespace u32, key bytes, expected u64, value bytes, options set-option[], stored bytes?, now u64,
    sequence u64? -> stored?;
  call set-many 25: namespace u32, items item[], now u64, sequence u64? -> stored-or-error[];
  call delete-many 26: namespace u32, keys bytes[], now u64 -> bool[];
  call is-banned 35: record bytes -> bool;
  call bans 36 -> u32;
  call next-expiry 40 -> u64?;
  call evict 43: count u32 -> u32;
  call advice 46 -> estimate[];
  call check 48;
  call text-hashed 70: operation text, options token[], length u64, hash bytes, settings text-setting[] -> made;
  call hasher 72;
  call update 73: bytes bytes;
  call length 74 -> u64;
  call digest 75 -> bytes;
`);
  return Object.keys(CALLS).filter((name) => !(name in before));
}
