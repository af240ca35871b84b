// One video element that is held to a clock: shown standing on a frame, or playing so that what it draws is what the clock says.
//
// Two things are looked at while it plays. Its own clock (`currentTime`), which in some browsers goes smoothly and then tells the error to
// a fraction of a millisecond; and when its frames come to the display, which is what counts, but is rounded to the display's own
// frames. So the first one is corrected at once, the second slowly.

const STILL_S = 0.002; // an error of the clock that is left alone
const STILL_SEEN_S = 0.006; // one of the frames on the display
const SMOOTH_S = 0.004; // looks at a clock that goes smoothly differ by less
const LOOKS = 4;
const FRAMES = 12; // that are averaged
const LOST_S = 0.3; // an error that only a jump mends
const MOST_LEAD_S = 0.08;

export class Screen {
  /**
   * @param {HTMLVideoElement} video
   * @param {{lead_s: number}} display how much earlier than its time a frame has to be shown to be seen in time; learnt, common to all
   * @param {(error_s: number, page_ms: number) => void} drawn told of each frame that is drawn while it follows
   */
  constructor(video, display, drawn) {
    this.video = video;
    this.display = display;
    this.drawn = drawn;
    this.hidden = false;
    this.halt();
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    video.addEventListener("seeked", () => this.arrive());
    if (!video.requestVideoFrameCallback) return;
    const told = (now, frame) => {
      this.see(frame.mediaTime, frame.expectedDisplayTime);
      video.requestVideoFrameCallback(told);
    };
    video.requestVideoFrameCallback(told);
  }

  /** @param {string} url @param {number} frame_s how long a frame is */
  async load(url, frame_s) {
    this.halt();
    this.wanted = null;
    this.arrived = false;
    this.frame_s = frame_s;
    this.video.style.visibility = "hidden"; // it begins with frames that nobody asked for
    await new Promise((done, failed) => {
      this.video.onloadeddata = done;
      this.video.onerror = () => failed(new Error(this.video.error?.message || "the picture cannot be shown"));
      this.video.src = url;
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
    this.arrived = false;
    if (this.video.seeking) this.wanted = this.at;
    else this.video.currentTime = this.at;
  }

  arrive() {
    this.arrived = this.wanted === null;
    if (this.arrived) this.video.style.visibility = "";
    else this.video.currentTime = this.wanted;
    this.wanted = null;
  }

  /** Does it stand on the frame that was wished for, or play from there? */
  get ready() {
    return this.arrived && this.video.readyState >= 2;
  }

  /** Plays from where it stands, so that at any time of the page it shows that time of the picture. @param {(page_ms: number) => number} target */
  follow(target) {
    this.target = target;
  }

  halt() {
    clearTimeout(this.starting);
    clearTimeout(this.hurrying);
    this.target = null;
    this.plays = false;
    this.starting = this.hurrying = 0;
    this.lost = false;
    this.forget();
    this.video.pause();
    this.video.playbackRate = 1;
  }

  forget() {
    this.looks = [];
    this.seen = [];
  }

  /** To be called for every frame of the page. */
  tick(now) {
    if (!this.target || !this.ready) return;
    if (this.plays) this.look(now);
    else if (!this.starting) {
      const wait_ms = (this.at - this.target(now) - this.display.lead_s) * 1000;
      if (wait_ms < 30) this.starting = setTimeout(() => this.start(), Math.max(0, wait_ms));
    }
  }

  start() {
    this.starting = 0;
    this.plays = true;
    this.video.play().catch(() => {}); // paused again before it played
  }

  /** What its clock says. */
  look(now) {
    const error = this.video.currentTime - this.target(now) - this.display.lead_s;
    if (!this.video.requestVideoFrameCallback) this.drawn(error, now);
    if (this.hurrying) return;
    this.looks.push(error);
    if (this.looks.length < LOOKS) return;
    const smooth = Math.max(...this.looks) - Math.min(...this.looks) < SMOOTH_S;
    const mean = average(this.looks);
    this.looks.shift();
    this.lost = Math.abs(mean) > LOST_S;
    if (smooth && Math.abs(mean) > STILL_S && !this.lost) this.hurry(mean);
    this.smooth = smooth;
  }

  /** What its frames say when they come to the display. */
  see(media_s, page_ms) {
    if (!this.plays || this.video.paused || media_s < this.at) return;
    const error = media_s - this.target(page_ms);
    this.drawn(error, page_ms);
    if (this.hidden || this.hurrying) return;
    this.seen.push(error);
    if (this.seen.length < FRAMES) return;
    const mean = average(this.seen);
    this.seen = [];
    if (Math.abs(mean) < STILL_SEEN_S || this.lost) return;
    if (this.smooth) this.display.lead_s = clamp(this.display.lead_s - mean / 2, MOST_LEAD_S);
    else this.hurry(mean);
  }

  /** Goes slower or faster for a while, until an error is gone. */
  hurry(error_s) {
    const over_s = this.hidden ? 0.1 : Math.min(1, Math.max(0.1, Math.abs(error_s) * 10));
    this.forget();
    this.video.playbackRate = 1 - clamp(error_s / over_s, 0.5);
    this.hurrying = setTimeout(() => {
      this.hurrying = 0;
      this.video.playbackRate = 1;
    }, over_s * 1000);
  }
}

const average = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const clamp = (number, most) => Math.min(most, Math.max(-most, number));
