// The cache panel's form: what it says, and what each figure in it means.

import { find, input, options, select, write } from "../dom.js";
import { count } from "../format.js";
import { NAMES, POLICIES, type Name } from "../policies.js";
import { workload, type Pattern, type Workload } from "./workload.js";

const RATES = [100, 200, 500, 1000, 2000, 5000, 10000, 20000];
const USUAL_RATE = 4;

export function fillSettings(): void {
  options(select("policy"), NAMES);
  const rate = input("rate");
  [rate.max, rate.value] = [String(RATES.length - 1), String(USUAL_RATE)];
  showSettings();
}

/** Writes beside the controls what they stand at. */
export function showSettings(): void {
  write(find("policy-says", HTMLElement), sentence(POLICIES[policy()]));
  const rate = `${count(requestsPerSecond())} /s`;
  write(find("rate-says", HTMLElement), rate);
  input("rate").ariaValueText = rate.replace("/s", "requests a second");
  write(find("skew-says", HTMLElement), Number(input("skew").value).toFixed(2));
  input("skew").disabled = pattern() === "loop";
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

export const policy = (): Name => select("policy").value as Name;
export const maxBytes = (): number => Number(select("size").value);
export const hasColdTier = (): boolean => input("cold").checked;
export const requestsPerSecond = (): number => RATES[Number(input("rate").value)] ?? 1000;

const pattern = (): Pattern => select("pattern").value as Pattern;

export const chosenWorkload = (): Workload => workload(pattern(), Number(select("keys").value), Number(input("skew").value));
