// One video element that is held to a clock: shown standing on a frame, or playing so that what it draws is what the clock says.

import { median } from "./clock.js";

const LOOKED_AT = 8; // frames whose error is averaged: what a display rounds to its own frames must not count
const STILL_S = 0.003; // an error that is left alone
const PULL = 1.5; // of the error is taken away in a second
const MOST = { shown: 0.06, hidden: 0.5 }; // change of speed at most
const LOST_S = 0.3; // an error that only a jump mends

export class Screen {
  /**
   * @param {HTMLVideoElement} video
   * @param {(error_s: number, frame: number) => void} drawn told of each frame that is drawn while it follows
   */
  constructor(video, drawn) {
    this.video = video;
    this.drawn = drawn;
    this.hidden = false;
    this.halt();
    this.lag_s = 0.005; // from play() to the first movement; learnt
    video.muted = true;
    video.playsInline = true;
    video.addEventListener("seeked", () => this.arrive());
    const told = (now, frame) => {
      this.look(frame.mediaTime, frame.expectedDisplayTime);
      video.requestVideoFrameCallback(told);
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(told);
  }

  /** @param {string} url @param {number} frame_s how long a frame is */
  async load(url, frame_s) {
    this.halt();
    this.wanted = null;
    this.frame_s = frame_s;
    this.video.src = url;
    await new Promise((done, failed) => {
      this.video.onloadeddata = done;
      this.video.onerror = () => failed(this.video.error ?? new Error("the picture cannot be shown"));
      this.video.load();
    });
  }

  unload() {
    this.halt();
    this.video.onerror = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Stands still on a frame. When several are wished for in a row only the last one counts. */
  cue(frame) {
    this.halt();
    this.at = (frame + 0.5) * this.frame_s;
    if (this.video.seeking) this.wanted = this.at;
    else this.seek(this.at);
  }

  seek(at) {
    this.wanted = null;
    this.arrived = false;
    this.video.currentTime = at;
  }

  arrive() {
    if (this.wanted !== null) this.seek(this.wanted);
    else this.arrived = true;
  }

  /** Does it stand on the frame that was wished for? */
  get ready() {
    return this.arrived && this.video.readyState >= 2;
  }

  /** Plays from where it stands, so that at any time of the page it shows that time of the picture. @param {(page_ms: number) => number} target */
  follow(target) {
    this.target = target;
  }

  halt() {
    clearTimeout(this.timer);
    this.target = null;
    this.due = null;
    this.timer = 0;
    this.errors = [];
    this.lost = false;
    this.video.pause();
    this.video.playbackRate = 1;
  }

  /** To be called for every frame of the page. */
  tick(now) {
    if (!this.target) return;
    if (this.due === null && this.ready) {
      const wait_ms = (this.at - this.target(now) - this.lag_s) * 1000;
      if (wait_ms > 30) return;
      this.due = now + Math.max(0, wait_ms);
      this.timer = setTimeout(() => this.start(), Math.max(0, this.due - performance.now()));
    }
    if (!this.video.requestVideoFrameCallback && this.due !== null) this.look(this.video.currentTime, performance.now());
  }

  start() {
    this.begun = 0;
    this.video.play().catch(() => {}); // paused again before it played
  }

  look(media_s, page_ms) {
    if (!this.target || this.due === null || this.video.paused || media_s < this.at + this.frame_s / 4) return;
    const error = media_s - this.target(page_ms);
    this.drawn(error, page_ms);
    this.errors.push(error);
    if (this.errors.length > LOOKED_AT) this.errors.shift();
    this.correct();
  }

  correct() {
    const few = this.errors.length;
    const error = median(this.errors);
    if (few < 3) return;
    this.lost = Math.abs(error) > LOST_S;
    const most = this.hidden ? MOST.hidden : MOST.shown;
    const pull = Math.abs(error) < STILL_S ? 0 : Math.max(-most, Math.min(most, error * PULL));
    const rate = 1 - Math.round(pull * 200) / 200;
    if (rate !== this.video.playbackRate) this.video.playbackRate = rate;
  }
}
