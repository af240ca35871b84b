// The lanes of the take that is heard: its waveform, with where its hits lie and its fades, and its spectrogram.

import { colour, fresh, shadeOutside } from "./canvas.js";
import { nudge_s } from "./choice.js";
import { h, setText } from "./dom.js";
import { Wave } from "./wave.js";

const PAIRS = 2000; // of a preview's peaks
const KEPT = 12; // peaks kept of takes heard lately

/**
 * @param {{wave: HTMLElement, spectrum: HTMLElement, label: HTMLElement}} to the lanes' fields, and where the take's number goes
 */
export function heard({ wave, spectrum, label }, session) {
  const { axis, clock, api, editing, scale } = session;
  const box = h("div.surfer");
  const canvas = h("canvas");
  const silent = h("p.empty", {}, "No take is heard");
  wave.append(box, canvas, silent);
  const image = h("img.spectrogram", { alt: "", hidden: true, draggable: false });
  spectrum.append(image);
  const surfer = new Wave(box, { chosen: true });
  /** @type {Map<string, object>} */
  const known = new Map();
  let shown = null;
  let asked = null;
  let peak = 0; // of the library's sound that is heard

  /** The library's sound as it is laid at the onsets: it is heard instead of the take, so it is shown instead. */
  function peaksOfPreview({ laid }) {
    const step = Math.max(1, Math.ceil(laid.length / PAIRS));
    const peaks = Array.from({ length: Math.min(2, laid.numberOfChannels) }, (_, channel) => {
      const samples = laid.getChannelData(channel);
      return Array.from({ length: Math.ceil(laid.length / step) }, (_, k) => {
        const piece = samples.subarray(k * step, (k + 1) * step);
        return [piece.reduce((least, value) => Math.min(least, value), 0), piece.reduce((most, value) => Math.max(most, value), 0)];
      }).flat();
    });
    return { peaks, duration_s: laid.duration, start_s: session.window.start_s };
  }

  function showPreview({ name }) {
    const { audited } = session.player;
    setText(label, `library: ${name}`);
    silent.hidden = true;
    if (shown === audited) return surfer.gain(scale.filling(peak));
    shown = audited;
    asked?.abort();
    image.hidden = true;
    image.removeAttribute("src");
    const peaks = peaksOfPreview(audited);
    peak = Math.max(...peaks.peaks.map((channel) => channel.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
    surfer.gain(scale.filling(peak));
    surfer.show(peaks, peaks.start_s, axis.from_s, axis.to_s);
    look();
  }

  const shift_s = () => nudge_s(editing.edit, clock.rate);

  async function peaksOf(take, signal) {
    const place = `${session.number}/${take.id}`;
    const peaks = known.get(place) ?? (await api.peaks(session.number, take.id, signal));
    known.delete(place); // and kept as the latest
    known.set(place, peaks);
    if (known.size > KEPT) known.delete(known.keys().next().value);
    return peaks;
  }

  /** Another take, perhaps. */
  async function show() {
    if (session.preview && session.window) return showPreview(session.preview);
    const take = session.heard;
    setText(label, take ? `take ${session.takes.indexOf(take) + 1}` : "");
    silent.hidden = Boolean(take);
    const wanted = take && session.window ? `${session.number}/${session.window.number}/${take.id}` : null;
    if (wanted === shown) return showEdit();
    shown = wanted;
    asked?.abort();
    image.hidden = true;
    if (!wanted) {
      surfer.destroy();
      image.removeAttribute("src");
      draw();
      return;
    }
    image.src = api.spectrogram(session.number, take.id);
    asked = new AbortController();
    const { signal } = asked;
    try {
      const peaks = await peaksOf(take, signal);
      if (signal.aborted) return;
      surfer.gain(scale.of(take));
      surfer.show(peaks, peaks.start_s, axis.from_s, axis.to_s);
      surfer.view(axis.perSecond, axis.left_s - axis.from_s);
      showEdit();
    } catch (error) {
      if (error.name === "AbortError") return;
      surfer.destroy(); // the player says what is wrong with the file
      if (error.away) shown = null;
    }
  }
  image.addEventListener("load", () => {
    image.hidden = false;
    place();
  });
  image.addEventListener("error", () => (image.hidden = true));

  /** What has pixels of its own goes where the take is heard. */
  function place() {
    const take = session.preview ? null : session.heard;
    box.style.transform = "";
    if (!take) return;
    const shift = shift_s() * axis.perSecond;
    image.style.left = `${axis.x(take.start.seconds) + shift}px`;
    image.style.width = `${take.duration.seconds * axis.perSecond}px`;
    box.style.transform = shift ? `translateX(${shift}px)` : "";
  }

  /** Where the take's own hits are, where its clip ends, and its fades. */
  function draw() {
    const drawing = fresh(canvas);
    const take = session.preview ? null : session.heard;
    if (!take) return;
    const start_s = take.start.seconds;
    const end_s = start_s + take.duration.seconds;
    shadeOutside(drawing, axis.x(start_s), axis.x(end_s));
    drawHits(drawing, take.onsets_s ?? []);
    const { fade_in_s, fade_out_s } = editing.edit;
    if (fade_in_s || fade_out_s) drawFades(drawing, start_s, start_s + fade_in_s, end_s - fade_out_s, end_s);
  }

  function drawHits({ pen, width, height }, onsets_s) {
    pen.strokeStyle = colour("--placed");
    pen.lineWidth = 1.5;
    pen.setLineDash([3, 3]);
    for (const time_s of onsets_s) {
      const x = axis.x(time_s + shift_s());
      if (x < -2 || x > width + 2) continue;
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  function drawFades({ pen, height }, start_s, in_s, out_s, end_s) {
    pen.beginPath();
    pen.moveTo(axis.x(start_s), height - 2);
    pen.lineTo(axis.x(in_s), 3);
    pen.lineTo(axis.x(out_s), 3);
    pen.lineTo(axis.x(end_s), height - 2);
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 2;
    pen.stroke();
  }

  /** Its edit changed. */
  function showEdit() {
    if (!session.heard || session.preview) return;
    surfer.gain(scale.of(session.heard));
    place();
    draw();
  }

  /** The axis shows another part. */
  function look() {
    surfer.view(axis.perSecond, axis.left_s - axis.from_s);
    place();
    draw();
  }

  scale.addEventListener("scale", show);
  session.addEventListener("loading", showEdit);

  return { show, showEdit, look, repaint: () => surfer.repaint() };
}
