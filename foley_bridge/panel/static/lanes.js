// The lanes: motion and what was seen, the onsets, the heard take's waveform and spectrogram, all on one time axis with the playhead.

import { h, soon } from "./dom.js";
import { elsewhere } from "./elsewhere.js";
import { handles } from "./handles.js";
import { heard } from "./heard.js";
import { motion } from "./motion.js";
import { tools } from "./tools.js";

const TICK_PX = 108; // a tick's timecode is narrower
const MOST_TICKS = 60;

function lane(name, ...label) {
  const field = h("div.field");
  return { box: h(`div.lane.${name}`, {}, h("div.label", {}, ...label), field), field };
}

export function lanes(root, session) {
  const { player, axis, clock } = session;
  const heardLabel = h("span");
  const ruler = lane("ruler", h("span.only-read", {}, "Time"));
  const moving = lane("motion", h("b", {}, "Picture"), h("br"), "motion");
  const onsets = lane("onsets", h("b", {}, "Onsets"));
  const wave = lane("wave", h("b", {}, "Sound"), h("br"), heardLabel);
  const spectrum = lane("spectrum", h("b", {}, "Spectrum"), h("span.range", {}, h("br"), "20 kHz", h("br"), "60 Hz"));
  const needle = h("i");
  const playhead = h("div.playhead", { "aria-hidden": "true" }, needle);
  const stack = h("div.stack", {}, ...[ruler, moving, onsets, wave, spectrum].map(({ box }) => box), playhead);
  const thumb = h("i");
  const overview = h("div.overview", { "aria-hidden": "true" }, thumb);
  const center = () => {
    const now = player.time_s;
    return now >= axis.left_s && now <= axis.left_s + axis.shown_s ? now : axis.left_s + axis.shown_s / 2;
  };
  root.append(tools(session, center), stack, overview);

  const ticks = ruler.field.appendChild(h("div"));
  const drawMotion = motion(moving.field.appendChild(h("canvas")), session);
  const take = heard({ wave: wave.field, spectrum: spectrum.field, label: heardLabel }, session);
  elsewhere(wave.field, session);
  handles(onsets.field, session);

  // ---- pointing at a time

  for (const { field } of [ruler, moving, wave, spectrum]) {
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

  // ---- showing

  function drawRuler() {
    const step = clock.steps.find((frames) => clock.time_s(frames) * axis.perSecond > TICK_PX) ?? clock.steps.at(-1);
    const list = [];
    const from = Math.ceil(axis.left_s * clock.rate - 1e-4) + clock.first;
    for (let label = Math.ceil(from / step) * step; list.length < MOST_TICKS; label += step) {
      const time_s = clock.time_s(label - clock.first);
      if (time_s >= axis.left_s + axis.shown_s) break;
      const tick = h("span.tick", {}, clock.timecode(time_s));
      tick.style.left = `${axis.x(time_s)}px`;
      list.push(tick);
    }
    ticks.replaceChildren(...list);
  }

  function look() {
    axis.resize(ruler.field.clientWidth);
    drawRuler();
    drawMotion();
    take.look();
    showTime();
    thumb.style.width = `${100 / axis.zoom}%`;
    thumb.style.left = `${((axis.left_s - axis.from_s) / axis.length_s) * 100}%`;
  }

  function showTime() {
    const at_s = player.time_s;
    if (player.playing && axis.zoom > 1.001) axis.reveal(at_s);
    needle.style.transform = `translateX(${axis.x(at_s)}px)`;
    playhead.hidden = !session.window;
  }

  axis.addEventListener("view", soon(look));
  player.addEventListener("time", showTime);
  for (const name of ["open", "region", "window", "takes", "choice", "heard"]) session.addEventListener(name, take.show);
  session.addEventListener("choice", take.showEdit);
  for (const name of ["window", "loading"]) session.addEventListener(name, soon(look));
  for (const name of ["onsets", "choice"]) session.addEventListener(name, soon(drawMotion));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    take.repaint();
    look();
  });
  new ResizeObserver(soon(look)).observe(ruler.field);
}
