// The reel as this page knows it: regions, choices, what is not saved yet, undo, and what other pages change meanwhile.
//
// A choice is changed here at once and sent in order, one at a time per region, each with the revision it was made from. If another page was
// first, sending stops for that region until somebody says which of the two holds. What could not be sent is kept in the browser, too.

import { rested } from "./dom.js";

const EMPTY = { state: "proposed", take: null, edits: {}, onsets_s: null, sensitivity: null, reason: "", note: "" };
const UNDO_MERGES_MS = 900; // one drag or one row of key presses is one step back
const RETRY_MS = 3000; // what waits is offered again
const SETTLE_MS = 150; // and one row in the journal

export const NO_EDIT = { level_db: 0, nudge_frames: 0, nudge_ms: 0, fade_in_s: 0, fade_out_s: 0 };

/** What of a choice is an editor's, in one form, so that two can be compared. */
export function tidy(choice) {
  const edits = {};
  for (const [take, edit] of Object.entries(choice?.edits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const whole = { ...NO_EDIT, ...edit };
    if (Object.values(whole).some((value) => value !== 0)) edits[take] = whole;
  }
  const kept = { ...EMPTY, edits };
  for (const name of ["state", "take", "onsets_s", "sensitivity"]) kept[name] = choice?.[name] ?? EMPTY[name];
  for (const name of ["reason", "note"]) kept[name] = choice?.[name] || "";
  return kept;
}

const same = (one, other) => JSON.stringify(tidy(one)) === JSON.stringify(tidy(other));

/** What the journal takes: empty texts are null. */
const sent = (choice) => ({ ...choice, reason: choice.reason || null, note: choice.note || null });

/** How this page signs what it chooses; two pages of one browser differ. */
function pageName() {
  const system = navigator.userAgentData?.platform || navigator.platform || "browser";
  return `page ${Math.random().toString(36).slice(2, 6)} on ${system}`.slice(0, 60);
}

/**
 * Events: `reel` (title, counts, applied), `region` (detail.number: its choice, takes or saving changed; detail.what says which: "choice",
 * "saving", "takes"), `away`, `back`, `gone`, `job` (detail.job), `told` (detail.text: something a person should hear of).
 */
export class Store extends EventTarget {
  /** @param {import("./api.js").ReelApi} api */
  constructor(api) {
    super();
    this.api = api;
    this.by = pageName();
    this.reel = null;
    /** @type {Map<number, object>} */
    this.regions = new Map();
    this.undone = [];
    this.away = false;
    this.saving = rested(SETTLE_MS, () => this.sendAll());
    this.place = `foley_bridge.unsaved.${api.job}`;
  }

  say(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  async open() {
    this.takeOver(await this.api.overview());
    for (const [number, kept] of Object.entries(this.keptUnsaved())) {
      const region = this.regions.get(Number(number));
      if (!region || region.summary.error) continue;
      await this.detail(region.summary.number);
      if (same(kept.choice, region.choice)) continue;
      region.choice = tidy(kept.choice);
      region.revision = kept.base;
      region.dirty = true;
      this.reflect(region);
      this.saving();
    }
    this.keepUnsaved();
    this.stop = this.api.follow((name, data) => this.hear(name, data));
  }

  /** Takes an overview over, keeping what is not sent yet. */
  takeOver(reel) {
    this.reel = reel;
    for (const summary of reel.regions) {
      const region = this.regions.get(summary.number);
      if (!region) {
        this.regions.set(summary.number, {
          summary, detail: null, asked: null, choice: tidy({ state: summary.state, note: summary.note }), revision: summary.revision,
          dirty: false, sending: false, conflict: null, trouble: null,
        });
        continue;
      }
      const stale = summary.revision > region.revision || summary.takes !== region.summary.takes;
      region.summary = summary;
      if (region.dirty || region.sending || region.conflict) this.reflect(region);
      else if (stale && region.detail) this.refresh(summary.number);
    }
    this.say("reel");
  }

  get numbers() {
    return this.reel.regions.map((summary) => summary.number);
  }

  /** The region whole; asked for once. */
  async detail(number, signal) {
    const region = this.regions.get(number);
    if (region.detail) return region;
    return this.refresh(number, signal);
  }

  /** Asks for a region anew: it has new takes, or another page chose. */
  async refresh(number, signal) {
    const region = this.regions.get(number);
    const detail = await this.api.region(number, signal);
    region.detail = detail;
    region.summary.takes = detail.takes.length;
    if (!region.dirty && !region.sending && !region.conflict) {
      region.choice = tidy(detail.choice);
      region.revision = detail.choice?.revision ?? 0;
      region.by = detail.choice?.by ?? null;
    }
    this.reflect(region);
    this.say("region", { number, what: "takes" });
    return region;
  }

  /** Lets go of what is not on screen; 500 regions are looked through in one sitting. */
  forget(number) {
    const region = this.regions.get(number);
    if (region && !region.dirty && !region.sending && !region.conflict) region.detail = null;
  }

  // ---- choosing

  /**
   * Changes a region's choice, here at once, in the journal soon.
   * @param {string} step what this is called when it is undone; steps of one name soon after each other are one
   */
  choose(number, change, step) {
    const region = this.regions.get(number);
    if (!region?.detail) return;
    const before = region.choice;
    const choice = tidy({ ...before, ...change });
    if (same(before, choice)) return;
    const last = this.undone.at(-1);
    const now = performance.now();
    if (last && last.number === number && last.step === step && now - last.at < UNDO_MERGES_MS) last.at = now;
    else this.undone.push({ number, before, step, at: now });
    if (this.undone.length > 500) this.undone.shift();
    this.settle(region, choice);
  }

  /** What goes with an earlier change rather than being one: the take that a moved onset led to. */
  follow(number, change) {
    const region = this.regions.get(number);
    if (!region) return;
    const choice = tidy({ ...region.choice, ...change });
    if (!same(choice, region.choice)) this.settle(region, choice);
  }

  /** @returns {{number: number, step: string} | null} what was taken back */
  undo() {
    const last = this.undone.pop();
    if (!last) return null;
    this.settle(this.regions.get(last.number), last.before);
    return last;
  }

  settle(region, choice) {
    region.choice = choice;
    region.dirty = true;
    region.trouble = null;
    this.reflect(region);
    this.keepUnsaved();
    this.say("region", { number: region.summary.number, what: "choice" });
    this.saving();
  }

  /** An edit of one take, whole. */
  edit(number, take) {
    return { ...NO_EDIT, ...(this.regions.get(number)?.choice.edits[take] ?? {}) };
  }

  chooseEdit(number, take, change, step) {
    const region = this.regions.get(number);
    this.choose(number, { edits: { ...region.choice.edits, [take]: { ...this.edit(number, take), ...change } } }, step);
  }

  reflect(region) {
    const { summary, choice } = region;
    summary.state = choice.state;
    summary.note = choice.note || null;
    if (region.detail) summary.tapped = choice.onsets_s !== null || region.detail.tapped;
    this.say("reel");
  }

  // ---- sending

  sendAll() {
    for (const region of this.regions.values()) if (region.dirty) this.send(region);
  }

  async send(region) {
    if (region.sending || region.conflict || !region.dirty || this.gone) return;
    const { number } = region.summary;
    const choice = region.choice;
    region.sending = true;
    region.dirty = false;
    this.say("region", { number, what: "saving" });
    try {
      const answer = await this.api.choose(number, { base: region.revision, choice: sent(choice), by: this.by });
      region.revision = answer.choice?.revision ?? answer.revision;
      region.summary.revision = region.revision;
      this.setAway(false);
    } catch (error) {
      region.dirty = true;
      if (error.status === 409 && error.body?.choice) this.clash(region, error.body.choice);
      else if (error.away) this.setAway(true);
      else if (error.status === undefined) throw error;
      else if (error.status === 404) this.lose();
      else region.trouble = error;
    } finally {
      region.sending = false;
    }
    this.keepUnsaved();
    this.say("region", { number, what: "saving" });
    if (region.dirty && !region.conflict && !region.trouble && !this.away) this.send(region);
    else this.catchUp(region);
  }

  /** Resolves when all that was chosen is in the journal; rejects when something of it cannot be. */
  async settled() {
    this.saving.flush();
    this.sendAll();
    for (;;) {
      const open = [...this.regions.values()].filter((region) => region.dirty || region.sending);
      if (!open.length) return;
      const stuck = open.find((region) => region.conflict || region.trouble);
      if (stuck) throw stuck.trouble ?? new Error(`${stuck.summary.name} was changed on another page: say first which of the two holds`);
      if (this.away || this.gone) throw new Error("the daemon does not answer; what you chose is kept and sent when it is back");
      await new Promise((resolve) => this.addEventListener("region", resolve, { once: true }));
    }
  }

  /** Looks at an apply until it has ended; its events may be lost. */
  async watchApply(job) {
    for (;;) {
      try {
        const known = await this.api.status(job);
        this.noteJob({ ...known, job, kind: "apply" });
        if (["done", "failed", "cancelled"].includes(known.state)) return;
      } catch (error) {
        if (!error.away) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }

  get unsaved() {
    return [...this.regions.values()].filter((region) => region.dirty || region.sending).length;
  }

  keepUnsaved() {
    const unsaved = {};
    for (const region of this.regions.values()) {
      if (region.dirty || region.sending) unsaved[region.summary.number] = { base: region.revision, choice: region.choice };
    }
    try {
      if (Object.keys(unsaved).length) localStorage.setItem(this.place, JSON.stringify(unsaved));
      else localStorage.removeItem(this.place);
    } catch {
      // A browser that keeps nothing: the page holds them as long as it is open.
    }
  }

  keptUnsaved() {
    try {
      return JSON.parse(localStorage.getItem(this.place) ?? "{}");
    } catch {
      return {};
    }
  }

  // ---- other pages

  clash(region, theirs) {
    if (same(theirs, region.choice)) {
      region.dirty = false;
      region.revision = theirs.revision;
      return;
    }
    region.conflict = theirs;
    this.say("told", { text: `${region.summary.name} was changed on another page` });
  }

  /** @param {"theirs" | "mine"} which */
  resolve(number, which) {
    const region = this.regions.get(number);
    const theirs = region?.conflict;
    if (!theirs) return;
    region.conflict = null;
    region.revision = theirs.revision;
    if (which === "theirs") {
      this.undone = this.undone.filter((step) => step.number !== number);
      region.choice = tidy(theirs);
      region.dirty = false;
      this.keepUnsaved();
      this.reflect(region);
      this.say("region", { number, what: "choice" });
    } else {
      region.dirty = true;
      this.send(region);
    }
    this.say("region", { number, what: "saving" });
    if (region.detail) this.refresh(number).catch(() => {});
  }

  /** What another page chose while ours was under way. */
  catchUp(region) {
    const told = region.told;
    region.told = null;
    if (!told || region.dirty || region.sending || region.conflict || told.revision <= region.revision) return;
    region.choice = tidy(told);
    region.revision = told.revision;
    region.summary.revision = told.revision;
    this.undone = this.undone.filter((step) => step.number !== region.summary.number);
    this.reflect(region);
    this.say("region", { number: region.summary.number, what: "choice" });
    if (told.by !== this.by) this.say("told", { text: `${region.summary.name} was changed on another page` });
  }

  hear(name, data) {
    if (name === "away") this.setAway(true);
    else if (name === "back") this.cameBack();
    else if (name === "gone") this.lose();
    else if (name === "choice") {
      const region = this.regions.get(data.region);
      if (this.reel && data.revision > this.reel.revision) this.reel.revision = data.revision;
      if (!region) return;
      if (data.choice.revision > (region.told?.revision ?? 0)) region.told = data.choice;
      this.catchUp(region);
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
    const error = job.error ?? null;
    if (known) Object.assign(known, { state: job.state, error });
    else this.reel.applied.unshift({ job: job.job, state: job.state, revision: this.reel.revision, out: null, error });
    this.say("reel");
    // Which choices went in, the reel itself says.
    if (job.state === "done") this.api.overview().then((reel) => this.takeOver(reel), () => {});
  }

  setAway(away) {
    if (away === this.away) return;
    this.away = away;
    clearInterval(this.trying);
    if (away) this.trying = setInterval(() => this.sendAll(), RETRY_MS);
    this.say(away ? "away" : "back");
  }

  async cameBack() {
    this.setAway(false);
    try {
      this.takeOver(await this.api.overview());
    } catch {
      return;
    }
    this.sendAll();
  }

  lose() {
    if (this.gone) return;
    this.gone = true;
    this.say("gone");
  }
}
