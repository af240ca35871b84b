// Timeline seconds as timecode, and as they are kept. Frames are counted at the exact rate, labels at the nominal one (no drop-frame labels).

export class Clock {
  /**
   * @param {string} rate frames a second as an exact fraction, "24000/1001"
   * @param {number} start_s record time of the timeline's first frame
   */
  constructor(rate, start_s) {
    const [over, under] = String(rate).split("/").map(Number);
    this.rate = over / (under || 1);
    this.nominal = Math.round(this.rate);
    this.first = Math.round(start_s * this.rate);
  }

  /** Frames from one tick of a ruler to the next, fewest first: even parts of a second of timecode, then seconds. */
  get steps() {
    const { nominal } = this;
    const parts = Array.from({ length: nominal - 1 }, (_, k) => k + 1).filter((frames) => nominal % frames === 0);
    return [...parts, ...[1, 2, 5, 10, 15, 30, 60].map((seconds) => seconds * nominal)];
  }

  /** The frame that shows at a time, counted from the timeline's first. A hair before a frame is that frame. */
  frame(time_s) {
    return Math.floor(time_s * this.rate + 1e-4);
  }

  /** When a frame begins. */
  time_s(frame) {
    return frame / this.rate;
  }

  /** "01:00:04:12" */
  timecode(time_s) {
    let frame = this.frame(time_s) + this.first;
    const sign = frame < 0 ? "-" : "";
    frame = Math.abs(frame);
    const seconds = Math.floor(frame / this.nominal);
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, frame % this.nominal];
    return sign + parts.map((part) => String(part).padStart(2, "0")).join(":");
  }

  /** "01:00:04:12 + 8 ms": where inside the frame, too. */
  fine(time_s) {
    const rest = Math.max(0, Math.round((time_s - this.time_s(this.frame(time_s))) * 1000));
    return rest ? `${this.timecode(time_s)} + ${rest} ms` : this.timecode(time_s);
  }
}

/** A number as it is kept: with that many decimals. */
export const rounded = (value, places) => Math.round(value * 10 ** places) / 10 ** places;

/** A time as choices keep it: to the microsecond. */
export const exact = (time_s) => rounded(time_s, 6);
