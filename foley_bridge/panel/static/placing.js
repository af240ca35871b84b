// Asking for more takes, and hearing of them: one at a time per region where a later wish replaces an earlier one.

import { ENDED } from "./api.js";

const REST_MS = 300; // an onset that is still being moved is not placed yet
const LOOK_MS = 2000; // events may be lost; the job itself is looked at now and then

/**
 * Events: `placing` (detail.number): something of a region's retakes changed, see `of`.
 *
 * What a region's retakes look like: `{words, error, busy}`: what is being made, why the last one did not work, whether any is under way.
 */
export class Placing extends EventTarget {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    super();
    this.store = store;
    this.api = store.api;
    /** @type {Map<number, {timer: number, turn: number, job: string | null, words: string, error: any, replaces: boolean}>} */
    this.regions = new Map();
    this.waiting = new Map();
    store.addEventListener("job", (event) => this.hear(event.detail.job));
  }

  entry(number) {
    if (!this.regions.has(number)) this.regions.set(number, { timer: 0, turn: 0, job: null, words: "", error: null });
    return this.regions.get(number);
  }

  of(number) {
    const entry = this.regions.get(number);
    return { words: entry?.words ?? "", error: entry?.error ?? null, busy: Boolean(entry?.words) };
  }

  say(number) {
    this.dispatchEvent(new CustomEvent("placing", { detail: { number } }));
  }

  /**
   * Asks for a retake when nothing newer was asked for a moment later.
   * @param {(takes: object[]) => void} then with the takes that are new
   */
  later(number, words, body, then) {
    const entry = this.entry(number);
    clearTimeout(entry.timer);
    entry.turn += 1;
    entry.words = words;
    entry.error = null;
    this.drop(entry);
    entry.timer = setTimeout(() => this.now(number, words, body, then), REST_MS);
    this.say(number);
  }

  /** Asks for a retake at once; one that is under way for this region is given up. */
  async now(number, words, body, then) {
    const entry = this.entry(number);
    clearTimeout(entry.timer);
    const turn = ++entry.turn;
    this.drop(entry);
    entry.words = words;
    entry.error = null;
    this.say(number);
    try {
      const { job } = await this.api.retake(number, body);
      if (turn !== entry.turn) {
        this.api.cancel(job).catch(() => {});
        return;
      }
      entry.job = job;
      const ended = await this.ending(job);
      if (turn !== entry.turn) return;
      entry.job = null;
      if (ended.state !== "done") throw ended.error ?? { message: "nothing was made", hint: "" };
      const before = new Set(this.store.regions.get(number).detail?.takes.map((take) => take.id));
      const region = await this.store.refresh(number);
      if (turn !== entry.turn) return;
      const made = region.detail.takes.filter((take) => take.made === job);
      const fresh = made.length ? made : region.detail.takes.filter((take) => !before.has(take.id));
      if (!fresh.length && ended.failed_regions) throw ended.region_error ?? { message: "nothing could be made of that", hint: "" };
      entry.words = "";
      then(fresh);
    } catch (error) {
      if (turn !== entry.turn) return;
      entry.job = null;
      entry.words = "";
      entry.error = error;
    }
    this.say(number);
  }

  /** Gives up what is under way. */
  stop(number) {
    const entry = this.regions.get(number);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.turn += 1;
    this.drop(entry);
    entry.words = "";
    this.say(number);
  }

  clear(number) {
    const entry = this.regions.get(number);
    if (!entry?.error) return;
    entry.error = null;
    this.say(number);
  }

  drop(entry) {
    if (!entry.job) return;
    const job = entry.job;
    entry.job = null;
    this.waiting.get(job)?.({ state: "cancelled", error: null });
    this.api.cancel(job).catch(() => {});
  }

  /** Resolves with the job object when the job has ended. */
  ending(job) {
    return new Promise((resolve) => {
      let timer = 0;
      const done = (ended) => {
        clearTimeout(timer);
        this.waiting.delete(job);
        resolve(ended);
      };
      const look = async () => {
        try {
          const known = await this.api.status(job);
          if (ENDED.has(known.state)) return done(known);
        } catch (error) {
          if (!error.away) return done({ state: "failed", error });
        }
        if (this.waiting.has(job)) timer = setTimeout(look, LOOK_MS);
      };
      this.waiting.set(job, done);
      timer = setTimeout(look, 0);
    });
  }

  hear(job) {
    if (!ENDED.has(job.state)) return;
    const ours = this.waiting.get(job.job);
    if (ours) ours(job);
    else if (job.kind === "retake" && job.state === "done") this.store.lookAnew(); // another page's, or asked for before a reload
  }
}
