// The one error of this package.

/** Codes of refusals, in the order of the contract (wit/types.wit), and the one of calls that a build leaves out. */
export const CODES = [
  "invalid-argument",
  "key-too-large",
  "too-large",
  "full",
  "unknown-namespace",
  "not-a-number",
  "corrupt",
  "newer-format",
  "expired",
  "invalidated",
  "another-key",
  "outdated",
  "internal",
  "unsupported",
] as const;

/** What kind of refusal an error is; branch on this, never on the message. Of this package are: `trapped`, the engine was stopped by an inner error;
 * `closed`; `unsupported`, it cannot be had here; `storage`, the browser's storage failed; `quota`, it has no more room. */
export type ErrorCode = (typeof CODES)[number] | "trapped" | "closed" | "storage" | "quota";

/** A refusal. Absence is never one: it is `undefined`. */
export class LarderError extends Error {
  override readonly name = "LarderError";

  constructor(
    /** The kind of refusal. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The refusal with a number of the contract. */
export function refusal(code: number, message: string): LarderError {
  return new LarderError(CODES[code] ?? "internal", message);
}
