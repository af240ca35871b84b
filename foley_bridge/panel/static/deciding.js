// What an editor decides of the region on screen: this take, none, not yet; a note; and taking it back.

import { announce } from "./dom.js";

const MOST_NOTE = 4096;

export class Deciding {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.asked = ""; // what was pointed out last: who chooses once more means it
  }

  /** The take that is heard. @param {boolean} [goOn] to the next region */
  choose(goOn = false) {
    const { session } = this;
    if (!session.usable) return;
    const { heard: take, preview } = session;
    if (preview) return announce(`You hear ${preview.name} of the library, no take yet: use it as a take, or hear one by its number`, { stays: true });
    if (!take) return announce(session.loading ? "The takes are not here yet" : "There is no take to choose");
    if (!this.#knowing(take)) return;
    session.store.choose(session.number, { state: "chosen", take: take.id, reason: "" }, "choose");
    announce(`Take ${session.takes.indexOf(take) + 1} chosen`, { stays: true });
    if (goOn) session.listing.goOn();
  }

  /** A take that does not lie on the onsets shown is not chosen before that was said. */
  #knowing(take) {
    const { number, onsets, retakes, takes, missing } = this.session;
    const lacking = missing.has(take.id);
    if (!lacking && (onsets.carry(take) || retakes.replaces(take))) return true;
    const now = JSON.stringify([number, take.id, onsets.kept]);
    if (this.asked === now) return true;
    this.asked = now;
    if (lacking) {
      announce(`Take ${takes.indexOf(take) + 1} cannot be heard: its file is missing or was changed, and the region would get no sound. Enter once more chooses it all the same`, { stays: true });
      return false;
    }
    const place = onsets.kept.length ? "P places it there, " : "";
    announce(`Take ${takes.indexOf(take) + 1} lies on other onsets than those shown: ${place}Enter once more chooses it as it is`, { stays: true });
    return false;
  }

  /** And goes on. @param {string} reason may be empty */
  reject(reason) {
    const { session } = this;
    if (!session.usable) return;
    session.store.choose(session.number, { state: "rejected", take: session.heard?.id ?? null, reason }, "reject");
    announce(reason ? `Rejected: ${reason}` : "Rejected", { stays: true });
    session.listing.goOn();
  }

  undecide() {
    const { session } = this;
    if (!session.usable) return;
    session.store.choose(session.number, { state: "proposed", reason: "" }, "undecide");
    announce("Undecided again");
  }

  note(number, text) {
    this.session.store.choose(number, { note: text.slice(0, MOST_NOTE) }, "note");
  }

  /** Another page was first: says which of the two holds. @param {"theirs" | "mine"} which */
  resolve(number, which) {
    if (which === "theirs") this.session.placing.stop(number);
    this.session.store.saving.resolve(number, which);
  }

  async undo() {
    const { session } = this;
    if (session.tapping.on) return session.tapping.drop();
    const last = session.store.undo();
    if (!last) return announce("Nothing to undo");
    session.placing.stop(last.number);
    announce(`Undone: ${last.step}`, { stays: true });
    if (last.number !== session.number) await session.open(last.number);
    else this.#hearAgain();
    session.say("onsets");
  }

  /** The take that the choice is about, or else one that lies on the onsets as they are again. */
  #hearAgain() {
    const { choice, takes, heard, onsets, retakes, player } = this.session;
    const wanted = takes.find((take) => take.id === choice.take) ?? heard;
    if (!wanted) return;
    const take = onsets.carry(wanted) ? wanted : retakes.carried(wanted) ?? wanted;
    if (take.id !== player.heard) this.session.hear(take.id);
  }
}
