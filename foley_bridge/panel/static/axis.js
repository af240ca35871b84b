// The one time axis of all lanes: what can be shown, and the part of it that is.

const MOST_ZOOM = 64;
const LEAST_S = 0.25; // a quarter of a second across the screen is enough

/** Events: `view` when another part shows. */
export class Axis extends EventTarget {
  constructor() {
    super();
    this.from_s = 0;
    this.to_s = 1;
    this.zoom = 1;
    this.left_s = 0;
    this.width = 1;
  }

  /** Another window: all of it shows. */
  cover(from_s, to_s) {
    this.from_s = from_s;
    this.to_s = Math.max(to_s, from_s + 0.04);
    this.zoom = 1;
    this.left_s = from_s;
    this.changed();
  }

  get length_s() {
    return this.to_s - this.from_s;
  }

  get shown_s() {
    return this.length_s / this.zoom;
  }

  get most() {
    return Math.max(1, Math.min(MOST_ZOOM, this.length_s / LEAST_S));
  }

  resize(width) {
    if (width === this.width || width < 1) return;
    this.width = width;
    this.changed();
  }

  /** Zooms so that the time `at_s` stays where it is. */
  zoomTo(zoom, at_s = this.left_s + this.shown_s / 2) {
    const part = (at_s - this.left_s) / this.shown_s;
    this.zoom = Math.min(this.most, Math.max(1, zoom));
    this.scrollTo(at_s - part * this.shown_s);
  }

  scrollTo(left_s) {
    this.left_s = Math.min(this.to_s - this.shown_s, Math.max(this.from_s, left_s));
    this.changed();
  }

  /** Scrolls as far as is needed to see a time. */
  reveal(at_s) {
    if (at_s < this.left_s || at_s > this.left_s + this.shown_s) this.scrollTo(at_s - this.shown_s / 10);
  }

  get perSecond() {
    return this.width / this.shown_s;
  }

  x(time_s) {
    return (time_s - this.left_s) * this.perSecond;
  }

  time_s(x) {
    return this.left_s + x / this.perSecond;
  }

  changed() {
    this.dispatchEvent(new Event("view"));
  }
}
