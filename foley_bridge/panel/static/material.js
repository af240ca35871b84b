// What of a window can sound: its takes as they were decoded, with their edits, at matched loudness; a library's sound laid at onsets.

import { ApiError, fetched } from "./api.js";
import { changes, edited, sampleOf } from "./edits.js";

const MOST_DOWN_DB = 12; // for matched loudness

/**
 * A sound of the server's, at the context's own rate.
 * @param {AudioContext} context
 * @returns {Promise<AudioBuffer>}
 */
export async function decoded(context, url, signal) {
  const bytes = await fetched(url, "arrayBuffer", { signal });
  return context.decodeAudioData(bytes).catch(() => {
    throw new ApiError({ kind: "MediaError", message: "the sound cannot be read", hint: "another browser may" }, 200);
  });
}

/** By how many dB a take is louder than the quietest of them. */
function louder(take, takes) {
  const measure = takes.every(({ lufs }) => Number.isFinite(lufs)) ? "lufs" : "peak_dbfs";
  const loud = takes.map((one) => one[measure]).filter(Number.isFinite);
  return Number.isFinite(take[measure]) ? take[measure] - Math.min(...loud) : 0;
}

/** How loud a take sounds among others: the quietest is the measure; edits are heard on top of it. */
export const matchedLevel = (take, takes) => 10 ** (-Math.min(MOST_DOWN_DB, louder(take, takes)) / 20);

/** By how many dB a take is louder than the quietest although both are matched: none is turned down further than that. */
export const stillLouder = (take, takes) => Math.max(0, louder(take, takes) - MOST_DOWN_DB);

/**
 * @typedef {object} Take as `Player.load` takes it, and
 * @property {AudioBuffer | null} buffer as it was decoded
 * @property {AudioBuffer | null} made with its edit, once it was heard
 * @property {boolean} failed it could not be had
 * @property {Promise<void>} coming
 */

export class Material {
  /** @param {{start_s: number, end_s: number}} window @param {string|number} rate */
  constructor(window, rate, sampleRate) {
    Object.assign(this, { window, rate, sampleRate });
    /** @type {Map<string, Take>} */
    this.takes = new Map();
    this.length = this.sample(window.end_s);
  }

  /** The sample of the window at a time of the timeline. */
  sample(time_s) {
    return sampleOf(time_s, this.rate, this.sampleRate) - sampleOf(this.window.start_s, this.rate, this.sampleRate);
  }

  /** @returns {Take} */
  put(take) {
    const kept = { ...take, edit: take.edit ?? {}, buffer: null, made: null, failed: false };
    this.takes.set(take.id, kept);
    return kept;
  }

  edit(take, edit) {
    take.edit = edit;
    take.made = null;
  }

  /** As a take sounds on the timeline: with its edit, and nothing beyond its clip. @param {Take} take */
  made(take) {
    take.made ??= this.#edited(take);
    return take.made;
  }

  #edited({ buffer, edit, clip_start_s, clip_end_s }) {
    const { rate, sampleRate } = this;
    const [first, end] = [this.sample(clip_start_s), this.sample(clip_end_s)];
    if (!changes(edit) && first <= 0 && end >= buffer.length) return buffer;
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, k) => buffer.getChannelData(k));
    const made = new AudioBuffer({ length: buffer.length, numberOfChannels: channels.length, sampleRate: buffer.sampleRate });
    edited(channels, edit, { rate, sampleRate, first, end }).forEach((samples, k) => {
      samples.fill(0, 0, Math.max(0, first));
      samples.fill(0, Math.max(0, end));
      made.copyToChannel(samples, k);
    });
    return made;
  }

  /** How loud a take sounds at matched loudness. @param {Take} take */
  level(take) {
    return matchedLevel(take, [...this.takes.values()].filter(({ failed }) => !failed));
  }

  /** A sound of the library, laid raw at times of the timeline. @param {AudioBuffer} sound */
  lay(sound, at_s) {
    const laid = new AudioBuffer({ length: this.length, numberOfChannels: sound.numberOfChannels, sampleRate: sound.sampleRate });
    for (let k = 0; k < sound.numberOfChannels; k++) {
      const [from, to] = [sound.getChannelData(k), laid.getChannelData(k)];
      for (const time_s of at_s) {
        const first = this.sample(time_s);
        for (let n = Math.max(0, -first); n < from.length && first + n < to.length; n++) to[first + n] += from[n];
      }
    }
    return laid;
  }
}
