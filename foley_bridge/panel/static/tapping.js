// Tapping along: the onsets are where somebody tapped while the region played.

import { announce } from "./dom.js";

export class Tapping {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    /** @type {number[] | null} timeline seconds, in order */
    this.taps = null;
    session.addEventListener("leave", () => this.end(false));
  }

  get on() {
    return this.taps !== null;
  }

  say() {
    this.session.say("tapping");
    this.session.say("onsets");
  }

  /** Begins, and from then on marks what is heard now. */
  tap() {
    const { session } = this;
    if (!session.usable || !session.window) return;
    if (this.on) {
      this.taps = [...this.taps, session.onsets.within(session.player.time_s)].sort((a, b) => a - b);
      return this.say();
    }
    this.taps = [];
    if (!session.player.playing) {
      session.player.seek(session.window.loop_start_s);
      session.player.play();
    }
    this.say();
    announce("Tapping: T at each hit, Enter keeps them, Escape does not");
  }

  /** The last one was not meant: the latest on the timeline. */
  drop() {
    this.taps = this.taps.slice(0, -1);
    this.say();
    announce(`${this.taps.length} taps`);
  }

  /** @param {boolean} keep */
  end(keep) {
    if (!this.on) return;
    const { taps } = this;
    this.taps = null;
    if (keep && taps.length) this.session.onsets.set(taps, "tap along");
    this.say();
    announce(keep ? `${taps.length} taps kept` : "Taps thrown away");
  }
}
