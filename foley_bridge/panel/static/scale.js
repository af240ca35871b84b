// How tall takes are drawn: the loudest one of a region fills its box and the others stand to it as they sound, all of them taller for
// whoever wants to see what is quiet.

import { matchedLevel } from "./material.js";

const FULL = 0.96;
const MOST = 16;

const amplitude = (decibels) => (Number.isFinite(decibels) ? 10 ** (decibels / 20) : 0);

/** Events: `scale` when they are drawn taller, or less. */
export class Scale extends EventTarget {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    super();
    this.session = session;
    this.times = 1;
  }

  /** What a take's samples are multiplied by to be drawn, 1: full scale fills the box. */
  of(take) {
    const { takes, player, store, number } = this.session;
    const level = (one) => (player.matched ? matchedLevel(one, takes) : 1);
    const most = Math.max(...takes.map((one) => amplitude(one.peak_dbfs) * level(one)));
    return most > 0 ? (this.times * FULL * level(take) * amplitude(store.edit(number, take.id).level_db)) / most : 1;
  }

  /** For what is alone in its box. @param {number} peak its highest sample */
  filling(peak) {
    return peak > 0 ? (this.times * FULL) / peak : 1;
  }

  /** Twice as tall, and after the tallest as they were. @param {1 | -1} step */
  step(step) {
    const next = this.times * 2 ** step;
    this.times = next > MOST ? 1 : next < 1 ? MOST : next;
    this.dispatchEvent(new Event("scale"));
  }
}
