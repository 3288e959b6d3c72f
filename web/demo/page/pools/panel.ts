// The pools panel: a plan, a pretend generator, rounds by a clock that can be put ahead, and picks.

import { Larder, type Pool, type RoundReport } from "../../pkg/index.js";
import { button, find, form, input, reason, write } from "../dom.js";
import { say } from "../say.js";
import { showPool } from "./coverage.js";
import { generator, type Manners } from "./generator.js";
import { Picks } from "./picks.js";
import { planOf, type Plan } from "./plan.js";

const THREE_HOURS = 3 * 3600_000;
/** Milliseconds between two sights of a pool that grows. */
const SIGHT = 250;

function reported(report: RoundReport): string {
  const { planned, made, duplicates, failed, left, pruned } = report;
  if (planned === 0) return "Nothing is due: the next round has not begun, and what failed is tried again later.";
  const parts = [`${made} made`, duplicates === 1 ? "1 duplicate" : `${duplicates} duplicates`, `${failed} failed`, `${pruned} pruned`];
  if (left > 0) parts.push(`${left} left`);
  return `${planned} planned: ${parts.join(", ")}.`;
}

export async function startPools(): Promise<void> {
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  const cache = await Larder.open({ maxBytes: "8MiB", now });
  const dimensions = find("dimensions", HTMLTextAreaElement);
  let plan: Plan = planOf(dimensions.value);
  let pool: Pool = await cache.pool("snippets", plan);
  let round: AbortController | undefined;

  const tell = (sentence: string): void => {
    write(find("pool-said", HTMLElement), sentence);
    say(sentence);
  };
  // One sight at a time; what changes meanwhile is shown by the next.
  let sight: Promise<void> = Promise.resolve();
  const show = (): Promise<void> => {
    const next = (): Promise<void> => showPool(pool, plan, now(), ahead);
    sight = sight.then(next).catch((error: unknown) => tell(reason(error)));
    return sight;
  };
  const picks = new Picks(() => pool);
  picks.ask(plan.dimensions);

  form("plan").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (round !== undefined) return;
    try {
      const given = planOf(dimensions.value);
      pool = await cache.pool("snippets", given);
      plan = given;
      picks.ask(plan.dimensions);
      await show();
      tell("The plan is in force; variants of combinations that it still has are kept.");
    } catch (error) {
      tell(reason(error));
    }
  });

  const manners = (): Manners => ({
    failures: input("failures").valueAsNumber,
    latency: input("latency").valueAsNumber,
    answers: input("answers").valueAsNumber,
  });
  const showManners = (): void => {
    const { failures, latency, answers } = manners();
    const texts = { failures: `${failures} %`, latency: `${latency} ms`, answers: String(answers) };
    for (const [id, text] of Object.entries(texts)) {
      write(find(`${id}-says`, HTMLElement), text);
      input(id).ariaValueText = text;
    }
  };
  for (const id of ["failures", "latency", "answers"]) input(id).addEventListener("input", showManners);
  showManners();

  const accumulate = async (force: boolean): Promise<void> => {
    if (round !== undefined) return;
    round = new AbortController();
    const buttons = ["round", "round-now", "skip", "plan-apply", "pool-clear"].map(button);
    // Not `disabled`: that would take the focus away from the one that was pressed.
    for (const one of buttons) one.ariaDisabled = "true";
    button("round-stop").ariaDisabled = null;
    const sights = setInterval(show, SIGHT);
    try {
      write(find("pool-said", HTMLElement), "The generator is at work…");
      const report = await pool.accumulate(generator(manners), { force, signal: round.signal });
      await show();
      tell(reported(report));
    } catch (error) {
      tell(`The round ended: ${reason(error)}`);
    } finally {
      clearInterval(sights);
      round = undefined;
      for (const one of buttons) one.ariaDisabled = null;
      button("round-stop").ariaDisabled = "true";
    }
  };
  button("round").addEventListener("click", () => void accumulate(false));
  button("round-now").addEventListener("click", () => void accumulate(true));
  button("round-stop").addEventListener("click", () => round?.abort(new Error("stopped")));
  button("skip").addEventListener("click", () => {
    if (round !== undefined) return;
    ahead += THREE_HOURS;
    void show();
    say("The pool’s clock is three hours further.");
  });
  button("pool-clear").addEventListener("click", async () => {
    if (round !== undefined) return;
    await pool.clear({ regenerate: true });
    picks.clear();
    await show();
    tell("The pool is empty; all is due.");
  });
  await show();
}
