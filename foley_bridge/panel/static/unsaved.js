// What could not be sent yet is kept in the browser, too: if the page ends first, the reel's next page sends it.

export class Unsaved {
  #place;
  /** Regions that this page answers for; pages of one browser share the place. */
  #mine = new Set();

  constructor(job) {
    this.#place = `foley_bridge.unsaved.${job}`;
  }

  #read() {
    try {
      return JSON.parse(localStorage.getItem(this.#place) ?? "{}");
    } catch {
      return {};
    }
  }

  /** What pages before left: this one answers for it now. @returns {[number, {base: number, choice: object}][]} */
  takeUp() {
    const left = Object.entries(this.#read()).map(([number, kept]) => [Number(number), kept]);
    this.#mine = new Set(left.map(([number]) => number));
    return left;
  }

  /**
   * @param {Map<number, {base: number, choice: object}>} waiting all of this page that is not saved
   * @returns {boolean} whether the browser keeps it
   */
  keep(waiting) {
    const all = this.#read();
    for (const number of this.#mine) delete all[number];
    this.#mine = new Set(waiting.keys());
    for (const [number, kept] of waiting) all[number] = kept;
    try {
      if (Object.keys(all).length) localStorage.setItem(this.#place, JSON.stringify(all));
      else localStorage.removeItem(this.#place);
      return true;
    } catch {
      return false; // the page holds them as long as it is open
    }
  }
}
