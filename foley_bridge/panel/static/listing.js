// Which regions are listed, and the ways from one to the next.

import { announce } from "./dom.js";
import { stateOf } from "./states.js";

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
    if (this.states === "tapped") return summary.tapped;
    return stateOf(summary) === this.states;
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
    const open = this.all.filter((summary) => stateOf(summary) === "proposed" && summary.number !== number);
    const next = open.find((summary) => summary.number > number) ?? open[0];
    if (next) this.session.open(next.number);
    else announce("Every region is decided");
  }

  /** After a decision: on to the next that is not decided; where only some regions are listed, not beyond these. */
  goOn() {
    const { number } = this.session;
    const listed = this.regions;
    const later = listed.filter((summary) => summary.number > number);
    const next = later.find((summary) => stateOf(summary) === "proposed");
    if (next) this.session.open(next.number);
    else if (this.states === "all" && !this.words.trim()) this.nextUndecided();
    else {
      const other = listed.find((summary) => summary.number !== number && stateOf(summary) === "proposed") ?? later[0];
      if (other) this.session.open(other.number);
      else announce("That was the last region listed");
    }
  }
}
