// Picking: what comes of asking the same question again and again.

import type { Picked, Pool } from "../../pkg/index.js";
import { button, find, made, shown, write } from "../dom.js";
import { moment } from "../format.js";
import { say } from "../say.js";
import type { Dimensions } from "./plan.js";

const KEPT = 20;

export class Picks {
  private picks: Picked[] = [];
  private selects: readonly (readonly [string, HTMLSelectElement])[] = [];

  constructor(private readonly pool: () => Pool) {
    button("pick").addEventListener("click", () => void this.pick(1));
    button("pick-many").addEventListener("click", () => void this.pick(KEPT));
  }

  /** Takes over the dimensions of a plan. */
  ask(dimensions: Dimensions): void {
    this.selects = Object.entries(dimensions).map(([name, values]) => {
      const choice = made("select");
      choice.append(...values.map((value) => new Option(value)));
      choice.addEventListener("change", () => this.clear());
      return [name, choice] as const;
    });
    const labels = this.selects.map(([name, choice]) => {
      const label = made("label", "", "field");
      label.append(made("span", name), choice);
      return label;
    });
    find("pick-values", HTMLElement).replaceChildren(...labels);
    this.clear();
  }

  /** Forgets what was picked. */
  clear(): void {
    this.picks = [];
    this.show("Nothing was picked yet.");
  }

  private async pick(times: number): Promise<void> {
    const values = Object.fromEntries(this.selects.map(([name, choice]) => [name, choice.value]));
    const { selects } = this;
    for (let time = 0; time < times; time++) {
      const picked = await this.pool().pick(values);
      if (picked === undefined) return this.show("There is no variant of this combination yet; run a round.");
      // Another plan is in force by now.
      if (selects !== this.selects) return;
      this.picks.unshift(picked);
    }
    this.picks.length = Math.min(this.picks.length, KEPT);
    const distinct = new Set(this.picks.map(({ value }) => value)).size;
    const variants = this.picks[0]?.variants ?? 0;
    const answers = distinct === 1 ? "1 distinct answer" : `${distinct} distinct answers`;
    this.show(`${answers} in the last ${this.picks.length} picks, of ${variants} variants.`);
  }

  private show(sentence: string): void {
    write(find("pick-said", HTMLElement), sentence);
    say(sentence);
    const items = this.picks.map(({ value, generation, entry }) => {
      const item = made("li");
      item.append(made("span", shown(String(value))), made("small", `generation ${moment(generation * 1000)}, entry ${entry}`));
      return item;
    });
    find("picks", HTMLOListElement).replaceChildren(...items);
  }
}
