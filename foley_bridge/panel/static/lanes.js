// The lanes: motion and what was seen, the onsets, the heard take's waveform and spectrogram, all on one time axis with the playhead.

import { h, icon, setAttribute, setText, soon } from "./dom.js";
import { onsetLane } from "./onsets.js";
import { Wave } from "./wave.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const KEPT = 12; // peaks kept of takes heard lately

/** A canvas in device pixels, empty. */
function fresh(canvas) {
  const { clientWidth, clientHeight } = canvas;
  const ratio = devicePixelRatio || 1;
  const width = Math.round(clientWidth * ratio);
  const height = Math.round(clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, clientWidth, clientHeight);
  return { pen, width: clientWidth, height: clientHeight };
}

function lane(name, label, ...inside) {
  const field = h("div.field", {}, ...inside);
  const box = h(`div.lane.${name}`, {}, h("div.label", {}, ...label), field);
  return { box, field };
}

export function lanes(root, session) {
  const { player, axis, clock, api, placing } = session;

  // ---- tools

  const windows = h("div.windows", { role: "group", "aria-label": "Part of the region", hidden: true });
  const tool = (name, text, key, label, act) => h("button", { type: "button", "aria-label": label, title: `${label} (${key})`, onclick: act }, icon(name), h("span.text", {}, text), h("kbd", {}, key));
  const add = tool("add", "Onset", "A", "Add an onset at the playhead", () => session.addOnset());
  const bin = tool("bin", "Delete", "Del", "Delete the selected onset", () => session.deleteOnset());
  const tap = tool("tap", "Tap", "T", "Tap along", () => session.tap());
  const seen = h("button", { type: "button", title: "Onsets as they were seen in the picture or tapped in the timeline", onclick: () => session.asSeen() }, "As seen");
  const slider = h("input", {
    type: "range", id: "sensitivity", min: "0", max: "1", step: "0.01", "aria-label": "Sensitivity",
    oninput: () => session.trySensitivity(Number(slider.value)),
    onchange: () => session.setSensitivity(Number(slider.value)),
  });
  const counts = h("output");
  const zoom = h("input", { type: "range", min: "0", max: "1", step: "0.01", "aria-label": "Zoom", oninput: () => axis.zoomTo(axis.most ** Number(zoom.value), center()) });
  const placed = h("span.placing", { hidden: true });
  const tools = h("div.tools", { role: "toolbar", "aria-label": "Onsets and zoom" },
    windows, add, bin, tap, seen,
    h("label.sensitivity", { title: "How readily motion counts as an action ([ and ])" }, h("span.text", {}, "Sensitivity"), slider, counts),
    placed,
    h("span.space"),
    h("label.zoom", {}, icon("fit"), zoom),
    h("button", { type: "button", "aria-label": "Show all", title: "Show all", onclick: () => axis.zoomTo(1) }, "All"),
  );
  const tapping = h("div.tapping", { hidden: true },
    h("b", {}, "Tapping along"), h("button.main", { type: "button", onclick: () => session.tap() }, "Tap", h("kbd", {}, "T")),
    h("button", { type: "button", onclick: () => session.endTapping(true) }, "Keep", h("kbd", {}, "↵")),
    h("button", { type: "button", onclick: () => session.endTapping(false) }, "Throw away", h("kbd", {}, "Esc")));
  tools.append(tapping);

  // ---- lanes

  const ticks = h("div");
  const ruler = lane("ruler", [h("span.only-read", {}, "Time")], ticks);
  const motionCanvas = h("canvas");
  const motion = lane("motion", [h("b", {}, "Picture"), h("br"), "motion"], motionCanvas);
  const onsets = lane("onsets", [h("b", {}, "Onsets")]);
  const surferBox = h("div.surfer");
  const waveCanvas = h("canvas");
  const silent = h("p.empty", {}, "No take is heard");
  const heardLabel = h("span");
  const wave = lane("wave", [h("b", {}, "Sound"), h("br"), heardLabel], surferBox, waveCanvas, silent);
  const image = h("img.spectrogram", { alt: "", hidden: true, draggable: false });
  const spectrum = lane("spectrum", [h("b", {}, "Spectrum"), h("span.range", {}, h("br"), "20 kHz", h("br"), "60 Hz")], image);
  const needle = h("i");
  const playhead = h("div.playhead", { "aria-hidden": "true" }, needle);
  const thumb = h("i");
  const overview = h("div.overview", { "aria-hidden": "true" }, thumb);
  const stack = h("div.stack", {}, ...[ruler, motion, onsets, wave, spectrum].map(({ box }) => box), playhead);
  root.append(tools, stack, overview);
  onsetLane(onsets.field, session);
  const surfer = new Wave(surferBox, { chosen: true });

  const center = () => {
    const now = player.time_s;
    return now >= axis.left_s && now <= axis.left_s + axis.shown_s ? now : axis.left_s + axis.shown_s / 2;
  };

  // ---- pointing at a time

  for (const { field } of [ruler, motion, wave, spectrum]) {
    const seek = (event) => player.seek(Math.min(axis.to_s, Math.max(axis.from_s, axis.time_s(event.clientX - field.getBoundingClientRect().left))));
    field.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !session.window) return;
      field.setPointerCapture(event.pointerId);
      seek(event);
    });
    field.addEventListener("pointermove", (event) => field.hasPointerCapture(event.pointerId) && seek(event));
  }
  stack.addEventListener("wheel", (event) => {
    const x = event.clientX - ruler.field.getBoundingClientRect().left;
    if (event.ctrlKey || event.altKey) axis.zoomTo(axis.zoom * 2 ** (-event.deltaY / 240), axis.time_s(x));
    else if (axis.zoom > 1) axis.scrollTo(axis.left_s + (event.deltaX || event.deltaY) / axis.perSecond);
    else return;
    event.preventDefault();
  }, { passive: false });
  const scroll = (event) => {
    if (!overview.hasPointerCapture(event.pointerId)) return;
    const part = (event.clientX - overview.getBoundingClientRect().left) / overview.clientWidth;
    axis.scrollTo(axis.from_s + part * axis.length_s - axis.shown_s / 2);
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    scroll(event);
  });
  overview.addEventListener("pointermove", scroll);

  // ---- drawing

  function drawRuler() {
    const steps = [1 / clock.rate, 2 / clock.rate, 5 / clock.rate, 0.5, 1, 2, 5, 10, 15, 30];
    const step = steps.find((each) => each * axis.perSecond > 108) ?? 60;
    const list = [];
    for (let k = Math.ceil(axis.left_s / step - 1e-6); k * step < axis.left_s + axis.shown_s && list.length < 60; k += 1) {
      const tick = h("span.tick", {}, clock.timecode(k * step));
      tick.style.left = `${axis.x(k * step)}px`;
      list.push(tick);
    }
    ticks.replaceChildren(...list);
  }

  function drawMotion() {
    const { pen, width, height } = fresh(motionCanvas);
    const { detail } = session;
    if (!detail) return;
    shadeOutside(pen, width, height, detail.start.seconds, detail.end.seconds);
    const { values = [], start_s, step_s } = detail.motion ?? {};
    if (values.length > 1) {
      const y = (value) => height - 3 - (value / 100) * (height - 14);
      pen.beginPath();
      values.forEach((value, k) => pen.lineTo(axis.x(start_s + k * step_s), y(value)));
      pen.strokeStyle = colour("--motion-line");
      pen.lineWidth = 1.5;
      pen.stroke();
      pen.lineTo(axis.x(start_s + (values.length - 1) * step_s), height);
      pen.lineTo(axis.x(start_s), height);
      pen.fillStyle = colour("--motion");
      pen.globalAlpha = 0.55;
      pen.fill();
      pen.globalAlpha = 1;
    }
    const limit = session.sensitivity + 1e-9;
    for (const { time_s, confidence, sensitivity } of detail.seen ?? []) {
      const x = axis.x(time_s);
      if (x < -10 || x > width + 10) continue;
      const counts_ = sensitivity !== null && sensitivity <= limit;
      const top = height - 6 - confidence * (height - 16);
      pen.strokeStyle = pen.fillStyle = colour(counts_ ? "--seen" : "--seen-dim");
      pen.lineWidth = counts_ ? 2.5 : 1.5;
      pen.beginPath();
      pen.moveTo(x, height);
      pen.lineTo(x, top + 4);
      pen.stroke();
      pen.beginPath();
      pen.arc(x, top, 4, 0, 2 * Math.PI);
      if (counts_) pen.fill();
      else pen.stroke();
    }
  }

  function shadeOutside(pen, width, height, start_s, end_s) {
    pen.fillStyle = colour("--shade");
    pen.fillRect(0, 0, Math.max(0, axis.x(start_s)), height);
    const right = axis.x(end_s);
    if (right < width) pen.fillRect(right, 0, width - right, height);
  }

  /** Where the take's own hits are, where its clip ends, and its fades. */
  function drawWave() {
    const { pen, width, height } = fresh(waveCanvas);
    const take = session.heard;
    if (!take) return;
    const start_s = take.start.seconds;
    const end_s = start_s + take.duration.seconds;
    shadeOutside(pen, width, height, start_s, end_s);
    const edit = session.store.edit(session.number, take.id);
    const shift_s = edit.nudge_frames / clock.rate + edit.nudge_ms / 1000;
    pen.strokeStyle = colour("--placed");
    pen.lineWidth = 1.5;
    pen.setLineDash([3, 3]);
    for (const time_s of take.onsets_s ?? []) {
      const x = axis.x(time_s + shift_s);
      if (x < -2 || x > width + 2) continue;
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
      pen.stroke();
    }
    pen.setLineDash([]);
    if (edit.fade_in_s || edit.fade_out_s) {
      pen.beginPath();
      pen.moveTo(axis.x(start_s), height - 2);
      pen.lineTo(axis.x(start_s + edit.fade_in_s), 3);
      pen.lineTo(axis.x(end_s - edit.fade_out_s), 3);
      pen.lineTo(axis.x(end_s), height - 2);
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 2;
      pen.stroke();
    }
  }

  // ---- the heard take

  /** @type {Map<string, object>} */
  const known = new Map();
  let shown = null;
  let asked = null;

  async function showTake() {
    const take = session.heard;
    setText(heardLabel, take ? `take ${session.takes.indexOf(take) + 1}` : "");
    silent.hidden = Boolean(take);
    const wanted = take && session.window ? `${session.number}/${session.window.number}/${take.id}` : null;
    if (wanted === shown) return;
    shown = wanted;
    asked?.abort();
    if (!wanted) {
      surfer.destroy();
      image.hidden = true;
      image.removeAttribute("src");
      drawWave();
      return;
    }
    image.hidden = true;
    image.src = api.spectrogram(session.number, take.id);
    asked = new AbortController();
    const { signal } = asked;
    try {
      const place = `${session.number}/${take.id}`;
      const peaks = known.get(place) ?? (await api.peaks(session.number, take.id, signal));
      if (signal.aborted) return;
      known.delete(place);
      known.set(place, peaks);
      if (known.size > KEPT) known.delete(known.keys().next().value);
      surfer.show(peaks, peaks.start_s ?? take.start.seconds, axis.from_s, axis.to_s);
      showEdit();
      look();
    } catch (error) {
      if (error.name !== "AbortError") surfer.destroy();
    }
  }
  image.addEventListener("load", () => {
    image.hidden = false;
    placeImages();
  });
  image.addEventListener("error", () => (image.hidden = true));

  function placeImages() {
    const take = session.heard;
    if (!take) return;
    const edit = session.store.edit(session.number, take.id);
    const shift_s = edit.nudge_frames / clock.rate + edit.nudge_ms / 1000;
    const shift = shift_s * axis.perSecond;
    image.style.left = `${axis.x(take.start.seconds) + shift}px`;
    image.style.width = `${take.duration.seconds * axis.perSecond}px`;
    surferBox.style.transform = shift ? `translateX(${shift}px)` : "";
  }

  function showEdit() {
    const take = session.heard;
    if (!take) return;
    surfer.gain(10 ** (session.store.edit(session.number, take.id).level_db / 20));
    placeImages();
    drawWave();
  }

  // ---- showing

  function look() {
    axis.resize(ruler.field.clientWidth);
    drawRuler();
    drawMotion();
    drawWave();
    surfer.view(axis.perSecond, axis.left_s - axis.from_s);
    placeImages();
    showTime();
    zoom.value = String(axis.most > 1 ? Math.log(axis.zoom) / Math.log(axis.most) : 0);
    thumb.style.width = `${100 / axis.zoom}%`;
    thumb.style.left = `${((axis.left_s - axis.from_s) / axis.length_s) * 100}%`;
  }

  function showTime() {
    const at_s = player.time_s;
    if (player.playing && axis.zoom > 1.001) axis.reveal(at_s);
    needle.style.transform = `translateX(${axis.x(at_s)}px)`;
    playhead.hidden = !session.window;
  }

  const showTools = soon(() => {
    const { detail, usable } = session;
    const all = detail?.windows ?? [];
    windows.hidden = all.length < 2;
    if (all.length > 1) {
      windows.replaceChildren(...all.map((window) => h("button", { type: "button", "aria-pressed": String(window === session.window), onclick: () => session.showWindow(window.number), "aria-label": `Part ${window.number} of ${all.length}, from ${clock.timecode(window.loop_start_s)}` }, String(window.number))));
    } else windows.replaceChildren();
    for (const button of [add, bin, tap, slider, seen]) button.disabled = !usable;
    const list = detail?.seen ?? [];
    slider.disabled = !usable || !list.length;
    if (document.activeElement !== slider || session.trying === null) slider.value = String(session.sensitivity);
    const count = session.seenAt(session.sensitivity).length;
    setText(counts, list.length ? `${count} of ${list.length} seen` : detail ? "none seen" : "");
    setAttribute(slider, "aria-valuetext", `${Math.round(session.sensitivity * 100)} %, ${counts.textContent}`);
    slider.parentElement.classList.toggle("idle", session.own);
    seen.hidden = !detail || (!session.choice?.onsets_s && (session.choice?.sensitivity ?? null) === null);
    tapping.hidden = !session.tapped;
    tools.classList.toggle("tap-only", Boolean(session.tapped));
    const making = placing.of(session.number);
    placed.hidden = !making.busy;
    if (making.busy) placed.replaceChildren(icon("wait"), making.words);
  });

  const draw = soon(() => {
    drawMotion();
    showTools();
  });
  axis.addEventListener("view", soon(look));
  player.addEventListener("time", showTime);
  placing.addEventListener("placing", showTools);
  for (const name of ["open", "region", "window", "takes", "choice", "heard"]) {
    session.addEventListener(name, () => {
      showTools();
      showTake();
    });
  }
  session.addEventListener("choice", showEdit);
  for (const name of ["window", "loading"]) session.addEventListener(name, soon(look));
  session.addEventListener("onsets", draw);
  session.addEventListener("choice", draw);
  session.addEventListener("tapping", showTools);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    surfer.repaint();
    look();
  });
  new ResizeObserver(soon(() => {
    axis.resize(ruler.field.clientWidth);
    look();
  })).observe(ruler.field);
  showTools();
}
