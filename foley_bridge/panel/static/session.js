// What is on screen now: the region, its window, the take that is heard. What an editor does with them lies in parts of its own, which this
// holds together; the page's views show it and call it, and it knows none of them.

import { inWords } from "./api.js";
import { Deciding } from "./deciding.js";
import { announce, rested } from "./dom.js";
import { Editing } from "./editing.js";
import { Listing } from "./listing.js";
import { Onsets } from "./onsets.js";
import { Retakes } from "./retakes.js";
import { Rows } from "./rows.js";
import { Scale } from "./scale.js";
import { stateOf, wordOf } from "./states.js";
import { Tapping } from "./tapping.js";

const LOAD_MS = 60; // who steps on quickly does not wait for what he passed

/**
 * Events: `leave` (of the region that is still here), `open` (another one is wanted), `region` (it is here), `window`, `takes`, `choice`,
 * `heard`, `onsets` (they are being changed), `saving`, `loading`, `problem` (the picture or a take could not be had), `filter`, `tapping`.
 */
export class Session extends EventTarget {
  constructor({ store, placing, player, axis, clock }) {
    super();
    Object.assign(this, { store, placing, player, axis, clock, api: store.api });
    this.number = 0;
    this.window = null;
    this.before = null; // the take heard before this one
    /** Takes that could not be had, and why. @type {Map<string, object>} */
    this.missing = new Map();
    this.previewed = null; // the library's sound that was listened to last
    this.fault = null;
    this.loading = false;
    this.asking = null;
    this.listing = new Listing(this);
    this.deciding = new Deciding(this);
    this.editing = new Editing(this);
    this.tapping = new Tapping(this);
    this.onsets = new Onsets(this);
    this.retakes = new Retakes(this);
    this.rows = new Rows(this);
    this.scale = new Scale(this);
    this.load = rested(LOAD_MS, () => this.loadWindow());
    player.addEventListener("heard", () => this.say("heard"));
    player.addEventListener("error", ({ detail }) => this.missed(detail));
    store.addEventListener("region", (event) => this.changed(event.detail));
    store.addEventListener("back", () => this.retry());
  }

  say(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // ---- where we are

  get entry() {
    return this.store.regions.get(this.number) ?? null;
  }

  get detail() {
    return this.entry?.detail ?? null;
  }

  get choice() {
    return this.entry?.choice ?? null;
  }

  get takes() {
    return this.detail?.takes ?? [];
  }

  get heard() {
    return this.takes.find((take) => take.id === this.player.heard) ?? null;
  }

  /** Open for choosing: it is here. One that failed may be rejected, noted, and done in another way. */
  get usable() {
    return Boolean(this.detail);
  }

  /** Why nothing is seen, or heard. */
  get problem() {
    return this.fault ?? this.missing.get(this.player.heard) ?? null;
  }

  /** The library's sound that is heard instead of a take. */
  get preview() {
    return this.player.auditioning ? this.previewed : null;
  }

  async open(number) {
    if (!this.store.regions.has(number) || number === this.number) return;
    if (this.number) {
      this.say("leave");
      this.store.forget(this.number);
    }
    this.asking?.abort();
    this.asking = new AbortController();
    this.number = number;
    this.window = null;
    this.before = null;
    this.fault = null;
    this.loading = false;
    // Nothing of the region before stays, however long this one takes to come.
    const { start_s, end_s } = this.entry.summary;
    this.player.clear(start_s);
    this.axis.cover(start_s, end_s);
    this.say("open");
    try {
      await this.store.detail(number, this.asking.signal);
    } catch (error) {
      if (error.name !== "AbortError" && number === this.number) this.fail(error);
      return;
    }
    if (number !== this.number) return;
    this.showWindow(this.detail.windows?.[0]?.number ?? null);
    this.say("region");
    announce(this.describe());
  }

  describe() {
    const { name, takes } = this.entry.summary;
    const state = wordOf(stateOf(this.entry.summary)).toLowerCase();
    return `Region ${this.number} of ${this.store.numbers.length}, ${name}: ${state}, ${takes} take${takes === 1 ? "" : "s"}`;
  }

  /** The store says that a region changed. */
  changed({ number, what }) {
    if (number !== this.number || !this.detail) return;
    this.say(what);
    if (what === "takes") this.bring();
    if (what === "choice") for (const take of this.takes) this.player.edit(take.id, this.store.edit(number, take.id));
  }

  // ---- its window, in the player

  showWindow(number) {
    this.window = this.detail?.windows?.find((window) => window.number === number) ?? null;
    this.loading = Boolean(this.window);
    if (this.window) this.axis.cover(this.window.loop_start_s, this.window.loop_end_s);
    this.say("window");
    this.load();
  }

  /** What the player needs of a take. */
  playable(take) {
    const start_s = take.start.seconds;
    return {
      id: take.id,
      url: this.api.take(this.number, this.window.number, take.id),
      lufs: take.lufs,
      peak_dbfs: take.peak_dbfs,
      clip_start_s: start_s,
      clip_end_s: start_s + take.duration.seconds,
      edit: this.store.edit(this.number, take.id),
    };
  }

  async loadWindow() {
    const { number, window, takes } = this;
    // Here, where one stays, and not with each region passed: browsers count how often this is done.
    history.replaceState(null, "", `#${number}`);
    if (!window) return;
    this.missing.clear();
    const wanted = this.heardFirst();
    this.fault = null;
    try {
      const loaded = this.player.load({
        window,
        picture: this.api.picture(number, window.number),
        takes: takes.map((take) => this.playable(take)),
        rate: this.clock.rate,
        sampleRate: this.store.reel.sample_rate,
      });
      if (wanted) this.player.hear(wanted);
      this.bring(); // what came while it was not in the player yet
      await loaded;
    } catch (error) {
      if (window !== this.window) return;
      this.loading = false;
      return this.fail(error);
    }
    if (window !== this.window) return;
    this.loading = false;
    this.say("loading");
    this.say("heard");
  }

  /** The take that is heard when a region comes: the one that was, unless it lies on other onsets than those shown. */
  heardFirst() {
    const [was, kept] = [this.player.heard, this.choice?.take].map((id) => this.takes.find((take) => take.id === id));
    if (was) return was.id;
    const first = kept ?? this.takes[0];
    if (!first) return null;
    const settled = this.choice.state === "chosen" || this.onsets.carry(first);
    return (settled ? first : this.retakes.carried(first) ?? first).id;
  }

  /** Has the player get those takes that it has not; before it has the window, they come with that. */
  async bring() {
    if (this.window && this.player.window === this.window) await Promise.all(this.takes.map((take) => this.player.add(this.playable(take))));
  }

  /** What could not be had is asked for again. */
  retry() {
    if (!this.problem) return;
    this.fault = null;
    const { number } = this;
    if (this.detail) return this.showWindow(this.window?.number ?? null);
    this.number = 0;
    this.open(number);
  }

  /** The player could not get something. */
  missed({ what, id, ...error }) {
    if (what === "sound") announce(inWords(error)); // of the library: nothing of the region is missing
    else if (what === "take") this.lack(this.takes.findIndex((take) => take.id === id), error);
    else this.fail(error);
  }

  /** A take cannot be heard; the others can. */
  lack(place, error) {
    const { id, path } = this.takes[place] ?? {};
    if (!id) return;
    const problem = { ...error, message: `Take ${place + 1}: ${error.message.replaceAll(path, path.split(/[\\/]/).at(-1))}` };
    this.missing.set(id, problem);
    this.say("problem");
    if (id === this.player.heard) announce(`Take ${place + 1} cannot be heard`, { stays: true });
  }

  fail(problem) {
    this.fault = problem;
    this.say("problem");
    announce(inWords(problem), { stays: true });
  }

  // ---- listening

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.player.play();
  }

  hear(id) {
    const from = this.player.heard;
    const place = this.takes.findIndex((take) => take.id === id) + 1;
    if (!place) return;
    if (from !== id) this.before = from;
    this.retakes.fresh.delete(id);
    this.player.stopAudition();
    this.player.hear(id);
    this.say("heard");
    announce(this.missing.has(id) ? `Take ${place} cannot be heard` : `Take ${place}`);
  }

  hearNumber(place) {
    const take = this.takes[place - 1];
    if (take) this.hear(take.id);
    else announce(`There is no take ${place}`);
  }

  hearBefore() {
    const ids = this.takes.map((take) => take.id);
    const other = ids.includes(this.before) ? this.before : ids.find((id) => id !== this.player.heard);
    if (other) this.hear(other);
    else announce("There is no other take");
  }

  match(matched = !this.player.matched) {
    this.player.matched = matched;
    this.say("heard");
    announce(matched ? "Takes at matched loudness" : "Takes as loud as they are");
  }
}
