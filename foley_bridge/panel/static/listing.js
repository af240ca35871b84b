// Which regions are listed, and the ways from one to the next.

import { announce } from "./dom.js";

export class Listing {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.states = "all";
    this.words = "";
  }

  get all() {
    return this.session.store.reel.regions;
  }

  /** The regions that the filter lets through, in order. */
  get regions() {
    const asked = this.words.toLowerCase().split(/\s+/).filter(Boolean);
    return this.all.filter((summary) => {
      if (!this.fits(summary)) return false;
      const text = `${summary.number} ${summary.name} ${summary.text} ${summary.timecode} ${summary.engine ?? ""} ${summary.note ?? ""}`.toLowerCase();
      return asked.every((word) => text.includes(word));
    });
  }

  fits(summary) {
    if (this.states === "all") return true;
    if (this.states === "failed") return Boolean(summary.error);
    if (this.states === "tapped") return summary.tapped;
    return summary.state === this.states && !summary.error;
  }

  /** @param {{states?: string, words?: string}} change */
  filter(change) {
    Object.assign(this, change);
    this.session.say("filter");
  }

  /** The number of the region that one comes to next: undecided ones first, as after a decision. */
  get following() {
    const { number } = this.session;
    const later = this.regions.filter((summary) => summary.number > number && !summary.error);
    return (later.find((summary) => summary.state === "proposed") ?? later[0])?.number ?? 0;
  }

  /** @param {1 | -1} step among the regions that are listed */
  step(step) {
    const { number } = this.session;
    const numbers = this.regions.map((summary) => summary.number);
    const next = step > 0 ? numbers.find((each) => each > number) : numbers.findLast((each) => each < number);
    if (next === undefined) announce(step > 0 ? "That was the last region" : "That was the first region");
    else this.session.open(next);
  }

  /** The next region that nobody said anything about, from here on and then from the start. */
  nextUndecided() {
    const { number } = this.session;
    const open = this.all.filter((summary) => summary.state === "proposed" && !summary.error && summary.number !== number);
    const next = open.find((summary) => summary.number > number) ?? open[0];
    if (next) this.session.open(next.number);
    else announce("Every region is decided");
  }

  /** After a decision: on to what is listed and not decided, or else to any. */
  goOn() {
    const { number } = this.session;
    const open = this.regions.find((summary) => summary.number > number && summary.state === "proposed" && !summary.error);
    if (open) this.session.open(open.number);
    else this.nextUndecided();
  }
}
