// The part of the contract that is about pools (wit/pools.wit), which is not known before a pool is asked for.

import { know } from "../contract.js";

/** Adds what is about pools to the contract. */
export const knowPools = (): void => know(`
  tuple place: u64, u32;
  record value: text text, literal bool;
  record dimension: name text, values value[];
  variant plan-option: per-generation u32, cap u32, interval u64, retry u64, batch u32, weighted bool, repeats bool;
  record plan: dimensions dimension[], per-generation u32, cap u32, interval u64, retry u64, batch u32, weighted bool, repeats bool;
  record round: generation u64, per-generation u32, cap u32, settled bool;
  record pool-info: plan plan, combinations u64, kept u64, round round, started u64, next u64;
  tuple named-value: text, value;
  record combination: key bytes, values named-value[];
  record combinations-page: combinations combination[], next u64?;
  flags choice: weighted, no-repeats;
  record picked: generation u64, entry u32, variants u32, hit hit?;
  record new-variant: place place?, value bytes, score f64?, options set-option[];
  tuple keyed-stored: bytes, stored;
  record added: duplicate bool, generation u64, entry u32, variant keyed-stored?, combination stored, pruned bytes[];
  record variant-info: generation u64, entry u32, cached-at u64, size u32, score f64?;
  record combination-info: variants variant-info[], missing u32[], due u32[], retry-at u64?, failures u32, reason text, duplicates u64,
    broken bool;
  record tally: entries u64, covered u64, failed u64;
  record pool-statistics: cached-entries u64, unique-combinations-covered u64, total-combinations u64, entries-per-generation u32,
    max-entries-per-combination u32, max-possible-entries u64, avg-entries-per-combination-tenths u64, combination-coverage-percentage u32,
    entry-coverage-percentage u32, failed-combinations u64, last-generation u64?;
  call define 96: state bytes?, dimensions dimension[], options plan-option[] -> bytes;
  call inspect-pool 97: state bytes -> pool-info;
  call combination-key 98: state bytes, values pair[] -> bytes;
  call combinations 99: state bytes, values pair[], kept bool, first u64, limit u32 -> combinations-page;
  call begin 100: state bytes, now u64, force bool -> bytes?;
  call settle 109: state bytes, generation u64 -> bytes?;
  call clear-pool 101: state bytes, regenerate bool -> bytes;
  call statistics 102: state bytes, tally tally -> pool-statistics;
  call variant-key 103: combination bytes, generation u64, entry u32 -> bytes;
  call pick 104: namespace u32, combination bytes, how choice, stored bytes?, now u64 -> picked?;
  call add-variant 105: namespace u32, combination bytes, round round, variant new-variant, stored bytes?, now u64, sequence u64? -> added;
  call fail 106: namespace u32, combination bytes, round round, place place, reason text, retry-at u64, stored bytes?, now u64,
    sequence u64? -> stored?;
  call lose 107: namespace u32, combination bytes, place place, stored bytes?, now u64, sequence u64? -> stored?;
  call look 108: namespace u32, combination bytes, round round, longest-retry u64, stored bytes?, now u64 -> combination-info;
`);
