// An edit of a take in samples: level, nudge, fades. The same arithmetic as foley_bridge/jobs/retouch.py, so that what is heard here is
// what will lie in the file (docs/audition.md, "A choice"). Counted in exact fractions; samples are float32, of which 24 bits fit whole.

const NUMBERS = ["level_db", "nudge_frames", "nudge_ms", "fade_in_s", "fade_out_s"];

/** A fraction of whole numbers: [over, under], under > 0. */
const times = ([a, b], [c, d]) => [a * c, b * d];
const plus = ([a, b], [c, d]) => [a * d + c * b, b * d];

/** The nearest whole number; a half goes to the even one. */
function rounded([over, under]) {
  const down = over >= 0n ? over / under : -((-over + under - 1n) / under);
  const twice = 2n * (over - down * under);
  if (twice < under || (twice === under && down % 2n === 0n)) return Number(down);
  return Number(down + 1n);
}

/** The decimal number that somebody wrote: 0.1 is a tenth. */
function decimal(number) {
  const [, sign, whole, part = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number));
  const digits = BigInt(sign + whole + part);
  const shift = Number(power) - part.length;
  return shift < 0 ? [digits, 10n ** BigInt(-shift)] : [digits * 10n ** BigInt(shift), 1n];
}

/** A rate as an exact fraction: "24000/1001", "25", or a number; 23.976 is 24000/1001. */
export function exactRate(rate) {
  if (typeof rate === "string" && rate.includes("/")) return rate.split("/").map(BigInt);
  const nominal = Math.round(Number(rate));
  if (Math.abs(Number(rate) - nominal) < 1e-6) return [BigInt(nominal), 1n];
  if (Math.abs(Number(rate) - nominal / 1.001) < 0.006) return [BigInt(nominal * 1000), 1001n];
  return decimal(rate);
}

/** The sample at which a timeline time falls, counted from the timeline's start; what is on a whole frame is taken as that frame. */
export function sampleOf(time_s, rate, sampleRate) {
  const [over, under] = exactRate(rate);
  const frame = (time_s * Number(over)) / Number(under);
  if (Math.abs(frame - Math.round(frame)) > 1e-4) return Math.round(time_s * sampleRate);
  return rounded([BigInt(Math.round(frame)) * under * BigInt(sampleRate), over]);
}

/** By how many samples an edit moves the sound; later is positive. */
export function nudgeSamples(edit, rate, sampleRate) {
  const [over, under] = exactRate(rate);
  const frames = times(decimal(edit.nudge_frames || 0), [under, over]);
  const seconds = plus(frames, times(decimal(edit.nudge_ms || 0), [1n, 1000n]));
  return rounded(times(seconds, [BigInt(sampleRate), 1n]));
}

/** Whether an edit asks for anything at all. */
export const changes = (edit) => NUMBERS.some((name) => edit?.[name]);

export const sameEdit = (one, other) => NUMBERS.every((name) => (one?.[name] || 0) === (other?.[name] || 0));

/**
 * A take with an edit, as new arrays.
 * @param {Float32Array[]} channels what lies in the window
 * @param {object} edit
 * @param {{rate: string|number, sampleRate: number, first: number, end: number}} clip the clip's first sample in them, and the one
 *   after its last; they may lie outside
 * @returns {Float32Array[]}
 */
export function edited(channels, edit, { rate, sampleRate, first, end }) {
  const moved = nudgeSamples(edit, rate, sampleRate);
  const gain = 10 ** ((edit.level_db || 0) / 20);
  const [fadeIn, fadeOut] = [edit.fade_in_s, edit.fade_out_s].map((s) => rounded(times(decimal(s || 0), [BigInt(sampleRate), 1n])));
  return channels.map((from) => {
    const to = new Float32Array(from.length);
    const last = Math.min(from.length, from.length + moved);
    for (let at = Math.max(0, moved); at < last; at++) to[at] = from[at - moved] * gain;
    if (fadeIn) fade(to, 0, first + fadeIn, (at) => (at - first) / fadeIn);
    if (fadeOut) fade(to, end - fadeOut, to.length, (at) => (end - at) / fadeOut);
    return to;
  });
}

function fade(samples, from, until, gainAt) {
  for (let at = Math.max(0, from); at < Math.min(until, samples.length); at++) samples[at] *= Math.min(1, Math.max(0, gainAt(at)));
}
