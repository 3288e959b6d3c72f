// Requests at a rate, a slice for each frame. A slice ends when its time is up, so that the page stays responsive: then the rate is not kept, and what
// is done of it is told.

/** Milliseconds that a slice may take. */
const SLICE = 6;
/** Requests between two looks at the clock. */
const STEP = 16;
/** After a pause (a hidden tab) no more than this is caught up on. */
const CATCH_UP = 100;

export class Runner {
  rate = 1000;
  private frame: number | undefined;
  private last = 0;
  private due = 0;

  constructor(
    private readonly request: () => void,
    private readonly between: (now: number) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  get isRunning(): boolean {
    return this.frame !== undefined;
  }

  start(): void {
    if (this.isRunning) return;
    this.last = performance.now();
    this.frame = requestAnimationFrame(this.slice);
  }

  stop(): void {
    if (this.frame !== undefined) cancelAnimationFrame(this.frame);
    this.frame = undefined;
  }

  private readonly slice = (): void => {
    this.frame = requestAnimationFrame(this.slice);
    const begin = performance.now();
    this.due += (this.rate * Math.min(begin - this.last, CATCH_UP)) / 1000;
    this.last = begin;
    try {
      while (this.due >= 1) {
        for (let step = 0; step < STEP && this.due >= 1; step++, this.due--) this.request();
        if (performance.now() - begin > SLICE) {
          this.due = 0;
        }
      }
      this.between(begin);
    } catch (error) {
      this.stop();
      this.failed(error);
    }
  };
}
