// The next region's picture and take, fetched once everything of this one is here: the browser keeps them, so that the next one opens at once.

import { fetched } from "./api.js";

export class Ahead {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.number = 0; // of the region that is fetched
    this.asking = new AbortController();
    session.addEventListener("open", () => session.number === this.number || this.asking.abort());
    session.addEventListener("loading", () => this.begin(session.listing.following));
  }

  async begin(number) {
    if (!number || number === this.number) return;
    this.asking.abort();
    this.asking = new AbortController();
    this.number = number;
    const { api } = this.session;
    const how = { signal: this.asking.signal, priority: "low" };
    try {
      const { windows, takes, choice } = await api.region(number, how.signal);
      const take = takes.find(({ id }) => id === choice.take) ?? takes[0];
      if (!windows?.length) return;
      if (take) await fetched(api.take(number, windows[0].number, take.id), "blob", how);
      await fetched(api.picture(number, windows[0].number), "blob", how);
    } catch {
      if (this.number === number) this.number = 0; // when it is opened it is asked for again, and what is wrong is told
    }
  }
}
