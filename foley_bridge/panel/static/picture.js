// The picture of a window, held to the sound. Two video elements lie on each other: one is seen, the other waits where the loop begins and
// starts unseen a little before the turn, so that nobody sees a seek.

import { fetched, missingOf } from "./api.js";
import { median } from "./clock.js";
import { Screen } from "./screen.js";

const RUN_UP_S = 0.25; // how long the waiting one runs before it is seen
const SEEK_S = 0.15; // what a seek may take
/** Chromium draws no frames of an element that is quite transparent, or covered by one that is quite opaque; these look like those. */
const NEARLY = { seen: "0.999", unseen: "0.001" };
const LOOKS = 31; // at how long a frame of the page takes

/** Passes on one line show the same time at the same moment. */
const sameLine = (one, other) => one && other && Math.abs(one.place - one.begin - (other.place - other.begin)) < 0.5;

export class Picture {
  /**
   * @param {HTMLVideoElement} video
   * @param {(error_s: number, page_ms: number) => void} drawn told of each frame seen while playing
   */
  constructor(video, drawn) {
    const told = (screen) => (error_s, page_ms) => screen === this.seen && drawn(error_s, page_ms);
    const display = { lead_s: 0 };
    this.under = new Screen(video, display, (...args) => told(this.under)(...args));
    this.over = new Screen(laidOver(video), display, (...args) => told(this.over)(...args));
    this.seen = this.under;
    this.url = null;
    this.ticks = [];
    this.show(this.under);
  }

  get waiting() {
    return this.seen === this.under ? this.over : this.under;
  }

  /** The element that is seen. */
  get video() {
    return this.seen.video;
  }

  /** @param {string} url @param {number} rate @param {number} frames @param {AbortSignal} signal */
  async load(url, rate, frames, signal) {
    this.clear();
    [this.rate, this.frames] = [rate, frames];
    const blob = await fetched(url, "blob", { signal, answered: (answer) => (this.missing = missingOf(answer)) });
    if (signal.aborted) return;
    this.url = URL.createObjectURL(blob);
    try {
      await Promise.all([this.under, this.over].map((screen) => screen.load(this.url, 1 / rate)));
    } catch (error) {
      if (!signal.aborted) this.clear();
      throw error;
    }
  }

  clear() {
    this.under.unload();
    this.over.unload();
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.missing = []; // why it is black where it is, in words
    this.passes = new Map();
    this.sound = null;
  }

  /** The frame that is to be seen at a time of the window, seconds. */
  frameAt(time_s) {
    return Math.min(this.frames - 1, Math.max(0, Math.floor(time_s * this.rate + 1e-4)));
  }

  /** Stands on the frame of a time. */
  stand(time_s) {
    if (!this.url) return;
    this.sound = null;
    this.passes.clear();
    this.waiting.halt();
    this.seen.cue(this.frameAt(time_s));
  }

  /** Follows a sound from now on, until `stand`. @param {import("./sound.js").Sound} sound */
  follow(sound) {
    if (!this.url) return;
    this.sound = sound;
    this.passes.clear();
    const pass = sound.passAt(0);
    const ahead = sound.placeIn(pass, performance.now()) < pass.place; // else the picture comes later than the sound, and jumps to where that is
    if (ahead && this.seen.ready && Math.abs(this.seen.at - (this.frameAt(pass.place / sound.rate) + 0.5) / this.rate) < 1e-3) this.put(this.seen, pass);
  }

  put(screen, pass) {
    const { sound } = this;
    this.passes.set(screen, pass);
    screen.follow((page_ms) => sound.placeIn(pass, page_ms) / sound.rate);
  }

  /** To be called for every frame of the page. */
  tick(now) {
    const { sound, seen, waiting } = this;
    if (!sound?.runs) return;
    // What is changed now is seen a frame of the page later; the turn is rounded to the nearest.
    const pass = sound.passAt(now + 1.5 * this.pageFrame(now));
    if (!sameLine(this.passes.get(seen), pass)) {
      if (!sameLine(this.passes.get(waiting), pass)) this.jump(pass, now);
      else if (waiting.ready) this.change();
    } else if (seen.lost && !sameLine(this.passes.get(waiting), pass)) {
      this.jump(pass, now);
    } else if (seen.lost && waiting.ready) {
      this.change();
    } else {
      this.prepare(pass);
    }
    this.under.tick(now);
    this.over.tick(now);
  }

  /** Milliseconds that a frame of the page takes. */
  pageFrame(now) {
    this.ticks.push(now);
    if (this.ticks.length > LOOKS) this.ticks.shift();
    return this.ticks.length < 3 ? 17 : Math.min(40, median(this.ticks.slice(1).map((at, k) => at - this.ticks[k])));
  }

  /** Has the waiting one go to where the sound will be when it is there. */
  jump(pass, now) {
    const place_s = this.sound.placeIn(pass, now) / this.sound.rate;
    this.waiting.cue(this.frameAt(place_s + SEEK_S));
    this.put(this.waiting, pass);
  }

  /** Has the waiting one wait for the next turn. */
  prepare(pass) {
    const { sound, waiting } = this;
    const next = sound.passAfter(pass);
    if (sameLine(this.passes.get(waiting), next)) return;
    const length_s = (next.end - next.begin) / sound.rate;
    const runUp = Math.max(0, Math.min(RUN_UP_S, length_s - SEEK_S));
    waiting.cue(this.frameAt(next.place / sound.rate - runUp));
    this.put(waiting, next);
  }

  change() {
    const before = this.seen;
    this.show(this.waiting);
    before.halt();
    this.passes.delete(before);
  }

  show(screen) {
    this.seen = screen;
    this.over.video.style.opacity = screen === this.over ? NEARLY.seen : NEARLY.unseen;
    this.over.hidden = screen !== this.over;
    this.under.hidden = screen !== this.under;
  }
}

/** A second element of the same shape on top of one, which has to be in the page. */
function laidOver(video) {
  if (!video.isConnected) throw new Error("the video is not in the page: nothing can be laid over it");
  const other = video.cloneNode(false);
  other.removeAttribute("id");
  other.setAttribute("aria-hidden", "true");
  other.tabIndex = -1;
  Object.assign(other.style, { position: "absolute", pointerEvents: "none", margin: "0" });
  video.after(other);
  const lay = () => {
    const style = getComputedStyle(video);
    Object.assign(other.style, {
      left: `${video.offsetLeft}px`,
      top: `${video.offsetTop}px`,
      width: `${video.offsetWidth}px`,
      height: `${video.offsetHeight}px`,
      objectFit: style.objectFit,
      borderRadius: style.borderRadius,
    });
  };
  lay();
  const watch = new ResizeObserver(lay);
  watch.observe(video);
  if (video.parentElement) watch.observe(video.parentElement);
  return other;
}
