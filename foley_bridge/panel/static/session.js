// What is on screen now, and what an editor does with it. The parts of the page show it and call it; it knows none of them.

import { announce, rested } from "./dom.js";
import { stateOf, wordOf } from "./states.js";

const LOAD_MS = 60; // who steps on quickly does not wait for what he passed

/**
 * Events: `open` (another region is wanted), `region` (it is here), `window`, `takes`, `choice`, `heard`, `onsets` (they are being changed),
 * `saving`, `loading`, `problem` (the picture or a take could not be had), `filter`, `tapping`.
 */
export class Session extends EventTarget {
  constructor({ store, placing, player, axis, clock }) {
    super();
    Object.assign(this, { store, placing, player, axis, clock, api: store.api });
    this.number = 0;
    this.window = null;
    this.before = null; // the take heard before this one
    this.problem = null;
    this.loading = false;
    this.filter = { states: "all", words: "" };
    this.selected = null; // time of the onset that Delete takes away
    this.moving = null; // onsets while one is being moved
    this.trying = null; // sensitivity while the slider is being moved
    this.tapped = null; // onsets while somebody taps along
    this.fresh = new Set(); // takes made while this page was open and not heard yet
    this.asking = null;
    this.load = rested(LOAD_MS, () => this.loadWindow());
    player.addEventListener("heard", () => this.say("heard"));
    player.addEventListener("error", (event) => this.fail(event.detail?.error ?? event.detail ?? event.error));
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

  /** Open for choosing: it is here, and something can be made for it. */
  get usable() {
    return Boolean(this.detail && !this.detail.error);
  }

  /** The regions that the filter lets through, in order. */
  get listed() {
    const { states, words } = this.filter;
    const asked = words.toLowerCase().split(/\s+/).filter(Boolean);
    return this.store.reel.regions.filter((summary) => {
      if (states === "failed" ? !summary.error : states === "tapped" ? !summary.tapped : states !== "all" && (summary.state !== states || summary.error)) return false;
      const text = `${summary.number} ${summary.name} ${summary.text} ${summary.timecode} ${summary.engine ?? ""} ${summary.note ?? ""}`.toLowerCase();
      return asked.every((word) => text.includes(word));
    });
  }

  filterBy(change) {
    this.filter = { ...this.filter, ...change };
    this.say("filter");
  }

  async open(number) {
    const entry = this.store.regions.get(number);
    if (!entry || number === this.number) return;
    if (this.number) this.store.forget(this.number);
    this.endTapping(false);
    this.asking?.abort();
    this.asking = new AbortController();
    this.number = number;
    this.window = null;
    this.before = null;
    this.problem = null;
    this.selected = null;
    this.moving = null;
    this.trying = null;
    this.say("open");
    history.replaceState(null, "", `#${number}`);
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

  /** @param {number} step 1 or -1, among the regions that are listed */
  step(step) {
    const numbers = this.listed.map((summary) => summary.number);
    const next = step > 0 ? numbers.find((number) => number > this.number) : numbers.findLast((number) => number < this.number);
    if (next === undefined) announce(step > 0 ? "That was the last region" : "That was the first region");
    else this.open(next);
  }

  /** The next region that nobody said anything about, from here on and then from the start. */
  nextUndecided() {
    const open = this.store.reel.regions.filter((summary) => summary.state === "proposed" && !summary.error && summary.number !== this.number);
    const next = open.find((summary) => summary.number > this.number) ?? open[0];
    if (next) this.open(next.number);
    else announce("Every region is decided");
  }

  showWindow(number) {
    this.window = this.detail?.windows?.find((window) => window.number === number) ?? null;
    if (this.window) {
      this.axis.cover(this.window.loop_start_s, this.window.loop_end_s);
      this.loading = true;
    }
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
    if (!window) return;
    const wanted = this.heardFirst();
    this.problem = null;
    try {
      await this.player.load({
        window,
        picture: this.api.picture(number, window.number),
        takes: takes.map((take) => this.playable(take)),
        rate: this.clock.rate,
        sampleRate: this.store.reel.sample_rate,
      });
      if (number !== this.number || window !== this.window) return;
      if (wanted) this.player.hear(wanted);
    } catch (error) {
      if (error.name !== "AbortError" && number === this.number && window === this.window) this.fail(error);
      return;
    } finally {
      if (number === this.number && window === this.window) {
        this.loading = false;
        this.say("loading");
      }
    }
    this.say("heard");
  }

  heardFirst() {
    const ids = this.takes.map((take) => take.id);
    return [this.player.heard, this.choice?.take].find((id) => ids.includes(id)) ?? ids[0] ?? null;
  }

  /** What could not be had is asked for again. */
  retry() {
    if (!this.problem) return;
    this.problem = null;
    const { number } = this;
    if (this.detail) return this.load();
    this.number = 0;
    this.open(number);
  }

  fail(error) {
    this.problem = error ?? { message: "the picture or the sound could not be had" };
    this.loading = false;
    this.say("problem");
  }

  /** The store says that a region changed. */
  changed({ number, what }) {
    if (number !== this.number || !this.detail) return;
    if (what === "saving") return this.say("saving");
    if (what === "takes") {
      this.say("takes");
      return;
    }
    for (const take of this.takes) this.player.edit(take.id, this.store.edit(number, take.id));
    this.say("choice");
  }

  // ---- listening

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.player.play();
  }

  hear(id) {
    const from = this.player.heard;
    if (!id || !this.takes.some((take) => take.id === id)) return;
    if (from !== id) this.before = from;
    this.fresh.delete(id);
    this.player.stopAudition();
    this.player.hear(id);
    this.say("heard");
    const place = this.takes.findIndex((take) => take.id === id) + 1;
    announce(`Take ${place}`);
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

  // ---- choosing

  choose(goOn = false) {
    if (!this.usable) return;
    const take = this.heard;
    if (!take) return announce("There is no take to choose");
    this.store.choose(this.number, { state: "chosen", take: take.id, reason: "" }, "choose");
    announce(`Take ${this.takes.indexOf(take) + 1} chosen`);
    if (goOn) this.goOn();
  }

  /** After a decision: on to what is not decided, and where all is, just on. */
  goOn() {
    const open = this.listed.find((summary) => summary.number > this.number && summary.state === "proposed" && !summary.error);
    if (open) this.open(open.number);
    else this.nextUndecided();
  }

  reject(reason, goOn = false) {
    if (!this.usable) return;
    this.store.choose(this.number, { state: "rejected", take: this.heard?.id ?? null, reason }, "reject");
    announce(reason ? `Rejected: ${reason}` : "Rejected");
    if (goOn) this.goOn();
  }

  reopen() {
    if (!this.usable) return;
    this.store.choose(this.number, { state: "proposed", reason: "" }, "undecide");
    announce("Undecided again");
  }

  note(text) {
    if (this.usable) this.store.choose(this.number, { note: text.slice(0, 4096) }, "note");
  }

  async undo() {
    const last = this.store.undo();
    if (!last) return announce("Nothing to undo");
    this.placing.stop(last.number);
    announce(`Undone: ${last.step}`);
    if (last.number !== this.number) await this.open(last.number);
    else if (this.choice.take && this.takes.some((take) => take.id === this.choice.take) && this.choice.take !== this.player.heard) this.hear(this.choice.take);
    this.say("onsets");
  }

  // ---- one take's edit

  /** The most a take may be turned up: its peak stays at or under -0.1 dBFS. */
  mostLevel(take) {
    return Math.max(-60, Math.min(24, Math.floor((-0.1 - (take.peak_dbfs ?? -24.1)) * 10) / 10));
  }

  adjust(change, step) {
    const take = this.heard;
    if (!take || !this.usable) return;
    const edit = { ...this.store.edit(this.number, take.id), ...change };
    edit.level_db = Math.round(Math.min(this.mostLevel(take), Math.max(-60, edit.level_db)) * 10) / 10;
    const length_s = take.duration.seconds;
    edit.fade_in_s = Math.round(Math.min(length_s, Math.max(0, edit.fade_in_s)) * 1000) / 1000;
    edit.fade_out_s = Math.round(Math.min(length_s, Math.max(0, edit.fade_out_s)) * 1000) / 1000;
    if (edit.fade_in_s + edit.fade_out_s > length_s) {
      if ("fade_in_s" in change) edit.fade_out_s = Math.max(0, Math.floor((length_s - edit.fade_in_s) * 1000) / 1000);
      else edit.fade_in_s = Math.max(0, Math.floor((length_s - edit.fade_out_s) * 1000) / 1000);
    }
    const most_s = 10;
    if (Math.abs(edit.nudge_frames / this.clock.rate + edit.nudge_ms / 1000) > most_s) return announce("A take can be nudged by 10 s");
    this.store.chooseEdit(this.number, take.id, edit, step);
  }

  level(by) {
    if (!this.heard) return;
    const edit = this.store.edit(this.number, this.heard.id);
    this.adjust({ level_db: edit.level_db + by }, "level");
    const now = this.store.edit(this.number, this.heard.id).level_db;
    announce(now === edit.level_db ? `Level stays at ${now} dB: the take would clip` : `Level ${now > 0 ? "+" : ""}${now} dB`);
  }

  nudge(frames, ms) {
    if (!this.heard) return;
    const edit = this.store.edit(this.number, this.heard.id);
    this.adjust({ nudge_frames: edit.nudge_frames + frames, nudge_ms: Math.round((edit.nudge_ms + ms) * 1000) / 1000 }, "nudge");
    const now = this.store.edit(this.number, this.heard.id);
    announce(`Nudged ${now.nudge_frames} frames, ${now.nudge_ms} ms`);
  }

  resetEdit() {
    this.adjust({ level_db: 0, nudge_frames: 0, nudge_ms: 0, fade_in_s: 0, fade_out_s: 0 }, "reset");
    announce("The take is as it was made");
  }

  // ---- onsets

  get sensitivity() {
    return this.trying ?? this.choice?.sensitivity ?? this.detail?.sensitivity ?? 0.5;
  }

  /** What would count in the picture at a sensitivity. */
  seenAt(sensitivity) {
    return (this.detail?.seen ?? []).filter((seen) => seen.sensitivity !== null && seen.sensitivity <= sensitivity + 1e-9).map((seen) => seen.time_s);
  }

  /** The onsets as they stand: tapped, being moved, the editor's, or seen. */
  get onsets() {
    if (this.tapped) return this.tapped;
    if (this.moving) return this.moving;
    if (this.trying !== null) return this.seenAt(this.trying);
    const { choice, detail } = this;
    if (!detail || !choice) return [];
    if (choice.onsets_s) return choice.onsets_s;
    if (choice.sensitivity !== null && !detail.tapped) return this.seenAt(choice.sensitivity);
    return (detail.onsets ?? []).map((onset) => onset.time_s);
  }

  get own() {
    return Boolean(this.moving ?? this.tapped ?? this.choice?.onsets_s) || Boolean(this.detail?.tapped && this.choice?.sensitivity === null);
  }

  within(time_s) {
    const { start, end } = this.detail;
    return Math.min(end.seconds - 0.001, Math.max(start.seconds, time_s)); // an onset at the very end would be the next region's
  }

  /** Shows onsets while they are being dragged; nothing is kept yet. */
  preview(onsets_s) {
    this.moving = onsets_s;
    this.say("onsets");
  }

  /** Keeps onsets, and has the heard take placed on them. */
  setOnsets(onsets_s, step) {
    if (!this.usable) return;
    this.moving = null;
    const kept = [...new Set(onsets_s.map((time_s) => Math.round(this.within(time_s) * 1e6) / 1e6))].sort((a, b) => a - b);
    this.store.choose(this.number, { onsets_s: kept }, step);
    this.say("onsets");
    if (kept.length) this.place("placing…", { hits_s: () => kept });
    else this.placing.stop(this.number);
  }

  addOnset(time_s = this.player.time_s) {
    if (!this.usable) return;
    const at_s = this.within(time_s);
    if (this.onsets.some((onset) => Math.abs(onset - at_s) < 0.004)) return announce("There is an onset already");
    this.selected = Math.round(at_s * 1e6) / 1e6;
    this.setOnsets([...this.onsets, this.selected], "add an onset");
    announce(`Onset added at ${this.clock.fine(at_s)}`);
  }

  deleteOnset(time_s = this.selected) {
    if (!this.usable) return;
    const frame_s = 1 / this.clock.rate;
    const near = this.onsets.find((onset) => time_s !== null && Math.abs(onset - time_s) < 1e-6) ?? this.onsets.find((onset) => Math.abs(onset - this.player.time_s) < frame_s);
    if (near === undefined) return announce("No onset is selected");
    const rest = this.onsets.filter((onset) => onset !== near);
    const next = rest.find((onset) => onset > near) ?? rest.at(-1) ?? null;
    this.selected = next;
    this.setOnsets(rest, "delete an onset");
    announce(`Onset at ${this.clock.fine(near)} deleted`);
  }

  trySensitivity(value) {
    this.trying = Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
    this.say("onsets");
  }

  /** The onsets are those seen at a sensitivity again. */
  setSensitivity(value = this.trying) {
    this.trying = null;
    if (!this.usable || value === null) return;
    const sensitivity = Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
    const count = this.seenAt(sensitivity).length;
    this.store.choose(this.number, { sensitivity, onsets_s: null }, "sensitivity");
    this.say("onsets");
    announce(`Sensitivity ${Math.round(sensitivity * 100)} %, ${count} onsets`);
    this.place("placing…", { sensitivity: () => String(sensitivity) });
  }

  asSeen() {
    if (!this.usable) return;
    this.store.choose(this.number, { onsets_s: null, sensitivity: null }, "onsets as seen");
    this.say("onsets");
    this.place("placing…", { hits_s: () => this.onsets });
  }

  // ---- tapping along

  tap() {
    if (!this.usable) return;
    if (!this.tapped) {
      this.tapped = [];
      if (!this.player.playing) {
        this.player.seek(this.window.loop_start_s);
        this.player.play();
      }
      this.say("tapping");
      this.say("onsets");
      return announce("Tapping: T at each hit, Enter keeps them, Escape does not");
    }
    this.tapped = [...this.tapped, Math.round(this.within(this.player.time_s) * 1e6) / 1e6].sort((a, b) => a - b);
    this.say("onsets");
  }

  endTapping(keep) {
    if (!this.tapped) return;
    const taps = this.tapped;
    this.tapped = null;
    if (keep && taps.length) this.setOnsets(taps, "tap along");
    this.say("tapping");
    this.say("onsets");
    announce(keep ? `${taps.length} taps kept` : "Taps thrown away");
  }

  // ---- takes made now

  /** How to ask for this very take, with other onsets. */
  again(take) {
    if (!take) return { takes: "1" };
    const { source = {}, seed } = take;
    const asked = { takes: "1", seed: String(seed) };
    if (source.library_id) return { ...asked, engine: "recommend", pin: source.library_id };
    return source.like ? { ...asked, engine: "transfer", like: source.like } : asked;
  }

  /** Has the heard take placed on the onsets as they stand when the hands rest. */
  place(words, { hits_s, sensitivity }) {
    const { number, heard } = this;
    const body = () => {
      const options = this.again(heard);
      return sensitivity ? { options: { ...options, sensitivity: sensitivity() } } : { options, hits_s: hits_s() };
    };
    this.placing.later(number, words, body, (takes) => this.took(number, takes, heard?.id ?? null));
  }

  /** New takes are here. What was chosen before goes over to the one that replaces it. */
  async took(number, takes, instead) {
    const [first] = takes;
    const entry = this.store.regions.get(number);
    const ready = first ?? (instead === null ? null : this.alike(entry, instead));
    if (!ready) return announce("The take is as it was");
    if (instead !== null && ready.id !== instead) {
      const { choice } = entry;
      const edits = { ...choice.edits };
      if (choice.edits[instead] && !choice.edits[ready.id]) {
        const edit = choice.edits[instead];
        edits[ready.id] = { ...edit, level_db: Math.min(edit.level_db, this.mostLevel(ready)) };
      }
      const take = choice.take === instead || choice.take === null ? ready.id : choice.take;
      this.store.follow(number, { take, edits });
    }
    for (const take of takes) this.fresh.add(take.id);
    if (number !== this.number || !this.window) return;
    try {
      for (const take of takes) await this.player.add(this.playable(take));
    } catch (error) {
      return this.fail(error);
    }
    if (number !== this.number) return;
    this.hear(ready.id);
    this.fresh.add(ready.id);
    this.say("takes");
    announce(takes.length > 1 ? `${takes.length} new takes` : "The new take is here");
  }

  /** What was asked for was there already: the take whose onsets are nearest to those wanted. */
  alike(entry, instead) {
    const wanted = this.number === entry.summary.number ? this.onsets : (entry.choice.onsets_s ?? []);
    const seed = entry.detail.takes.find((take) => take.id === instead)?.seed;
    const off = (take) => (take.onsets_s?.length !== wanted.length ? 1e9 : Math.max(0, ...wanted.map((time_s, k) => Math.abs(time_s - take.onsets_s[k])))) + (take.seed === seed ? 0 : 1);
    return entry.detail.takes.toSorted((a, b) => off(a) - off(b))[0] ?? null;
  }

  ask(words, body) {
    if (!this.usable) return;
    const { number } = this;
    announce(words);
    this.placing.now(number, words, body, (takes) => this.took(number, takes, null));
  }

  /** Retakes keep to the editor's onsets where there are any. */
  get hits() {
    return this.choice.onsets_s?.length || this.choice.sensitivity !== null ? { hits_s: this.onsets } : {};
  }

  askForMore() {
    this.ask("asking for more…", { more: true, options: { takes: "2" }, ...this.hits });
  }

  moreLikeThis() {
    if (this.heard) this.ask("looking for takes like this…", { like_take: this.heard.id, options: { takes: "2" }, ...this.hits });
  }

  useSound(sound) {
    this.ask(`placing ${sound.name}…`, { options: { takes: "1", engine: "recommend", pin: sound.id }, ...this.hits });
  }

  useExample(sound) {
    this.ask(`re-timing ${sound.name}…`, { options: { takes: "1", engine: "transfer", like: `lib:${sound.id}` }, ...this.hits });
  }

  useWords(words) {
    this.ask(`looking for “${words}”…`, { words, options: { takes: "2", engine: "recommend" }, ...this.hits });
  }
}
