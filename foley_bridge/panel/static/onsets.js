// The onsets of the region on screen: as they were seen, as the editor put them, or as somebody is just moving them.

import { announce, rested } from "./dom.js";
import { exact, rounded } from "./time.js";

const SAME_S = 1e-6;
const NEAR_S = 0.001; // a take that lies as near as this lies on them
const APART_S = 0.004; // nearer than this is the same onset
const SENSITIVITY_MS = 350; // until a row of key presses is over

export class Onsets {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.forget();
    this.settleSoon = rested(SENSITIVITY_MS, () => this.setSensitivity());
    session.addEventListener("leave", () => {
      this.settleSoon.flush();
      this.forget();
    });
    addEventListener("pagehide", this.settleSoon.flush);
  }

  forget() {
    this.selected = null; // time of the onset that Delete takes away
    this.moving = null; // all of them while one is being moved
    this.trying = null; // the sensitivity while it is being changed
  }

  say() {
    this.session.say("onsets");
  }

  // ---- as they stand

  /** Timeline seconds, in order. */
  get times() {
    const { tapping } = this.session;
    if (tapping.on) return tapping.taps;
    if (this.moving) return this.moving;
    if (this.trying !== null) return this.seenAt(this.trying);
    return this.kept;
  }

  /** As the choice has them, whatever is being tried. */
  get kept() {
    const { choice, detail } = this.session;
    if (!detail || !choice) return [];
    if (choice.onsets_s) return choice.onsets_s;
    if (choice.sensitivity !== null) return this.seenAt(choice.sensitivity);
    return (detail.onsets ?? []).map((onset) => onset.time_s);
  }

  /** Do they carry a take, was it made for them? */
  carry({ for_s }) {
    const { kept } = this;
    return !for_s || (for_s.length === kept.length && kept.every((time_s, k) => Math.abs(time_s - for_s[k]) < NEAR_S));
  }

  /** Are they the editor's rather than seen? */
  get own() {
    const { choice, detail, tapping } = this.session;
    return Boolean(this.moving ?? choice?.onsets_s) || tapping.on || Boolean(detail?.tapped && choice?.sensitivity === null);
  }

  /** Did somebody say on a page where they are? */
  get changed() {
    const { choice } = this.session;
    return Boolean(choice && (choice.onsets_s || choice.sensitivity !== null));
  }

  get sensitivity() {
    const { choice, detail } = this.session;
    return this.trying ?? choice?.sensitivity ?? detail?.sensitivity ?? 0.5;
  }

  /** What would count in the picture at a sensitivity. */
  seenAt(sensitivity) {
    const seen = this.session.detail?.seen ?? [];
    return seen.filter((each) => each.sensitivity !== null && each.sensitivity <= sensitivity + 1e-9).map((each) => each.time_s);
  }

  /** A time where an onset of this region may lie; at the very end it would be the next region's. */
  within(time_s) {
    const { start, end } = this.session.detail;
    return exact(Math.min(end.seconds - 0.001, Math.max(start.seconds, time_s)));
  }

  /** Is a time in the region? So is the beginning of the frame that it begins in. */
  inside(time_s) {
    const { detail, clock } = this.session;
    return clock.frame(time_s) >= clock.frame(detail.start.seconds) && time_s < detail.end.seconds - SAME_S;
  }

  // ---- changed one by one

  /** Shows onsets while one is being dragged; nothing is kept yet. @param {number[] | null} times null: as they are kept */
  preview(times) {
    this.moving = times;
    this.say();
  }

  /** Keeps onsets, and has the heard take placed on them. */
  set(times, step) {
    const { session } = this;
    if (!session.usable) return;
    this.moving = null;
    const kept = [...new Set(times.map((time_s) => this.within(time_s)))].sort((a, b) => a - b);
    session.store.choose(session.number, { onsets_s: kept }, step);
    this.say();
    session.retakes.place();
  }

  add(time_s = this.session.player.time_s) {
    const { session } = this;
    if (!session.usable) return;
    if (session.tapping.on) return session.tapping.tap();
    if (!this.inside(time_s)) return announce("That is outside the region");
    const at_s = this.within(time_s);
    if (this.times.some((onset) => Math.abs(onset - at_s) < APART_S)) return announce("There is an onset already");
    this.selected = at_s;
    this.set([...this.times, at_s], "add an onset");
    announce(`Onset added at ${session.clock.fine(at_s)}`);
  }

  /** Takes away the one that is selected, or that the playhead stands on. */
  delete() {
    const { session, selected } = this;
    if (!session.usable) return;
    if (session.tapping.on) return session.tapping.drop();
    const { times } = this;
    const frame_s = 1 / session.clock.rate;
    const there = times.find((onset) => selected !== null && Math.abs(onset - selected) < SAME_S) ?? times.find((onset) => Math.abs(onset - session.player.time_s) < frame_s);
    if (there === undefined) return announce("No onset is selected");
    const rest = times.filter((onset) => onset !== there);
    this.selected = rest.find((onset) => onset > there) ?? rest.at(-1) ?? null;
    this.set(rest, "delete an onset");
    announce(`Onset at ${session.clock.fine(there)} deleted`);
  }

  // ---- changed by sensitivity

  /** Shows what would count; nothing is kept yet. */
  trySensitivity(value) {
    this.trying = rounded(Math.min(1, Math.max(0, value)), 2);
    this.say();
  }

  /** By keys: kept when they rest, or when the region is left. */
  stepSensitivity(by) {
    const { session } = this;
    if (!session.usable || session.tapping.on || !session.detail.seen?.length) return;
    this.trySensitivity(this.sensitivity + by);
    this.settleSoon();
  }

  /** The onsets are those seen at the sensitivity that was tried. */
  setSensitivity() {
    const { session, trying: sensitivity } = this;
    this.trying = null;
    if (!session.usable || sensitivity === null) return;
    session.store.choose(session.number, { sensitivity, onsets_s: null }, "sensitivity");
    this.say();
    announce(`Sensitivity ${Math.round(sensitivity * 100)} %, ${this.seenAt(sensitivity).length} onsets`);
    session.retakes.place();
  }

  /** The onsets are as the timeline and the picture had them. */
  asSeen() {
    const { session } = this;
    if (!session.usable) return;
    session.store.choose(session.number, { onsets_s: null, sensitivity: null }, "onsets as seen");
    this.say();
    session.retakes.place();
  }
}
