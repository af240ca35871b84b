// The steps that can be taken back, each with the choice that stood before it.

const MERGES_MS = 900; // one drag or one row of key presses is one step back
const MOST = 500;

export class Undo {
  /** @type {{number: number, before: object, step: string, at: number}[]} */
  #steps = [];

  get empty() {
    return !this.#steps.length;
  }

  /**
   * Notes what stood before a change.
   * @param {string} step what it is called; steps of one name soon after each other are one
   */
  note(number, before, step) {
    const last = this.#steps.at(-1);
    const now = performance.now();
    if (last && last.number === number && last.step === step && now - last.at < MERGES_MS) last.at = now;
    else this.#steps.push({ number, before, step, at: now });
    if (this.#steps.length > MOST) this.#steps.shift();
  }

  /** The last step, which is one no more. */
  take() {
    return this.#steps.pop() ?? null;
  }

  /** Another page's choice stands now: what was before ours is over. */
  forget(number) {
    this.#steps = this.#steps.filter((step) => step.number !== number);
  }
}
