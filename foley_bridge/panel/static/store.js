// The reel as this page knows it: its regions, what is chosen, undo, and what becomes of it elsewhere meanwhile. A choice is changed here at once
// and saved a little later (`saving.js`).

import { ENDED } from "./api.js";
import { NO_EDIT, same, tidy, touched } from "./choice.js";
import { Saving } from "./saving.js";
import { Undo } from "./undo.js";

const LOOK_MS = 1500; // events may be lost; an apply is looked at now and then

/**
 * What is known of a region.
 * @typedef {object} Region
 * @property {object} summary of the overview
 * @property {object | null} detail the region whole, while it is on screen
 * @property {boolean} wanted it is on screen
 * @property {boolean} whole `choice` is the whole choice, not only what the overview says of it
 * @property {object} choice as it stands here
 * @property {number} revision of the journal's choice that it goes out from
 * @property {boolean} dirty it is not sent yet
 * @property {boolean} sending
 * @property {object | null} conflict what another page chose first
 * @property {object | null} trouble why it could not be saved
 * @property {object | null} told the newest choice that the events told of
 * @property {number} asked how often it was asked for
 * @property {number} answered the latest of these that was answered
 */

/**
 * Events: `reel` (title, counts, applied), `region` (detail.number: its choice, takes or saving changed; detail.what says which: "choice",
 * "saving", "takes"), `away`, `back`, `gone`, `job` (detail.job), `told` (detail.text: something a person should hear of).
 */
export class Store extends EventTarget {
  /** @param {import("./api.js").ReelApi} api */
  constructor(api) {
    super();
    this.api = api;
    this.reel = null;
    /** @type {Map<number, Region>} */
    this.regions = new Map();
    this.undone = new Undo();
    this.away = false;
    this.gone = false;
    this.saving = new Saving(this);
  }

  say(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  async open() {
    this.takeOver(await this.api.overview());
    this.saving.takeUp();
    this.stop = this.api.follow((name, data) => this.hear(name, data));
  }

  /** Takes an overview over, keeping what this page knows better. */
  takeOver(reel) {
    if (this.reel) {
      const { revision, applied } = this.reel;
      reel.revision = Math.max(reel.revision, revision);
      reel.applied.unshift(...applied.filter((known) => !reel.applied.some(({ job }) => job === known.job)));
    }
    this.reel = reel;
    for (const summary of reel.regions) {
      const region = this.regions.get(summary.number);
      if (!region) this.regions.set(summary.number, seen(summary));
      else this.renew(region, summary);
    }
    this.say("reel");
  }

  renew(region, summary) {
    const newer = summary.revision > region.revision;
    const stale = newer || summary.takes !== region.summary.takes;
    region.summary = summary;
    if (this.saving.holds(region) || summary.revision < region.revision) this.reflect(region);
    else if (newer && !region.detail) {
      Object.assign(region, { whole: false, choice: told(summary), revision: summary.revision });
      this.undone.forget(summary.number);
    }
    if (stale && region.detail) this.refresh(summary.number).catch(() => {});
  }

  get numbers() {
    return this.reel.regions.map((summary) => summary.number);
  }

  /** The region whole, kept until `forget`. */
  async detail(number, signal) {
    const region = this.regions.get(number);
    region.wanted = true;
    return region.detail ? region : this.refresh(number, signal);
  }

  /** Asks for a region anew: it has new takes, or another page chose. */
  async refresh(number, signal) {
    const region = this.regions.get(number);
    const asked = ++region.asked;
    const detail = await this.api.region(number, signal);
    if (asked < region.answered) return region; // what was asked later was answered sooner
    region.answered = asked;
    region.detail = detail;
    Object.assign(region.summary, { takes: detail.takes.length, engine: detail.engine, error: detail.error?.message ?? null });
    // What was saved since this was asked is newer than the answer.
    const newer = !region.whole || detail.choice.revision >= region.revision;
    if (newer && !this.saving.holds(region)) {
      region.choice = tidy(detail.choice);
      region.revision = detail.choice.revision;
    }
    region.whole = true;
    this.reflect(region);
    this.say("region", { number, what: "takes" });
    return region;
  }

  /** A region is not on screen any more; 500 are looked through in one sitting. */
  forget(number) {
    const region = this.regions.get(number);
    region.wanted = false;
    this.letGo(region);
  }

  letGo(region) {
    if (!region.wanted && !this.saving.holds(region)) region.detail = null;
  }

  // ---- choosing

  /**
   * Changes a region's choice, here at once, in the journal soon.
   * @param {string} step what this is called when it is undone
   */
  choose(number, change, step) {
    const region = this.regions.get(number);
    if (!region?.whole) return;
    const before = region.choice;
    const choice = tidy({ ...before, ...change });
    if (same(before, choice)) return;
    this.undone.note(number, before, step);
    this.settle(region, choice);
  }

  /** What goes with an earlier change rather than being one: the take that a moved onset led to. */
  amend(number, change) {
    const region = this.regions.get(number);
    const choice = tidy({ ...region.choice, ...change });
    if (!same(choice, region.choice)) this.settle(region, choice);
  }

  /** @returns {{number: number, step: string} | null} what was taken back */
  undo() {
    const last = this.undone.take();
    if (last) this.settle(this.regions.get(last.number), last.before);
    return last;
  }

  settle(region, choice) {
    region.choice = choice;
    this.saving.changed(region);
    this.reflect(region);
    this.say("region", { number: region.summary.number, what: "choice" });
  }

  /** An edit of one take, whole. */
  edit(number, take) {
    return { ...NO_EDIT, ...(this.regions.get(number)?.choice.edits[take] ?? {}) };
  }

  chooseEdit(number, take, edit, step) {
    const { choice } = this.regions.get(number);
    this.choose(number, { edits: { ...choice.edits, [take]: edit } }, step);
  }

  /** The overview says what is chosen here. */
  reflect(region) {
    const { summary, choice } = region;
    summary.state = choice.state;
    summary.note = choice.note || null;
    if (region.whole) summary.touched = touched(choice);
    if (region.detail) summary.tapped = choice.onsets_s !== null || region.detail.tapped;
    this.say("reel");
  }

  // ---- what is heard of it

  hear(name, data) {
    if (name === "away") this.setAway(true);
    else if (name === "back") this.cameBack();
    else if (name === "gone") this.lose();
    else if (name === "choice") {
      const region = this.regions.get(data.region);
      this.reel.revision = Math.max(this.reel.revision, data.revision);
      if (!region) return;
      if (data.choice.revision > (region.told?.revision ?? 0)) region.told = data.choice;
      this.saving.catchUp(region);
      this.say("reel");
    } else if (name === "job") {
      this.noteJob(data);
      this.say("job", { job: data });
    }
  }

  /** Where an apply stands, for the header. */
  noteJob(job) {
    if (job.kind !== "apply") return;
    const known = this.reel.applied.find((apply) => apply.job === job.job);
    if (known && ENDED.has(known.state) && !ENDED.has(job.state)) return; // told late
    const error = job.error ?? null;
    const now = job.state === "done" && job.failed_regions === 0 ? { state: job.state, error, failed: [] } : { state: job.state, error };
    if (known) Object.assign(known, now);
    else this.reel.applied.unshift({ job: job.job, revision: this.reel.revision, out: null, ...now });
    this.say("reel");
    if (job.state === "done") this.lookAnew(); // which choices went in, the reel itself says
  }

  /** Looks at an apply until it has ended. */
  async watchApply(job) {
    for (;;) {
      try {
        const known = await this.api.status(job);
        this.noteJob({ ...known, job, kind: "apply" });
        if (ENDED.has(known.state)) return;
      } catch (error) {
        if (!error.away) return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Reads the overview anew. @returns {Promise<boolean>} whether it could be had */
  lookAnew() {
    return this.api.overview().then(
      (reel) => {
        this.takeOver(reel);
        return true;
      },
      () => false,
    );
  }

  setAway(away) {
    if (away === this.away) return;
    this.away = away;
    this.say(away ? "away" : "back");
  }

  async cameBack() {
    this.setAway(false);
    if (await this.lookAnew()) this.saving.sendAll();
  }

  lose() {
    if (this.gone) return;
    this.gone = true;
    this.say("gone");
  }
}

/** What the overview says of a choice. */
const told = ({ state, note }) => tidy({ state, note });

/** A region of which only the overview is known. @returns {Region} */
const seen = (summary) => ({
  summary, detail: null, wanted: false, whole: false, choice: told(summary), revision: summary.revision,
  dirty: false, sending: false, conflict: null, trouble: null, told: null, asked: 0, answered: 0,
});
