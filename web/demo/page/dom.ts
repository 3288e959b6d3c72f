// Small things for the document. Text from outside (keys, traces, files) reaches it through `shown` and as text only.

/** The element of this id, which must be of this kind. */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(`#${id} is no ${kind.name}`);
  return element;
}

export const input = (id: string): HTMLInputElement => find(id, HTMLInputElement);
export const select = (id: string): HTMLSelectElement => find(id, HTMLSelectElement);
export const button = (id: string): HTMLButtonElement => find(id, HTMLButtonElement);
export const form = (id: string): HTMLFormElement => find(id, HTMLFormElement);

/** Writes a text where it differs, so that what did not change is not laid out again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Writes texts into the elements of these ids. */
export function writeAll(texts: Readonly<Record<string, string>>): void {
  for (const [id, text] of Object.entries(texts)) write(find(id, HTMLElement), text);
}

/** A new element with a text. */
export function made<K extends keyof HTMLElementTagNameMap>(name: K, text = "", className = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (text !== "") element.textContent = text;
  if (className !== "") element.className = className;
  return element;
}

/** A table row of cells; the first one names it. */
export function row(first: string, ...rest: readonly string[]): HTMLTableRowElement {
  const line = made("tr");
  const head = made("th");
  head.scope = "row";
  head.append(made("bdi", first));
  line.append(head, ...rest.map((text) => made("td", text)));
  return line;
}

const LONGEST = 120;

/** Foreign text, cut, and with characters that would not be seen or would act on others made visible. */
export function shown(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\uFFFD");
}

/** What went wrong, as a sentence. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Options of a select, by their values. */
export function options(of: HTMLSelectElement, values: readonly string[], label = (value: string): string => value): void {
  of.replaceChildren(...values.map((value) => new Option(label(value), value)));
}
