// Which takes are listed. One that was placed anew on other onsets is told once: those that it replaced are folded away, unless somebody
// chose or hears them.

import { announce } from "./dom.js";

const sameSound = (one, other) => one.seed === other.seed && ["library_id", "like", "file"].every((name) => one.source?.[name] === other.source?.[name]);

/** Was a take made again by a retake, of the same sound and seed? */
const replaced = (take, later) => later.some((other) => other.made !== take.made && other.made !== "generate" && sameSound(take, other));

export class Rows {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.opened = false;
    session.addEventListener("leave", () => (this.opened = false));
  }

  /** The takes that later ones replaced. @returns {object[]} */
  get earlier() {
    const { takes, choice, before, player } = this.session;
    const kept = [player.heard, before, choice?.take];
    return takes.filter((take, place) => !kept.includes(take.id) && replaced(take, takes.slice(place + 1)));
  }

  /** Those that are in sight, in the order in which they stand there. */
  get listed() {
    const { earlier } = this;
    const rest = this.session.takes.filter((take) => !earlier.includes(take));
    return this.opened ? [...rest, ...earlier] : rest;
  }

  toggle() {
    this.opened = !this.opened;
    this.session.say("takes");
  }

  /** Hears the next one in sight. @param {1 | -1} step */
  step(step) {
    const { listed } = this;
    const place = listed.findIndex((take) => take.id === this.session.player.heard);
    const next = listed[place + step];
    if (next) this.session.hear(next.id);
    else announce(step > 0 ? "That was the last take" : "That was the first take");
  }
}
