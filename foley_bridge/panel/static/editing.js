// The heard take's edit: level, nudge and fades, held within what a choice may say.

import { changes } from "./edits.js";
import { NO_EDIT, nudge_s } from "./choice.js";
import { announce } from "./dom.js";
import { rounded } from "./time.js";

const LEAST_DB = -60;
const MOST_DB = 24;
const MOST_PEAK_DBFS = -0.1;
const MOST_NUDGE_S = 10;

const within = (value, least, most) => Math.min(most, Math.max(least, value));

/** The most a take may be turned up: its peak stays at or under -0.1 dBFS. */
export const mostLevel = (take) => within(Math.floor((MOST_PEAK_DBFS - (take.peak_dbfs ?? MOST_PEAK_DBFS - MOST_DB)) * 10) / 10, LEAST_DB, MOST_DB);

export class Editing {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
  }

  /** The edit of the take that is heard; null when none is. */
  get edit() {
    const { heard, store, number } = this.session;
    return heard && store.edit(number, heard.id);
  }

  get changed() {
    return changes(this.edit);
  }

  /** @param {object} change some of the edit's numbers @param {string} step what it is called when it is undone */
  change(change, step) {
    const { session } = this;
    const take = session.heard;
    if (!take || !session.usable) return;
    const edit = { ...this.edit, ...change };
    const length_s = take.duration.seconds;
    edit.level_db = rounded(within(edit.level_db, LEAST_DB, mostLevel(take)), 1);
    for (const fade of ["fade_in_s", "fade_out_s"]) edit[fade] = rounded(within(edit[fade], 0, length_s), 3);
    if (edit.fade_in_s + edit.fade_out_s > length_s) {
      // The fade that is moved pushes the other one.
      const [moved, other] = "fade_in_s" in change ? ["fade_in_s", "fade_out_s"] : ["fade_out_s", "fade_in_s"];
      edit[other] = Math.max(0, Math.floor((length_s - edit[moved]) * 1000) / 1000);
    }
    if (Math.abs(nudge_s(edit, session.clock.rate)) > MOST_NUDGE_S) return announce(`A take can be nudged by ${MOST_NUDGE_S} s`);
    session.store.chooseEdit(session.number, take.id, edit, step);
  }

  level(by) {
    const { edit } = this;
    if (!edit) return;
    this.change({ level_db: edit.level_db + by }, "level");
    const now = this.edit.level_db;
    const most = now === edit.level_db ? (by > 0 ? ", louder it would clip" : ", the least") : "";
    announce(`Level ${now > 0 ? "+" : ""}${now} dB${most}`);
  }

  nudge(frames, ms) {
    const { edit } = this;
    if (!edit) return;
    this.change({ nudge_frames: edit.nudge_frames + frames, nudge_ms: rounded(edit.nudge_ms + ms, 3) }, "nudge");
    const now = this.edit;
    announce(`Nudged ${now.nudge_frames} frames, ${now.nudge_ms} ms`);
  }

  reset() {
    this.change(NO_EDIT, "reset");
    announce("The take is as it was made");
  }
}
