// A window's picture and takes in sync (docs/audition.md, "In sync"). The clock is the sound's: takes are decoded, one of them sounds, and the
// picture follows what is heard.

import { median } from "./clock.js";
import { sameEdit } from "./edits.js";
import { decoded, Material } from "./material.js";
import { Picture } from "./picture.js";
import { Sound } from "./sound.js";

const RECENT_MS = 5000;
const INSIDE_S = 0.001; // the end of what is looped is not in it
const PATIENCE_MS = 300; // until a sound that does not start is told of
const TOGETHER_MS = 300; // what a picture may come later than the sound, so that both start together; after that it joins when it comes

/** Events: `time` {time_s}, `state` {playing, suspended}, `heard` {id}, `error` {what, id, message, hint}. */
export class Player extends EventTarget {
  #matched = true;
  #place_s = 0;
  #abort = new AbortController();
  #auditing = null;
  #drift = [];
  #awaited = false; // the picture, by the sound
  #looped = [0, 0]; // timeline seconds

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    super();
    this.picture = new Picture(video, (error_s, page_ms) => this.#drift.push([page_ms, error_s * 1000]));
    /** @type {Sound|null} */
    this.sound = null;
    /** @type {Material|null} */
    this.material = null;
    this.window = null;
    this.playing = false;
    this.heard = null;
    this.audited = null;
    const tick = () => {
      this.#tick(performance.now());
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    // A browser lets a page sound only after its user did something.
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => this.playing && this.#wake(), { capture: true });
  }

  /** @returns {AudioContext|null} */
  get context() {
    return this.sound?.context ?? null;
  }

  /** Where everything that sounds comes out. @returns {AudioNode|null} */
  get output() {
    return this.sound?.output ?? null;
  }

  /** The element that is seen. */
  get video() {
    return this.picture.video;
  }

  get takes() {
    return this.material?.takes ?? new Map();
  }

  /**
   * Another window. It goes on playing if it played. Resolves when everything is there, or could not be had.
   * @param {{window: object, picture: string, takes: object[], rate: string|number, sampleRate: number}} what
   */
  async load({ window, picture, takes, rate, sampleRate }) {
    this.clear(window.loop_start_s);
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (this.sound?.rate !== sampleRate) this.#open(sampleRate);
    this.window = window;
    this.material = new Material(window, rate, sampleRate);
    this.loop(window.loop_start_s, window.loop_end_s);
    this.#place_s = window.loop_start_s - window.start_s;
    if (!takes.some(({ id }) => id === this.heard)) this.#setHeard(takes[0]?.id ?? null);
    const frames_s = window.frames / (window.end_s - window.start_s);
    const come = () => {
      if (signal.aborted) return;
      this.#awaited = false;
      this.#begin();
    };
    this.#awaited = true;
    setTimeout(come, TOGETHER_MS);
    const seen = this.picture
      .load(picture, frames_s, window.frames, signal)
      .catch((error) => this.#fail(signal, "picture", null, error))
      .then(() => {
        if (signal.aborted) return;
        this.pictureThere = true;
        if (this.sound.runs) this.picture.follow(this.sound);
        else this.picture.stand(this.#place_s);
        come();
      });
    await Promise.all([seen, ...takes.map((take) => this.add(take))]);
  }

  /** Nothing is shown and nothing sounds until the next window comes; it stands at a time of the timeline. It plays on then if it plays now. */
  clear(time_s) {
    this.#abort.abort();
    this.sound?.halt();
    this.picture.clear();
    this.#silence();
    this.#drift = [];
    this.window = null;
    this.material = null;
    this.pictureThere = false;
    this.#place_s = time_s;
    this.#tell("time", { time_s });
  }

  /** One more take of this window; resolves when it is decoded, or could not be had. */
  add(take) {
    const known = this.takes.get(take.id);
    if (known) return known.coming;
    const kept = this.material.put(take);
    kept.coming = this.#bring(kept);
    return kept.coming;
  }

  async #bring(take) {
    const { signal } = this.#abort;
    try {
      take.buffer = await decoded(this.context, take.url, signal);
    } catch (error) {
      take.failed = true;
      this.#fail(signal, "take", take.id, error);
    }
    if (signal.aborted) return;
    if (this.matched) this.#sounds("same");
    else if (take.id === this.heard) this.#sounds("other");
    this.#begin();
  }

  async play() {
    if (this.playing) return;
    this.playing = true;
    this.#wake();
    this.#begin();
    this.#state();
  }

  pause() {
    if (!this.playing) return;
    this.#place_s = this.#now();
    this.playing = false;
    this.sound?.halt();
    this.picture.stand(this.#place_s);
    this.#state();
    this.#tell("time", { time_s: this.time_s });
  }

  /** Timeline seconds that are heard, or stood on. */
  get time_s() {
    return (this.window?.start_s ?? 0) + this.#now();
  }

  /** Goes to a time of what is looped. */
  seek(time_s) {
    if (!this.window) return;
    const [first_s, end_s] = this.#looped;
    this.#place_s = Math.max(Math.min(time_s, end_s - INSIDE_S), first_s) - this.window.start_s;
    if (this.sound.runs) this.sound.run(Math.round(this.#place_s * this.sound.rate));
    else this.picture.stand(this.#place_s);
    this.#tell("time", { time_s: this.time_s });
  }

  /** Stands still and shows the frame that many frames on, as far as what is looped goes. */
  step(frames) {
    if (!this.window) return;
    this.pause();
    const { picture, window } = this;
    const [first, last] = [this.#looped[0], this.#looped[1] - INSIDE_S].map((time_s) => picture.frameAt(time_s - window.start_s));
    const frame = Math.min(Math.max(picture.frameAt(this.#place_s) + frames, first), last);
    this.seek(window.start_s + frame / picture.rate);
  }

  loop(start_s, end_s) {
    if (!this.window) return;
    this.#looped = [start_s, end_s];
    this.sound.setLoop(...this.#samples(start_s, end_s));
  }

  /** @param {string|null} id */
  hear(id) {
    if (id === this.heard) return;
    this.#setHeard(id);
    this.#sounds("other");
  }

  edit(id, edit) {
    const take = this.takes.get(id);
    if (!take || sameEdit(take.edit, edit)) return;
    this.material.edit(take, edit ?? {});
    if (id === this.heard) this.#sounds("same");
  }

  get matched() {
    return this.#matched;
  }

  set matched(matched) {
    this.#matched = matched;
    this.#sounds("same");
  }

  /** A sound of the library instead of the take, laid raw at times of the timeline. */
  async audition(url, at_s) {
    const before = this.audited;
    this.#auditing?.abort();
    this.#auditing = new AbortController();
    const signal = AbortSignal.any([this.#auditing.signal, this.#abort.signal]);
    try {
      const sound = before?.url === url ? before.sound : await decoded(this.context, url, signal);
      if (signal.aborted) return;
      this.audited = { url, sound, laid: this.material.lay(sound, at_s) };
    } catch (error) {
      this.#fail(signal, "sound", url, error);
      return;
    }
    this.#sounds("other");
  }

  /** Does a library's sound stand in for the take? */
  get auditioning() {
    return this.audited !== null;
  }

  /** Also one that is still on its way. */
  stopAudition() {
    const sounded = this.audited;
    this.#silence();
    if (sounded) this.#sounds("other");
  }

  #silence() {
    this.#auditing?.abort();
    this.audited = null;
  }

  /** How far the picture is from what is heard: the median of the last seconds; later pictures are negative. */
  get drift() {
    const recent = this.#drift.filter(([page_ms]) => page_ms > performance.now() - RECENT_MS);
    return { ms: recent.length ? median(recent.map(([, ms]) => ms)) : 0, samples: recent.length };
  }

  #open(sampleRate) {
    this.sound?.context.close();
    this.sound = new Sound(sampleRate);
    this.sound.context.addEventListener("statechange", () => {
      this.sound.clock.reset();
      this.#begin();
      this.#state();
    });
  }

  #wake() {
    if (!this.context || this.context.state === "running") return;
    this.context.resume().catch(() => {});
  }

  /** Starts what is to play, once everything that it needs is there. */
  #begin() {
    const take = this.takes.get(this.heard);
    const there = !take || take.buffer || take.failed;
    if (!this.playing || !this.window || this.sound.runs || this.#awaited || !there || this.context.state !== "running") return;
    this.sound.setMaterial(this.#sounding(), "other");
    this.sound.run(Math.round(this.#place_s * this.sound.rate));
    this.picture.follow(this.sound);
  }

  #tick(now) {
    const { sound } = this;
    if (sound?.runs) {
      sound.clock.look();
      this.picture.tick(now);
      while (this.#drift.length && this.#drift[0][0] < now - RECENT_MS) this.#drift.shift();
      this.#tell("time", { time_s: this.time_s });
    }
  }

  /** Seconds of the window. */
  #now() {
    return this.sound?.runs ? this.sound.placeAt(performance.now()) / this.sound.rate : this.#place_s;
  }

  #setHeard(id) {
    this.heard = id;
    this.#tell("heard", { id });
  }

  #sounds(kind) {
    if (this.sound?.runs) this.sound.setMaterial(this.#sounding(), kind);
  }

  /** What sounds now: a library's sound, the take that is heard with its edit, or nothing. */
  #sounding() {
    if (this.audited?.laid) return { buffer: this.audited.laid, level: 1 };
    const take = this.takes.get(this.heard);
    if (!take?.buffer) return null;
    return { buffer: this.material.made(take), level: this.matched ? this.material.level(take) : 1 };
  }

  /** Samples of the window at two times, no further than it goes. */
  #samples(...times_s) {
    const { material } = this;
    return times_s.map((time_s) => Math.min(Math.max(material.sample(time_s), 0), material.length));
  }

  #fail(signal, what, id, { message, hint }) {
    if (!signal.aborted) this.#tell("error", { what, id, message, hint });
  }

  #state() {
    const tell = () => this.#tell("state", { playing: this.playing, suspended: this.playing && this.context?.state !== "running" });
    if (this.playing && this.context?.state !== "running") setTimeout(tell, PATIENCE_MS);
    else tell();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
