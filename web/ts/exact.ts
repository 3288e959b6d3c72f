// Whether a value comes back from the cache as what it was. JSON makes texts of dates and nothing of maps, and says so to nobody.

/** Deeper than anybody nests, and less than the stack holds. */
const DEEPEST = 500;

/** Where a value holds what would come back as something else, in words; `undefined` for one that is exact. -0 comes back as 0, and a field
 * that is `undefined` as none. */
export function inexact(value: unknown, at = "it", above: readonly unknown[] = []): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  // Within others half a character is escaped; by itself it is none in UTF-8.
  if (typeof value === "string") return above.length === 0 && /\p{Surrogate}/u.test(value) ? `${at} has half a character` : undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${at} is ${value}`;
  if (typeof value !== "object") return `${at} is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  // A kind of bytes, such as a Buffer, comes back as plain ones.
  if (above.length === 0 && Object.getPrototypeOf(value) === Uint8Array.prototype) return undefined;
  if (above.includes(value)) return `${at} holds itself`;
  if (above.length > DEEPEST) return `it is nested more than ${DEEPEST} deep`;
  if (Array.isArray(value)) {
    const kind = kindOf(value);
    if (kind !== "Array") return `${at} is a ${kind}`;
    if (Object.keys(value).length > value.length) return `${at} is a list with names`;
    return first(value, (item, place) => inexact(item, `${at}[${place}]`, [...above, value]));
  }
  const kind = kindOf(value);
  if (kind !== undefined) return `${at} is a ${kind}`;
  if (Object.getOwnPropertySymbols(value).length > 0) return `${at} has a symbol for a name`;
  const named = Object.entries(value).filter(([, item]) => item !== undefined);
  return first(named, ([name, item]) => (name === "toJSON" ? `${at} has a toJSON` : inexact(item, `${at}.${name}`, [...above, value])));
}

/** The first answer that is none of `undefined`. Holes in lists count as items. */
function first<T>(items: readonly T[], look: (item: T, place: number) => string | undefined): string | undefined {
  for (let place = 0; place < items.length; place++) {
    const found = look(items[place] as T, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The kind of an object, unless it is a plain one, of this or of another realm. */
export function kindOf(value: object): string | undefined {
  const above = Object.getPrototypeOf(value) as object | null;
  // Of all prototypes only the topmost has this by itself.
  if (above === null || (Object.getPrototypeOf(above) === null && Object.hasOwn(above, "isPrototypeOf"))) return undefined;
  return above.constructor?.name || "object of a class";
}
