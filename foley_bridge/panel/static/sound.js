// What is heard: one buffer of the window at a time, looped by the sample, changed by a crossfade without losing the place.
//
// Places are samples from the window's start, frames are samples of the context's clock. A course says which place sounds at which frame;
// a pass is the part of a course between two turns of its loop.

import { HeardClock } from "./clock.js";

const FADE_S = 0.008;
const STEPS = 65;
const rise = Float32Array.from({ length: STEPS }, (_, k) => k / (STEPS - 1));
/** Equal power for different sounds; a straight line for the same sound changed a little, which would swell otherwise. */
const SHAPES = { other: rise.map((x) => Math.sin((x * Math.PI) / 2)), same: rise };

/** Seconds that a multiplication by the rate turns into exactly this sample: otherwise a source would interpolate. */
function seconds(sample, rate) {
  const near = sample / rate;
  for (const tried of [near, near * (1 + Number.EPSILON), near * (1 - Number.EPSILON)]) if (tried * rate === sample) return tried;
  return near;
}

/** @typedef {{place: number, begin: number, end: number}} Pass from frame `begin`, where `place` sounds, to frame `end` */

class Course {
  /** From frame `begin` on `place` and what follows it sound; at `until` it goes on at `from`. */
  constructor(begin, place, from, until) {
    Object.assign(this, { begin, place: place < until ? place : from, from, until });
  }

  /** @returns {Pass} */
  passAt(frame) {
    const turn = this.begin + this.until - this.place;
    if (frame < turn) return { place: this.place, begin: this.begin, end: turn };
    const length = this.until - this.from;
    const begin = turn + Math.floor((frame - turn) / length) * length;
    return { place: this.from, begin, end: begin + length };
  }

  placeAt(frame) {
    const pass = this.passAt(frame);
    return pass.place + Math.max(0, frame - pass.begin);
  }
}

/** Something that sounds: a source behind a gain. Its fade is over at frame `settled`. */
class Voice {
  constructor(context, output, { buffer, level }) {
    this.gain = new GainNode(context, { gain: 0 });
    this.source = new AudioBufferSourceNode(context, { buffer, loop: true });
    this.source.connect(this.gain).connect(output);
    this.source.onended = () => this.gain.disconnect();
    this.level = level;
  }

  start(begin, course, rate, shape) {
    this.source.loopStart = seconds(course.from, rate);
    this.source.loopEnd = seconds(course.until, rate);
    this.source.start(seconds(begin, rate), seconds(course.placeAt(begin), rate));
    this.gain.gain.setValueCurveAtTime(shape.map((x) => x * this.level), seconds(begin, rate), FADE_S);
  }

  stop(begin, rate, shape) {
    const curve = shape.map((x) => x * this.level).reverse();
    this.gain.gain.setValueCurveAtTime(curve, seconds(begin, rate), FADE_S);
    this.source.stop(seconds(begin, rate) + FADE_S + 0.001);
  }
}

export class Sound {
  /** @param {number} sampleRate of the takes: nothing is resampled */
  constructor(sampleRate) {
    this.rate = sampleRate;
    this.context = new AudioContext({ sampleRate });
    this.output = new GainNode(this.context);
    this.output.connect(this.context.destination);
    this.clock = new HeardClock(this.context);
    /** @type {Course[]} */
    this.courses = [];
    this.loop = [0, 1];
    this.material = null;
    this.voice = null;
    this.settled = 0;
    this.later = 0;
  }

  get runs() {
    return this.courses.length > 0;
  }

  /** Starts at a place, or goes there. */
  run(place) {
    this.change("other", () => place);
  }

  /** What is looped, in samples; goes on where it is. */
  setLoop(first, end) {
    this.loop = [first, Math.max(end, first + 1)];
    const course = this.courses.at(-1);
    if (course) this.change("same", (frame) => course.placeAt(frame));
  }

  /**
   * What sounds from now on: a buffer of the window and how loud, or null for nothing.
   * @param {{buffer: AudioBuffer, level: number}|null} material
   * @param {"same"|"other"} kind whether it is the same sound, only changed
   */
  setMaterial(material, kind) {
    this.material = material;
    if (this.runs) this.change(kind);
  }

  halt() {
    clearTimeout(this.later);
    this.later = 0;
    if (this.voice) this.voice.stop(this.soon(), this.rate, SHAPES.other);
    this.voice = null;
    this.courses = [];
  }

  /** The first frame that can still be changed: not rendered yet, and no fade under way. */
  soon() {
    const lead = (this.context.baseLatency || 0.01) + 0.01;
    return Math.max(Math.ceil((this.context.currentTime + lead) * this.rate), this.settled);
  }

  /** @param {((frame: number) => number)|null} placeAt where to go on; null: where it is */
  change(kind, placeAt = null) {
    clearTimeout(this.later);
    this.later = 0;
    const wait = this.settled / this.rate - this.context.currentTime;
    if (placeAt === null && wait > 0 && this.context.state === "running") {
      this.later = setTimeout(() => this.change(kind), wait * 1000); // many changes in a row: the last one counts
      return;
    }
    const next = this.material && new Voice(this.context, this.output, this.material);
    const begin = this.soon();
    let course = this.courses.at(-1);
    if (placeAt !== null) {
      course = new Course(begin, placeAt(begin), ...this.loop);
      this.courses = [...this.courses.filter((old) => old.begin > begin - 2 * this.rate), course];
    }
    this.settled = begin + Math.ceil(FADE_S * this.rate) + 1;
    next?.start(begin, course, this.rate, SHAPES[kind]);
    this.voice?.stop(begin, this.rate, SHAPES[kind]);
    this.voice = next;
    // The page was held up meanwhile, so that the source starts late: once more.
    if (this.context.currentTime * this.rate > begin) this.change(kind, (frame) => course.placeAt(frame));
  }

  /**
   * The pass that is heard at a time of the page; before a course begins, its first.
   * @returns {Pass}
   */
  passAt(page_ms) {
    const frame = this.clock.contextAt(page_ms) * this.rate;
    const after = this.courses.findIndex((course) => course.begin > frame);
    if (after < 0) return this.courses.at(-1).passAt(frame);
    const course = this.courses[Math.max(0, after - 1)];
    return course.passAt(Math.max(frame, course.begin));
  }

  /** The pass after one that ends by a turn. @returns {Pass} */
  passAfter(pass) {
    return this.courses.at(-1).passAt(pass.end);
  }

  /** The place, in samples, that a pass has at a time of the page. It may lie before the pass's first place. */
  placeIn(pass, page_ms) {
    return pass.place + this.clock.contextAt(page_ms) * this.rate - pass.begin;
  }

  /** The place that is heard. */
  placeAt(page_ms) {
    const pass = this.passAt(page_ms);
    return Math.max(this.placeIn(pass, page_ms), pass.place);
  }
}
