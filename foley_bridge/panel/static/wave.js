// Waveforms by wavesurfer.js, drawn from the peaks that the server made: nothing is decoded for a picture.

import { colour } from "./canvas.js";
import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";

const nonce = () => document.querySelector('meta[name="style-nonce"]')?.content || undefined;
const COLUMNS = 8000; // the widest canvas wavesurfer draws; also how finely silence around a clip is laid out

/**
 * A clip's peaks laid out over a longer stretch, silence around them.
 * @param {{peaks: number[][], duration_s: number}} peaks pairs lowest, highest, interleaved
 */
function over(peaks, clip_s, from_s, to_s) {
  const length_s = to_s - from_s;
  return peaks.peaks.slice(0, 2).map((channel) => {
    const pairs = channel.length / 2;
    const perSecond = pairs / peaks.duration_s;
    const count = Math.max(2, Math.min(COLUMNS, Math.round(perSecond * length_s)));
    const laid = new Float32Array(count * 2);
    for (let k = 0; k < count; k += 1) {
      // Whatever of the clip lies under this column; at least the nearest pair.
      const first = (from_s + (k * length_s) / count - clip_s) * perSecond;
      const last = (from_s + ((k + 1) * length_s) / count - clip_s) * perSecond;
      let low = 0;
      let high = 0;
      for (let i = Math.max(0, Math.floor(first + 1e-6)); i < Math.min(pairs, Math.max(Math.ceil(last - 1e-6), Math.floor(first + 1e-6) + 1)); i += 1) {
        low = Math.min(low, channel[2 * i]);
        high = Math.max(high, channel[2 * i + 1]);
      }
      laid[2 * k] = low;
      laid[2 * k + 1] = high;
    }
    return laid;
  });
}

/** One waveform in one box. `destroy` when the box goes. */
export class Wave {
  /** @param {HTMLElement} box */
  constructor(box, { height = "auto", chosen = false } = {}) {
    this.box = box;
    this.height = height;
    this.chosen = chosen;
    this.surfer = null;
    this.ready = false;
    this.wanted = null;
    this.wantedGain = 1;
    this.tall = 1;
  }

  /**
   * Draws what a clip holds between two times.
   * @param {{peaks: number[][], duration_s: number}} peaks
   */
  show(peaks, clip_s, from_s = clip_s, to_s = clip_s + peaks.duration_s) {
    this.destroy();
    if (!peaks.peaks.length || !peaks.duration_s) return;
    this.surfer = WaveSurfer.create({
      container: this.box,
      height: this.height,
      peaks: over(peaks, clip_s, from_s, to_s),
      duration: to_s - from_s,
      interact: false,
      hideScrollbar: true,
      autoScroll: false,
      autoCenter: false,
      cursorWidth: 0,
      barHeight: (this.tall = this.wantedGain),
      normalize: false,
      cspNonce: nonce(),
      ...this.colours(),
    });
    this.surfer.on("ready", () => {
      this.ready = true;
      if (this.wanted) this.view(...this.wanted);
    });
  }

  colours() {
    const wave = colour(this.chosen ? "--wave-heard" : "--wave");
    return { waveColor: wave, progressColor: wave };
  }

  /** How tall it is drawn. @param {number} gain 1: full scale fills the box */
  gain(gain) {
    this.wantedGain = gain;
    if (!this.surfer || Math.abs(this.tall / gain - 1) < 1e-3) return;
    this.tall = gain;
    this.surfer.setOptions({ barHeight: gain });
  }

  lit(chosen) {
    if (this.chosen === chosen) return;
    this.chosen = chosen;
    this.surfer?.setOptions(this.colours());
  }

  repaint() {
    this.surfer?.setOptions(this.colours());
  }

  /** Shows the part that the axis shows. */
  view(perSecond, left_s) {
    this.wanted = [perSecond, left_s];
    if (!this.ready) return;
    if (this.perSecond !== perSecond) {
      this.perSecond = perSecond;
      this.surfer.zoom(perSecond);
    }
    this.surfer.setScrollTime(Math.max(0, left_s));
  }

  destroy() {
    this.surfer?.destroy();
    this.surfer = null;
    this.ready = false;
    this.perSecond = null;
    this.box.replaceChildren();
  }
}
