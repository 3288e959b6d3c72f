// Figures as they are read: grouped digits, one unit, the same number of decimals, so that they do not jump.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const NOTHING = "–";

export const count = (number: number): string => whole.format(number);

/** A share of 1 as a percentage; nothing of nothing is a dash. */
export function percent(part: number, of: number, decimals: 1 | 2 = 1): string {
  return of > 0 ? `${(decimals === 1 ? one : two).format((100 * part) / of)} %` : NOTHING;
}

/** Bytes in units of 1024, as `maxBytes` is mostly given. */
export function bytes(number: number): string {
  if (number < 1024) return `${whole.format(number)} B`;
  if (number < 1024 ** 2) return `${one.format(number / 1024)} KiB`;
  return `${two.format(number / 1024 ** 2)} MiB`;
}

export const ratio = (large: number, small: number): string => (small > 0 ? `${two.format(large / small)} : 1` : NOTHING);

/** A time of the day. */
export const clock = (time: number): string => new Date(time).toLocaleTimeString("en-GB");

/** Day and time, to the minute. */
export function moment(time: number): string {
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A short span of time. */
export const seconds = (milliseconds: number): string => `${one.format(milliseconds / 1000)} s`;

/** A span of time, roughly. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  const hours = Math.round(seconds / 360) / 10;
  return `${(Number.isInteger(hours) ? whole : one).format(hours)} h`;
}
