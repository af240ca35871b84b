// What an editor decides of the region on screen: this take, none, not yet; a note; and taking it back.

import { announce } from "./dom.js";

const MOST_NOTE = 4096;

export class Deciding {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
  }

  /** The take that is heard. @param {boolean} [goOn] to the next region */
  choose(goOn = false) {
    const { session } = this;
    if (!session.usable) return;
    const take = session.heard;
    if (!take) return announce(session.loading ? "The takes are not here yet" : "There is no take to choose");
    session.store.choose(session.number, { state: "chosen", take: take.id, reason: "" }, "choose");
    announce(`Take ${session.takes.indexOf(take) + 1} chosen`);
    if (goOn) session.listing.goOn();
  }

  /** And goes on. @param {string} reason may be empty */
  reject(reason) {
    const { session } = this;
    if (!session.usable) return;
    session.store.choose(session.number, { state: "rejected", take: session.heard?.id ?? null, reason }, "reject");
    announce(reason ? `Rejected: ${reason}` : "Rejected");
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
    announce(`Undone: ${last.step}`);
    if (last.number !== session.number) await session.open(last.number);
    else if (session.choice.take && session.choice.take !== session.player.heard) session.hear(session.choice.take);
    session.say("onsets");
  }
}
