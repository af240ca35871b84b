// Choices on their way into the journal: in order, one at a time per region, each with the revision it was made from. If another page was
// first, sending stops for that region until somebody says which of the two holds.

import { ApiError } from "./api.js";
import { same, sent, tidy } from "./choice.js";
import { rested } from "./dom.js";
import { Unsaved } from "./unsaved.js";

const RETRY_MS = 3000; // what waits is offered again
const SETTLE_MS = 150; // a row of changes is one row in the journal

/** How this page signs what it chooses; two pages of one browser differ. */
function pageName() {
  const system = navigator.userAgentData?.platform || navigator.platform || "browser";
  return `page ${Math.random().toString(36).slice(2, 6)} on ${system}`.slice(0, 60);
}

export class Saving {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.by = pageName();
    this.kept = new Unsaved(store.api.job);
    this.lasting = true; // what is not saved outlives the page, in the browser
    this.taken = []; // regions whose choices a page before this one left
    this.soon = rested(SETTLE_MS, () => this.sendAll());
    let trying = 0;
    store.addEventListener("away", () => (trying = setInterval(() => this.sendAll(), RETRY_MS)));
    for (const name of ["back", "gone"]) store.addEventListener(name, () => clearInterval(trying));
  }

  /** Has this page something of a region that the journal has not? Then nothing from outside replaces it. */
  holds(region) {
    return region.dirty || region.sending || region.conflict !== null;
  }

  get waiting() {
    return [...this.store.regions.values()].filter((region) => region.dirty || region.sending);
  }

  get unsaved() {
    return this.waiting.length;
  }

  keep() {
    this.lasting = this.kept.keep(new Map(this.waiting.map((region) => [region.summary.number, { base: region.revision, choice: region.choice }])));
  }

  /** Sends what a page before this one could not. */
  takeUp() {
    for (const [number, { base, choice }] of this.kept.takeUp()) {
      const region = this.store.regions.get(number);
      if (!region) continue;
      this.taken.push(number);
      Object.assign(region, { revision: base, whole: true });
      this.store.settle(region, tidy(choice));
    }
    this.keep();
  }

  /** A choice changed here: it is sent when the hands rest. */
  changed(region) {
    region.dirty = true;
    region.trouble = null;
    this.keep();
    this.soon();
  }

  sendAll() {
    for (const region of this.store.regions.values()) this.send(region);
  }

  async send(region) {
    const { store } = this;
    if (region.sending || region.conflict || !region.dirty || store.gone) return;
    const { number } = region.summary;
    const { choice } = region;
    Object.assign(region, { sending: true, dirty: false, trouble: null });
    store.say("region", { number, what: "saving" });
    try {
      const answer = await store.api.choose(number, { base: region.revision, choice: sent(choice), by: this.by });
      region.revision = region.summary.revision = answer.choice.revision;
      store.reel.revision = Math.max(store.reel.revision, answer.revision);
      store.setAway(false);
    } catch (error) {
      region.dirty = true;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 409 && error.body?.choice) this.clash(region, error.body.choice);
      else if (error.away) store.setAway(true);
      else if (error.status === 404) store.lose();
      else region.trouble = error;
    } finally {
      region.sending = false;
    }
    this.keep();
    store.say("region", { number, what: "saving" });
    store.say("reel");
    if (region.dirty && !region.conflict && !region.trouble && !store.away) this.send(region);
    else this.catchUp(region);
    store.letGo(region);
  }

  /** Resolves when all that was chosen is in the journal; rejects when something of it cannot be. */
  async settled() {
    const { store } = this;
    this.soon.flush();
    this.sendAll();
    for (;;) {
      const { waiting } = this;
      if (!waiting.length) return;
      const stuck = waiting.find((region) => region.conflict || region.trouble);
      if (stuck) throw stuck.trouble ?? new Error(`${stuck.summary.name} was changed on another page: say first which of the two holds`);
      if (store.away || store.gone) throw new Error("the daemon does not answer; what you chose is kept and sent when it is back");
      await new Promise((resolve) => store.addEventListener("region", resolve, { once: true }));
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
    this.store.say("told", { text: `${region.summary.name} was changed on another page` });
  }

  /** @param {"theirs" | "mine"} which */
  resolve(number, which) {
    const { store } = this;
    const region = store.regions.get(number);
    const theirs = region?.conflict;
    if (!theirs) return;
    region.conflict = null;
    if (which === "theirs") {
      region.dirty = false;
      this.adopt(region, theirs);
      this.keep();
    } else {
      region.revision = theirs.revision;
      this.send(region);
    }
    store.say("region", { number, what: "saving" });
    if (region.detail) store.refresh(number).catch(() => {});
  }

  /** What another page chose, once nothing of ours is under way. */
  catchUp(region) {
    const { told } = region;
    if (!told) return;
    if (region.conflict && told.revision > region.conflict.revision) region.conflict = told;
    if (this.holds(region)) return;
    region.told = null;
    if (told.revision <= region.revision) return;
    this.adopt(region, told);
    if (told.by !== this.by) this.store.say("told", { text: `${region.summary.name} was changed on another page` });
  }

  adopt(region, theirs) {
    const { store } = this;
    const { number } = region.summary;
    region.choice = tidy(theirs);
    region.revision = region.summary.revision = theirs.revision;
    store.undone.forget(number);
    store.reflect(region);
    store.say("region", { number, what: "choice" });
  }
}
